-- Objects in the mirror, as dicts: their keys keep the order in which they were added.
local dicts = {}

-- Says of a cell that is about to be set that its key is one of the object.
local function add_key(node, cell)
    local name = cell.name
    if node.keys then
        if cell.absent then
            local place = #node.keys + 1
            node.keys[place], node.places[name] = name, place
        end
    elseif not cell.is_added then
        cell.is_added = true
        node.new, node.new_places = node.new or {}, node.new_places or {}
        local place = #node.new + 1
        node.new[place], node.new_places[name] = name, place
    end
end

-- Sets the value of a key: a scalar of a kind, or a container as its text. `is_field` says that it
-- is a field of a model, whose order nobody asks for.
function dicts.set(node, name, value, kind, is_field)
    local cell = node.members[name] or mirror.member(node, name)
    if node.keys or not is_field then add_key(node, cell) end
    if kind ~= 'j' then
        mirror.put(cell, value, kind)
        return cell
    end
    local is_added = cell.is_added
    cell = mirror.replace_member(node, name, value)
    cell.is_added = is_added
    return cell
end

function dicts.length(node)
    if node.keys then return #node.keys - node.stale end
    if not node.new and not node.lost then
        return redis.call('JSON.OBJLEN', node.document.key, mirror.path_of(node.cell) or '$')[1]
    end
    return #mirror.load_keys(node)
end

-- Takes a key out; gives the text of its value, or nil where there is none.
function dicts.pop(node, name)
    local cell = mirror.member(node, name)
    if not mirror.is_there(cell) then return nil end
    local text = mirror.text_of(cell)
    if node.keys then
        node.places[name], node.stale = nil, node.stale + 1
    end
    node.lost = node.lost or {}
    node.lost[name] = true  -- where it comes back, it comes last
    local gone = {up = node, name = name, absent = true, is_set = true}
    node.members[name] = gone
    mirror.mark(gone)
    return text
end

-- Gives the last key; nil where there is none.
function dicts.last(node)
    if not node.keys then mirror.load_keys(node) end
    local keys = node.keys
    while #keys > 0 and node.places[keys[#keys]] ~= #keys do
        keys[#keys], node.stale = nil, node.stale - 1
    end
    return keys[#keys]
end

-- Reads all values at once.
function dicts.load(node)
    local keys = mirror.load_keys(node)
    if node.is_loaded or not node.is_stored or #keys == 0 then return keys end
    node.is_loaded = true
    local path = mirror.path_of(node.cell)
    local raws = path and cjson.decode(redis.call('JSON.GET', node.document.key, path))[1]
    if not raws then return keys end
    for _, name in ipairs(keys) do
        local cell = mirror.member_known(node, name)
        if not (cell.kind or cell.text or cell.node or cell.absent) then
            cell.raw = raws[texts.hide(name)]
        end
    end
    return keys
end

return dicts
