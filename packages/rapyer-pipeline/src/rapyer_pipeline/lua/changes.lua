-- Statements that change lists, dicts and sets.
local NULL = cjson.null
local compile, state = expressions.compile, expressions.state
local makers, value_for = statements.makers, statements.value_for
local container_at = statements.container_at

-- -- lists ---------------------------------------------------------------------------------------

-- ["append", number, reference, [values], type]
function makers.append(statement)
    local find_list, constraints, values = container_at(statement[3], 'list'), statement[5], {}
    for place, expression in ipairs(statement[4]) do
        values[place] = value_for(expression, constraints)
    end
    local kind = constraints.k
    return function()
        local node = find_list()
        for place = 1, #values do
            lists.append(node, lists.new_cell(node, values[place](), kind))
        end
    end
end

-- ["extend", number, reference, other list, kind]
function makers.extend(statement)
    local find_list = container_at(statement[3], 'list')
    local find_other = container_at(statement[4], 'list')
    local constraints = statement[5]
    return function()
        local node, other = find_list(), find_other()
        lists.load(other)
        statements.tick(other.size)
        local added = {}
        for place = 1, other.size do
            local value = mirror.read(other.cells[place], constraints.k)
            added[place] = lists.new_cell(node, value, constraints.k)
        end
        for _, cell in ipairs(added) do lists.append(node, cell) end
    end
end

-- ["insert", number, reference, index, value, type]
function makers.insert(statement)
    local find_list, index = container_at(statement[3], 'list'), compile(statement[4], false)
    local constraints = statement[6]
    local get = value_for(statement[5], constraints)
    return function()
        local node, place, value = find_list(), index(), get()
        if type(place) ~= 'number' then fail('none', 'None is not an index') end
        lists.insert(node, place, lists.new_cell(node, value, constraints.k))
    end
end

local function keep(register, result, text, kind)
    if register > 0 then
        state.registers[register] = kinds.read_text(kind, text)
    end
    if result > 0 then state.results[result] = text end
end

-- ["pop", number, reference, index, result, register, kind]
function makers.pop(statement)
    local find_list, index = container_at(statement[3], 'list'), compile(statement[4], false)
    local result, register, kind = statement[5], statement[6], statement[7]
    return function()
        local node, place = find_list(), index()
        if type(place) ~= 'number' then fail('none', 'None is not an index') end
        local cell = lists.at(node, place)
        if not cell then
            fail('missing', 'the index ' .. place
                .. ' is out of range for a list of length ' .. lists.length(node))
        end
        if result > 0 then keep(register, result, mirror.text_of(cell), kind) end
        lists.pop(node, place)
    end
end

-- ["remove", number, reference, value, kind]: the first element that is equal.
function makers.remove(statement)
    local find_list, get = container_at(statement[3], 'list'), compile(statement[4], false)
    local kind = statement[5]
    return function()
        local node, value = find_list(), get()
        local cell = lists.find(node, value, kind)
        if not cell then fail('missing', 'the value is not in the list') end
        lists.kill(node, cell)
    end
end

-- ["remove_this", number, reference, register, kind]: the element that a loop is at.
function makers.remove_this(statement)
    local find_list, register, kind = container_at(statement[3], 'list'), statement[4], statement[5]
    return function()
        local node, cell = find_list(), state.registers[register]
        if cell.up ~= node or cell.dead or cell.replaced then  -- it is there no more: an equal one
            local value = state.values[register]
            if kind == 'j' then value = mirror.text_of(cell) end
            cell = lists.find(node, value, kind)
            if not cell then fail('missing', 'the value is not in the list') end
        end
        lists.kill(node, cell)
    end
end

-- ["clear", number, reference, "list" or "object"]
function makers.clear(statement)
    local find_node, text = container_at(statement[3], statement[4]), '[]'
    if statement[4] == 'object' then text = '{}' end
    return function()
        local _, cell = find_node()
        mirror.refill(cell, text)
    end
end

-- ["reverse", number, reference]
function makers.reverse(statement)
    local find_list = container_at(statement[3], 'list')
    return function() lists.reverse(find_list()) end
end

-- ["sort", number, reference, kind, descending]
function makers.sort(statement)
    local find_list = container_at(statement[3], 'list')
    local kind, descending = statement[4], statement[5]
    return function() lists.sort(find_list(), kind, descending) end
end

-- ["size", number, reference, "list" or "object", least or false, most or false]
function makers.size(statement)
    local find_node, wanted = container_at(statement[3], statement[4]), statement[4]
    local least, most = statement[5], statement[6]
    return function()
        local node = find_node()
        local length = wanted == 'list' and lists.length(node) or dicts.length(node)
        if least and length < least or most and length > most then
            fail('length', tostring(length))
        end
    end
end

-- ["there", number, reference, "list" or "object"]: it is there, whatever is then added to it.
function makers.there(statement) return container_at(statement[3], statement[4]) end

-- -- dicts and sets ------------------------------------------------------------------------------

-- ["del", number, reference, key, result, register, kind, default]: `del d[k]` and `d.pop(k)`.
makers['del'] = function(statement)
    local find_dict, find_name = container_at(statement[3], 'object'), compile(statement[4], false)
    local result, register, kind = statement[5], statement[6], statement[7]
    local default = statement[8] and compile(statement[8], false)
    return function()
        local node, name = find_dict(), find_name()
        if name == NULL then fail('none', 'None is not a key') end
        local text = dicts.pop(node, name)
        if not text then
            if not default then fail('missing', 'there is no key ' .. texts.encode(name)) end
            text = default()
        end
        keep(register, result, text, kind)
    end
end

-- ["popitem", number, reference, result]
function makers.popitem(statement)
    local find_dict, result = container_at(statement[3], 'object'), statement[4]
    return function()
        local node = find_dict()
        local name = dicts.last(node)
        if not name then fail('missing', 'the dict is empty') end
        local text = dicts.pop(node, name)
        state.results[result] = '[' .. texts.encode(name) .. ',' .. text .. ']'
    end
end

-- ["setdefault", number, reference, key, value, type, result, register]
function makers.setdefault(statement)
    local find_dict, find_name = container_at(statement[3], 'object'), compile(statement[4], false)
    local constraints, result, register = statement[6], statement[7], statement[8]
    local get = value_for(statement[5], constraints)
    return function()
        local node, name, value = find_dict(), find_name(), get()
        local cell = mirror.member(node, name)
        if not mirror.is_there(cell) then
            cell = dicts.set(node, name, value, constraints.k)
        end
        keep(register, result, mirror.text_of(cell), constraints.k)
    end
end

-- ["add", number, reference, value, type]: to a set.
function makers.add(statement)
    local find_set, constraints = container_at(statement[3], 'list'), statement[5]
    local get = value_for(statement[4], constraints)
    return function()
        local node, value = find_set(), get()
        local place, is_there = lists.place_in_set(node, value, constraints.k)
        if not is_there then
            lists.insert(node, place - 1, lists.new_cell(node, value, constraints.k))
        end
    end
end

-- ["discard", number, reference, value, kind, strict]
function makers.discard(statement)
    local find_set, get = container_at(statement[3], 'list'), compile(statement[4], false)
    local kind, strict = statement[5], statement[6]
    return function()
        local node = find_set()
        local place, is_there = lists.place_in_set(node, get(), kind)
        if is_there then
            lists.take_out(node, place)
        elseif strict then
            fail('missing', 'the value is not in the set')
        end
    end
end
