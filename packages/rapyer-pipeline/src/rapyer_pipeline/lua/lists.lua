-- Lists in the mirror.
--
-- A list on the server is at first a window, from `first` to `last`, and what is added behind it:
-- to append, to pop at either end and to look at single elements costs the same however long it is.
-- Anything else turns it into `cells`, one for each element; those that are removed are `dead`.
local NULL = cjson.null
local lists = {}

-- Takes the dead out of the cells, so that places are indexes.
local function compact(node)
    if node.dead == 0 then return node.cells end
    local cells, place = node.cells, 0
    for old = 1, node.size do
        local cell = cells[old]
        if not cell.dead then
            place = place + 1
            cells[place] = cell
        end
    end
    for old = place + 1, node.size do cells[old] = nil end
    node.size, node.dead, node.head = place, 0, nil
    return cells
end
lists.compact = compact

-- Gives the cells of all elements.
function lists.expand(node)
    if node.cells then return compact(node) end
    local cells, size, loaded = {}, 0, node.loaded
    for row = node.first + 1, node.last do
        size = size + 1
        cells[size] = loaded[row] or {up = node, row = row}
    end
    for _, cell in ipairs(node.added) do
        size = size + 1
        cells[size] = cell
    end
    node.cells, node.size, node.dead, node.loaded, node.added = cells, size, 0, nil, nil
    return cells
end

function lists.length(node)
    if node.cells then return node.size - node.dead end
    return node.last - node.first + #node.added
end

-- How many cells are looked at for the elements near an end, before the dead are taken out.
local NEAR = 500

-- Gives the cell at an index near the start, where there are dead ones; nil where that takes long.
local function near_start(node, index)
    local cells, place = node.cells, node.head or 1
    while cells[place].dead do place = place + 1 end
    node.head = place
    local last = place + NEAR
    while place <= last do
        local cell = cells[place]
        if not cell.dead then
            if index == 0 then return cell end
            index = index - 1
        end
        place = place + 1
    end
    return nil
end

-- Gives the last cell, where there may be dead ones behind it.
local function last_cell(node)
    local cells = node.cells
    while cells[node.size].dead do
        cells[node.size] = nil
        node.size, node.dead = node.size - 1, node.dead - 1
    end
    return cells[node.size]
end

-- Gives the cell at an index that counts from either end; nil where there is none.
function lists.at(node, index)
    local length = lists.length(node)
    if index < 0 then index = index + length end
    if index < 0 or index >= length then return nil end
    if node.cells then
        if node.dead > 0 then
            local cell = index == length - 1 and last_cell(node)
                or index < NEAR and near_start(node, index)
            if cell then return cell, index end
        end
        return compact(node)[index + 1], index
    end
    local row = node.first + index + 1
    if row > node.last then return node.added[row - node.last], index end
    local cell = node.loaded[row]
    if not cell then
        cell = {up = node, row = row}
        node.loaded[row] = cell
    end
    return cell, index
end

-- Makes the cell of a new element.
function lists.new_cell(node, value, kind)
    if kind == 'j' then return {up = node, text = value, is_new = true, is_set = true} end
    return {up = node, value = value, kind = kind, is_new = true, is_set = true}
end

local function changed(node)
    node.is_moved = true
    mirror.mark(node.cell)
end

function lists.append(node, cell)
    if node.cells then
        node.size = node.size + 1
        node.cells[node.size] = cell
    else
        node.added[#node.added + 1] = cell
    end
    changed(node)
end

-- Inserts before an index as Python does: one out of range means an end.
function lists.insert(node, index, cell)
    local length = lists.length(node)
    if index < 0 then index = math.max(index + length, 0) end
    if index >= length then return lists.append(node, cell) end
    local cells = lists.expand(node)
    statements.tick(math.floor((length - index) / 100))  -- the others are moved
    table.insert(cells, index + 1, cell)
    node.size = node.size + 1
    changed(node)
end

-- Takes the element at an index out; gives its cell, or nil where there is none.
function lists.pop(node, index)
    local cell, place = lists.at(node, index)
    if not cell then return nil end
    if not node.cells then
        local length = lists.length(node)
        if place == length - 1 then
            changed(node)
            if #node.added > 0 then return table.remove(node.added) end
            node.last = node.last - 1
            return cell
        elseif place == 0 and node.last > node.first then
            changed(node)
            node.first = node.first + 1
            return cell
        end
        lists.expand(node)
    end
    lists.kill(node, cell)
    return cell
end

-- Removes the element at a place of cells none of which is dead.
function lists.take_out(node, place)
    local cell = table.remove(node.cells, place)
    node.size = node.size - 1
    cell.dead = true
    changed(node)
end

-- Marks an element as removed, in constant time: where it stands is not known.
function lists.kill(node, cell)
    if not node.cells then lists.expand(node) end
    cell.dead = true
    node.dead = node.dead + 1
    changed(node)
end

-- Puts another container in the place of an element: it is another cell from now on.
function lists.replace(node, index, text)
    if node.cells then compact(node) end
    local old, place = lists.at(node, index)
    if not old then return nil end
    local cell = {up = node, row = old.row, text = text, is_set = true, is_new = old.is_new}
    if node.cells then
        node.cells[place + 1] = cell
    elseif old.row then
        node.loaded[old.row] = cell
    else
        node.added[place + 1 - (node.last - node.first)] = cell
    end
    old.replaced = cell
    mirror.mark(cell)
    return cell
end

function lists.reverse(node)
    local cells = lists.expand(node)
    for place = 1, math.floor(node.size / 2) do
        local other = node.size + 1 - place
        cells[place], cells[other] = cells[other], cells[place]
    end
    node.is_permuted = true
    changed(node)
end

-- Sorts as Python does: equal elements keep their order, also when the largest come first.
function lists.sort(node, kind, descending)
    local cells = lists.expand(node)
    lists.load(node)
    local less, values, order = kinds.less[kind], {}, {}
    for place = 1, node.size do
        local value = mirror.read(cells[place], kind)
        if value == NULL or value == nil then fail('none', 'None cannot be sorted') end
        values[place], order[place] = value, place
    end
    if kind == 'd' or kind == 't' then
        for place = 2, node.size do
            if (values[place].off == nil) ~= (values[1].off == nil) then
                fail('type', 'times with and without a time zone cannot be sorted together')
            end
        end
    end
    local function before(one, other)
        if descending then
            if less(values[other], values[one]) then return true end
            if less(values[one], values[other]) then return false end
        else
            if less(values[one], values[other]) then return true end
            if less(values[other], values[one]) then return false end
        end
        return one < other
    end
    table.sort(order, before)
    local sorted = {}
    for place = 1, node.size do sorted[place] = cells[order[place]] end
    node.cells, node.is_permuted = sorted, true
    changed(node)
end

-- Reads all elements at once that are still on the server as they were.
function lists.load(node)
    lists.expand(node)
    if node.is_loaded or not node.is_stored or node.length == 0 then return end
    node.is_loaded = true
    local path = mirror.path_of(node.cell)
    local raws = cjson.decode(redis.call('JSON.GET', node.document.key, path))[1]
    for place = 1, node.size do
        local cell = node.cells[place]
        if cell.row and not cell.kind and not cell.text and not cell.node then
            cell.raw = raws[cell.row]
        end
    end
end

-- Reads single fields of all elements that are objects.
function lists.load_columns(node, names)
    if not node.is_stored or node.length == 0 then return end
    local columns, whole = node.columns or {}, nil
    node.columns = columns
    local path, key = mirror.path_of(node.cell), node.document.key
    for _, name in ipairs(names) do
        if not columns[name] then
            local step = mirror.quoted(name)
            local column = step and cjson.decode(redis.call('JSON.GET', key, path .. '[*]' .. step))
            if not column or #column ~= node.length then  -- some lack it
                whole = whole or cjson.decode(redis.call('JSON.GET', key, path))[1]
                column, node.nones = {is_absent = {}, is_partial = true}, {}
                for row = 1, node.length do
                    local element = whole[row]
                    if type(element) == 'table' then
                        column[row] = element[texts.hide(name)]
                        column.is_absent[row] = column[row] == nil
                    else
                        node.nones[row] = true
                    end
                end
            end
            column.is_absent = column.is_absent or {}
            columns[name] = column
            if not column.is_partial then node.has_objects = true end
        end
    end
end

-- Says whether an element of a list of models is None.
function lists.is_none(node, cell)
    if cell.node then return false end
    if cell.row and not cell.is_set then
        if node.has_objects then return false end
        if node.nones then return node.nones[cell.row] == true end
    end
    return mirror.open(cell, 'object') == nil
end

-- Finds the first element that is equal to a value; nil where there is none.
function lists.find(node, value, kind)
    lists.load(node)
    local equal = kinds.equal[kind]
    for place = 1, node.size do
        local cell = node.cells[place]
        if not cell.dead then
            local own = mirror.read(cell, kind)
            if own ~= nil and equal(own, value) then return cell, place end
        end
    end
    return nil
end

-- Gives the text by which core orders an element of a set: with U+0000 as it was.
local function order_of(text)
    if not string.find(text, '\239\183', 1, true) then return text end
    return (string.gsub(texts.restore(text), '%z', '\\u0000'))
end

-- Gives the text of an element of a set as the server has it: of a float as serde_json writes it.
local function text_in_set(value, kind)
    local text = kinds.write[kind](value)
    local sign, digits, exponent = string.match(text, '^(%-?)([%d%.]+)e([+-]%d+)$')
    if not digits then return text end
    exponent = tonumber(exponent)
    if exponent == -5 then return sign .. '0.0000' .. string.gsub(digits, '%.', '') end
    return sign .. digits .. 'e' .. string.format('%d', exponent)
end

-- Kinds of which equal values may have two texts: 0.0 and -0.0, one moment in two time zones.
local HAVE_SEVERAL_TEXTS = {f = true, d = true, t = true, c = true}

-- Finds where an element stands in a set, which is ordered by texts, or where it would stand.
function lists.place_in_set(node, value, kind)
    local cells = lists.expand(node)
    lists.load(node)
    local is_float = kind == 'f'
    if HAVE_SEVERAL_TEXTS[kind] and (not is_float or value == 0) then
        local equal = kinds.equal[kind]
        for place = 1, node.size do
            if equal(mirror.read(cells[place], kind), value) then return place, true end
        end
    end
    local text = order_of(text_in_set(value, kind))
    local low, high = 1, node.size + 1
    while low < high do
        local middle = math.floor((low + high) / 2)
        local cell = cells[middle]
        if is_float then mirror.read(cell, kind) end  -- its text is not that of the server
        local own = cell.kind and text_in_set(cell.value, cell.kind) or mirror.text_of(cell)
        own = order_of(own)
        if own == text then return middle, true end
        if kinds.less.y(own, text) then low = middle + 1 else high = middle end
    end
    return low, false
end

return lists
