"""Programs in readable form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

Node = list[Any]
_INDENT: Final = "    "


class _Writer:
    """Writes the statements and expressions of one program.

    Args:
        constants: Its constants.
        is_one: Whether it is about a single document.
    """

    def __init__(self, constants: Sequence[str], *, is_one: bool) -> None:
        self._constants = constants
        self._is_one = is_one

    # -- expressions ------------------------------------------------------------------------------

    def reference(self, parts: Sequence[Any]) -> str:
        base, *steps = parts
        start = f"r{base}" if base > 0 else self.document(1 - base)
        return start + "".join(map(self._step, steps))

    def document(self, number: int) -> str:
        return "p" if self._is_one else f"p{number}"

    def _step(self, step: Any) -> str:
        if isinstance(step, str):
            return f".{step}"
        return f".{step[1]}" if step[0] == "d" else f"[{self.value(step[1])}]"

    def value(self, node: Node) -> str:
        name: str = node[0]
        write = _EXPRESSIONS.get(name)
        if write is not None:
            return write(self, node)
        if len(node) == 3:
            operator = {"dd": "-", "DD": "-"}.get(name, name[1:])
            return f"{self.inner(node[1])} {operator} {self.inner(node[2])}"
        return f"{_CONVERSIONS.get(name, name)}({self.value(node[1])})"

    def constant(self, number: int) -> str:
        return self._constants[number - 1]

    def inner(self, node: Node) -> str:
        text = self.value(node)
        return f"({text})" if " " in text and node[0] not in ("const", "get") else text

    # -- statements -------------------------------------------------------------------------------

    def block(self, body: Sequence[Node], depth: int) -> Iterator[str]:
        if not body:
            yield _INDENT * depth + "pass"
        for node in body:
            yield from self.statement(node, depth)

    def statement(self, node: Node, depth: int) -> Iterator[str]:
        indent = _INDENT * depth
        name = node[0]
        if name == "if":
            for place, (condition, body) in enumerate(node[2]):
                yield f"{indent}{'elif' if place else 'if'} {self.value(condition)}:"
                yield from self.block(body, depth + 1)
            if len(node) > 3:
                yield f"{indent}else:"
                yield from self.block(node[3], depth + 1)
        elif name in ("for", "items"):
            what = "for" if name == "for" else "for key and value"
            yield f"{indent}{what} r{node[3]} in {self.reference(node[2])}:"
            yield from self.block(node[4], depth + 1)
        else:
            yield indent + _STATEMENTS[name](self, node)


def _on(text: str) -> Callable[[_Writer, Node], str]:
    def write(writer: _Writer, node: Node) -> str:
        return f"{writer.reference(node[2])}.{text}"

    return write


def _between(operator: str) -> Callable[[_Writer, Node], str]:
    return lambda w, n: f"{w.inner(n[2])} {operator} {w.inner(n[3])}"


def _joined(word: str, of_none: str) -> Callable[[_Writer, Node], str]:
    return lambda w, n: f" {word} ".join(map(w.inner, n[1:])) or of_none


def _on_text(word: str) -> Callable[[_Writer, Node], str]:
    return lambda w, n: f"{w.inner(n[1])} {word} {w.inner(n[2])}"


_EXPRESSIONS: Final[Mapping[str, Callable[[_Writer, Node], str]]] = {
    "get": lambda w, n: w.reference(n[1]),
    "const": lambda w, n: w.constant(n[1]),
    "choose": lambda w, n: f"({w.value(n[2])} if {w.value(n[1])} else {w.value(n[3])})",
    "same": lambda w, n: w.value(n[1]),
    "let": lambda _, n: f"r{n[1]}",
    "var": lambda _, n: f"r{n[1]}",
    "key": lambda _, n: f"key of r{n[1]}",
    "eq": _between("=="),
    "lt": _between("<"),
    "le": _between("<="),
    "gt": _between(">"),
    "ge": _between(">="),
    "mixed": lambda w, n: f"{w.inner(n[2])} {n[1]} {w.inner(n[3])}",
    "and": _joined("and", "True"),
    "or": _joined("or", "False"),
    "not": lambda w, n: f"not {w.inner(n[1])}",
    "is_none": lambda w, n: f"{w.inner(n[1])} is None",
    "len": lambda w, n: f"length({w.reference(n[1])})",
    "in": lambda w, n: f"{w.inner(n[2])} in {w.reference(n[1])}",
    "has": lambda w, n: f"{w.inner(n[2])} in {w.reference(n[1])}",
    "any": lambda w, n: f"any r{n[2]} of {w.reference(n[1])} has {w.inner(n[3])}",
    "starts": _on_text("starts with"),
    "ends": _on_text("ends with"),
    "holds": _on_text("contains"),
}
_CONVERSIONS: Final = {
    "i-f": "float", "f-i": "int", "ineg": "-", "fneg": "-", "slen": "length", "ylen": "length",
    "i-s": "str",
}  # fmt: skip
_STATEMENTS: Final[Mapping[str, Callable[[_Writer, Node], str]]] = {
    "set": lambda w, n: f"{w.reference(n[2])} = {w.value(n[3])}",
    "let": lambda w, n: f"r{n[2]} = {w.value(n[3])}",
    "bind": lambda w, n: f"r{n[2]} = {w.reference(n[3])}",
    "require": lambda w, n: f"require {w.value(n[2])}",
    "delete": lambda w, n: f"{w.document(n[2])}.delete()",
    "append": lambda w, n: f"{w.reference(n[2])}.append({', '.join(map(w.value, n[3]))})",
    "extend": lambda w, n: f"{w.reference(n[2])}.extend({w.reference(n[3])})",
    "insert": lambda w, n: f"{w.reference(n[2])}.insert({w.value(n[3])}, {w.value(n[4])})",
    "pop": lambda w, n: f"{w.reference(n[2])}.pop({w.value(n[3])})",
    "remove": lambda w, n: f"{w.reference(n[2])}.remove({w.value(n[3])})",
    "remove_this": lambda w, n: f"{w.reference(n[2])}.remove(r{n[3]})",
    "clear": _on("clear()"),
    "reverse": _on("reverse()"),
    "sort": lambda w, n: f"{w.reference(n[2])}.sort(reverse={n[4]})",
    "there": lambda w, n: f"check that {w.reference(n[2])} exists",
    "size": lambda w, n: f"check length({w.reference(n[2])})",
    "del": lambda w, n: f"{w.reference(n[2])}.pop({w.value(n[3])})",
    "popitem": _on("popitem()"),
    "setdefault": lambda w, n: f"{w.reference(n[2])}.setdefault({w.value(n[3])}, {w.value(n[4])})",
    "add": lambda w, n: f"{w.reference(n[2])}.add({w.value(n[3])})",
    "discard": lambda w, n: f"{w.reference(n[2])}.discard({w.value(n[3])})",
}


def explain(body: Sequence[Node], constants: Sequence[str], *, is_one: bool) -> str:
    """Write the statements of a program, one per line, with the constants filled in.

    Args:
        body: The statements.
        constants: The constants.
        is_one: Whether the program is about a single document, `p`; with several, the first is
            `p1`.
    """
    return "\n".join(_Writer(constants, is_one=is_one).block(body, 0))
