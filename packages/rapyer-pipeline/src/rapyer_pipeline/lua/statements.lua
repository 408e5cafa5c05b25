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
        if broken then
            -- what is too large to be written as well is no value of the field in the first place
            local is_writable, text = pcall(kinds.write[kind], value)
            fail('invalid', is_writable and text or 'the result')
        end
    end
end

-- Compiles a value for a place of a type: ["...", kind, constraints].
local function value_for(expression, constraints)
    local get = compile(expression, false)
    local is_nullable = constraints.n
    if expression[1] == 'const' then return get end
    if constraints.k == 'j' then
        if is_nullable then return get end
        return function()
            local text = get()
            if text == 'null' then
                fail('none', 'None is assigned, but the field is not Optional')
            end
            return text
        end
    end
    local check = expression[1] ~= 'same' and checker(constraints)
    return function()
        local value = get()
        if value == NULL then
            if not is_nullable then
                fail('none', 'None is assigned, but the field is not Optional')
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
            fail('none', wanted == 'list' and 'expected a list, found None or nothing'
                or 'expected a dict, found None or nothing')
        end
        return node, cell
    end
end

-- -- assignments ---------------------------------------------------------------------------------

-- Gives the function that sets a field of the document itself.
local function field_of_document(place, name, get, kind, find_source)
    local documents, put = state.documents, mirror.put
    return function()
        local value, node = get(), documents[place].node
        local old = node.members[name]
        if old and find_source and find_source() == old then return end
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
    -- a container that is assigned to where it stands stays what it is, as in Python
    local is_copy = kind == 'j' and statement[4][1] == 'get'
    local find_source = is_copy and container(statement[4][2], true)
    if static and #reference == 2 and reference[1] <= 0 then
        return field_of_document(1 - reference[1], static, get, kind, find_source)
    end
    local find_parent = container(above, false)
    return function()
        local value = get()
        local parent, name = find_parent(), static or find_name()
        if name == NULL then fail('none', 'None is not a key or an index') end
        local is_index = type(name) == 'number'
        local node = parent and mirror.open(parent, is_index and 'list' or 'object')
        if not node then
            fail('missing', 'the parent of what is assigned is None or missing')
        end
        local cell
        if not is_index then
            cell = node.members[name]
            if not (cell and find_source and find_source() == cell) then
                dicts.set(node, name, value, kind, static)
            end
            return
        end
        cell = lists.at(node, name)
        if not cell then
            fail('missing', 'the index ' .. string.format('%d', name)
                .. ' is out of range for a list of length ' .. lists.length(node))
        end
        if kind ~= 'j' then
            mirror.put(cell, value, kind)
        elseif not (find_source and find_source() == cell) then
            lists.replace(node, name, value)
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

local function tick(steps)
    state.steps = state.steps + (steps or 1)
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

-- ["delete", number, document]
function makers.delete(statement)
    local place = statement[3]
    return function() state.documents[place].is_deleted = true end
end

statements.makers, statements.value_for, statements.container_at = makers, value_for, container_at
statements.tick = tick
return statements
