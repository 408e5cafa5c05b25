"""The operations on many keys as scripts: atomic, and each reports what became of its keys.

A key that cannot be written (it holds another type, a policy refuses it, its version differs) is
left out, and the others are written. Failures that can be foreseen are checked before anything is
written.
"""

from __future__ import annotations

from typing import Final

from rapyer.traffic.scripts import Operation
from rapyer.traffic.updates import PLANNING
from rapyer.traffic.versions import CHECKING, COUNTING

_NAMES_SERVER: Final = "local names_server = true"
_NAMES_NONE: Final = "local names_server = false"
#: Lua: the common form of their replies. A restarted server, or another one, has a different
#: `run_id`, and one that was a replica in between has a different `master_replid2`. An error that
#: starts with `RAPYERREFUSED` says that nothing was written.
_ANSWERING = """
local call, codes, refusals = redis.call, {}, {}
local names_server = true
local function refuse_key(place, why)
    if type(why) == 'table' then why = why.err end
    codes[place] = 'f'
    refusals[#refusals + 1], refusals[#refusals + 2] = place, tostring(why)
end
local function answer(outcomes)
    local id = ''
    if names_server and redis.acl_check_cmd('INFO', 'server') then
        id = (string.match(call('INFO', 'server'), 'run_id:(%x+)') or '')
            .. (string.match(call('INFO', 'replication'), 'master_replid2:(%x+)') or '')
    end
    return {outcomes or table.concat(codes), refusals, id}
end
local function refused_before(why)
    if type(why) == 'table' then why = why.err end
    return redis.error_reply('RAPYERREFUSED ' .. tostring(why))
end
local function kind_of(key)
    local reply = redis.pcall('TYPE', key)
    return reply.ok or error(refused_before(reply))
end
local function allowed(place, key, access, whole)
    if not policies[1] then return true end
    local is_allowed, verdict = pcall(check, key, access, whole, not whole)
    if not is_allowed then
        refuse_key(place, verdict)
    elseif verdict == false then
        codes[place] = 'm'
    else
        return true, verdict == 'absent'
    end
    return false
end
local function touch(outcomes, access)
    if not policies[1] then return end
    for place, key in ipairs(KEYS) do
        if outcomes[codes[place]] then touched(key, access) end
    end
end
"""

#: Arguments: the mode, `1` for all or nothing, `1` if there are versions, the documents; for each
#: key the path and the expected value of its version, empty if it has none; and the increments of
#: numbers, each as the position of its key, a path and a number.
INSERT = Operation(
    "bulk_insert",
    CHECKING
    + _ANSWERING
    + """
    local mode, whole, versioned, count = arg[1], arg[2] == '1', arg[3] == '1', #KEYS
    local set, size, rest = {}, 0, count + 4
    -- the usual case, without a look at each key: all of them are new, or all are replaced
    local there = count <= 2000 and redis.pcall('EXISTS', unpack(KEYS))
    local alike = there == 0 and 'i' or there == count and mode == 'replace' and 'r'
    if alike and not versioned and not policies[1] and not arg[rest] then
        for place, key in ipairs(KEYS) do
            set[size + 1], set[size + 2], set[size + 3] = key, '$', arg[place + 3]
            size = size + 3
        end
        local reply = redis.pcall('JSON.MSET', unpack(set))
        if not reply.err then return answer(string.rep(alike, count)) end
        -- nothing was written: a key holds another type, or a document is refused
        size = 0
    end
    for place, key in ipairs(KEYS) do
        local is_allowed, is_absent = allowed(place, key, 'write', true)
        local verdict, kind = true, there == 0 and 'none' or kind_of(key)
        if is_absent and kind == 'ReJSON-RL' then kind = 'none' end
        if is_allowed and kind ~= 'none' then
            if kind ~= 'ReJSON-RL' then
                verdict = 'RAPYERTYPE ' .. kind
            elseif mode == 'insert' then
                verdict = 'RAPYEREXISTS'
            elseif mode == 'skip' then
                codes[place] = 's'
            end
        end
        if versioned then
            if is_allowed and verdict == true and not codes[place] and arg[rest] ~= '' then
                verdict = check_version(key, arg[rest], arg[rest + 1])
            end
            rest = rest + 2
        end
        if verdict ~= true then
            refuse_key(place, verdict)
        elseif not codes[place] then
            codes[place] = kind == 'none' and 'i' or 'r'
            set[size + 1], set[size + 2], set[size + 3] = key, '$', arg[place + 3]
            size = size + 3
        end
    end
    if whole and refusals[1] then
        for place, code in ipairs(codes) do
            if code == 'i' or code == 'r' then codes[place] = 'n' end
        end
        return answer()
    end
    for index = rest, #arg, 3 do permit('JSON.NUMINCRBY', KEYS[tonumber(arg[index])], '$', '1') end
    local written = 0
    while written < size do
        local last = math.min(written + 6000, size)
        local reply = redis.pcall('JSON.MSET', unpack(set, written + 1, last))
        if type(reply) == 'table' and reply.err then
            -- with the first one nothing was written; later ones are not known to fail
            if written == 0 then return refused_before(reply) end
            local position = 0
            for place, code in ipairs(codes) do
                if code == 'i' or code == 'r' then
                    position = position + 3
                    if position > written then refuse_key(place, reply) end
                end
            end
            break
        end
        written = last
    end
    for index = rest, #arg, 3 do
        local place = tonumber(arg[index])
        if codes[place] == 'i' or codes[place] == 'r' then
            call('JSON.NUMINCRBY', KEYS[place], arg[index + 1], arg[index + 2])
        end
    end
    touch({i = true, r = true}, 'write')
    return answer()
    """,
    writes=True,
)

#: Arguments: the number of lists of writes, then each list preceded by its length; `1` if there are
#: versions; then for each key the number of its list if there are several, and if there are
#: versions a path and the expected value.
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
    local number = tonumber(take())
    for each = 1, number do
        local list = {}
        for index = 1, take() do list[index] = take() end
        lists[each] = list
    end
    local changes = {set = {}, size = 0, increased = {}, removed = {}}
    local increased, removed = changes.increased, changes.removed
    local versioned, counted = take() == '1', {}
    local list = lists[1]
    for place, key in ipairs(KEYS) do
        local path, expected, verdict = '', '', true
        if number > 1 then list = lists[tonumber(take())] end
        if versioned then path, expected = take(), take() end
        local size, additions, removals = changes.size, #increased, #removed
        local is_read, there = true, true
        local is_allowed = allowed(place, key, 'write')
        if is_allowed and path ~= '' then
            is_read, verdict = pcall(check_version, key, path, expected)
        end
        if not is_read or verdict ~= true then
            refuse_key(place, verdict)
        elseif is_allowed then
            is_read, there = pcall(plan, key, list, changes)
            if is_read then
                codes[place] = there and 'u' or 'm'
                if there and path ~= '' then counted[#counted + 1] = {key, path} end
            else
                refuse_key(place, there)
                changes.size = size
                for index = #increased, additions + 1, -1 do increased[index] = nil end
                for index = #removed, removals + 1, -1 do removed[index] = nil end
            end
        end
        if not is_read then
            local kind = redis.pcall('TYPE', key).ok
            if kind and kind ~= 'ReJSON-RL' and kind ~= 'none' then
                refusals[#refusals] = 'RAPYERTYPE ' .. kind
            end
        end
    end
    local is_done, why = pcall(carry_out, changes)
    if not is_done then
        if changes.is_begun then error(why) end
        return refused_before(why)
    end
    for _, one in ipairs(counted) do count_version(one[1], one[2]) end
    touch({u = true}, 'write')
    return answer()
    """,
    writes=True,
)

DELETE = Operation(
    "bulk_delete",
    _ANSWERING
    + """
    local documents, size = {}, 0
    for place, key in ipairs(KEYS) do
        if allowed(place, key, 'delete') then
            local kind = kind_of(key)
            if kind == 'ReJSON-RL' then
                size = size + 1
                documents[size], codes[place] = key, 'd'
            elseif kind == 'none' then
                codes[place] = 'm'
            else
                refuse_key(place, 'RAPYERTYPE ' .. kind)
            end
        end
    end
    for first = 1, size, 7000 do
        local last = math.min(first + 6999, size)
        local reply = redis.pcall('UNLINK', unpack(documents, first, last))
        if type(reply) == 'table' then
            if first == 1 then return refused_before(reply) end
            error(reply)
        end
    end
    touch({d = true}, 'delete')
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
            local kind = call('TYPE', key).ok
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


def in_slot(operation: Operation) -> Operation:
    """Return the variant of an operation for the part of a chunk that is in one slot of a cluster.

    It does not report which server answered: this takes longer than writing a document, and several
    servers are not told apart anyway.
    """
    return _IN_SLOT[operation]


_IN_SLOT: Final = {
    one: Operation(f"{one.name}_in_slot", one.body.replace(_NAMES_SERVER, _NAMES_NONE), one.writes)
    for one in (INSERT, UPDATE, DELETE)
}
