-- Calculations: what comes of values that are not None, as in Python.
local NULL = cjson.null
local makers, compile = expressions.makers, expressions.compile

-- Makes the compiler of an operation on values that are not None.
local function calculation(operation)
    return function(expression, is_lenient)
        local left, right = compile(expression[2], is_lenient), compile(expression[3], is_lenient)
        return function()
            local one, other = left(), right()
            if one == NULL or other == NULL then
                if is_lenient then return NULL end
                fail('none', 'None was used in a calculation')
            end
            return operation(one, other)
        end
    end
end

local function plus(one, other) return one + other end
local function minus(one, other) return one - other end
local function times(one, other) return one * other end

makers['i+'] = calculation(integers.add)
makers['i-'] = calculation(integers.sub)
makers['i*'] = calculation(integers.mul)
makers['i//'] = calculation(integers.floordiv)
makers['i%'] = calculation(integers.mod)
makers['i/'] = calculation(integers.truediv)
makers['f+'], makers['f-'], makers['f*'] = calculation(plus), calculation(minus), calculation(times)
makers['f/'] = calculation(floats.div)
makers['f//'] = calculation(floats.floordiv)
makers['f%'] = calculation(floats.mod)
local LONGEST_TEXT = 67108864
makers['s+'] = calculation(function(one, other)
    if #one + #other > LONGEST_TEXT then fail('overflow', 'a string would be larger than 64 MB') end
    return one .. other
end)
makers['s*'] = calculation(function(text, count)
    if text == '' or integers.less(count, 1) then return '' end
    if type(count) ~= 'number' then
        fail('overflow', 'a string is repeated more than 2^53 times')
    end
    if #text * count > LONGEST_TEXT then
        fail('overflow', 'a string would be larger than 64 MB')
    end
    return string.rep(text, count)
end)

-- Spans, dates and moments. Their limits are those of Python.
local DAY = 86400000000
local LONGEST = integers.parse('86399999999999999999')
local SHORTEST = integers.parse('-86399999913600000000')
local function checked_span(value)
    if integers.less(LONGEST, value) or integers.less(value, SHORTEST) then
        fail('overflow', 'a timedelta would be longer than 999999999 days')
    end
    return value
end
local function span(operation)
    return calculation(function(one, other) return checked_span(operation(one, other)) end)
end
makers['T+'], makers['T-'] = span(integers.add), span(integers.sub)
makers['T*'] = span(integers.mul)
makers['T//'], makers['T%'] = span(integers.floordiv), span(integers.mod)

local FIRST_US = integers.parse('-62135596800000000')
local LAST_US = integers.parse('253402300799999999')
local FIRST_DAY, LAST_DAY = -719162, 2932896
local function moved(operation)
    return function(moment, by)
        local us = operation(moment.us, by)
        local off = (moment.off or 0) * 1000000
        local clock = integers.add(us, off)
        if integers.less(clock, FIRST_US) or integers.less(LAST_US, clock) then
            fail('overflow', 'a datetime would be outside the years 1 to 9999')
        end
        return {us = us, off = moment.off}
    end
end
makers['d+'], makers['d-'] = calculation(moved(integers.add)), calculation(moved(integers.sub))
makers['dd'] = function(expression, is_lenient)
    return calculation(function(one, other)
        if (one.off == nil) == (other.off == nil) then return integers.sub(one.us, other.us) end
        if is_lenient then return NULL end
        fail('zones', 'a datetime with a time zone and one without cannot be subtracted')
    end)(expression, is_lenient)
end
local function moved_day(sign)
    return function(day, by)
        local days = integers.floordiv(by, DAY)
        local moved_to = integers.add(day, sign < 0 and integers.neg(days) or days)
        if type(moved_to) ~= 'number' or moved_to < FIRST_DAY or moved_to > LAST_DAY then
            fail('overflow', 'a date would be outside the years 1 to 9999')
        end
        return moved_to
    end
end
makers['D+'], makers['D-'] = calculation(moved_day(1)), calculation(moved_day(-1))
makers['DD'] = calculation(function(one, other)
    return integers.mul(integers.sub(one, other), DAY)
end)

-- Makes the compiler of an operation on one value that is not None.
local function conversion(operation)
    return function(expression, is_lenient)
        local get = compile(expression[2], is_lenient)
        return function()
            local value = get()
            if value == NULL then
                if is_lenient then return NULL end
                fail('none', 'None was used in a calculation')
            end
            return operation(value)
        end
    end
end
-- None stays None: what is calculated with it fails by itself.
makers['i-f'] = function(expression, is_lenient)
    local get = compile(expression[2], is_lenient)
    return function()
        local value = get()
        if value == NULL then return NULL end
        return integers.to_float(value)
    end
end
makers['i-s'] = conversion(integers.text)
makers['ineg'] = conversion(integers.neg)
makers['fneg'] = conversion(function(value) return -value end)
makers['slen'] = conversion(texts.length)
makers['ylen'] = conversion(function(value) return #value end)
-- Turns a number without a fraction into an integer, as validation does; None stays None.
makers['f-i'] = function(expression)
    local get = compile(expression[2])
    return function()
        local value = get()
        if value == NULL then return NULL end
        local integer = integers.from_float(value)
        if integer == nil then
            fail('invalid', floats.text(value) .. ' has a fraction, but the field is an int: '
                .. '// gives a whole number where / does not')
        end
        return integer
    end
end
