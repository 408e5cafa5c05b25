-- How values of each kind stand in JSON, and how they are compared.
--
-- i: integer; f: double; s: text; b: boolean; y: bytes; d: instant {us, off}; D: days; T: span in
-- microseconds; t: time of day {us, off}; c: decimal {dec, text}; j: any JSON, as its text. `NULL`
-- stands for None in each.
local find, floor, format = string.find, math.floor, string.format
local NULL = cjson.null
local EXACT = 9007199254740992
local kinds = {read = {}, write = {}, equal = {}, less = {}}
local read, write, equal, less = kinds.read, kinds.write, kinds.equal, kinds.less

local names = {
    i = 'an integer', f = 'a number', s = 'a string', b = 'a bool', y = 'bytes', d = 'a datetime',
    D = 'a date', T = 'a timedelta', t = 'a time', c = 'a Decimal', j = 'JSON',
}

local function wrong(kind, raw)
    local found = type(raw) == 'table' and 'an object or a list' or cjson.encode(raw)
    fail('type', 'expected ' .. names[kind] .. ', found ' .. string.sub(found, 1, 80))
end

-- Reads an integer that decoding has rounded, by the JSON text of its cell.
local function digits(kind, raw, cell)
    local found = mirror.exact_text(cell)
    if not find(found, '^%-?%d+$') then wrong(kind, raw) end
    return integers.parse(found)
end

local function read_integer(kind)
    return function(raw, cell)
        if type(raw) ~= 'number' then
            if raw == NULL then return NULL end
            wrong(kind, raw)
        end
        if raw < EXACT and raw > -EXACT then
            if raw ~= floor(raw) then wrong(kind, raw) end
            return raw
        end
        return digits(kind, raw, cell)
    end
end
read.i, read.D, read.T = read_integer('i'), read_integer('D'), read_integer('T')

function read.f(raw)
    if type(raw) == 'number' or raw == NULL then return raw end
    wrong('f', raw)
end

function read.s(raw)
    if type(raw) == 'string' then return texts.restore(raw) end
    if raw == NULL then return NULL end
    wrong('s', raw)
end

function read.b(raw)
    if type(raw) == 'boolean' or raw == NULL then return raw end
    wrong('b', raw)
end

function read.y(raw)
    if raw == NULL then return NULL end
    local value = type(raw) == 'string' and texts.base64_decode(raw)
    if not value then wrong('y', raw) end
    return value
end

local function is_whole(value) return type(value) == 'number' and value == floor(value) end

-- What no reader would take for a moment is none here: fractions, other members, unknown offsets.
local function is_moment(raw)
    if type(raw) ~= 'table' or not is_whole(raw.us) then return false end
    for name in pairs(raw) do
        if name ~= 'us' and name ~= 'off' then return false end
    end
    return raw.off == nil or is_whole(raw.off) and math.abs(raw.off) < 86400
end

local function read_moment(kind)
    return function(raw, cell)
        if raw == NULL then return NULL end
        if not is_moment(raw) then wrong(kind, raw) end
        local us = raw.us
        if kind == 't' and (us < 0 or us >= 86400000000) then wrong(kind, raw) end
        if us >= EXACT or us <= -EXACT then
            local text = mirror.exact_text(cell)
            us = integers.parse(string.match(text, '"us":(%-?%d+)[,}]') or wrong(kind, raw))
        end
        return {us = us, off = raw.off}
    end
end
read.d, read.t = read_moment('d'), read_moment('t')

function read.c(raw, cell)
    if raw == NULL then return NULL end
    if type(raw) ~= 'table' or type(raw.dec) ~= 'string' then wrong('c', raw) end
    return {dec = raw.dec, text = mirror.exact_text(cell)}
end

function read.j(_, cell) return mirror.exact_text(cell) end

local function write_integer(value)
    if value == NULL then return 'null' end
    if type(value) == 'number' then return format('%d', value) end
    if not integers.fits(value) then
        fail('overflow', integers.text(value) .. ' is outside the 64 bits of an integer')
    end
    return integers.text(value)
end
write.i, write.D, write.T = write_integer, write_integer, write_integer

-- Reads a value of a kind from its JSON text.
function kinds.parse(kind, text)
    if kind == 'j' then return text end
    if text == 'null' then return NULL end
    if kind == 'i' then return integers.parse(text) end
    if kind == 'f' then return tonumber(text) end
    if kind == 's' then return texts.decode(text) end
    if kind == 'b' then return text == 'true' end
    return read[kind](cjson.decode('[' .. text .. ']')[1], {text = text})
end

-- Reads a value of a kind from JSON text that the document has, which may be of another type.
function kinds.read_text(kind, text)
    if kind == 'j' then return text end
    return read[kind](cjson.decode('[' .. text .. ']')[1], {text = text})
end

function write.f(value)
    if value == NULL then return 'null' end
    return floats.text(value)
end

function write.s(value)
    if value == NULL then return 'null' end
    return texts.encode(value)
end

function write.b(value)
    if value == NULL then return 'null' end
    return value and 'true' or 'false'
end

function write.y(value)
    if value == NULL then return 'null' end
    return '"' .. texts.base64_encode(value) .. '"'
end

local function write_moment(value)
    if value == NULL then return 'null' end
    local us = write_integer(value.us)
    if not value.off then return '{"us":' .. us .. '}' end
    return '{"us":' .. us .. ',"off":' .. format('%d', value.off) .. '}'
end
write.d, write.t = write_moment, write_moment

function write.c(value)
    if value == NULL then return 'null' end
    return value.text
end

function write.j(value) return value end

-- None is equal to None alone, and has no place in an order.
local function same(one, other) return one == other end
equal.f, equal.s, equal.b, equal.y = same, same, same, same
function equal.i(one, other)
    if type(one) == 'number' or type(other) == 'number' or one == NULL or other == NULL then
        return one == other
    end
    return integers.equal(one, other)
end
equal.D, equal.T = equal.i, equal.i

-- One with a time zone is never equal to one without, and there is no order between them.
local function are_alike(one, other) return (one.off == nil) == (other.off == nil) end

-- The microseconds of a time since midnight, in UTC where it has a time zone.
local function instant_of_time(value)
    return value.off and value.us - value.off * 1000000 or value.us
end
function equal.d(one, other)
    if one == NULL or other == NULL then return one == other end
    return are_alike(one, other) and equal.i(one.us, other.us)
end
function equal.t(one, other)
    if one == NULL or other == NULL then return one == other end
    return are_alike(one, other) and instant_of_time(one) == instant_of_time(other)
end

function equal.c(one, other)
    if one == NULL or other == NULL then return one == other end
    return decimals.compare(one.dec, other.dec) == 0
end

-- Compares JSON by structure; the order of keys says nothing, and 1 is 1.0 as in Python.
local function alike(one, other)
    if type(one) ~= type(other) then return false end
    if type(one) == 'number' and (one >= EXACT or one <= -EXACT) and one == other then
        fail('unsupported', 'integers beyond 2^53 inside lists and dicts cannot be compared here')
    end
    if type(one) ~= 'table' then return one == other end
    for key, value in pairs(one) do
        if other[key] == nil or not alike(value, other[key]) then return false end
    end
    for key in pairs(other) do
        if one[key] == nil then return false end
    end
    return true
end
function equal.j(one, other)
    if one == other then return true end
    if one == NULL or other == NULL then return one == other end
    return alike(cjson.decode('[' .. one .. ']'), cjson.decode('[' .. other .. ']'))
end

less.i, less.D, less.T = integers.less, integers.less, integers.less
function less.f(one, other) return one < other end
less.s = texts.less
function less.c(one, other) return decimals.compare(one.dec, other.dec) < 0 end
-- Bytes are ordered as such; no byte of theirs is hidden.
function less.y(one, other)
    local length = math.min(#one, #other)
    for place = 1, length do
        local first, second = string.byte(one, place), string.byte(other, place)
        if first ~= second then return first < second end
    end
    return #one < #other
end
function less.d(one, other) return are_alike(one, other) and integers.less(one.us, other.us) end
function less.t(one, other)
    return are_alike(one, other) and instant_of_time(one) < instant_of_time(other)
end

return kinds
