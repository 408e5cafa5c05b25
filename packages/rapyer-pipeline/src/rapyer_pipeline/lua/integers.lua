-- Integers of any size, computed as Python does.
--
-- Parameters: fail(code, message), which raises and never returns; and the functions of
-- magnitudes.lua.
--
-- A value is a Lua number while its magnitude is below 2^53 (integral, never -0), and above that
-- a table of limbs: the decimal digits in groups of seven, the lowest group first, and `sign`, 1
-- or -1. Each value has one form only, and no function changes a table that it was given.

local type, tonumber = type, tonumber
local format, match, sub = string.format, string.match, string.sub
local concat = table.concat
local floor, fmod, ldexp = math.floor, math.fmod, math.ldexp
local log, max, min, huge = math.log, math.max, math.min, math.huge
local add_magnitudes, subtract_magnitudes = magnitudes.add, magnitudes.subtract
local multiply_magnitudes, divide_magnitudes = magnitudes.multiply, magnitudes.divide
local compare_magnitudes = magnitudes.compare

local BASE = 10000000
local BASE_DIGITS = 7
local BASE_SQUARED = BASE * BASE
local NUMBER_END = 9007199254740992
-- `%d` is the faster one, and right where a C long has 64 bits.
local NUMBER_FORMAT = format('%d', NUMBER_END) == '9007199254740992' and '%d' or '%.0f'
local LONGEST_PLAIN_TEXT = 15
local LONGEST_PRODUCT = 60
-- Below this third limb, three limbs are an exact sum of two doubles (5^14 has 33 bits).
local EXACT_THIRD_LIMB = 1000000
local LOG_2 = log(2)
local BITS_OF_LIMB = log(BASE) / LOG_2
-- A quotient of at least 55 bits rounds as the exact one does if its last bit tells of the rest.
local QUOTIENT_BITS = 55
local SMALLEST_EXPONENT = -1074

-- Gives the limbs of any value, with its sign.
local function to_limbs(value)
    if type(value) == 'table' then
        return value
    end
    local limbs = {sign = 1}
    if value < 0 then
        limbs.sign = -1
        value = -value
    end
    local count = 0
    while value > 0 do
        local rest = floor(value / BASE)
        count = count + 1
        limbs[count] = value - rest * BASE
        value = rest
    end
    return limbs
end

-- Gives the value of a magnitude that was just made: a number wherever it is small enough.
local function with_sign(limbs, sign)
    limbs.sign = sign
    local count = #limbs
    if count > 3 then
        return limbs
    end
    local high, middle, low = limbs[3] or 0, limbs[2] or 0, limbs[1] or 0
    if high >= 100 then
        return limbs
    end
    local magnitude = high * BASE_SQUARED + (middle * BASE + low)
    if magnitude >= NUMBER_END then
        return limbs
    end
    return sign * magnitude + 0
end

-- Adds two values of any size; `sign_of_b` is 1, or -1 to subtract.
local function add_limbs(a, b, sign_of_b)
    a, b = to_limbs(a), to_limbs(b)
    local b_sign = b.sign * sign_of_b
    if a.sign == b_sign then
        return with_sign(add_magnitudes(a, b), a.sign)
    end
    if compare_magnitudes(a, b) >= 0 then
        return with_sign(subtract_magnitudes(a, b), a.sign)
    end
    return with_sign(subtract_magnitudes(b, a), b_sign)
end

-- Gives quotient and remainder of two values as Python's divmod does.
local function divmod_limbs(a, b)
    a, b = to_limbs(a), to_limbs(b)
    if #b == 0 then
        fail('zero', 'division by zero')
    end
    local quotient, remainder = divide_magnitudes(a, b)
    quotient = with_sign(quotient, a.sign * b.sign)
    remainder = with_sign(remainder, a.sign)
    if remainder ~= 0 and a.sign ~= b.sign then
        return add_limbs(quotient, 1, -1), add_limbs(remainder, b, 1)
    end
    return quotient, remainder
end

-- Gives the integer that a decimal text stands for: an optional minus, then digits only.
local function parse(text)
    if #text <= LONGEST_PLAIN_TEXT then
        return tonumber(text) + 0
    end
    local minus, digits = match(text, '^(-?)0*(%d+)$')
    local limbs, count = {}, 0
    for last = #digits, 1, -BASE_DIGITS do
        count = count + 1
        limbs[count] = tonumber(sub(digits, max(1, last - BASE_DIGITS + 1), last))
    end
    return with_sign(limbs, minus == '-' and -1 or 1)
end

-- Gives the decimal text of a value.
local function text(value)
    if type(value) == 'number' then
        return format(NUMBER_FORMAT, value)
    end
    local count = #value
    local parts = {value.sign < 0 and '-' or '', format('%d', value[count])}
    for index = count - 1, 1, -1 do
        parts[#parts + 1] = format('%07d', value[index])
    end
    return concat(parts)
end

-- Gives the sum.
local function add(a, b)
    if type(a) == 'number' and type(b) == 'number' then
        local sum = a + b
        if sum < NUMBER_END and sum > -NUMBER_END then
            return sum
        end
    end
    return add_limbs(a, b, 1)
end

-- Gives the difference.
local function subtract(a, b)
    if type(a) == 'number' and type(b) == 'number' then
        local difference = a - b
        if difference < NUMBER_END and difference > -NUMBER_END then
            return difference
        end
    end
    return add_limbs(a, b, -1)
end

-- Gives the product; one of more than 60 limbs fails.
local function multiply(a, b)
    if type(a) == 'number' and type(b) == 'number' then
        local product = a * b
        if product < NUMBER_END and product > -NUMBER_END then
            return product + 0
        end
    end
    a, b = to_limbs(a), to_limbs(b)
    -- The second look is at the length itself, the first saves computing what is much too long.
    if #a + #b > LONGEST_PRODUCT + 1 and #a > 0 and #b > 0 then
        fail('overflow', 'integer too large')
    end
    local product = with_sign(multiply_magnitudes(a, b), a.sign * b.sign)
    if type(product) == 'table' and #product > LONGEST_PRODUCT then
        fail('overflow', 'integer too large')
    end
    return product
end

-- Gives the quotient rounded down, as Python's `//`.
local function floor_divide(a, b)
    if type(a) == 'number' and type(b) == 'number' and b ~= 0 then
        local rest = fmod(a, b)
        local quotient = (a - rest) / b
        if rest ~= 0 and (rest < 0) ~= (b < 0) then
            return quotient - 1
        end
        return quotient + 0
    end
    return (divmod_limbs(a, b))
end

-- Gives the remainder with the sign of the divisor, as Python's `%`.
local function modulo(a, b)
    if type(a) == 'number' and type(b) == 'number' and b ~= 0 then
        local rest = fmod(a, b)
        if rest ~= 0 and (rest < 0) ~= (b < 0) then
            return rest + b
        end
        return rest + 0
    end
    local _, remainder = divmod_limbs(a, b)
    return remainder
end

-- Gives the value with the other sign.
local function negate(value)
    if type(value) == 'number' then
        return 0 - value
    end
    return add_limbs(0, value, -1)
end

-- Compares two values: -1, 0 or 1.
local function compare(a, b)
    if type(a) == 'number' and type(b) == 'number' then
        return a < b and -1 or (a > b and 1 or 0)
    end
    a, b = to_limbs(a), to_limbs(b)
    if a.sign ~= b.sign then
        return a.sign
    end
    if a.sign < 0 then
        return compare_magnitudes(b, a)
    end
    return compare_magnitudes(a, b)
end

-- Says whether the first is smaller.
local function less(a, b)
    if type(a) == 'number' and type(b) == 'number' then
        return a < b
    end
    return compare(a, b) < 0
end

-- Says whether the first is smaller or equal.
local function less_equal(a, b)
    if type(a) == 'number' and type(b) == 'number' then
        return a <= b
    end
    return compare(a, b) <= 0
end

-- Says whether two values are equal; a number and a table never are, each value having one form.
local function equal(a, b)
    if type(a) == 'number' or type(b) == 'number' then
        return a == b
    end
    return compare(a, b) == 0
end

-- Says whether a value is zero.
local function is_zero(value)
    return value == 0
end

local INT64_MIN, INT64_MAX = parse('-9223372036854775808'), parse('9223372036854775807')

-- Says whether the server holds the value as an integer: whether it has at most 64 bits.
local function fits(value)
    if type(value) == 'number' then
        return true
    end
    return compare(value, INT64_MIN) >= 0 and compare(value, INT64_MAX) <= 0
end

-- Gives the nearest double, to even between two; infinite where there is none.
local function nearest_double(value)
    if type(value) == 'number' then
        return value
    end
    if #value == 3 and value[3] < EXACT_THIRD_LIMB then
        return value.sign * (value[3] * BASE_SQUARED + (value[2] * BASE + value[1]))
    end
    return tonumber(text(value))
end

-- Gives the nearest double as Python's float(int) does; beyond the doubles it fails.
local function to_float(value)
    local double = nearest_double(value)
    if double == huge or double == -huge then
        fail('overflow', 'int too large to convert to float')
    end
    return double
end

-- Gives the exact integer of a double; nil if it has a fraction or is not finite.
local function from_float(double)
    if double < NUMBER_END and double > -NUMBER_END then
        return double % 1 == 0 and double + 0 or nil
    end
    if double ~= double or double == huge or double == -huge then
        return nil
    end
    return parse(format('%.0f', double))
end

-- Compares an integer with a double exactly: -1, 0 or 1; nil for nan.
local function compare_float(value, double)
    if double ~= double then
        return nil
    end
    if double == huge then
        return -1
    elseif double == -huge then
        return 1
    elseif type(value) == 'number' then
        return value < double and -1 or (value > double and 1 or 0)
    elseif double < NUMBER_END and double > -NUMBER_END then
        return value.sign
    end
    return compare(value, from_float(double))
end

-- Gives 2^exponent as limbs.
local function power_of_two(exponent)
    local power = {1}
    while exponent > 0 do
        local step = min(exponent, 1000)
        power = multiply_magnitudes(power, to_limbs(from_float(ldexp(1, step))))
        exponent = exponent - step
    end
    return power
end

-- Gives the binary logarithm of a magnitude, near enough to count its bits within one.
local function count_bits(limbs)
    local count = #limbs
    local lead = limbs[count] + ((limbs[count - 1] or 0) + (limbs[count - 2] or 0) / BASE) / BASE
    return log(lead) / LOG_2 + (count - 1) * BITS_OF_LIMB
end

-- Divides two values where one is not a number: the quotient in integers, rounded once.
local function divide_rounding(a, b)
    a, b = to_limbs(a), to_limbs(b)
    local sign = a.sign * b.sign
    if #a == 0 then
        return sign * 0
    end
    local shift = QUOTIENT_BITS - floor(count_bits(a) - count_bits(b))
    -- Two bits more than the smallest double has are enough where doubles become sparse.
    shift = min(shift, 2 - SMALLEST_EXPONENT)
    if shift > 0 then
        a = multiply_magnitudes(a, power_of_two(shift))
    else
        b = multiply_magnitudes(b, power_of_two(-shift))
    end
    local quotient, remainder = divide_magnitudes(a, b)
    quotient = with_sign(quotient, 1)
    -- An odd quotient says that the exact one is beside it, and keeps it off the middle.
    if #remainder > 0 and modulo(quotient, 2) == 0 then
        quotient = add(quotient, 1)
    end
    if less(quotient, 2 * NUMBER_END) then
        local rest = modulo(quotient, 4)
        local whole = floor_divide(quotient, 4)
        if rest > 2 or (rest == 2 and whole % 2 == 1) then
            whole = whole + 1
        end
        return sign * ldexp(whole, SMALLEST_EXPONENT)
    end
    return sign * ldexp(nearest_double(quotient), -shift)
end

-- Gives the double that Python's int / int gives.
local function true_divide(a, b)
    if b == 0 then
        fail('zero', 'division by zero')
    end
    if type(a) == 'number' and type(b) == 'number' then
        return a / b
    end
    local quotient = divide_rounding(a, b)
    if quotient == huge or quotient == -huge then
        fail('overflow', 'integer division result too large for a float')
    end
    return quotient
end

return {
    parse = parse,
    text = text,
    add = add,
    sub = subtract,
    mul = multiply,
    floordiv = floor_divide,
    mod = modulo,
    neg = negate,
    compare = compare,
    less = less,
    less_equal = less_equal,
    equal = equal,
    is_zero = is_zero,
    fits = fits,
    to_float = to_float,
    truediv = true_divide,
    from_float = from_float,
    compare_float = compare_float,
}
