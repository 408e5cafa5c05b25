-- Texts: strings of UTF-8 in their true form, and how JSON and the store spell them.
--
-- Parameter: fail(code, message), which raises and never returns.
--
-- An index cuts a text at its first NUL. So U+0000 is stored as U+FDD1, and the two characters
-- that this rule needs, U+FDD0 and U+FDD1, are stored behind a U+FDD0. `hide` and `restore` are
-- that rule; texts are ordered by the stored form.

local tonumber = tonumber
local byte, char, find, format = string.byte, string.char, string.find, string.format
local gsub, match, rep, sub = string.gsub, string.match, string.rep, string.sub
local concat = table.concat
local floor, min = math.floor, math.min

-- How U+FDD0 and U+FDD1 begin in UTF-8, and the two.
local NONCHARACTER = '\239\183'
local ESCAPE, HIDDEN_NUL = '\239\183\144', '\239\183\145'
-- Any of the two; no text holds the byte 255, which marks them while others are replaced.
local EITHER = '\239\183([\144\145])'
local MARKED = '\255([\144\145])'
-- Finds what `encode` may have to change: hidden characters begin with the byte 239.
local SPECIAL = '[%z\1-\31"\\\239]'
local MUST_ESCAPE = '[\1-\31"\\]'
-- The lengths in which equal beginnings are passed over before single bytes are compared.
local LONG_BLOCK, SHORT_BLOCK = 64, 8

local ESCAPES = {['"'] = '\\"', ['\\'] = '\\\\'}
for code = 1, 31 do
    ESCAPES[char(code)] = format('\\u%04x', code)
end
ESCAPES['\b'], ESCAPES['\f'], ESCAPES['\n'] = '\\b', '\\f', '\\n'
ESCAPES['\r'], ESCAPES['\t'] = '\\r', '\\t'

local UNESCAPED = {
    ['"'] = '"', ['\\'] = '\\', ['/'] = '/',
    b = '\b', f = '\f', n = '\n', r = '\r', t = '\t',
}

local BASE64_LETTERS = {}
local BASE64_VALUES = {}
for letter in string.gmatch(
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', '.'
) do
    BASE64_LETTERS[#BASE64_LETTERS + 1] = letter
    BASE64_VALUES[letter] = #BASE64_LETTERS - 1
end

-- Gives the stored form of a text, which has no NUL.
local function hide(text)
    local noncharacter = find(text, NONCHARACTER, 1, true)
    local nul = find(text, '\0', 1, true)
    if not noncharacter and not nul then
        return text
    end
    if noncharacter then
        text = gsub(text, EITHER, ESCAPE .. '%0')
    end
    if nul then
        text = gsub(text, '%z', HIDDEN_NUL)
    end
    return text
end

-- Gives the true form of a stored text.
local function restore(text)
    if not find(text, NONCHARACTER, 1, true) then
        return text
    end
    text = gsub(text, ESCAPE .. EITHER, '\255%1')
    text = gsub(text, HIDDEN_NUL, '\0')
    return (gsub(text, MARKED, NONCHARACTER .. '%1'))
end

-- Gives the UTF-8 of a code point beyond ASCII or within.
local function utf8(code)
    if code < 0x80 then
        return char(code)
    end
    local last = 0x80 + code % 0x40
    if code < 0x800 then
        return char(0xC0 + floor(code / 0x40), last)
    end
    local third = 0x80 + floor(code / 0x40) % 0x40
    if code < 0x10000 then
        return char(0xE0 + floor(code / 0x1000), third, last)
    end
    return char(0xF0 + floor(code / 0x40000), 0x80 + floor(code / 0x1000) % 0x40, third, last)
end

-- Reads the \uXXXX at a backslash, or the two of a surrogate pair: gives its UTF-8 and its end.
local function read_code(body, backslash)
    local first = tonumber(match(body, '^u(%x%x%x%x)', backslash + 1), 16)
    if first < 0xD800 or first > 0xDFFF then
        return utf8(first), backslash + 5
    end
    local second = match(body, '^\\u([dD][c-fC-F]%x%x)', backslash + 6)
    if first > 0xDBFF or not second then
        fail('text', 'a lone surrogate in a string')
    end
    local low = tonumber(second, 16) - 0xDC00
    return utf8(0x10000 + (first - 0xD800) * 0x400 + low), backslash + 11
end

-- Undoes the escapes of JSON where some are \uXXXX.
local function unescape(body)
    local parts, start = {}, 1
    local backslash = find(body, '\\', 1, true)
    while backslash do
        parts[#parts + 1] = sub(body, start, backslash - 1)
        local plain, last = UNESCAPED[sub(body, backslash + 1, backslash + 1)], backslash + 1
        if not plain then
            plain, last = read_code(body, backslash)
        end
        parts[#parts + 1] = plain
        start = last + 1
        backslash = find(body, '\\', start, true)
    end
    parts[#parts + 1] = sub(body, start)
    return concat(parts)
end

-- Gives the true form of a text that is written in JSON, with its quotes.
local function decode(json)
    local body = sub(json, 2, -2)
    if find(body, '\\', 1, true) then
        if find(body, '\\u', 1, true) then
            body = unescape(body)
        else
            body = gsub(body, '\\(.)', UNESCAPED)
        end
    end
    return restore(body)
end

-- Gives the JSON of a text in its stored form, with quotes, as serde_json writes it.
local function encode(text)
    if not find(text, SPECIAL) then
        return '"' .. text .. '"'
    end
    return '"' .. gsub(hide(text), MUST_ESCAPE, ESCAPES) .. '"'
end

-- Gives the number of code points.
local function length(text)
    local _, continuations = gsub(text, '[\128-\191]', '')
    return #text - continuations
end

-- Gives the place behind the equal blocks of two texts, of which the shorter ends at `last`.
local function skip_equal(a, b, place, last, block)
    while place + block - 1 <= last do
        local block_end = place + block - 1
        if sub(a, place, block_end) ~= sub(b, place, block_end) then
            return place
        end
        place = block_end + 1
    end
    return place
end

-- Gives the first bytes in which two different texts differ, -1 for the end of one.
local function different_bytes(a, b)
    local place, last = 1, min(#a, #b)
    if last >= SHORT_BLOCK then
        place = skip_equal(a, b, place, last, LONG_BLOCK)
        place = skip_equal(a, b, place, last, SHORT_BLOCK)
    end
    while true do
        local left, right = byte(a, place) or -1, byte(b, place) or -1
        if left ~= right then
            return left, right
        end
        place = place + 1
    end
end

-- Says whether a text comes before another by the code points of the stored forms. The bytes of
-- UTF-8 have that order; Lua's `<` has the order of the server's locale. Hiding changes the order
-- only where the first difference is a NUL.
local function less(a, b)
    if a == b then
        return false
    end
    local left, right = different_bytes(a, b)
    if left == 0 or right == 0 then
        left, right = different_bytes(hide(a), hide(b))
    end
    return left < right
end

-- Says whether a text holds another.
local function contains(text, part)
    return find(text, part, 1, true) ~= nil
end

-- Says whether a text begins with another.
local function starts_with(text, part)
    return sub(text, 1, #part) == part
end

-- Says whether a text ends with another.
local function ends_with(text, part)
    return part == '' or sub(text, -#part) == part
end

-- Gives four letters of base64 for three bytes, or fewer with padding for the last ones.
local function encode_group(group)
    local first, second, third = byte(group, 1, 3)
    local bits = first * 65536 + (second or 0) * 256 + (third or 0)
    return BASE64_LETTERS[floor(bits / 262144) + 1]
        .. BASE64_LETTERS[floor(bits / 4096) % 64 + 1]
        .. (second and BASE64_LETTERS[floor(bits / 64) % 64 + 1] or '=')
        .. (third and BASE64_LETTERS[bits % 64 + 1] or '=')
end

-- Gives the base64 of bytes, with the URL-safe alphabet and with padding.
local function base64_encode(raw)
    return (gsub(raw, '..?.?', encode_group))
end

-- Gives the bytes of four letters of base64.
local function decode_group(a, b, c, d)
    local bits = BASE64_VALUES[a] * 262144 + BASE64_VALUES[b] * 4096
        + BASE64_VALUES[c] * 64 + BASE64_VALUES[d]
    return char(floor(bits / 65536), floor(bits / 256) % 256, bits % 256)
end

-- Gives the bytes that a base64 text stands for; nil if it is not the one spelling of any.
local function base64_decode(text)
    local letters, padding = match(text, '^([A-Za-z0-9_-]*)(=?=?)$')
    if not letters or #text % 4 ~= 0 then
        return nil
    end
    local missing = #padding
    local unused_bits = missing == 2 and 16 or (missing == 1 and 4 or 1)
    if missing > 0 and BASE64_VALUES[sub(letters, -1)] % unused_bits ~= 0 then
        return nil
    end
    local raw = gsub(letters .. rep('A', missing), '(.)(.)(.)(.)', decode_group)
    return sub(raw, 1, #raw - missing)
end

return {
    hide = hide,
    restore = restore,
    decode = decode,
    encode = encode,
    length = length,
    less = less,
    contains = contains,
    starts_with = starts_with,
    ends_with = ends_with,
    base64_encode = base64_encode,
    base64_decode = base64_decode,
}
