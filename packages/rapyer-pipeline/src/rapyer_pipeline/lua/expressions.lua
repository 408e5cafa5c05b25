-- Expressions: what a program reads and calculates, compiled to functions once for each program.
--
-- Each is compiled in one of two ways. Where a value is written, what is missing or None is an
-- error; in a condition it is None, and what is calculated from it.
local NULL = cjson.null
local expressions = {}
local makers = {}

-- What the running program has: its constants, the mirrors of its documents, and its registers.
local state = {constants = {}, documents = {}, registers = {}, keys = {}, values = {}}
expressions.state = state

local function compile(expression, is_lenient)
    return makers[expression[1]](expression, is_lenient)
end
expressions.compile = compile

-- -- places --------------------------------------------------------------------------------------

-- Gives the default that documents without a field are read with.
local function default_of(step, kind)
    local text = step[3]
    return text and kinds.parse(kind, text)
end

-- Takes a step apart: a function that gives the name or the index, and the name of a field.
local function step_of(step, is_lenient)
    if type(step) == 'string' then return function() return step end, step end
    if step[1] == 'd' then
        local name = step[2]
        return function() return name end, name
    end
    return compile(step[2], is_lenient), nil
end

-- Gives the cell below a container; nil where there is none, or fails.
local function below(cell, name, is_lenient, default)
    local is_index = type(name) == 'number'
    local node = mirror.open(cell, is_index and 'list' or 'object')
    if not node then
        if is_lenient then return nil end
        fail('missing', 'the parent of ' .. (is_index
            and 'the index ' .. name or texts.encode(name)) .. ' is None or missing')
    end
    if is_index then
        local element = lists.at(node, name)
        if not element and not is_lenient then
            fail('missing', 'the index ' .. string.format('%d', name)
                .. ' is out of range for a list of length ' .. lists.length(node))
        end
        return element
    end
    local member = mirror.member(node, name)
    if default then member.default = default end
    return member
end

-- Compiles a place of a container to a function that gives its cell.
function expressions.container(reference, is_lenient)
    local base, size = reference[1], #reference
    local names, defaults = {}, {}
    for place = 2, size do
        names[place] = step_of(reference[place], is_lenient)
        local step = reference[place]
        if type(step) == 'table' and step[1] == 'd' then defaults[place] = step[3] end
    end
    return function()
        local cell
        if base > 0 then cell = state.registers[base] else cell = state.documents[1 - base] end
        if cell == NULL then cell = nil end
        for place = 2, size do
            if not cell then return nil end
            local name = names[place]()
            if name == NULL then
                if is_lenient then return nil end
                fail('none', 'None is not a key or an index')
            end
            cell = below(cell, name, is_lenient, defaults[place])
        end
        return cell
    end
end

local function parent_of(reference)
    local parent = {}
    for place = 1, #reference - 1 do parent[place] = reference[place] end
    return parent, reference[#reference]
end
expressions.parent_of = parent_of
expressions.step_of = step_of

local function none_or_fail(is_lenient, name)
    if is_lenient then return NULL end
    if type(name) == 'number' then
        fail('missing', 'there is no index ' .. string.format('%d', name))
    end
    fail('missing', 'there is no value at ' .. texts.encode(name))
end

-- Gives the function that reads a field of the document itself.
local function field_of_document(place, name, kind, default, is_lenient)
    local read_raw, documents = kinds.read[kind], state.documents
    return function()
        local node = documents[place].node
        local cell = node.members[name] or mirror.member(node, name)
        if cell.kind then return cell.value end
        local raw, value = cell.raw, nil
        if raw ~= nil and kind ~= 'j' then
            value = read_raw(raw, cell)
            cell.value, cell.kind = value, kind
            return value
        end
        value = mirror.read(cell, kind)
        if value ~= nil then return value end
        if default ~= nil then return default end
        return none_or_fail(is_lenient, name)
    end
end

-- Gives a field of an element that was read together with those of the others; nil for any other.
local function in_column(parent, name)
    local up = parent.up
    local column = up and up.columns and up.columns[name]
    if not column then return nil end
    local raw = column[parent.row]
    local number = raw
    if type(raw) == 'table' then  -- a moment; anything else is read as text
        number = raw.us
        if number == nil then return nil end
    end
    if type(number) == 'number' and (number >= 9e15 or number <= -9e15) then return nil end
    return raw, raw == nil and column.is_absent[parent.row]
end

-- ["get", reference, kind]: the value of a scalar, or the text of anything.
function makers.get(expression, is_lenient)
    local reference, kind = expression[2], expression[3]
    local above, step = parent_of(reference)
    if #reference == 1 then
        local find_cell = expressions.container(reference, is_lenient)
        return function()
            local cell = find_cell()
            local value = cell and mirror.read(cell, kind)
            if value == nil then return none_or_fail(is_lenient, '') end
            return value
        end
    end
    local default
    if type(step) == 'table' and step[1] == 'd' then default = default_of(step, kind) end
    local find_name, static = step_of(step, is_lenient)
    local base = reference[1]
    if static and #reference == 2 and base <= 0 then
        return field_of_document(1 - base, static, kind, default, is_lenient)
    end
    local find_parent, registers = expressions.container(above, is_lenient), state.registers
    local read_raw, is_direct = kinds.read[kind], #reference == 2 and base > 0
    return function()
        local parent
        if is_direct then
            parent = registers[base]
            if parent == NULL then parent = nil end
        else
            parent = find_parent()
        end
        local name = static or find_name()
        if name == NULL then
            if is_lenient then return NULL end
            fail('none', 'None is not a key or an index')
        end
        if not parent then return none_or_fail(is_lenient, name) end
        if parent.row and not parent.node and not parent.is_set then
            local raw, is_absent = in_column(parent, name)
            if raw ~= nil then return read_raw(raw) end
            if is_absent and default ~= nil then return default end
        end
        local cell = below(parent, name, is_lenient)
        if not cell then return NULL end
        local value = mirror.read(cell, kind)
        if value == nil then
            if default ~= nil then return default end
            return none_or_fail(is_lenient, name)
        end
        return value
    end
end

-- ["const", number, kind]
function makers.const(expression)
    local number, kind = expression[2], expression[3]
    local constants, parse = state.constants, kinds.parse
    if kind == 'i' or kind == 'f' then
        return function()
            local text = constants[number]
            if #text < 16 and text ~= 'null' then return tonumber(text) end
            return parse(kind, text)
        end
    end
    return function() return parse(kind, constants[number]) end
end

-- ["choose", condition, value, other value]
function makers.choose(expression, is_lenient)
    local holds = compile(expression[2], true)
    local one, other = compile(expression[3], is_lenient), compile(expression[4], is_lenient)
    return function()
        if holds() then return one() end
        return other()
    end
end

-- ["same", value]: one of a place with the same rules, which fulfils them.
function makers.same(expression, is_lenient) return compile(expression[2], is_lenient) end

-- What a value has failed with that conditions take for None.
local NO_VALUE = {missing = true, none = true, zones = true}

-- ["let", register]: what was calculated before; a failure of that is one where it is used.
function makers.let(expression, is_lenient)
    local register = expression[2]
    return function()
        local value = state.registers[register]
        if type(value) == 'table' and value.code then
            if is_lenient and NO_VALUE[value.code] then return NULL end
            error(value)
        elseif value == nil then
            fail('missing', 'the statement that returns this was not reached')
        end
        return value
    end
end

-- ["var", register]: the scalar that a loop is at.
function makers.var(expression, is_lenient)
    local register = expression[2]
    return function()
        local value = state.values[register]
        if value == nil then return none_or_fail(is_lenient, '') end
        return value
    end
end

-- ["key", register, kind]: the key that a loop is at.
function makers.key(expression)
    local register, kind = expression[2], expression[3]
    if kind == 's' then return function() return state.keys[register] end end
    return function() return integers.parse(state.keys[register]) end
end

-- ["len", reference]: how many elements or entries a container has.
makers['len'] = function(expression, is_lenient)
    local find_cell = expressions.container(expression[2], is_lenient)
    local wanted = expression[3]
    return function()
        local cell = find_cell()
        local node = cell and mirror.open(cell, wanted)
        if not node then return none_or_fail(is_lenient, '') end
        if node.is_list then return lists.length(node) end
        return dicts.length(node)
    end
end

expressions.makers = makers
return expressions
