"""Programs recorded against the `p` of a pipeline, and conditions made of the paths of a model."""

from __future__ import annotations

import copy
import operator
from typing import Any

from pipeline.programs import Tree
from pipeline.values import class_of
from rapyer import ExpressionError
from rapyer_pipeline import length

OPERATORS: dict[str, Any] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class Recording:
    """Records one program.

    Args:
        root: The `p`; or a model, of whose paths conditions are made.
        with_paths: Whether conditions are made of paths of the model, where they can be.
    """

    def __init__(self, root: Any, model: Any, *, with_paths: bool = False) -> None:
        self.names: dict[str, Any] = {"p": root}
        self.results: dict[str, Any] = {}
        self.model = model
        self.is_core = root is model
        self.with_paths = with_paths

    # -- values -----------------------------------------------------------------------------------

    def reach(self, place: Tree) -> Any:
        base, steps = place
        value = self.names[base]
        for kind, step in steps:
            value = getattr(value, step) if kind == "f" else value[self.step(step)]
        return value

    def step(self, step: Any) -> Any:
        return self.value(step) if isinstance(step, tuple) else step

    def value(self, tree: Tree) -> Any:
        match tree:
            case "const", value:
                return copy.deepcopy(value)
            case "get", place:
                return self.reach(place)
            case "len", place:
                return length(self.reach(place))
            case "neg", inner:
                return -self.value(inner)
            case "test", condition:
                with_paths, self.with_paths = self.with_paths, False
                found = self.condition(condition)
                self.with_paths = with_paths
                return found
            case "op", symbol, left, right, _:
                return OPERATORS[symbol](self.value(left), self.value(right))
        raise AssertionError(tree)

    def condition(self, tree: Tree) -> Any:  # noqa: C901 - one branch a word
        if self.with_paths and not self.is_core and is_of_paths(tree):
            try:
                return Recording(self.model, self.model).condition(tree)
            except ExpressionError:  # paths have fewer operations
                pass
        match tree:
            case "and", left, right:
                return self.condition(left) & self.condition(right)
            case "or", left, right:
                return self.condition(left) | self.condition(right)
            case "not", inner:
                return ~self.condition(inner)
            case "compare", symbol, left, right:
                return OPERATORS[symbol](self.value(left), self.value(right))
            case "in", left, values:
                return self.value(left).in_(values)
            case "between", left, low, high:
                return self.value(left).between(low, high)
            case "none", place:
                return self.reach(place).is_none()
            case "text", method, place, operand:
                return getattr(self.reach(place), method)(operand)
            case (("contains" | "has"), place, operand):
                return self.reach(place).contains(operand)
            case "bool", place:
                found = self.reach(place)
                is_joined_with_paths = self.is_core or self.with_paths
                return found == True if is_joined_with_paths else found  # noqa: E712 - a condition
            case "any", place, inner, element:
                of_paths = Recording(self.model, self.model)
                of_paths.names["each"] = class_of(element)
                return self.reach(place).any(of_paths.condition(inner))
        raise AssertionError(tree)

    # -- statements -------------------------------------------------------------------------------

    def block(self, statements: list[Tree]) -> None:
        names = self.names
        self.names = dict(names)
        for statement in statements:
            getattr(self, f"do_{statement[0]}")(*statement[1:])
        self.names = names

    def assign(self, place: Tree, value: Any) -> None:
        base, steps = place
        *above, (kind, last) = steps
        holder = self.reach((base, tuple(above)))
        if kind == "f":
            setattr(holder, last, value)
        else:
            holder[self.step(last)] = value

    def do_set(self, place: Tree, value: Tree, *_: Any) -> None:
        self.assign(place, self.value(value))

    def do_change(self, place: Tree, symbol: str, other: Tree, *_: Any) -> None:
        self.assign(place, OPERATORS[symbol](self.reach(place), self.value(other)))

    def do_let(self, name: str, value: Tree) -> None:
        self.names[name] = self.value(value)

    def do_bind(self, name: str, place: Tree) -> None:
        self.names[name] = self.reach(place)

    def do_append(self, place: Tree, value: Tree, _: Any) -> None:
        self.reach(place).append(self.value(value))

    def do_insert(self, place: Tree, index: int, value: Tree, _: Any) -> None:
        self.reach(place).insert(index, self.value(value))

    def do_extend(self, place: Tree, values: list[Any], _: Any) -> None:
        self.reach(place).extend(copy.deepcopy(values))

    def do_extend_from(self, place: Tree, other: Tree, _: Any) -> None:
        _base, steps = place
        holder = self.reach(place)
        holder += self.reach(other)
        if steps and steps[-1][0] == "f":
            self.assign(place, holder)

    def do_pop(self, name: str, place: Tree, index: int, _: Any) -> None:
        found = self.reach(place).pop() if index == -1 else self.reach(place).pop(index)
        self.names[name] = self.results[name] = found

    def do_delete(self, place: Tree, index: int, _: Any) -> None:
        del self.reach(place)[index]

    def do_remove(self, place: Tree, value: Tree, _: Any) -> None:
        self.reach(place).remove(self.value(value))

    def do_sort(self, place: Tree, reverse: bool) -> None:
        self.reach(place).sort(reverse=reverse)

    def do_reverse(self, place: Tree, _: Any) -> None:
        self.reach(place).reverse()

    def do_clear(self, place: Tree, _: Any) -> None:
        self.reach(place).clear()

    def do_update(self, place: Tree, values: dict[str, Any], _: Any) -> None:
        self.reach(place).update(copy.deepcopy(values))

    def do_take(self, name: str, place: Tree, key: str, default: Tree, _: Any) -> None:
        found = self.reach(place).pop(key, *default[1:])
        self.names[name] = self.results[name] = found

    def do_delete_key(self, place: Tree, key: str, _: Any) -> None:
        del self.reach(place)[key]

    def do_popitem(self, name: str, place: Tree, _: Any) -> None:
        self.results[name] = self.reach(place).popitem()

    def do_setdefault(self, name: str, place: Tree, key: str, value: Tree, type_: Any) -> None:
        found = self.reach(place).setdefault(key, self.value(value))
        if type_.element.is_scalar:
            self.names[name] = self.results[name] = found

    def do_add(self, place: Tree, value: Tree, _: Any) -> None:
        self.reach(place).add(self.value(value))

    def do_discard(self, place: Tree, value: Tree, _: Any) -> None:
        self.reach(place).discard(self.value(value))

    def do_drop(self, place: Tree, value: Tree, _: Any) -> None:
        self.reach(place).remove(self.value(value))

    def do_update_set(self, place: Tree, values: list[Any], _: Any) -> None:
        self.reach(place).update(values)

    def do_require(self, condition: Tree) -> None:
        self.names["p"].require(self.condition(condition), "wanted")

    def do_if(self, style: str, branches: list[Tree], otherwise: list[Tree] | None) -> None:
        if style == "when":
            self._with_blocks(branches, otherwise)
            return
        (condition, body), *others = branches
        found = self._decided(self.condition(condition)).if_true(lambda: self.block(body))
        for condition, body in others:
            found = found.elif_true(self.condition(condition), lambda body=body: self.block(body))
        if otherwise is not None:
            found.else_([lambda: self.block(otherwise)])

    def _decided(self, condition: Any) -> Any:
        """Give a condition of the program for one of paths, which has no `if_true`."""
        if hasattr(type(condition), "if_true"):
            return condition
        from rapyer_pipeline.operands import condition_of

        return condition_of(self.names["p"]._recorder, condition)

    def _with_blocks(self, branches: list[Tree], otherwise: list[Tree] | None) -> None:
        p = self.names["p"]
        for number, (condition, body) in enumerate(branches):
            make = p.otherwise_when if number else p.when
            with make(self.condition(condition)):
                self.block(body)
        if otherwise is not None:
            with p.otherwise():
                self.block(otherwise)

    def do_for(self, name: str, place: Tree, body: list[Tree]) -> None:
        for each in self.reach(place):
            self.names[name] = each
            self.block(body)

    def do_items(
        self, what: str, key: str, value: str, place: Tree, body: list[Tree]
    ) -> None:  # fmt: skip
        looped = self.reach(place)
        if what == "items":
            for one, other in looped.items():
                self.names[key], self.names[value] = one, other
                self.block(body)
        elif what == "keys":
            for one in looped:
                self.names[key] = one
                self.block(body)
        else:
            for other in looped.values():
                self.names[value] = other
                self.block(body)


def is_of_paths(tree: Any) -> bool:  # noqa: C901 - one branch a word
    """Say whether a tree is about places of the document alone, so that core has it as well."""
    if not isinstance(tree, tuple | list):
        return True
    if not tree:
        return True
    match tree:
        case (("len" | "neg" | "has"), *_):
            return False
        case (("get" | "none" | "bool"), (base, steps)):
            return is_place_of_core(base, steps)
        case "contains", (base, steps), _:
            return is_place_of_core(base, steps)
        case "text", _, (base, steps), _:
            return is_place_of_core(base, steps)
        case "any", (base, steps), inner, _:
            return is_place_of_core(base, steps) and is_of_paths(inner)
        case "const", _:
            return True
        case "in", left, _:
            return is_of_paths(left)
        case "between", left, _, _:
            return is_of_paths(left)
    return all(is_of_paths(part) for part in tree[1:])


def is_place_of_core(base: str, steps: tuple[Any, ...]) -> bool:
    return base in ("p", "each") and not any(isinstance(step, tuple) for _, step in steps)
