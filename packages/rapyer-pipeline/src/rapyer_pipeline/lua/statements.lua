-- Statements: what a program changes, compiled to functions once for each program.
local NULL = cjson.null
local compile, container = expressions.compile, expressions.container
local state = expressions.state
local statements = {}
local makers = {}

-- Compiles the statements of a block to one function.
local function block(body)
    local steps, numbers, size = {}, {}, #body
    for place, statement in ipairs(body) do
        steps[place], numbers[place] = makers[statement[1]](statement), statement[2]
    end
    return function()
        for place = 1, size do
            state.statement = numbers[place]
            steps[place]()
        end
    end
end
statements.block = block

-- -- what a type allows --------------------------------------------------------------------------

-- Makes the check of a value by the constraints of a type; nil where there are none.
local function checker(constraints)
    local kind = constraints.k
    local function bound(name)
        local text = constraints[name]
        if text == nil then return nil end
        return kinds.parse(kind, text)
    end
    local ge, gt, le, lt = bound('ge'), bound('gt'), bound('le'), bound('lt')
    local mul, min, max = bound('mul'), constraints.min, constraints.max
    if not (ge or gt or le or lt or mul or min or max) then return nil end
    local less = kinds.less[kind]
    return function(value)
        local broken = ge and less(value, ge) and 'ge' or gt and not less(gt, value) and 'gt'
            or le and less(le, value) and 'le' or lt and not less(value, lt) and 'lt'
            or mul and integers.mod(value, mul) ~= 0 and 'mul'
        if not broken and (min or max) then
            local length = kind == 's' and texts.length(value) or #value
            broken = min and length < min and 'min' or max and length > max and 'max'
        end
        if broken then fail('invalid', kinds.write[kind](value)) end
    end
end

-- Compiles a value for a place of a type: ["...", kind, constraints].
local function value_for(expression, constraints)
    local get = compile(expression, false)
    local is_nullable = constraints.n
    if expression[1] == 'const' or expression[1] == 'same' then return get end
    if constraints.k == 'j' then
        if is_nullable then return get end
        return function()
            local text = get()
            if text == 'null' then
                fail('none', 'None is assigned, and the field is not Optional')
            end
            return text
        end
    end
    local check = checker(constraints)
    return function()
        local value = get()
        if value == NULL then
            if not is_nullable then
                fail('none', 'None is assigned, and the field is not Optional')
            end
        elseif check then
            check(value)
        end
        return value
    end
end

local function container_at(reference, wanted)
    local find_cell = container(reference, false)
    return function()
        local cell = find_cell()
        local node = cell and mirror.open(cell, wanted)
        if not node then
            fail('none', wanted == 'list' and 'there is None, or nothing, where a list should be'
                or 'there is None, or nothing, where a dict should be')
        end
        return node, cell
    end
end

-- -- assignments ---------------------------------------------------------------------------------

-- Gives the function that sets a field of the document itself.
local function field_of_document(place, name, get, kind)
    local documents, put = state.documents, mirror.put
    return function()
        local value, node = get(), documents[place].node
        local cell = node.members[name] or mirror.member(node, name)
        if kind ~= 'j' and not node.keys then
            put(cell, value, kind)
        else
            dicts.set(node, name, value, kind)
        end
    end
end

-- ["set", number, reference, value, type]
function makers.set(statement)
    local reference, constraints = statement[3], statement[5]
    local above, step = expressions.parent_of(reference)
    local find_name, static = expressions.step_of(step, false)
    local get, kind = value_for(statement[4], constraints), constraints.k
    if static and #reference == 2 and reference[1] <= 0 then
        return field_of_document(1 - reference[1], static, get, kind)
    end
    local find_parent = container(above, false)
    return function()
        local value = get()
        local parent, name = find_parent(), static or find_name()
        if name == NULL then fail('none', 'None is no key and no index') end
        local is_index = type(name) == 'number'
        local node = parent and mirror.open(parent, is_index and 'list' or 'object')
        if not node then
            fail('missing', 'there is None, or nothing, around what is assigned')
        end
        if not is_index then
            dicts.set(node, name, value, kind, static)
            return
        end
        local cell = lists.at(node, name)
        if not cell then
            fail('missing', 'there is no index ' .. string.format('%d', name) .. ' in a list of '
                .. lists.length(node))
        end
        if kind == 'j' then
            lists.replace(node, name, value)
        else
            mirror.put(cell, value, kind)
        end
    end
end

-- ["let", number, register, value]: keeps a value, or why there is none.
function makers.let(statement)
    local register, get = statement[3], compile(statement[4], statement[5])
    return function()
        local is_fine, value = pcall(get)
        if not is_fine and (type(value) ~= 'table' or not value.code) then error(value) end
        state.registers[register] = value
    end
end

-- ["bind", number, register, reference]: keeps a container as it is now.
function makers.bind(statement)
    local register, find_cell = statement[3], container(statement[4], true)
    return function()
        local cell = find_cell()
        state.registers[register] = cell == nil and NULL or cell
    end
end

-- -- control -------------------------------------------------------------------------------------

-- ["if", number, [[condition, block], ...], else]
makers['if'] = function(statement)
    local conditions, blocks = {}, {}
    for place, branch in ipairs(statement[3]) do
        conditions[place], blocks[place] = compile(branch[1], true), block(branch[2])
    end
    local otherwise = statement[4] and block(statement[4])
    return function()
        for place = 1, #conditions do
            if conditions[place]() then return blocks[place]() end
        end
        if otherwise then otherwise() end
    end
end

local function tick()
    state.steps = state.steps + 1
    if state.steps > state.limit then
        fail('steps', 'the loops took more than ' .. state.limit .. ' steps')
    end
end

-- ["for", number, reference, register, block, kind or false, columns]
makers['for'] = function(statement)
    local find_list, register = container_at(statement[3], 'list'), statement[4]
    local body, kind, columns = block(statement[5]), statement[6], statement[7]
    local is_scalar = kind and kind ~= 'j'
    local registers, values = state.registers, state.values
    return function()
        local node = find_list()
        local cells = lists.expand(node)
        if is_scalar then lists.load(node) end
        if #columns > 0 then lists.load_columns(node, columns) end
        local size, visited = node.size, {}
        for place = 1, size do visited[place] = cells[place] end
        for place = 1, size do
            local cell = visited[place]
            while cell.replaced do cell = cell.replaced end
            tick()
            registers[register] = cell
            if is_scalar then values[register] = mirror.read(cell, kind) end
            body()
        end
    end
end

-- ["items", number, reference, register, block, kind or false]
function makers.items(statement)
    local find_dict, register = container_at(statement[3], 'object'), statement[4]
    local body, kind = block(statement[5]), statement[6]
    local is_scalar = kind and kind ~= 'j'
    return function()
        local node = find_dict()
        local names, cells = {}, {}
        local keys = is_scalar and dicts.load(node) or mirror.load_keys(node)
        for place, name in ipairs(keys) do
            names[place], cells[place] = name, mirror.member_known(node, name)
        end
        for place, name in ipairs(names) do
            local cell = node.members[name]
            if cell.absent then cell = cells[place] end
            tick()
            state.registers[register], state.keys[register] = cell, name
            if is_scalar then state.values[register] = mirror.read(cell, kind) end
            body()
        end
    end
end

-- ["require", number, condition, message]
function makers.require(statement)
    local holds, message = compile(statement[3], true), statement[4]
    return function()
        if not holds() then error({code = 'abort', message = state.constants[message]}) end
    end
end

-- ["delete", number]
function makers.delete()
    return function() state.is_deleted = true end
end

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
    local find_list, find_other = container_at(statement[3], 'list'), container_at(statement[4], 'list')
    local constraints = statement[5]
    return function()
        local node, other = find_list(), find_other()
        lists.load(other)
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
        if type(place) ~= 'number' then fail('none', 'None is no index') end
        lists.insert(node, place, lists.new_cell(node, value, constraints.k))
    end
end

local function keep(register, result, text, kind)
    if register > 0 then
        state.registers[register] = kinds.parse(kind, text)
    end
    if result > 0 then state.results[result] = text end
end

-- ["pop", number, reference, index, result, register, kind]
function makers.pop(statement)
    local find_list, index = container_at(statement[3], 'list'), compile(statement[4], false)
    local result, register, kind = statement[5], statement[6], statement[7]
    return function()
        local node, place = find_list(), index()
        local cell = type(place) == 'number' and lists.at(node, place)
        if not cell then
            fail('missing', 'there is no index ' .. tostring(place) .. ' in a list of '
                .. lists.length(node))
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
        if cell.up ~= node or cell.dead then
            local text = mirror.text_of(cell)
            cell = lists.find(node, kinds.parse(kind, text), kind)
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
    local find_list, kind, descending = container_at(statement[3], 'list'), statement[4], statement[5]
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

-- -- dicts and sets ------------------------------------------------------------------------------

-- ["del", number, reference, key, result, register, kind, default]: `del d[k]` and `d.pop(k)`.
makers['del'] = function(statement)
    local find_dict, find_name = container_at(statement[3], 'object'), compile(statement[4], false)
    local result, register, kind = statement[5], statement[6], statement[7]
    local default = statement[8] and compile(statement[8], false)
    return function()
        local node, name = find_dict(), find_name()
        if name == NULL then fail('none', 'None is no key') end
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
        local keys = mirror.load_keys(node)
        local name = keys[#keys]
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
        local place, is_there = lists.place_in_set(node, kinds.write[constraints.k](value))
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
        local place, is_there = lists.place_in_set(node, kinds.write[kind](get()))
        if is_there then
            lists.kill(node, node.cells[place])
        elseif strict then
            fail('missing', 'the value is not in the set')
        end
    end
end

return statements
