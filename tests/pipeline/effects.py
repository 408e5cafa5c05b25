"""What the statements of programs do to a plain instance."""

from __future__ import annotations

from typing import Any

from pipeline.plain import (
    Abort,
    At,
    Cells,
    Entries,
    Kept,
    Plain,
    adopt,
    as_stored,
    calculate,
    in_order,
)
from pipeline.programs import Tree
from pipeline.values import Type


class PlainProgram(Plain):
    """Runs one program."""

    def assign(self, place: Tree, above_type: Type | None, value: Any) -> None:
        base, steps = place
        *above, (kind, last) = steps
        holder = self.reach((base, tuple(above)))
        if isinstance(last, tuple):
            last = self.value(last)
            if last is None:
                raise TypeError("None is no key")
        if holder is None:
            raise LookupError("the parent is None")
        if kind == "f":
            setattr(holder, last, value)
        elif kind == "k":
            holder[last] = value
            if above_type is not None:
                self.sized(above_type, holder)
        else:
            if not -len(holder) <= last < len(holder):
                raise IndexError
            holder.put(last, value)

    def do_set(self, place: Tree, value: Tree, type_: Type, above: Type) -> None:
        found = self.value(value)
        if value[0] == "get" and not type_.is_scalar and found is not None:
            try:
                if self.reach(place) is found:  # it stays what it is
                    return
            except LookupError:  # a key that is yet to be
                pass
        self.assign(place, above, self.valid(type_, found))

    def do_change(
        self, place: Tree, symbol: str, other: Tree, type_: Type, above: Type
    ) -> None:  # fmt: skip
        one, value = self.reach(place), self.value(other)
        if one is None or value is None:
            raise TypeError("None is calculated with")
        self.assign(place, above, self.valid(type_, calculate(symbol, one, value)))

    def do_let(self, name: str, value: Tree) -> None:
        self.names[name] = Kept(lambda: self.value(value))

    def do_bind(self, name: str, place: Tree) -> None:
        self.names[name] = Kept(lambda: self.reach(place))

    def do_require(self, condition: Tree) -> None:
        if not self.condition(condition):
            raise Abort

    def do_if(self, _: str, branches: list[Tree], otherwise: list[Tree] | None) -> None:
        for condition, body in branches:
            if self.condition(condition):
                return self.block(body)
        return None if otherwise is None else self.block(otherwise)

    # -- loops ------------------------------------------------------------------------------------

    def do_for(self, name: str, place: Tree, body: list[Tree]) -> None:
        found = self.container(place)
        if isinstance(found, set):
            for value in sorted(found, key=as_stored):
                self.names[name] = At(value)
                self.block(body)
            return
        for cell in list(found.cells):
            self.names[name] = At(cell.value, cell)
            self.block(body)

    def do_items(self, what: str, key: str, value: str, place: Tree, body: list[Tree]) -> None:
        found = self.container(place)
        for one in list(found):
            self.names[key] = At(one)
            self.names[value] = At(found[one] if one in found else found.gone[one])
            self.block(body)

    # -- lists ------------------------------------------------------------------------------------

    def do_append(self, place: Tree, value: Tree, type_: Type) -> None:
        found = self.container(place)
        one = self.valid(type_.element, self.value(value))
        found.set_cells([*found.cells, *Cells([one]).cells])
        self.sized(type_, found)

    def do_insert(self, place: Tree, index: int, value: Tree, type_: Type) -> None:
        found = self.container(place)
        one = self.valid(type_.element, self.value(value))
        cells = list(found.cells)
        cells.insert(index, Cells([one]).cells[0])
        found.set_cells(cells)
        self.sized(type_, found)

    def do_extend(self, place: Tree, values: list[Any], type_: Type) -> None:
        found = self.container(place)
        found.set_cells(found.cells + adopt(values).cells)
        self.sized(type_, found)

    def do_extend_from(self, place: Tree, other: Tree, type_: Type) -> None:
        found, others = self.container(place), self.container(other)
        found.set_cells(found.cells + adopt(others).cells)
        self.sized(type_, found)

    def do_pop(self, name: str, place: Tree, index: int, type_: Type) -> None:
        found = self.container(place)
        value = found[index]
        self.names[name] = self.results[name] = adopt(value)
        cells = list(found.cells)
        del cells[index]
        found.set_cells(cells)
        self.sized(type_, found)

    def do_delete(self, place: Tree, index: int, type_: Type) -> None:
        self.do_pop("", place, index, type_)
        del self.results[""]

    def do_remove(self, place: Tree, value: Tree, type_: Type) -> None:
        found = self.container(place)
        cells = list(found.cells)
        at = self.names.get(value[1][0]) if value[0] == "get" and not value[1][1] else None
        if isinstance(at, At) and at.cell in cells:
            cell: Any = at.cell
            if cell.value is at.value or type_.element.is_scalar:
                cells.remove(cell)
                found.set_cells(cells)
                self.sized(type_, found)
                return
        one = self.value(value)
        for place_, own in enumerate(found):
            if own == one:
                del cells[place_]
                break
        else:
            raise LookupError("not in the list")
        found.set_cells(cells)
        self.sized(type_, found)

    def do_sort(self, place: Tree, reverse: bool) -> None:
        found = self.container(place)
        if None in found:
            raise TypeError
        found.set_cells(sorted(found.cells, key=lambda cell: in_order(cell.value), reverse=reverse))

    def do_reverse(self, place: Tree, _: Type) -> None:
        found = self.container(place)
        found.set_cells(found.cells[::-1])

    def do_clear(self, place: Tree, type_: Type) -> None:
        found = self.container(place)
        if isinstance(found, Cells):
            found.set_cells([])
        elif isinstance(found, Entries):
            for key in list(found):
                found.take(key)
        else:
            found.clear()
        self.sized(type_, found)

    # -- dicts ------------------------------------------------------------------------------------

    def do_update(self, place: Tree, values: dict[str, Any], type_: Type) -> None:
        found = self.container(place)
        for key, value in values.items():
            found[key] = adopt(value)
            self.sized(type_, found)

    def do_take(self, name: str, place: Tree, key: str, default: Tree, type_: Type) -> None:
        found = self.container(place)
        if key not in found:
            if not default:
                raise KeyError(key)
            value = adopt(default[1])
        else:
            value = found.take(key)
            self.sized(type_, found)
        self.names[name] = self.results[name] = adopt(value)

    def do_delete_key(self, place: Tree, key: str, type_: Type) -> None:
        found = self.container(place)
        found.take(key)
        self.sized(type_, found)

    def do_popitem(self, name: str, place: Tree, type_: Type) -> None:
        found = self.container(place)
        if not found:
            raise KeyError("popitem")
        key = list(found)[-1]
        self.results[name] = (key, adopt(found.take(key)))
        self.sized(type_, found)

    def do_setdefault(self, name: str, place: Tree, key: str, value: Tree, type_: Type) -> None:
        found = self.container(place)
        one = self.valid(type_.element, self.value(value))
        if key not in found:
            found[key] = one
        if type_.element.is_scalar:
            self.names[name] = self.results[name] = found[key]
        self.sized(type_, found)

    # -- sets -------------------------------------------------------------------------------------

    def do_add(self, place: Tree, value: Tree, type_: Type) -> None:
        found = self.container(place)
        found.add(self.valid(type_.element, self.value(value)))
        self.sized(type_, found)

    def do_discard(self, place: Tree, value: Tree, type_: Type) -> None:
        self.container(place).discard(self.value(value))

    def do_drop(self, place: Tree, value: Tree, type_: Type) -> None:
        self.container(place).remove(self.value(value))

    def do_update_set(self, place: Tree, values: list[Any], type_: Type) -> None:
        found = self.container(place)
        for value in values:
            found.add(value)
            self.sized(type_, found)
