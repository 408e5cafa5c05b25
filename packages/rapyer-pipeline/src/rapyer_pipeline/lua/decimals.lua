-- Decimals, held as the texts that Python's Decimal writes, compared without computing them.
--
-- Parameter: fail(code, message), which raises and never returns.

local tonumber = tonumber
local byte, find, gsub = string.byte, string.find, string.gsub
local match, sub = string.match, string.sub
local floor, min = math.floor, math.min

-- Exponents go up to 10^18 and more, beyond what one number holds exactly: they are kept in two.
local EXPONENT_BASE = 1000000000
local EXPONENT_LOW_DIGITS = 9

-- Gives the exponent of a text moved by a count of digits, as two numbers: high and low part.
local function moved_exponent(exponent, digits)
    local minus, rest = match(exponent, '^([+-]?)(.*)$')
    local high = tonumber(sub(rest, 1, -EXPONENT_LOW_DIGITS - 1)) or 0
    local low = tonumber(sub(rest, -EXPONENT_LOW_DIGITS)) or 0
    if minus == '-' then
        high, low = -high, -low
    end
    low = low + digits
    local carry = floor(low / EXPONENT_BASE)
    return high + carry, low - carry * EXPONENT_BASE
end

-- Gives a decimal's sign, its digits without zeros at either end, and the power of ten that its
-- first digit stands before, in two parts. Zero has the sign 0 and nothing else.
local function take_apart(text)
    local minus, whole, fraction, power = match(text, '^([+-]?)(%d*)%.?(%d*)(.*)$')
    local digits = whole and whole .. fraction
    local exponent = power and (match(power, '^[eE]([+-]?%d+)$') or (power == '' and ''))
    if not exponent or digits == '' then
        fail('decimal', 'not a decimal number')
    end
    local first = find(digits, '[1-9]')
    if not first then
        return 0
    end
    local high, low = moved_exponent(exponent, #whole - first + 1)
    digits = gsub(sub(digits, first), '0+$', '')
    return minus == '-' and -1 or 1, digits, high, low
end

-- Compares two runs of digits that begin at the same place: -1, 0 or 1.
local function compare_digits(a, b)
    if a == b then
        return 0
    end
    for place = 1, min(#a, #b) do
        local left, right = byte(a, place), byte(b, place)
        if left ~= right then
            return left < right and -1 or 1
        end
    end
    return #a < #b and -1 or 1
end

-- Compares two decimal texts as Python compares the decimals: -1, 0 or 1.
local function compare(a, b)
    if a == b then
        return 0
    end
    local a_sign, a_digits, a_high, a_low = take_apart(a)
    local b_sign, b_digits, b_high, b_low = take_apart(b)
    if a_sign ~= b_sign then
        return a_sign < b_sign and -1 or 1
    elseif a_sign == 0 then
        return 0
    elseif a_high ~= b_high then
        return a_high < b_high and -a_sign or a_sign
    elseif a_low ~= b_low then
        return a_low < b_low and -a_sign or a_sign
    end
    if a_sign < 0 then
        return compare_digits(b_digits, a_digits)
    end
    return compare_digits(a_digits, b_digits)
end

return {compare = compare}
