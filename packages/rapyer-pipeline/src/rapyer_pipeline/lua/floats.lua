-- Floats as Python computes and spells them, and as RedisJSON reads them.
--
-- Parameters: fail(code, message), which raises and never returns; and the functions of
-- integers.lua. A value is a Lua number, which is a double; `+`, `-` and `*` are those of Lua.
--
-- RedisJSON does not round decimal text correctly: it makes a double of all digits as one integer
-- and multiplies or divides it once by a power of ten. `spell` is about that; the client has the
-- same rule in its module `spelling`.

local ipairs, tonumber = ipairs, tonumber
local find, format, gsub, match = string.find, string.format, string.gsub, string.match
local sub = string.sub
local abs, floor, fmod, frexp, ldexp = math.abs, math.floor, math.fmod, math.frexp, math.ldexp
local max, huge = math.max, math.huge

local LARGEST_POWER = 308
local SMALLEST_NORMAL = ldexp(1, -1022)
local SMALLEST_EXPONENT = -1074
local MANTISSA_BITS = 53
-- Between these, 15 digits are written without an exponent, and the server reads them exactly.
local PLAIN_START, PLAIN_END = 1e-4, 1e15
local SHORT_FORMAT = '%.15g'
-- From here on Python writes integral floats with an exponent.
local EXPONENT_START = 1e16
-- The largest double below 2^64, where the server's integers end.
local SIGNIFICAND_MAX = 18446744073709549568
-- The lengths of significand that are tried in turn, and how far around the nearest.
local SPELLING_DIGITS = {17, 18, 19, 16, 20}
local SPELLING_OFFSETS = {0, 1, -1, 2, -2, 3, -3}
local FURTHEST_NEIGHBOUR = 8

local POWERS_OF_TEN = {}
for exponent = 0, LARGEST_POWER do
    POWERS_OF_TEN[exponent] = tonumber('1e' .. exponent)
end
local SHORTER_FORMATS = {}
for digits = 1, 15 do
    SHORTER_FORMATS[digits] = '%.' .. digits .. 'g'
end
local SPELLING_FORMATS = {}
for _, digits in ipairs(SPELLING_DIGITS) do
    SPELLING_FORMATS[digits] = '%.' .. (digits - 1) .. 'e'
end

-- Gives the float that a JSON number stands for.
local function parse(text)
    return tonumber(text)
end

-- Gives the 16 digits just above a power of two, which may be nearer to it than to any other
-- double though the 16 digits just below, the nearest, are not: doubles are denser below.
local function digits_above(value)
    local sign, head, tail, power = match(format('%.15e', value), '^(-?)(%d)%.(%d+)(e.*)$')
    local above = integers.text(integers.add(integers.parse(head .. tail), 1))
    return sign .. sub(above, 1, 1) .. '.' .. gsub(sub(above, 2), '0+$', '') .. power
end

-- Gives the repr of a float that takes more than 15 digits, or has very few as a subnormal.
local function long_text(value)
    if value ~= value or value == huge or value == -huge then
        fail('not_finite', 'not a finite number')
    end
    local magnitude = abs(value)
    if magnitude < SMALLEST_NORMAL then
        for digits = 1, 15 do
            local short = format(SHORTER_FORMATS[digits], value)
            if tonumber(short) == value then
                return short
            end
        end
    end
    local text = format('%.16g', value)
    if tonumber(text) ~= value then
        local above = frexp(magnitude) == 0.5 and digits_above(value)
        if above and tonumber(above) == value then
            return above
        end
        text = format(magnitude < EXPONENT_START and '%.17g' or '%.16e', value)
    end
    if magnitude >= PLAIN_END and magnitude < EXPONENT_START and not find(text, '.', 1, true) then
        return text .. '.0'
    end
    return text
end

-- Gives the shortest text that stands for a finite float, the same as Python's repr.
local function text(value)
    if value % 1 == 0 and value < EXPONENT_START and value > -EXPONENT_START then
        return format('%.1f', value)
    end
    local short = format(SHORT_FORMAT, value)
    if tonumber(short) == value and (value >= SMALLEST_NORMAL or value <= -SMALLEST_NORMAL)
        and value < huge and value > -huge then
        return short
    end
    return long_text(value)
end

-- Gives the double that the server makes of a significand, from 0 to 2^64, and a power of ten.
local function server_reads(significand, exponent)
    while exponent < -LARGEST_POWER do
        significand = significand / POWERS_OF_TEN[LARGEST_POWER]
        exponent = exponent + LARGEST_POWER
        if significand == 0 then
            return 0
        end
    end
    if exponent < 0 then
        return significand / POWERS_OF_TEN[-exponent]
    elseif exponent <= LARGEST_POWER then
        return significand * POWERS_OF_TEN[exponent]
    end
    return significand == 0 and 0 or huge
end

-- Gives the distance to the next integer that is a double.
local function integer_spacing(double)
    local _, exponent = frexp(double)
    return ldexp(1, max(exponent - MANTISSA_BITS, 0))
end

-- Gives a text of a significand and an exponent that the server reads as this positive double.
local function spell_longer(magnitude)
    for _, digits in ipairs(SPELLING_DIGITS) do
        local written = format(SPELLING_FORMATS[digits], magnitude)
        local whole, fraction, power = match(written, '^(%d)%.(%d+)e(.*)$')
        local centre = tonumber(whole .. fraction)
        local exponent = tonumber(power) - #fraction
        local spacing = integer_spacing(centre)
        for _, offset in ipairs(SPELLING_OFFSETS) do
            local candidate = centre + offset * spacing
            if candidate <= SIGNIFICAND_MAX and server_reads(candidate, exponent) == magnitude then
                return format('%.0fe%d', candidate, exponent)
            end
        end
    end
    return nil
end

-- Gives the text that the server reads as exactly this float, whose repr it is given; nil for
-- about one in a thousand of full precision.
local function spell_alone(value, written)
    local magnitude = abs(value)
    local whole, fraction, power = match(written, '^-?(%d+)%.?(%d*)e?(.*)$')
    local significand = tonumber(whole .. fraction)
    if server_reads(significand, (tonumber(power) or 0) - #fraction) == magnitude then
        return written
    end
    local spelling = spell_longer(magnitude)
    if spelling and value < 0 then
        return '-' .. spelling
    end
    return spelling
end

-- Gives the next double towards infinity.
local function next_above(value)
    if value == 0 then
        return ldexp(1, SMALLEST_EXPONENT)
    end
    local mantissa, exponent = frexp(value)
    local exponent_of_step = exponent - MANTISSA_BITS
    if mantissa == -0.5 then
        exponent_of_step = exponent_of_step - 1
    end
    return value + ldexp(1, max(exponent_of_step, SMALLEST_EXPONENT))
end

-- Gives the next double towards minus infinity.
local function next_below(value)
    return -next_above(-value)
end

-- Spells a neighbor and what has to be added to it, if both can be spelled and the sum is exact.
local function spell_from(neighbor, value)
    local delta = value - neighbor
    if abs(neighbor) == huge or neighbor + delta ~= value then
        return nil
    end
    local spelling = spell_alone(neighbor, text(neighbor))
    local correction = spelling and spell_alone(delta, text(delta))
    if not correction then
        return nil
    end
    return spelling, correction
end

-- Gives a float without a spelling as two texts: a float beside it, and what to add to that.
local function spell_in_two(value)
    local above, below = value, value
    for _ = 1, FURTHEST_NEIGHBOUR do
        above, below = next_above(above), next_below(below)
        local spelling, correction = spell_from(above, value)
        if not spelling then
            spelling, correction = spell_from(below, value)
        end
        if spelling then
            return spelling, correction
        end
    end
    fail('unspellable', 'the server cannot hold ' .. text(value) .. ' exactly')
end

-- Gives a text that the server reads as exactly this float. For one that has none: the text of a
-- float beside it, and the text of what JSON.NUMINCRBY then has to add.
local function spell(value)
    if value < PLAIN_END and value > -PLAIN_END then
        if value % 1 == 0 then
            return format('%.1f', value)
        end
        if value >= PLAIN_START or value <= -PLAIN_START then
            local short = format(SHORT_FORMAT, value)
            if tonumber(short) == value then
                return short
            end
        end
    end
    local spelling = spell_alone(value, text(value))
    if spelling then
        return spelling
    end
    return spell_in_two(value)
end

-- Gives the quotient; division by zero fails.
local function divide(a, b)
    if b == 0 then
        fail('zero', 'division by zero')
    end
    return a / b
end

-- Gives a zero with the sign of a number, which may be a zero itself.
local function zero_like(number)
    if number < 0 or (number == 0 and 1 / number < 0) then
        return -1 / huge
    end
    return 0
end

-- Gives the quotient rounded down, as Python's `//`.
local function floor_divide(a, b)
    if b == 0 then
        fail('zero', 'division by zero')
    end
    local rest = fmod(a, b)
    local quotient = (a - rest) / b
    if rest ~= 0 and (rest < 0) ~= (b < 0) then
        quotient = quotient - 1
    end
    if quotient == 0 then
        return zero_like(a / b)
    end
    local whole = floor(quotient)
    if quotient - whole > 0.5 then
        whole = whole + 1
    end
    return whole
end

-- Gives the remainder with the sign of the divisor, as Python's `%`.
local function modulo(a, b)
    if b == 0 then
        fail('zero', 'division by zero')
    end
    local rest = fmod(a, b)
    if rest == 0 then
        return zero_like(b)
    end
    if (rest < 0) ~= (b < 0) then
        return rest + b
    end
    return rest
end

return {
    parse = parse,
    text = text,
    spell = spell,
    div = divide,
    floordiv = floor_divide,
    mod = modulo,
}
