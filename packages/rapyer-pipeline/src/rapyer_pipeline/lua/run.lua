-- Runs one program: reads, computes, and then writes everything or nothing.
--
-- Arguments: the program; for each key the document to make where there is none (else empty); the
-- constants.
local state = expressions.state
local programs, count, size_of_all = {}, 0, 0
local KEPT, KEPT_SIZE = 256, 4194304

local function forget(kept)
    for register in pairs(kept) do kept[register] = nil end
end

-- Compiles a program, once while it is among the last ones.
local function program_of(text)
    local program = programs[text]
    if not program then
        local code = cjson.decode(text)
        program = {
            run = statements.block(code.b), documents = code.d, steps = code.s, results = code.r,
        }
        if count >= KEPT or size_of_all > KEPT_SIZE then programs, count, size_of_all = {}, 0, 0 end
        programs[text], count, size_of_all = program, count + 1, size_of_all + #text
    end
    return program
end

-- Reads the scalars that a program starts with, in one command; says whether there is a document.
local function prefetch(document, reads)
    local key, names = document.document.key, reads.p
    if #names > 0 then
        local reply = redis.call('JSON.GET', key, reads.u)
        if not reply then return false end
        local raws, node = cjson.decode(reply), document.node
        if #raws == #names then
            for place = 1, #names do
                local name = names[place]
                node.members[name] = {up = node, name = name, raw = raws[place]}
            end
            return true
        end
    end
    local kind = redis.call('JSON.TYPE', key)
    if not kind then return false end
    if kind ~= 'object' then fail('type', 'the document is not an object') end
    return true
end

local function execute(program, size)
    program.run()
    local plans = {}
    for place = 1, size do
        local document = state.documents[place]
        if not document.is_deleted then
            plans[place] = commit.plan(document, document.document.key)
        end
    end
    return plans
end

-- Gives what a document has now at a place that the caller wants to know: `[value]`, `+[elements]`
-- for a list that was added to, nothing where it is as before or absent.
local function outcome(document, one)
    local cell = mirror.member(document.node, one[1])
    if one[2] == 's' then
        local text = cell.written or mirror.text_of(cell)
        return text and '[' .. text .. ']' or ''
    end
    if not cell.is_changed then return '' end
    local list, known = cell.node, one[2] == 'a' and state.constants[one[3]]
    if known and list and list.is_stored and not list.cells and not cell.is_set
        and list.first == 0 and list.last == list.length and tonumber(known) == list.length
    then  -- elements were added, and nothing else, to a list as long as the caller's
        local added = {}
        for number, new in ipairs(list.added) do added[number] = mirror.text_of(new) end
        return '+[' .. table.concat(added, ',') .. ']'
    end
    return redis.call('JSON.GET', document.document.key, '$' .. mirror.quoted(one[1]))
end

local function failed(failure)
    if type(failure) == 'table' and failure.code then
        return {'failed', failure.code, failure.message, state.statement}
    end
    error(failure)
end

-- Makes the mirrors of the documents; gives the place of one that is missing.
local function open_documents(keys, program, arguments, check)
    for place = 1, #keys do
        local key, text = keys[place], arguments[place + 1]
        local document = mirror.document(key)
        if not prefetch(document, program.documents[place]) or not check(key, 'read') then
            if text == '' then return place end
            document = mirror.document(key, text)
            document.is_new = true
        end
        state.documents[place] = document
    end
    return nil
end

-- Makes sure that everything may be written, and then writes it; gives what became of each.
local function write(keys, plans, check, touched)
    local verdicts = {}
    for place, key in ipairs(keys) do
        local document, plan = state.documents[place], plans[place]
        verdicts[place] = document.is_deleted and 'deleted' or plan and 'written' or 'read'
        if document.is_deleted then
            if not document.is_new then
                check(key, 'delete')
                permit('DEL', key)
            end
        elseif plan then
            check(key, 'write', plan.is_whole)
            commit.permit(plan)
        end
    end
    for place, key in ipairs(keys) do
        local document, plan = state.documents[place], plans[place]
        if document.is_deleted then
            if not document.is_new then
                redis.call('DEL', key)
                touched(key, 'delete')
            end
        elseif plan then
            commit.carry_out(plan)
            touched(key, 'write')
        else
            touched(key, 'read')
        end
    end
    return verdicts
end

return function(keys, arguments, check, touched)
    local program, size = program_of(arguments[1]), #keys
    local constants = state.constants
    state.statement, state.steps, state.limit, state.results = 0, 0, program.steps, {}
    for place = #constants, #arguments - size, -1 do constants[place] = nil end
    for place = size + 2, #arguments do constants[place - size - 1] = arguments[place] end
    forget(state.registers)
    forget(state.keys)
    forget(state.values)

    local is_fine, missing = pcall(open_documents, keys, program, arguments, check)
    if not is_fine then return failed(missing) end
    if missing then return {'missing', missing} end
    local plans
    is_fine, plans = pcall(execute, program, size)
    if not is_fine then return failed(plans) end
    local verdicts = write(keys, plans, check, touched)
    local results, replies = state.results, {}
    for place = 1, program.results do results[place] = results[place] or false end
    for place = 1, size do
        local document, parts = state.documents[place], {}
        if not document.is_deleted then
            for number, one in ipairs(program.documents[place].o) do
                parts[number] = outcome(document, one)
            end
        end
        replies[place] = {verdicts[place], document.is_new and 1 or 0, parts}
    end
    return {'done', state.steps, results, replies}
end
