-- Runs one program: reads, computes, and then writes everything or nothing.
--
-- Arguments: the program; the document to make where there is none (else empty); the constants.
local state = expressions.state
local programs, count = {}, 0
local KEPT = 256

local function forget(kept)
    for register in pairs(kept) do kept[register] = nil end
end

-- Compiles a program, once while it is among the last ones.
local function program_of(text)
    local program = programs[text]
    if not program then
        local code = cjson.decode(text)
        program = {
            run = statements.block(code.b), scalars = code.p, union = code.u, out = code.o,
            steps = code.s, results = code.r,
        }
        if count >= KEPT then programs, count = {}, 0 end
        programs[text], count = program, count + 1
    end
    return program
end

-- Reads the scalars that the program starts with, in one command; says whether there is a document.
local function prefetch(document, program)
    local key, names = document.document.key, program.scalars
    if #names > 0 then
        local reply = redis.call('JSON.GET', key, program.union)
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
    if kind ~= 'object' then fail('type', 'the document is no object') end
    return true
end

local function execute(program, document, key)
    program.run()
    if state.is_deleted then return nil end
    return commit.plan(document, key)
end

-- Gives what a document has now at the places that the caller wants to know: `[[value], [], ...]`.
local function outcome(document, out)
    local parts, node = {}, document.node
    for place = 1, #out do
        local one = out[place]
        local cell = mirror.member(node, one[1])
        local text
        if one[2] == 's' then
            text = cell.written or mirror.text_of(cell)
        elseif cell.is_changed then
            local list, known = cell.node, one[2] == 'a' and state.constants[one[3]]
            if known and list and list.is_stored and not list.cells and not cell.is_set
                and list.first == 0 and list.last == list.length and tonumber(known) == list.length
            then  -- elements were added, and nothing else, to a list as long as the caller's
                local added = {}
                for number, new in ipairs(list.added) do added[number] = mirror.text_of(new) end
                parts[place] = '+[' .. table.concat(added, ',') .. ']'
            else
                local path = mirror.quoted(one[1])
                local reply = redis.call('JSON.GET', document.document.key, '$' .. path)
                text = string.sub(reply, 2, -2)
            end
        end
        parts[place] = parts[place] or text and '[' .. text .. ']' or ''
    end
    return parts
end

local function failed(failure)
    if type(failure) == 'table' and failure.code then
        return {'failed', failure.code, failure.message, state.statement}
    end
    error(failure)
end

return function(key, arguments, check, touched)
    local program = program_of(arguments[1])
    state.statement = 0
    local is_creating = arguments[2] ~= ''
    local document = mirror.document(key)
    local constants = state.constants
    for place = #constants, #arguments - 1, -1 do constants[place] = nil end
    for place = 3, #arguments do constants[place - 2] = arguments[place] end
    local is_fine, is_there = pcall(prefetch, document, program)
    if not is_fine then return failed(is_there) end
    local is_hidden = is_there and not check(key, 'read')
    local is_new = false
    if not is_there or is_hidden then
        if not is_creating then return {'missing'} end
        document, is_new = mirror.document(key, arguments[2]), true
    end
    state.documents[1] = document
    forget(state.registers)
    forget(state.keys)
    forget(state.values)
    state.results, state.steps, state.limit, state.statement = {}, 0, program.steps, 0
    state.is_deleted = false

    local planned
    is_fine, planned = pcall(execute, program, document, key)
    if not is_fine then return failed(planned) end
    local written = 'read'
    if state.is_deleted then
        written = 'deleted'
        if not is_new then
            check(key, 'delete')
            permit('DEL', key)
            redis.call('DEL', key)
            touched(key, 'delete')
        end
    elseif planned then
        written = 'written'
        check(key, 'write', planned.is_whole)
        commit.permit(planned)
        commit.carry_out(planned)
        touched(key, 'write')
    else
        touched(key, 'read')
    end
    local results = state.results
    for place = 1, program.results or 0 do results[place] = results[place] or false end
    local parts = {}
    if not state.is_deleted then parts = outcome(document, program.out) end
    return {written, is_new and 1 or 0, state.steps, parts, results}
end
