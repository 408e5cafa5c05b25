-- What a program has changed, written at once: nothing is sent before all of it is known.
--
-- Where every change is a scalar, a list or a removal below objects alone, it is one JSON.MERGE,
-- which costs a third of a JSON.MSET of as many paths. Else values go by JSON.MSET, at the places
-- where they stood before the program, then elements are removed, added and moved.
local byte, find, sub, concat, NULL = string.byte, string.find, string.sub, table.concat, cjson.null
local commit = {}

local plan

-- Says whether there may be floats in a JSON text that the server would read as others: long ones,
-- or those with large powers of ten.
local function may_be_inexact(text)
    return find(text, '%d%d%d%d%d%d%d%d') or find(text, '%d[eE][+-]?%d')
end

-- Spells the floats of a JSON text so that the server reads them exactly. `path` leads to it.
local function spelled(text, path)
    if not may_be_inexact(text) then return text end
    local first = byte(text)
    if first ~= 123 and first ~= 91 then
        if first == 34 or not find(text, '[%.eE]') then return text end
        local exact, delta = floats.spell(tonumber(text))
        if delta then
            if not path then
                fail('unaddressable', 'a number that the server cannot hold exactly has no path')
            end
            plan.corrections[#plan.corrections + 1] = {path, delta}
        end
        return exact
    end
    local values, keys = parsing.split(text)
    local parts = {}
    for place, value in ipairs(values) do
        local step = keys and mirror.quoted(keys[place]) or not keys and '[' .. place - 1 .. ']'
        local own = spelled(value, path and step and path .. step or nil)
        parts[place] = keys and texts.encode(keys[place]) .. ':' .. own or own
    end
    if keys then return '{' .. concat(parts, ',') .. '}' end
    return '[' .. concat(parts, ',') .. ']'
end

-- Gives what is sent of a cell; where it stands is `path`, or the path of the cell as it was.
local function sent(cell, path)
    local kind = cell.kind
    if kind == 'f' and cell.value ~= NULL then
        local text, delta = floats.spell(cell.value)
        if #text < 16 and not delta then cell.written = text end
        if delta then
            path = path or mirror.path_of(cell)
            if not path then return spelled(kinds.write.f(cell.value), nil) end
            plan.corrections[#plan.corrections + 1] = {path, delta}
        end
        return text
    elseif kind and kind ~= 'j' then
        local text = kinds.write[kind](cell.value)
        cell.written = text
        return text
    end
    local text = mirror.text_of(cell)
    if not may_be_inexact(text) then return text end
    return spelled(text, path or mirror.path_of(cell))
end

-- Says whether a cell is written as a whole: it was assigned, or what it holds was not there.
local function is_whole(cell)
    return cell.is_set or cell.absent or not cell.node.is_stored
end

local function add_set(path, text)
    local set = plan.set
    local place = plan.size
    set[place + 1], set[place + 2], set[place + 3] = plan.key, path, text
    plan.size = place + 3
end

-- -- by one merge --------------------------------------------------------------------------------

-- Gives the members of an object that were changed, in the order in which they were first.
local function changed_members(node)
    local changed = {}
    for _, cell in ipairs(node.changed or changed) do
        if node.members[cell.name] == cell then changed[#changed + 1] = cell end
    end
    return changed
end

-- Names are encoded once: most are those of fields.
local encoded, encoded_count = {}, 0
local function encoded_name(name)
    local text = encoded[name]
    if not text then
        if encoded_count >= 1000 then encoded, encoded_count = {}, 0 end
        text = texts.encode(name) .. ':'
        encoded[name], encoded_count = text, encoded_count + 1
    end
    return text
end

local add_patch

-- Gives what a merge has to have for a member; nil where a merge would not do.
local function patch_of(cell)
    if is_whole(cell) then
        if cell.absent then return 'null' end
        local text = sent(cell)
        local first = byte(text)
        if first == 123 or first == 110 then return nil end  -- an object is joined, null removes
        return text
    end
    if not cell.node.is_object then return nil end
    local parts = {'{'}
    if not add_patch(cell.node, parts) then return nil end
    parts[#parts + 1] = '}'
    return concat(parts)
end

-- Adds the patch of an object to `parts`; false where a merge would not do.
function add_patch(node, parts)
    local members, changed, count = node.members, node.changed, 1
    for place = 1, #changed do
        local cell = changed[place]
        local name = cell.name
        if members[name] == cell then
            local text = patch_of(cell)
            if not text then return false end
            if count > 1 then
                count = count + 1
                parts[count] = ','
            end
            parts[count + 1], parts[count + 2] = encoded[name] or encoded_name(name), text
            count = count + 2
        end
    end
    return true
end

-- Adds what makes numbers exact that have no spelling, where they stand by then.
local function add_corrections(corrections, commands)
    for place = 1, #corrections do
        local one = corrections[place]
        commands[#commands + 1] = {'JSON.NUMINCRBY', plan.key, one[1], one[2]}
    end
end

-- -- by paths ------------------------------------------------------------------------------------

local plan_list

local function plan_cell(cell, path)
    if is_whole(cell) then
        if cell.absent then
            plan.removed[#plan.removed + 1] = path
        else
            add_set(path, sent(cell, path))
        end
    elseif cell.node.is_list then
        plan_list(cell.node, path)
    else
        for _, member in ipairs(changed_members(cell.node)) do
            local step = mirror.quoted(member.name)
            if not step then
                fail('unaddressable', 'RedisJSON has no path for the key '
                    .. texts.encode(member.name))
            end
            plan_cell(member, path .. step)
        end
    end
end

-- Gives what is sent of an element that is added, and adds to `late` what makes it exact then.
local function sent_late(cell, path, late)
    local before = plan.corrections
    plan.corrections = late
    local text = sent(cell, path)
    plan.corrections = before
    return text
end

-- Adds the removal of some elements, from behind, so that indexes stay what they are.
--
-- One JSON.DEL of several indexes leaves those that begin with the digits of another one: of [1,10]
-- it removes the first only (RedisJSON 2.8.3). So each has indexes of as many digits.
local function add_removals(removed, path, moves)
    local until_ = #removed
    while until_ > 0 do
        local from, digits = until_, #tostring(removed[until_])
        while from > 1 and until_ - from < 999 and #tostring(removed[from - 1]) == digits do
            from = from - 1
        end
        moves[#moves + 1] = {'JSON.DEL', plan.key,
            path .. '[' .. concat(removed, ',', from, until_) .. ']', expected = until_ - from + 1}
        until_ = from - 1
    end
end

-- Plans the elements that were removed and added, where those that stay keep their order.
local function plan_moves(node, path, cells)
    local moves, removed, last = plan.moves, {}, 0
    for _, cell in ipairs(cells) do
        if cell.row and not cell.is_new then
            for row = last + 1, cell.row - 1 do removed[#removed + 1] = row - 1 end
            last = cell.row
        end
    end
    for row = last + 1, node.length do removed[#removed + 1] = row - 1 end
    if #removed == node.length and #removed > 0 then
        moves[#moves + 1] = {'JSON.CLEAR', plan.key, path}
    else
        add_removals(removed, path, moves)
    end
    local index, size = 0, #cells
    while index < size do
        local cell = cells[index + 1]
        if cell.is_new then
            local command, first, late = {'JSON.ARRINSERT', plan.key, path, index}, index, {}
            while cell and cell.is_new and index - first < 1000 do
                command[#command + 1] = sent_late(cell, path .. '[' .. index .. ']', late)
                index = index + 1
                cell = cells[index + 1]
            end
            if not cell then
                command[1] = 'JSON.ARRAPPEND'
                table.remove(command, 4)
            end
            moves[#moves + 1] = command
            add_corrections(late, moves)
        else
            index = index + 1
        end
    end
end

-- Plans a list whose elements stand in another order than before: it is written as a whole.
local function plan_whole(node, path, cells)
    local reply = redis.call('JSON.GET', plan.key, path)
    local before, parts = parsing.split(sub(reply, 2, -2)), {}
    for place, cell in ipairs(cells) do
        local is_as_before = cell.row and not cell.is_new and not cell.is_changed
        local text = is_as_before and before[cell.row] or mirror.text_of(cell)
        parts[place] = spelled(text, path .. '[' .. place - 1 .. ']')
    end
    add_set(path, '[' .. concat(parts, ',') .. ']')
end

function plan_list(node, path)
    if not node.cells then
        for _, cell in ipairs(node.changed or {}) do
            local row = not (cell.is_new or cell.replaced) and cell.row
            if row and row > node.first and row <= node.last then
                plan_cell(cell, path .. '[' .. row - 1 .. ']')
            end
        end
        if not node.is_moved then return end
        local moves = plan.moves
        if node.last <= node.first and node.length > 0 then
            moves[#moves + 1] = {'JSON.CLEAR', plan.key, path}
        elseif node.first > 0 or node.last < node.length then
            moves[#moves + 1] = {'JSON.ARRTRIM', plan.key, path, node.first, node.last - 1}
        end
        local kept = math.max(node.last - node.first, 0)
        for first = 1, #node.added, 1000 do
            local command, late = {'JSON.ARRAPPEND', plan.key, path}, {}
            for place = first, math.min(first + 999, #node.added) do
                local at = path .. '[' .. kept + place - 1 .. ']'
                command[#command + 1] = sent_late(node.added[place], at, late)
            end
            moves[#moves + 1] = command
            add_corrections(late, moves)
        end
        return
    end
    local cells = lists.compact(node)
    if node.is_permuted then return plan_whole(node, path, cells) end
    for _, cell in ipairs(node.changed or {}) do
        if cell.row and not (cell.dead or cell.is_new or cell.replaced) then
            plan_cell(cell, path .. '[' .. cell.row - 1 .. ']')
        end
    end
    if node.is_moved then plan_moves(node, path, cells) end
end

-- Adds what is written by paths: values where they stood, then what is removed, added and moved.
local function add_by_paths(cell, commands)
    local key = plan.key
    plan.set, plan.size, plan.removed, plan.moves, plan.corrections = {}, 0, {}, {}, {}
    plan_cell(cell, '$')
    for first = 1, plan.size, 6000 do
        commands[#commands + 1] = {'JSON.MSET',
            unpack(plan.set, first, math.min(first + 5999, plan.size))}
    end
    add_corrections(plan.corrections, commands)
    for _, path in ipairs(plan.removed) do commands[#commands + 1] = {'JSON.DEL', key, path} end
    for _, move in ipairs(plan.moves) do commands[#commands + 1] = move end
end

-- Plans what is sent for a document; gives nil where nothing was changed.
function commit.plan(cell, key)
    if not cell.is_changed and not cell.is_set then return nil end
    local commands, parts = {}, {'{'}
    plan = {key = key, corrections = {}, commands = commands}
    if cell.is_set then
        plan.is_whole = true
        commands[1] = {'JSON.SET', key, '$', sent(cell, '$')}
        add_corrections(plan.corrections, commands)
    elseif add_patch(cell.node, parts) then
        parts[#parts + 1] = '}'
        commands[1] = {'JSON.MERGE', key, '$', concat(parts)}
        add_corrections(plan.corrections, commands)
    else
        add_by_paths(cell, commands)
    end
    return plan
end

-- Makes sure that the user may send all of it: what is written is not taken back.
function commit.permit(planned)
    local known = {}
    for _, command in ipairs(planned.commands) do
        if not known[command[1]] then
            known[command[1]] = true
            permit(unpack(command, 1, math.min(#command, 4)))
        end
    end
end

function commit.carry_out(planned)
    for _, command in ipairs(planned.commands) do
        local reply = redis.call(unpack(command))
        if reply == false or command.expected and reply ~= command.expected then
            error('the server has skipped a part of ' .. command[1])
        end
    end
end

return commit
