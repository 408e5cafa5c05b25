"""The scripts that create, publish, keep and drop indexes, each in one atomic step.

The state is exactly what is on the server: a process that is killed leaves nothing half done, since
the server goes on building, and the next process that asks publishes what is built. An index is
used by one version only. Besides the indexes there is a registry for each prefix: its fields are
described in `rapyer_query.lifecycle_lua`.
"""

from __future__ import annotations

from rapyer.traffic.scripts import Operation

from rapyer_query.lifecycle_lua import COMMON

#: Makes sure that a version has an index, reports that it is alive, and drops indexes that no
#: version uses.
#:
#: Further arguments: the name for a new index; what to do if the version has none (`none` reports
#: it, `look` returns the indexes that no process is alive for, or creates one if there are none,
#: `alter` takes one of them over and adds to it, `create` creates one); the index to take over; how
#: many attributes that has; how many the version needs; the prefix of the keys; the attributes to
#: define, as `define` reads them.
#:
#: Returns `ready`, `building` if there is no index that could be queried, `growing` if the queried
#: one was loaded by a server that indexes in the background; each with what is reported about it.
#: Otherwise `gone`, `others`, or `refused` with the reason.
ENSURE = Operation(
    "index_ensure",
    COMMON
    + """
local fresh, decision, target, size, wanted, keys, language = unpack(arg, 3, 9)

-- an index with more than the version needs may lack documents of it
local function fits(info) return info and #info.attributes == tonumber(wanted) end

local function nobodys()
    local found, asked, known = {}, asked_by_others(), versions()
    for _, index in ipairs(indexes(true)) do
        if abandoned(index, asked, known) then found[#found + 1] = index.name end
    end
    return found
end

local function underway()
    local altered = field('altered:' .. version)
    if altered then
        local info = about(altered)
        if fits(info) then return info end
        erase('altered:' .. version)
    end
    for _, index in ipairs(indexes(true)) do
        if index.version == version then
            local info = about(index.name)
            if fits(info) then return info end
        end
    end
end

local function take_over()
    local asked, known = asked_by_others(), versions()
    for _, index in ipairs(indexes(true)) do
        local info = index.name == target and about(target)
        if info and #info.attributes == tonumber(size) and tonumber(info.indexing) == 0 then
            local is_nobodys, owner = abandoned(index, asked, known)
            if is_nobodys then
                redis.pcall('FT.ALIASDEL', space .. owner)
                for _, gone in ipairs({owner, index.version}) do
                    erase('lease:' .. gone, 'late:' .. gone, 'altered:' .. gone)
                end
                local failed = define(target, {'FT.ALTER', target, 'SCHEMA', 'ADD'}, 10)
                if not failed then note('altered:' .. version, target) end
                return true, failed
            end
        end
    end
end

local function begin()
    if decision == 'none' then return nil, {'gone'} end
    if decision == 'look' then
        local others = nobodys()
        if #others > 0 then return nil, {'others', others} end
    end
    local failed
    if decision == 'alter' then
        local is_done
        is_done, failed = take_over()
        if not is_done then return nil, {'others', nobodys()} end
    else
        target = fresh
        local head = made_for(fresh, keys, language)
        failed = define(fresh, head, 10)
        if failed then redis.pcall('FT.DROPINDEX', fresh) end
    end
    if failed then return nil, {'refused', failed} end
    return about(target)
end

local function give_up_others(known)
    local given_up = {}
    for other, lease in pairs(known) do
        if other ~= version and lease.till <= now then
            local late = tonumber(field('late:' .. other) or '')
            if not late then
                note('late:' .. other, now + lease.length / 2)
            elseif late <= now then
                given_up[other] = true
                redis.pcall('FT.ALIASDEL', space .. other)
                erase('lease:' .. other, 'late:' .. other, 'altered:' .. other)
            end
        end
    end
    return given_up
end

local function leave_others(own)
    local known = versions()
    local given_up, used = give_up_others(known), asked_by_others()
    used[own] = version
    for _, index in ipairs(indexes()) do
        if not used[index.name] then
            local of, lease = index.version, tonumber(field('lease:' .. index.name) or '')
            if lease then
                if lease <= now then drop(index.name) end
            elseif given_up[of] then
                drop(index.name)
            elseif known[of] then
                -- its version is being given this one, or has another one
                if about(space .. of) then note('lease:' .. index.name, now + retention) end
            else  -- how long its processes wait before they say something is not known
                say_alive(of, math.max(retention, 3600000))
            end
        end
    end
end

say_alive(version, retention)
local info = about(alias)
if info and not fits(info) then
    redis.call('FT.ALIASDEL', alias)
    info = nil
end
if not info then
    local other
    info = underway()
    if not info then
        info, other = begin()
        if other then return other end
    end
    if tonumber(info.indexing) ~= 0 then return report('building', info) end
    local added = redis.pcall('FT.ALIASADD', alias, info.index_name)
    if type(added) == 'table' and added.err then return {'refused', added.err} end
    erase('altered:' .. version, 'lease:' .. info.index_name)
end
if tonumber(info.indexing) ~= 0 then return report('growing', info) end
leave_others(info.index_name)
return report('ready', info)
""",
    writes=True,
    changes_documents=False,
)

#: Returns the indexes that no process is alive for.
ABANDONED = Operation(
    "index_abandoned",
    COMMON
    + """
local found, asked, known = {}, asked_by_others(), versions()
for _, index in ipairs(indexes(true)) do
    if abandoned(index, asked, known) then found[#found + 1] = index.name end
end
return found
""",
    writes=False,
)

#: Builds a new index beside the current one, and puts it in its place when it is complete. Further
#: arguments: the name for a new index, what is being built (empty at first), for how many
#: milliseconds that is kept if nobody continues, the prefix of the keys, the attributes.
REBUILD = Operation(
    "index_rebuild",
    COMMON
    + """
local fresh, current, patience, keys, language = unpack(arg, 3, 7)
say_alive(version, retention)
local asked = about(alias)
if current == '' then
    for _, index in ipairs(indexes()) do
        local is_asked = asked and asked.index_name == index.name
        local lease = tonumber(field('lease:' .. index.name) or '')
        if index.version == version and not is_asked and lease and lease > now then
            current = index.name  -- another process does the same
        end
    end
end
if current == '' then
    local head = made_for(fresh, keys, language)
    local failed = define(fresh, head, 8)
    if failed then
        redis.pcall('FT.DROPINDEX', fresh)
        return {'refused', failed}
    end
    current = fresh
end
local info = about(current)
if not info then return {'gone', current} end
if asked and asked.index_name == current then return report('ready', info) end
if tonumber(info.indexing) ~= 0 then
    note('lease:' .. current, now + tonumber(patience))
    return report('building', info)
end
redis.call('FT.ALIASUPDATE', alias, current)
erase('lease:' .. current, 'altered:' .. version)
if asked and not asked_by_others()[asked.index_name] then drop(asked.index_name) end
return report('ready', info)
""",
    writes=True,
)

#: Drops the index, and what is being built for it; returns whether there was anything.
DROP = Operation(
    "index_drop",
    COMMON
    + """
local asked = about(alias)
local others = asked_by_others()
if asked then redis.call('FT.ALIASDEL', alias) end
local dropped = asked and 1 or 0
for _, index in ipairs(indexes()) do
    local is_own = index.version == version or (asked and index.name == asked.index_name)
    if is_own and not others[index.name] then
        local reply = drop(index.name)
        if type(reply) == 'table' and reply.err then error(reply) end
        dropped = 1
    end
end
erase('lease:' .. version, 'late:' .. version, 'altered:' .. version)
return dropped
""",
    writes=True,
)

#: Describes the index: the reply to `FT.INFO` (empty if there is none), how many of its rejected
#: writes somebody has investigated.
STATUS = Operation(
    "index_status",
    COMMON
    + """
local info = about(alias)
if not info then return {} end
return {redis.call('FT.INFO', alias), tonumber(report('', info)[6])}
""",
    writes=False,
)

#: Notes that somebody has investigated some rejected writes of an index. Further arguments: the
#: index, how many.
KNOWN = Operation(
    "index_known",
    f"{COMMON} note('known:' .. arg[3], arg[4] .. ':' .. run_of_server())",
    writes=True,
    changes_documents=False,
)
