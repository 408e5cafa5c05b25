"""The operations on many keys as scripts: atomic, and each says what became of its keys.

A key that cannot be written (it holds another type, a policy refuses it, its version is another
one) is left out, and the others are written. What is known beforehand to fail is looked at before
anything is written.
"""

from __future__ import annotations

from rapyer.traffic.scripts import Operation
from rapyer.traffic.updates import PLANNING
from rapyer.traffic.versions import CHECKING, COUNTING

#: Lua: what all of them answer with. A restarted server, or another one, has another `run_id`.
_ANSWERING = """
local codes, refusals = {}, {}
local function refuse_key(place, why)
    if type(why) == 'table' then why = why.err end
    codes[place] = 'f'
    refusals[#refusals + 1], refusals[#refusals + 2] = place, tostring(why)
end
local function answer()
    local id = ''
    if redis.acl_check_cmd('INFO', 'server') then
        id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
    end
    return {table.concat(codes), refusals, id}
end
local function allowed(place, key, access)
    local is_allowed, why = pcall(check, key, access)
    if not is_allowed then refuse_key(place, why) end
    return is_allowed
end
"""

#: Arguments: the mode, `1` for all or nothing, `1` where there are versions, the documents; for
#: each key the path and what is expected of its version, empty where it has none; and what is to
#: be added to numbers, each by the place of its key, a path and a number.
INSERT = Operation(
    "bulk_insert",
    CHECKING
    + _ANSWERING
    + """
    local mode, whole, versioned, count = arg[1], arg[2] == '1', arg[3] == '1', #KEYS
    local call, set, size, rest = redis.call, {}, 0, count + 4
    for place, key in ipairs(KEYS) do
        local kind = call('TYPE', key).ok
        local path, expected = versioned and arg[rest] or '', versioned and arg[rest + 1]
        if versioned then rest = rest + 2 end
        if kind ~= 'none' and kind ~= 'ReJSON-RL' then
            refuse_key(place, 'RAPYERTYPE ' .. kind)
        elseif kind ~= 'none' and mode == 'skip' then
            codes[place] = 's'
        elseif kind ~= 'none' and mode == 'insert' then
            refuse_key(place, 'RAPYEREXISTS')
        else
            local verdict = path == '' or check_version(key, path, expected)
            if verdict ~= true then
                refuse_key(place, verdict)
            elseif allowed(place, key, 'write') then
                codes[place] = kind == 'none' and 'i' or 'r'
                set[size + 1], set[size + 2], set[size + 3] = key, '$', arg[place + 3]
                size = size + 3
            end
        end
    end
    if whole and refusals[1] then
        for place, code in ipairs(codes) do
            if code == 'i' or code == 'r' then codes[place] = 'n' end
        end
        return answer()
    end
    local added = rest
    for index = rest, #arg, 3 do permit('JSON.NUMINCRBY', KEYS[tonumber(arg[index])], '$', '1') end
    local written, failure = 0, nil
    while written < size and not failure do
        local last = math.min(written + 6000, size)
        local reply = redis.pcall('JSON.MSET', unpack(set, written + 1, last))
        if type(reply) == 'table' and reply.err then
            -- with the first one nothing was written; later ones are not known to fail
            if written == 0 then return reply end
            failure = reply
        else
            written = last
        end
    end
    local place_of_set = 0
    for place, key in ipairs(KEYS) do
        if codes[place] == 'i' or codes[place] == 'r' then
            place_of_set = place_of_set + 3
            if place_of_set > written then refuse_key(place, failure) end
        end
    end
    for index = added, #arg, 3 do
        local place = tonumber(arg[index])
        if codes[place] == 'i' or codes[place] == 'r' then
            call('JSON.NUMINCRBY', KEYS[place], arg[index + 1], arg[index + 2])
        end
    end
    for place, key in ipairs(KEYS) do
        if codes[place] == 'i' or codes[place] == 'r' then touched(key, 'write') end
    end
    return answer()
    """,
    writes=True,
)

#: Arguments: how many lists of writes there are, and each with its length before it; `1` where
#: there are versions; then for each key the number of its list, and where there are versions a path
#: and what is expected.
UPDATE = Operation(
    "bulk_update",
    CHECKING
    + COUNTING
    + PLANNING
    + _ANSWERING
    + """
    local position, lists = 0, {}
    local function take()
        position = position + 1
        return arg[position]
    end
    for number = 1, take() do
        local list = {}
        for index = 1, take() do list[index] = take() end
        lists[number] = list
    end
    local changes = {set = {}, increased = {}, removed = {}}
    local function take_back(name, size)
        local list = changes[name]
        for index = #list, size + 1, -1 do list[index] = nil end
    end
    local versioned, counted = take() == '1', {}
    for place, key in ipairs(KEYS) do
        local list = lists[tonumber(take())]
        local path, expected = '', ''
        if versioned then path, expected = take(), take() end
        local kind = redis.call('TYPE', key).ok
        local sizes = {}
        for name, list in pairs(changes) do sizes[name] = #list end
        if kind == 'none' then
            codes[place] = 'm'
        elseif kind ~= 'ReJSON-RL' then
            refuse_key(place, 'RAPYERTYPE ' .. kind)
        else
            local verdict = path == '' or check_version(key, path, expected)
            if verdict ~= true then
                refuse_key(place, verdict)
            elseif allowed(place, key, 'write') then
                local is_planned, why = pcall(plan, key, list, changes)
                if is_planned then
                    codes[place] = why and 'u' or 'm'
                    if why and path ~= '' then counted[#counted + 1] = {key, path} end
                else
                    refuse_key(place, why)
                    for name, before in pairs(sizes) do take_back(name, before) end
                end
            end
        end
    end
    carry_out(changes)
    for _, one in ipairs(counted) do count_version(one[1], one[2]) end
    for place, key in ipairs(KEYS) do
        if codes[place] == 'u' then touched(key, 'write') end
    end
    return answer()
    """,
    writes=True,
)

DELETE = Operation(
    "bulk_delete",
    _ANSWERING
    + """
    local call, documents, size = redis.call, {}, 0
    for place, key in ipairs(KEYS) do
        local kind = call('TYPE', key).ok
        if kind == 'ReJSON-RL' then
            if allowed(place, key, 'delete') then
                size = size + 1
                documents[size], codes[place] = key, 'd'
            end
        elseif kind == 'none' then
            codes[place] = 'm'
        else
            refuse_key(place, 'RAPYERTYPE ' .. kind)
        end
    end
    for first = 1, size, 7000 do
        call('UNLINK', unpack(documents, first, math.min(first + 6999, size)))
    end
    for index = 1, size do touched(documents[index], 'delete') end
    return answer()
    """,
    writes=True,
)

EXISTS = Operation(
    "bulk_exists",
    _ANSWERING
    + """
    for place, key in ipairs(KEYS) do
        codes[place] = 'm'
        if check(key, 'read') then
            local kind = redis.call('TYPE', key).ok
            if kind == 'ReJSON-RL' then
                codes[place] = 'e'
            elseif kind ~= 'none' then
                refuse_key(place, 'RAPYERTYPE ' .. kind)
            end
        end
    end
    return answer()
    """,
    writes=False,
)
