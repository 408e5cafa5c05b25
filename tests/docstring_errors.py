"""What functions raise, by their sources, and whether their docstrings say so."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
from collections.abc import Iterator, Mapping
from functools import cache

from docstrings import taken_apart
from public_names import Function, Name, ancestry, is_recorded, members, module_at, resolve, within

#: What no caller can do anything about, and every operation could raise.
NEVER = {"UnexpectedReplyError", "Exception", "NotImplementedError", "AssertionError"}
#: What functions raise that those who call them do not say, with the reason.
UNTOLD = {
    (
        "rapyer.memory.require_instance",
        "TypeError",
    ): "a method of instances was called on the class",
}


def errors(name: Name) -> Iterator[str]:
    """What a function raises is in `Raises:`: itself, or a base of it.

    Its own statements are looked at, and those of the functions of ours that it calls. A call in a
    `try` that catches something is not, nor is what a property or an argument of a decorator does.
    """
    doc = taken_apart(name.doc)
    yield from (f"has {one} twice in `Raises:`" for one in doc.twice)
    told: list[type] = []
    for names in doc.entries("Raises"):
        for one in names.split(", "):
            found = error_called(one, name)
            if found is None:
                yield f"has {one!r} in `Raises:`, which is no error"
            else:
                told.append(found)
    if isinstance(name.node, Function):
        for raised, where in raised_by(name):
            if raised.__name__ == "RecordingError" and name.owner and is_recorded(name.owner):
                continue  # everything that is written in a pipeline may be wrong: it says that once
            if not any(issubclass(raised, one) for one in told):
                yield f"says not that it raises {raised.__name__}{where}"


def error_called(text: str, name: Name) -> type | None:
    """The class of errors that a name means: of Python, of a module, or of one of ours."""
    if text in vars(builtins):
        found = vars(builtins)[text]
    elif (known := errors_of(name.module)) and text in known:
        found = known[text]
    else:
        module, _, last = text.rpartition(".")
        try:
            found = getattr(importlib.import_module(module), last) if module else None
        except ImportError:
            return None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


@cache
def errors_of(module: str) -> Mapping[str, type]:
    """The errors of core, of a package, and of the package that a module is in, by their names."""
    found: dict[str, type] = {}
    packages = ("rapyer", module.split(".")[0], module.rpartition(".")[0])
    for one in (f"{package}.errors" for package in packages if package):
        if module_at(one) is None:
            continue
        found |= {
            key: value
            for key, value in vars(importlib.import_module(one)).items()
            if isinstance(value, type)
        }
    return found


def raised_by(name: Name) -> Iterator[tuple[type, str]]:
    """The errors that a function raises, and the functions that it calls; with what says where."""
    seen: set[tuple[type, str]] = set()
    for found in _raised(name, ""):
        if found not in seen:
            seen.add(found)
            yield found
    for called in calls_of(name):
        for raised, _ in _raised(called, ""):
            if (str(called), raised.__name__) in UNTOLD:
                continue
            if (raised, called.path) not in seen:
                seen.add((raised, called.path))
                yield raised, f", which {called.path} does"


def _raised(name: Name, where: str) -> Iterator[tuple[type, str]]:
    for node in body_of(name.node):
        if isinstance(node, ast.Raise) and node.exc is not None:
            call = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            found = error_called(ast.unparse(call), name) or _made_by(name, call)
            if found is not None and found.__name__ not in NEVER:
                yield found, where


def _made_by(name: Name, call: ast.expr) -> type | None:
    """The error that a function of ours gives to be raised, by its annotation."""
    maker = called_by(name, call)
    if maker is None or not isinstance(maker.node, Function) or maker.node.returns is None:
        return None
    return error_called(ast.unparse(maker.node.returns).strip("'\""), maker)


def body_of(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function which it runs itself; nothing of what a `try` may catch."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef | ast.Lambda):
            continue
        yield child
        if isinstance(child, ast.Try) and child.handlers:
            for part in (*child.handlers, *child.orelse, *child.finalbody):
                yield from body_of(part)
        else:
            yield from body_of(child)


def calls_of(name: Name) -> Iterator[Name]:
    """The functions of ours that a function calls, as far as its sources tell which they are."""
    found: dict[Name, None] = {}
    for node in body_of(name.node):
        if isinstance(node, ast.Call):
            called = called_by(name, node.func)
            if called is not None and isinstance(called.node, Function) and called is not name:
                found[called] = None
    yield from found


def called_by(name: Name, call: ast.expr) -> Name | None:
    """The function of ours that a call names: `f`, `module.f`, `self.f`, `cls.f`."""
    text = ast.unparse(call)
    if not re.fullmatch(r"[\w.]+", text):
        return None
    first, _, rest = text.partition(".")
    if first in ("self", "cls") and name.owner is not None:
        owners = [members(one).get(rest) for one in ancestry(name.owner)]
        return next((one for one in owners if one is not None), None)
    found = within(name, text)
    if found is None:
        module = module_at(name.module)
        dotted = module.imported.get(first) if module is not None else None
        found = resolve(f"{dotted}.{rest}") if dotted and rest else None
    return found
