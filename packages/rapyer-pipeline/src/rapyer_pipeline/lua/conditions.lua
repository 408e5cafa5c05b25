-- Conditions: they are true or false for every document, as rapyer evaluates them in Python.
local NULL = cjson.null
local makers, compile, state = expressions.makers, expressions.compile, expressions.state

-- Makes the compiler of an equality or an order of values of a kind: ["lt", kind, left, right].
local function comparison(tables, is_swapped)
    return function(expression)
        local compare = kinds[tables][expression[2]]
        local left, right = compile(expression[3], true), compile(expression[4], true)
        local takes_none, is_json = tables == 'equal', expression[2] == 'j'
        return function()
            local one, other = left(), right()
            if is_json then  -- null that is stored is a text; what is not there has none
                if one == NULL then one = 'null' end
                if other == NULL then other = 'null' end
            end
            if one == NULL or other == NULL then
                if takes_none then return one == other end
                return false
            end
            if is_swapped then one, other = other, one end
            return compare(one, other)
        end
    end
end
makers.eq = comparison('equal')
makers.lt = comparison('less')
makers.gt = comparison('less', true)

-- `<=` is "less or equal" rather than "not greater": between times of two sorts there is no order.
local function with_equality(is_swapped)
    return function(expression)
        local kind = expression[2]
        local less, equal = kinds.less[kind], kinds.equal[kind]
        local left, right = compile(expression[3], true), compile(expression[4], true)
        return function()
            local one, other = left(), right()
            if one == NULL or other == NULL then return false end
            if is_swapped then one, other = other, one end
            return less(one, other) or equal(one, other)
        end
    end
end
makers.le, makers.ge = with_equality(false), with_equality(true)

-- ["mixed", operator, integer, float]: an integer beside a float, compared exactly.
local tests = {
    ['=='] = function(sign) return sign == 0 end,
    ['<'] = function(sign) return sign == -1 end,
    ['<='] = function(sign) return sign == -1 or sign == 0 end,
    ['>'] = function(sign) return sign == 1 end,
    ['>='] = function(sign) return sign == 1 or sign == 0 end,
}
function makers.mixed(expression)
    local test = tests[expression[2]]
    local left, right = compile(expression[3], true), compile(expression[4], true)
    return function()
        local integer, double = left(), right()
        if integer == NULL or double == NULL then
            return integer == double and test == tests['==']
        end
        return test(integers.compare_float(integer, double))
    end
end

makers['and'] = function(expression)
    local parts = {}
    for place = 2, #expression do parts[place - 1] = compile(expression[place], true) end
    return function()
        for place = 1, #parts do
            if not parts[place]() then return false end
        end
        return true
    end
end

makers['or'] = function(expression)
    local parts = {}
    for place = 2, #expression do parts[place - 1] = compile(expression[place], true) end
    return function()
        for place = 1, #parts do
            if parts[place]() then return true end
        end
        return false
    end
end

makers['not'] = function(expression)
    local get = compile(expression[2], true)
    return function() return not get() end
end

makers.is_none = function(expression)
    local get = compile(expression[2], true)
    return function() return get() == NULL end
end

local function on_texts(test)
    return function(expression)
        local left, right = compile(expression[2], true), compile(expression[3], true)
        return function()
            local one, other = left(), right()
            return one ~= NULL and other ~= NULL and test(one, other)
        end
    end
end
makers.starts = on_texts(texts.starts_with)
makers.ends = on_texts(texts.ends_with)
makers.holds = on_texts(texts.contains)

-- ["in", reference, value, kind]: whether a list or a set has an element.
makers['in'] = function(expression)
    local find_cell, kind = expressions.container(expression[2], true), expression[4]
    local get = compile(expression[3], true)
    return function()
        local cell, value = find_cell(), get()
        local node = cell and mirror.open(cell, 'list')
        return node ~= nil and lists.find(node, value, kind) ~= nil
    end
end

-- ["has", reference, key]: whether a dict has a key.
makers.has = function(expression)
    local find_cell = expressions.container(expression[2], true)
    local get = compile(expression[3], true)
    return function()
        local cell, name = find_cell(), get()
        local node = cell and name ~= NULL and mirror.open(cell, 'object')
        return node and mirror.is_there(mirror.member(node, name)) or false
    end
end

-- ["any", reference, register, condition, columns]: whether one element fulfils a condition.
makers.any = function(expression)
    local find_cell, register = expressions.container(expression[2], true), expression[3]
    local holds, columns = compile(expression[4], true), expression[5]
    return function()
        local cell = find_cell()
        local node = cell and mirror.open(cell, 'list')
        if not node then return false end
        local cells = lists.expand(node)
        if #columns > 0 then lists.load_columns(node, columns) end
        local before, found = state.registers[register], false
        for place = 1, node.size do
            local element = cells[place]
            state.registers[register] = element
            if not element.dead and not lists.is_none(node, element) and holds() then
                found = true
                break
            end
        end
        state.registers[register] = before
        return found
    end
end
