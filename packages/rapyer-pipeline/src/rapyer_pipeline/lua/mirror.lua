-- The mirror of documents: what a program reads, and what it changes before anything is written.
--
-- A cell is a place for one value. What it holds is one of: `value` with its `kind`, `raw` (decoded
-- JSON), `text` (JSON), `node` (a container that was opened), or what the server has at its path.
-- A cell of a container is the container: assigning another one makes a new cell.
local sub, byte, find, concat = string.sub, string.byte, string.find, table.concat
local NULL = cjson.null
local mirror = {}

-- Puts a key into the quotes that it does not hold itself.
local function quote(name)
    local hidden = texts.hide(name)
    local quote = find(hidden, '"', 1, true) and "'" or '"'
    if find(hidden, quote, 1, true) or find(hidden, '\\', 1, true) or byte(hidden) == 32 then
        return nil
    end
    return '[' .. quote .. hidden .. quote .. ']'
end

-- Writes a key as a part of a path; nil where RedisJSON has no spelling for it.
local steps, step_count = {}, 0
local function quoted(name)
    local step = steps[name]
    if step == nil then
        if step_count >= 1000 then steps, step_count = {}, 0 end
        step = quote(name) or false
        steps[name], step_count = step, step_count + 1
    end
    return step or nil
end
mirror.quoted = quoted

local path_of

-- Gives the path of a container on the server, as it was before the program.
local function path_of_node(node)
    local path = node.path
    if path == nil then
        path = path_of(node.cell)
        node.path = path
    end
    return path
end

-- Gives the path of a cell on the server; nil for one that is not there, or has no path.
function path_of(cell)
    local up = cell.up
    if not (up and up.is_stored) then return nil end
    local above = path_of_node(up)
    if not above then return nil end
    if cell.row then return above .. '[' .. cell.row - 1 .. ']' end
    local step = quoted(cell.name)
    return step and above .. step
end
mirror.path_of = path_of

local function unaddressable(cell)
    fail('unaddressable', 'RedisJSON has no path for the key ' .. texts.encode(cell.name or ''))
end

-- Reads the JSON text at the path of a cell; nil where nothing is there.
local function fetch(cell)
    local path = path_of(cell)
    if not path then unaddressable(cell) end
    local reply = redis.call('JSON.GET', cell.up.document.key, path)
    if not reply or reply == '[]' then return nil end
    return sub(reply, 2, -2)
end

local text_of

-- Gives the decoded value of a cell; nil for one that is absent.
local function raw_of(cell)
    local raw = cell.raw
    if raw ~= nil then return raw end
    if cell.absent then return nil end
    local text = cell.text
    if not text then
        text = cell.node and text_of(cell) or fetch(cell)
        if not text then
            cell.absent = true
            return nil
        end
        cell.text = text
    end
    raw = cjson.decode('[' .. text .. ']')[1]
    if not cell.node then cell.raw = raw end
    return raw
end

-- Gives the JSON text of a cell that was decoded.
function mirror.exact_text(cell)
    return cell.text or fetch(cell) or 'null'
end

-- Reads a cell as a value of a kind; nil where it is absent.
function mirror.read(cell, kind)
    if cell.kind then return cell.value end
    if kind == 'j' then return text_of(cell) end
    local raw = raw_of(cell)
    if raw == nil then return nil end
    local value = kinds.read[kind](raw, cell)
    cell.value, cell.kind = value, kind
    return value
end

local function object_of(cell, is_stored)
    local document = cell.document or cell.up and cell.up.document
    return {cell = cell, document = document, members = {}, is_object = true, is_stored = is_stored}
end

local function list_of(cell, length)
    local document = cell.up and cell.up.document
    return {
        cell = cell, document = document, is_list = true, is_stored = true, length = length,
        first = 0, last = length, loaded = {}, added = {},
    }
end

-- Opens a container whose JSON text is at hand.
local function open_text(cell, text)
    local node
    local values, keys = parsing.split(text)
    if keys then
        node = object_of(cell, false)
        local known = {}
        for place = 1, #keys do
            local name = keys[place]
            if not node.members[name] then known[#known + 1] = name end
            node.members[name] = {up = node, name = name, text = values[place]}
        end
        mirror.know_keys(node, known)
    else
        local cells = {}
        node = {cell = cell, document = cell.up and cell.up.document, is_list = true,
            cells = cells, size = #values, dead = 0}
        for place = 1, #values do cells[place] = {up = node, text = values[place]} end
    end
    cell.node, cell.raw, cell.value, cell.kind, cell.text = node, nil, nil, nil, nil
    return node
end

-- Looks what container is at the path of a cell. `wanted` is 'list' or 'object', asked for first.
local function open_stored(cell, wanted)
    local path, key = path_of(cell), cell.up.document.key
    if not path then unaddressable(cell) end
    if wanted == 'list' then
        local length = redis.call('JSON.ARRLEN', key, path)[1]
        if length then
            cell.node = list_of(cell, length)
            return cell.node
        end
    end
    local kind = redis.call('JSON.TYPE', key, path)[1]
    if not kind then
        cell.absent = true
    elseif kind == 'object' then
        cell.node = object_of(cell, true)
    elseif kind == 'array' then
        cell.node = list_of(cell, redis.call('JSON.ARRLEN', key, path)[1])
    elseif kind == 'null' then
        cell.raw = NULL
    else
        fail('type', 'expected ' .. (wanted == 'list' and 'a list' or 'an object')
            .. ', found a value of the JSON type ' .. kind)
    end
    return cell.node
end

-- Opens the container in a cell: gives its node, or nil where it is null or absent.
function mirror.open(cell, wanted)
    local node = cell.node
    if not node and cell.row and cell.up and cell.up.has_objects and not cell.is_set then
        node = object_of(cell, true)  -- each of them had a field that was read
        cell.node = node
    end
    if not node then
        if cell.raw == NULL or cell.absent and not cell.default then return nil end
        local text = cell.text or cell.absent and cell.default
            or cell.kind == 'j' and cell.value or nil
        if text == NULL then return nil end
        if not text and not cell.kind then
            node = open_stored(cell, wanted)
            text = cell.absent and cell.default
        end
        if not node then
            if not text or byte(text) == 110 then return nil end
            if byte(text) ~= 123 and byte(text) ~= 91 then
                fail('type', 'expected a container, found ' .. sub(text, 1, 80))
            end
            node = open_text(cell, text)
        end
    end
    if node and (wanted == 'list') ~= (node.is_list == true) then
        fail('type', wanted == 'list' and 'expected a list, found an object'
            or 'expected an object, found a list')
    end
    return node
end

-- Gives the cell of a key or a field; it may turn out to be absent.
function mirror.member(node, name)
    local cell = node.members[name]
    if not cell then
        cell = mirror.member_known(node, name)
        if not node.is_stored then
            cell.absent = true
        elseif node.keys and not node.places[name] then
            cell.absent = true
        end
    end
    return cell
end

-- Gives the cell of a key that is known to be there.
function mirror.member_known(node, name)
    local cell = node.members[name]
    if not cell then
        cell = {up = node, name = name}
        node.members[name] = cell
    end
    return cell
end

-- Lets an object know some keys: `places` has where each stands in `keys`. One that was taken out
-- stays in `keys` and has no place there any more, until they are asked for.
function mirror.know_keys(node, keys)
    local places = {}
    for place = 1, #keys do places[keys[place]] = place end
    node.keys, node.places, node.stale = keys, places, 0
    return keys
end

-- Gives all keys of an object, in their order.
function mirror.load_keys(node)
    if node.keys then
        if node.stale == 0 then return node.keys end
        local keys = {}
        for place, name in ipairs(node.keys) do
            if node.places[name] == place then keys[#keys + 1] = name end
        end
        return mirror.know_keys(node, keys)
    end
    local path = path_of_node(node)
    if not path then unaddressable(node.cell) end
    local stored = redis.call('JSON.OBJKEYS', node.document.key, path)[1]
    local keys, known, lost = {}, {}, node.lost or {}
    for place = 1, #stored do
        local name = texts.restore(stored[place])
        local cell = node.members[name]
        if not lost[name] then
            known[name] = true
            if not (cell and cell.absent) then keys[#keys + 1] = name end
        end
    end
    local function add(name)
        local cell = node.members[name]
        if known[name] or not cell or cell.absent then return end
        known[name] = true
        keys[#keys + 1] = name
    end
    for place, name in ipairs(node.new or {}) do
        if node.new_places[name] == place then add(name) end
    end
    for _, cell in ipairs(node.changed or {}) do add(cell.name) end  -- fields that were absent
    return mirror.know_keys(node, keys)
end

-- Says whether a cell holds anything, null included.
function mirror.is_there(cell)
    if cell.absent then return false end
    if cell.kind or cell.raw ~= nil or cell.text or cell.node then return true end
    local up = cell.up
    if not path_of(cell) and cell.name then
        mirror.load_keys(up)
        cell.absent = not up.places[cell.name]
        return not cell.absent
    end
    if not redis.call('JSON.TYPE', up.document.key, path_of(cell))[1] then
        cell.absent = true
        return false
    end
    return true
end

-- Lets a field be there that was absent, when something in its default was changed.
local function appear(cell)
    local up, name = cell.up, cell.name
    cell.absent = nil
    if up.keys and up.members[name] == cell then
        local place = #up.keys + 1
        up.keys[place], up.places[name] = name, place
    end
end

-- Notes that something in a cell is changed, up to the document.
local function mark(cell)
    while cell and not cell.is_changed do
        cell.is_changed = true
        local up = cell.up
        if cell.absent and cell.node then appear(cell) end
        if not up then return end
        local changed = up.changed
        if changed then
            changed[#changed + 1] = cell
        else
            up.changed = {cell}
        end
        cell = up.cell
    end
end
mirror.mark = mark

-- Puts a value into a cell, in place of whatever it held.
function mirror.put(cell, value, kind)
    cell.value, cell.kind, cell.raw, cell.text, cell.node = value, kind, nil, nil, nil
    cell.absent, cell.is_set = nil, true
    mark(cell)
end

-- Puts a container, as its JSON text, in place of a member; what was there is another one now.
function mirror.replace_member(node, name, text)
    local old = node.members[name]
    local cell = mirror.member_known(node, name)
    if old then
        cell = {up = node, name = name}
        node.members[name] = cell
    end
    cell.text, cell.is_set, cell.absent = text, true, nil
    mark(cell)
    return cell
end

-- Gives the text of what an object or a list holds now.
local function text_of_node(node)
    local parts = {}
    if node.is_object then
        for _, name in ipairs(mirror.load_keys(node)) do
            local cell = mirror.member(node, name)
            parts[#parts + 1] = texts.encode(name) .. ':' .. text_of(cell)
        end
        return '{' .. concat(parts, ',') .. '}'
    end
    local cells = lists.expand(node)
    for place = 1, node.size do
        if not cells[place].dead then parts[#parts + 1] = text_of(cells[place]) end
    end
    return '[' .. concat(parts, ',') .. ']'
end

-- Gives the JSON text of what a cell holds now, in its true form; nil where it is absent.
function text_of(cell)
    if cell.absent then return nil end
    local node = cell.node
    if node then
        if not cell.is_changed and node.is_stored and cell.up then return fetch(cell) end
        return text_of_node(node)
    end
    if cell.kind then return kinds.write[cell.kind](cell.value) end
    local text = cell.text
    if not text then
        text = fetch(cell)
        if not text then
            cell.absent = true
            return nil
        end
        cell.text = text
    end
    return text
end
mirror.text_of = text_of

-- Empties a container: what it has from now on is made by the program.
function mirror.refill(cell, text)
    open_text(cell, text)
    cell.is_set = true
    mark(cell)
    return cell.node
end

-- Makes the mirror of a document: of the one that is stored, or of a text that is to be stored.
function mirror.document(key, text)
    local cell = {document = {key = key}}
    if text then
        cell.text = text
        local node = open_text(cell, text)
        node.document = cell.document
        cell.is_set = true
    else
        local node = object_of(cell, true)
        node.path = '$'
        cell.node = node
    end
    return cell
end

return mirror
