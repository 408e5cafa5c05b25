-- Arithmetic on magnitudes, the limbs of an integer without its sign.
--
-- A magnitude is a list of limbs: the decimal digits in groups of seven, the lowest group first.
-- Zero has no limbs, and no argument may have zeros in front. No function changes its arguments.

local floor, max = math.floor, math.max

local BASE = 10000000

-- Removes leading zeros from limbs that were just made.
local function trim(limbs)
    local count = #limbs
    while count > 0 and limbs[count] == 0 do
        limbs[count] = nil
        count = count - 1
    end
    return limbs
end

-- Compares two magnitudes: -1, 0 or 1.
local function compare(a, b)
    local count = #a
    if count ~= #b then
        return count < #b and -1 or 1
    end
    for index = count, 1, -1 do
        local left, right = a[index], b[index]
        if left ~= right then
            return left < right and -1 or 1
        end
    end
    return 0
end

-- Adds two magnitudes.
local function add(a, b)
    local sum, carry = {}, 0
    for index = 1, max(#a, #b) do
        local digit = (a[index] or 0) + (b[index] or 0) + carry
        if digit >= BASE then
            sum[index] = digit - BASE
            carry = 1
        else
            sum[index] = digit
            carry = 0
        end
    end
    if carry > 0 then
        sum[#sum + 1] = carry
    end
    return sum
end

-- Subtracts a magnitude from one that is not smaller.
local function subtract(a, b)
    local difference, borrow = {}, 0
    for index = 1, #a do
        local digit = a[index] - (b[index] or 0) - borrow
        if digit < 0 then
            difference[index] = digit + BASE
            borrow = 1
        else
            difference[index] = digit
            borrow = 0
        end
    end
    return trim(difference)
end

-- Multiplies two magnitudes of any length.
local function multiply(a, b)
    local product = {}
    local a_count, b_count = #a, #b
    for index = 1, a_count + b_count do
        product[index] = 0
    end
    for a_index = 1, a_count do
        local factor, carry = a[a_index], 0
        local place = a_index
        for b_index = 1, b_count do
            local digit = product[place] + factor * b[b_index] + carry
            carry = floor(digit / BASE)
            product[place] = digit - carry * BASE
            place = place + 1
        end
        product[place] = carry
    end
    return trim(product)
end

-- Multiplies a magnitude by one limb.
local function scale(limbs, factor)
    local scaled, carry = {}, 0
    local count = #limbs
    for index = 1, count do
        local digit = limbs[index] * factor + carry
        carry = floor(digit / BASE)
        scaled[index] = digit - carry * BASE
    end
    if carry > 0 then
        scaled[count + 1] = carry
    end
    return scaled
end

-- Divides a magnitude by one limb: gives the quotient's limbs and the remainder as a number.
local function divide_by_limb(limbs, divisor)
    local quotient, rest = {}, 0
    for index = #limbs, 1, -1 do
        local digit = rest * BASE + limbs[index]
        local part = floor(digit / divisor)
        quotient[index] = part
        rest = digit - part * divisor
    end
    return trim(quotient), rest
end

-- Takes `digit` times the divisor off the remainder at `place`; says whether it was too much.
local function take_off(remainder, divisor, digit, place)
    local count, carry = #divisor, 0
    for index = 1, count do
        local value = remainder[place + index] - digit * divisor[index] + carry
        carry = floor(value / BASE)
        remainder[place + index] = value - carry * BASE
    end
    local top = place + count + 1
    remainder[top] = remainder[top] + carry
    return remainder[top] < 0
end

-- Adds the divisor back to the remainder at `place`.
local function put_back(remainder, divisor, place)
    take_off(remainder, divisor, -1, place)
end

-- Divides by a magnitude that is not zero: gives quotient and remainder (Knuth's algorithm D).
local function divide(a, b)
    local count = #b
    if compare(a, b) < 0 then
        local rest = {}
        for index = 1, #a do
            rest[index] = a[index]
        end
        return {}, rest
    end
    if count == 1 then
        local quotient, rest = divide_by_limb(a, b[1])
        return quotient, trim({rest})
    end
    local factor = floor(BASE / (b[count] + 1))
    local divisor = scale(b, factor)
    local remainder = scale(a, factor)
    local length = #remainder
    remainder[length + 1] = 0
    local first, second = divisor[count], divisor[count - 1]
    local quotient = {}
    for place = length - count, 0, -1 do
        local top = place + count + 1
        local head = remainder[top] * BASE + remainder[top - 1]
        local digit = floor(head / first)
        local rest = head - digit * first
        local third = remainder[top - 2]
        while digit >= BASE or (rest < BASE and digit * second > rest * BASE + third) do
            digit = digit - 1
            rest = rest + first
        end
        if take_off(remainder, divisor, digit, place) then
            put_back(remainder, divisor, place)
            digit = digit - 1
        end
        quotient[place + 1] = digit
    end
    return trim(quotient), (divide_by_limb(trim(remainder), factor))
end

return {
    compare = compare,
    add = add,
    subtract = subtract,
    multiply = multiply,
    divide = divide,
}
