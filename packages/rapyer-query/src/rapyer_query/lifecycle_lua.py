"""The common parts of the scripts that manage indexes: the registry, and facts about indexes.

The registry is a hash for each prefix, with these fields:

- `lease:VERSION`: until when, in milliseconds, the processes of a version have claimed to be alive,
  and for how long each time. A version is protected as long as it has this field;
- `late:VERSION`: when a version is given up after its lease was seen to have ended: a server that
  was unreachable keeps all versions from renewing their leases;
- `lease:INDEX`: until when a process that rebuilds an index has claimed to be alive;
- `altered:VERSION`: the index to which its attributes are being added;
- `known:INDEX`: how many rejected writes somebody has investigated, and in which run of the server.

A user without write access to it leaves no trace in it, and takes nothing away.
"""

from __future__ import annotations

from typing import Final

#: Keys: the registry, the alias of the version. Arguments: the version; the duration of a lease in
#: milliseconds.
COMMON: Final = """
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

-- How an index is made: no word is left out of it, without which phrases would not be found.
local function made_for(fresh, keys, language)
    return {
        'FT.CREATE', fresh, 'ON', 'JSON', 'PREFIX', '1', keys, 'LANGUAGE', language,
        'STOPWORDS', '0', 'SCHEMA',
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
