"""The scripts that query an index and process what it finds, in one atomic step."""

from __future__ import annotations

from rapyer.traffic.scripts import Operation
from rapyer.traffic.updates import PLANNING

#: Lua: `ask` sends a command to an index. The first argument is `1` if that looks for parts of
#: texts: then the server has to look at all texts, a setting that somebody may have changed. The
#: second is the run of the server in which the index is known to be complete: a server that has
#: restarted since may have only a part of the documents, and nothing is written based on that.
_ASKING = """
local function ask(arg, first, last)
    if arg[1] == '1' then
        local setting = redis.call('FT.CONFIG', 'GET', 'MAXEXPANSIONS')
        local number = tonumber(setting[1] and setting[1][2])
        if number and number < 2147483647 then error(redis.error_reply('RAPYERLIMITS')) end
    end
    return redis.call(unpack(arg, first, last))
end
local function require_whole(arg, index)
    local info = redis.call('FT.INFO', index)
    for place = 1, #info, 2 do
        local name = type(info[place]) == 'table' and info[place].ok or info[place]
        if name == 'indexing' and tonumber(info[place + 1]) ~= 0 then
            local server = redis.pcall('INFO', 'server')
            local run = type(server) == 'string' and string.match(server, 'run_id:(%w+)')
            if arg[2] == '' or run ~= arg[2] then error(redis.error_reply('RAPYERBUILDING')) end
        end
    end
end
"""

#: Arguments: the two of `ask`, and a command that returns rows, each with its key in second place,
#: or after its score. What counts as missing is sent like an expired document: as nothing.
_SEARCHING = (
    _ASKING
    + """
local function search(touch)
    local reply = ask(arg, 3, #arg)
    local rows = type(reply[1]) == 'table' and reply[1] or reply  -- without a cursor
    for place = 2, #rows do
        local row = rows[place]
        if row then
            local key = row[1] == '__key' and row[2] or row[4]
            if key and check(key, 'read') then touch(key, 'read') else rows[place] = false end
        end
    end
    return reply
end
"""
)

SEARCH = Operation("query", f"{_SEARCHING} return search(touched)", writes=False)

#: The same, if only the keys are wanted: nothing is read from the documents.
SEARCH_KEYS = Operation("query_keys", f"{_SEARCHING} return search(function() end)", writes=False)

#: Lua: `selected` has the keys of the selected documents. Arguments: whether parts of texts are
#: looked for; how many documents there may be at most; the number of arguments of a search, and
#: these. Without a search, for each of the keys the SHA-1 of its document at the time it was looked
#: at.
_SELECTING = (
    _ASKING
    + """
local function found(keys)  -- without those that count as missing
    local kept = {}
    for _, key in ipairs(keys) do
        if check(key, 'read') then kept[#kept + 1] = key end
    end
    return kept
end
local position, selected, changed = 4, {}, {}
local most, size = tonumber(arg[3]), tonumber(arg[4])
if size > 0 then
    require_whole(arg, arg[6])
    local reply = ask(arg, 5, size + 4)
    if #reply - 1 ~= reply[1] or reply[1] > most then return {'many', reply[1], changed} end
    for place = 2, #reply do selected[place - 1] = reply[place] end
    position = size + 4
else
    for place, key in ipairs(KEYS) do
        position = position + 1
        local text = redis.pcall('JSON.GET', key)
        if type(text) == 'string' then
            if redis.sha1hex(text) == arg[position] then
                selected[#selected + 1] = key
            else
                changed[#changed + 1] = key
            end
        end
    end
end
"""
)

DELETE = Operation(
    "query_delete",
    _SELECTING
    + """
    selected = found(selected)
    for _, key in ipairs(selected) do check(key, 'delete') end
    local deleted = 0
    for first = 1, #selected, 7000 do
        local last = math.min(first + 6999, #selected)
        deleted = deleted + redis.call('UNLINK', unpack(selected, first, last))
    end
    for _, key in ipairs(selected) do touched(key, 'delete') end
    return {'done', deleted, changed}
    """,
    writes=True,
)

#: The remaining arguments are the values, as `plan` reads them.
UPDATE = Operation(
    "query_update",
    PLANNING
    + _SELECTING
    + """
    local changes = {set = {}, size = 0, increased = {}, removed = {}}
    local values, written = {unpack(arg, position + 1)}, {}
    for _, key in ipairs(found(selected)) do
        if check(key, 'write', nil, true) then  -- else it counts as missing for a write
            local is_planned, there = pcall(plan, key, values, changes)
            if not is_planned then
                return {'refused', key, type(there) == 'table' and there.err or tostring(there)}
            end
            if there then written[#written + 1] = key end
        end
    end
    carry_out(changes)
    for _, key in ipairs(written) do touched(key, 'write') end
    return {'done', #written, changed}
    """,
    writes=True,
)
