-- Takes JSON texts apart without decoding their values, so that these stay what they are.
--
-- The texts are those of the server and of pydantic: without spaces between values.
local sub, byte, find = string.sub, string.byte, string.find
local parsing = {}

-- Finds the end of the JSON value that begins at a place of a compact text.
local function value_end(text, place)
    local first = byte(text, place)
    if first == 34 then
        local at = place + 1
        while true do
            at = find(text, '["\\]', at)
            if byte(text, at) == 34 then return at end
            at = at + 2
        end
    end
    if first ~= 123 and first ~= 91 then
        local after = find(text, '[,%]}]', place)
        return after and after - 1 or #text
    end
    local depth, at = 1, place + 1
    while true do
        at = find(text, '["%[%]{}]', at)
        local found = byte(text, at)
        if found == 34 then
            at = value_end(text, at)
        elseif found == 123 or found == 91 then
            depth = depth + 1
        else
            depth = depth - 1
            if depth == 0 then return at end
        end
        at = at + 1
    end
end

-- Takes the text of an object or array apart: the texts of its values, and of its keys.
function parsing.split(text)
    local values, keys, place = {}, byte(text) == 123 and {} or nil, 2
    while byte(text, place) ~= 125 and byte(text, place) ~= 93 do
        if keys then
            local stop = value_end(text, place)
            keys[#keys + 1] = texts.decode(sub(text, place, stop))
            place = stop + 2
        end
        local stop = value_end(text, place)
        values[#values + 1] = sub(text, place, stop)
        place = stop + 1
        if byte(text, place) == 44 then place = place + 1 end
    end
    return values, keys
end

return parsing
