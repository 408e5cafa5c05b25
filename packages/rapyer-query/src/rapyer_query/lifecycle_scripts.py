"""The scripts by which indexes are made, published, kept and dropped, each in one atomic step.

What there is on the server is the state, and all of it: a process that is killed leaves nothing
half done, since the server goes on building, and the next process that asks publishes what is
built. An index is asked by one version only. Beside the indexes there is a registry for each
prefix, a hash with these fields:

- `lease:VERSION`: until when, in milliseconds, the processes of a version have said to be alive,
  and for how long each time. A version is protected as long as it has this field;
- `late:VERSION`: when a version is given up whose lease was seen to have ended: a server that was
  out of reach keeps all versions from renewing their leases;
- `lease:INDEX`: until when one that rebuilds an index has said to be alive;
- `altered:VERSION`: the index to which its attributes are being added;
- `known:INDEX`: how many refused writes somebody has looked into, and in which run of the server.

A user who may not write it leaves no trace in it, and takes nothing away.
"""

from __future__ import annotations

from typing import Final

from rapyer.traffic.scripts import Operation

#: Keys: the registry, the alias of the version. Arguments: the version; for how many milliseconds
#: a lease holds.
_COMMON: Final = """
local registry, alias, version = KEYS[1], KEYS[2], arg[1]
local retention = tonumber(arg[2])
local space = string.sub(alias, 1, #alias - #version)
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function plain(value)  -- simple strings are tables in Lua
    if type(value) == 'table' and value.ok then return value.ok end
    return value
end
local function field(name)
    local value = redis.pcall('HGET', registry, name)
    return type(value) == 'string' and value or nil
end
local function note(name, value) redis.pcall('HSET', registry, name, value) end
local function erase(...) redis.pcall('HDEL', registry, ...) end

local function about(name)
    local flat = redis.pcall('FT.INFO', name)
    if flat.err then
        local text = string.lower(flat.err)
        if string.find(text, 'no such index') or string.find(text, 'unknown index')
            or string.find(text, 'index not found') then
            return nil
        end
        error(flat)
    end
    local info = {}
    for place = 1, #flat, 2 do info[plain(flat[place])] = plain(flat[place + 1]) end
    return info
end

-- the versions that have said to be alive, each with when its lease ends, and how long one is
local function versions()
    local found, flat = {}, redis.pcall('HGETALL', registry)
    if flat.err then return found end
    for place = 1, #flat, 2 do
        local name = string.match(flat[place], '^lease:(%x+)$')
        local till, length = string.match(flat[place + 1], '^(%d+):(%d+)$')
        if name and #name == 16 and till then
            found[name] = {till = tonumber(till), length = tonumber(length)}
        end
    end
    return found
end
local function say_alive(name, length)
    note('lease:' .. name, string.format('%.0f:%.0f', now + length, length))
    erase('late:' .. name)
end

-- the names of the indexes of the model, the oldest of each version first
local function indexes(is_needed)
    local found, names = {}, redis.pcall('FT._LIST')
    if names.err and is_needed then error(names) end
    if names.err then return found end
    for _, name in ipairs(names) do
        name = plain(name)
        if string.sub(name, 1, #space) == space then
            local of = string.match(string.sub(name, #space + 1), '^(%x+)%.%x+$')
            if of and #of == 16 then found[#found + 1] = {name = name, version = of} end
        end
    end
    table.sort(found, function(one, other) return one.name < other.name end)
    return found
end

-- the indexes that other versions ask, by name, each with the version
local function asked_by_others()
    local found = {}
    for other in pairs(versions()) do
        if other ~= version then
            local info = about(space .. other)
            if info then found[info.index_name] = other end
            local altered = field('altered:' .. other)
            if altered then found[altered] = other end
        end
    end
    return found
end

-- whether nobody is alive for an index, for longer than a lease, and the version that asked it
local function abandoned(index, asked, known)
    local owner = asked[index.name] or index.version
    local lease = known[owner]
    if owner == version or not lease or lease.till + lease.length > now then return false end
    local of = known[index.version]  -- it may be building this one
    return not of or of.till + of.length <= now, owner
end

local function drop(name)
    erase('lease:' .. name, 'known:' .. name)
    return redis.pcall('FT.DROPINDEX', name)
end

local function run_of_server()
    local text = redis.pcall('INFO', 'server')
    return type(text) == 'string' and string.match(text, 'run_id:(%w+)') or ''
end

local function report(state, info)
    local errors, run = {}, run_of_server()
    for place = 1, #(info['Index Errors'] or {}), 2 do
        errors[plain(info['Index Errors'][place])] = plain(info['Index Errors'][place + 1])
    end
    -- the server counts anew when it has restarted
    local known, of = string.match(field('known:' .. info.index_name) or '', '^(%d+):(%w*)$')
    return {
        state, info.index_name, tostring(info.percent_indexed), info.num_docs,
        info.hash_indexing_failures, of == run and known or '0',
        errors['last indexing error key'] or '', errors['last indexing error'] or '', run,
    }
end

-- `FT.CREATE` or `FT.ALTER` with the attributes at a place of the arguments: how many parts, the
-- size of each, their words. Lua passes on fewer than 8000 arguments, hence the parts.
local function define(name, head, position)
    local number = tonumber(arg[position])
    local first = position + number + 1
    for part = 1, number do
        local last = first + tonumber(arg[position + part]) - 1
        local words = {unpack(head)}
        for place = first, last do words[#words + 1] = arg[place] end
        local reply = redis.pcall(unpack(words))
        if type(reply) == 'table' and reply.err then return reply.err end
        head = {'FT.ALTER', name, 'SCHEMA', 'ADD'}
        first = last + 1
    end
end
"""

#: Makes sure that a version has an index, says that it is alive, and drops what no version asks.
#:
#: Further arguments: the name for a new index; what to do where the version has none (`none` says
#: so, `look` gives the indexes that nobody is alive for, or makes one where there are none, `alter`
#: takes one of them over and adds to it, `create` makes one); the index to take over; how many
#: attributes that has; how many the version needs; the prefix of the keys; the attributes to
#: define, as `define` reads them.
#:
#: Gives `ready`, `building` where there is no index that could be asked, `growing` where the one
#: that is asked was loaded by a server that indexes in the background; each with what is told of
#: it. Else `gone`, `others`, or `refused` with the reason.
ENSURE = Operation(
    "index_ensure",
    _COMMON
    + """
local fresh, decision, target, size, wanted, keys = unpack(arg, 3, 8)

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
                local failed = define(target, {'FT.ALTER', target, 'SCHEMA', 'ADD'}, 9)
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
        local head = {'FT.CREATE', fresh, 'ON', 'JSON', 'PREFIX', '1', keys, 'SCHEMA'}
        failed = define(fresh, head, 9)
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
)

#: Gives the indexes that nobody is alive for.
ABANDONED = Operation(
    "index_abandoned",
    _COMMON
    + """
local found, asked, known = {}, asked_by_others(), versions()
for _, index in ipairs(indexes(true)) do
    if abandoned(index, asked, known) then found[#found + 1] = index.name end
end
return found
""",
    writes=False,
)

#: Builds the index anew beside the one that is asked, and puts it into its place when it is
#: complete. Further arguments: the name for a new index, what is being built (empty at first), for
#: how many milliseconds that is kept if nobody goes on, the prefix of the keys, the attributes.
REBUILD = Operation(
    "index_rebuild",
    _COMMON
    + """
local fresh, current, patience, keys = unpack(arg, 3, 6)
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
    local head = {'FT.CREATE', fresh, 'ON', 'JSON', 'PREFIX', '1', keys, 'SCHEMA'}
    local failed = define(fresh, head, 7)
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

#: Takes the index away, and what is being built for it; gives whether there was anything.
DROP = Operation(
    "index_drop",
    _COMMON
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

#: Tells of the index: the reply to `FT.INFO` (nothing where there is none), how many of its refused
#: writes somebody has looked into.
STATUS = Operation(
    "index_status",
    _COMMON
    + """
local info = about(alias)
if not info then return {} end
return {redis.call('FT.INFO', alias), tonumber(report('', info)[6])}
""",
    writes=False,
)

#: Notes that somebody has looked into some refused writes of an index. Further arguments: the
#: index, how many.
KNOWN = Operation(
    "index_known",
    f"{_COMMON} note('known:' .. arg[3], arg[4] .. ':' .. run_of_server())",
    writes=True,
)
