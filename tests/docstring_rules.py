"""What a docstring of a public name has to say: a rule is a function that gives what is missing.

Rules are told apart by their names: `summary`, `parameters`, `attributes`, `result`, `errors`,
`trips`, `units`. All of them read sources, and ask nobody's types.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from docstring_errors import errors
from docstrings import taken_apart
from public_names import Function, Name, ancestry, members, within

#: Verbs that begin the summary of a function which gives what the sentence is about.
GIVING = (
    "Ask", "Count", "Give", "Hold", "Make", "Name", "Order", "Read", "Record", "Return", "Say",
    "Tell",
)  # fmt: skip
#: What a summary says that goes on to tell what is given.
ALSO_GIVES = re.compile(r"\band (give|return|count|say|tell)\b")
#: What tells how often a call waits for the server.
TRIPS = re.compile(r"round trips?\b|nothing is sent", re.IGNORECASE)
#: Names of numbers that have a unit: how long, how large, how far, how many.
MEASURES = re.compile(
    r"(^|_)(age|bytes|chunk|count|dim|distance|documents|failures|grace|interval|k|lease|length|"
    r"life|limit|limits|memory|number|period|progress|radius|seconds|size|steps|timeout|ttl|wait)"
    r"(_|$)"
)
NUMBERS = {"int", "float", "Duration", "timedelta"}
#: What is counted or measured in: things that are counted stand in the plural.
UNITS = re.compile(
    r"\b(milliseconds?|seconds?|bytes?|letters?|meters?|kilometers?|miles?|feet|degrees?|metric|"
    r"from 0 to 1|instances|documents|elements|entries|characters|keys|results|groups|rows|numbers|"
    r"arguments|writes|steps|nodes|neighbors|copies|commands|servers|connections|often|"
    r"exit status)\b",
    re.IGNORECASE,
)


# -- what a definition has ------------------------------------------------------------------------


def parameters_of(function: Function) -> dict[str, ast.expr | None]:
    """The parameters that a caller gives, with their annotations."""
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args]
    if given and given[0].arg in ("self", "cls"):
        del given[0]
    given += [*filter(None, [arguments.vararg]), *arguments.kwonlyargs]
    given += filter(None, [arguments.kwarg])
    return {one.arg: one.annotation for one in given if not one.arg.startswith("_")}


def constructor_of(owner: Name) -> dict[str, ast.expr | None]:
    """The parameters of a class: those of its `__init__`, or its fields as far as it has none."""
    own = members(owner).get("__init__")
    if own is not None and isinstance(own.node, Function):
        return parameters_of(own.node)
    return {}


def attributes_of(owner: Name) -> dict[str, ast.expr | None]:
    """The public attributes that a class defines itself, with their annotations."""
    found: dict[str, ast.expr | None] = {}
    for name in members(owner).values():
        if isinstance(name.node, ast.Assign | ast.AnnAssign) and not name.last.startswith("_"):
            found[name.last] = getattr(name.node, "annotation", None)
        elif isinstance(name.node, Function):
            annotations = parameters_of(name.node)
            for node in ast.walk(name.node):
                target = _set_by(node)
                if target is not None and not target.startswith("_"):
                    annotation = getattr(node, "annotation", None)
                    found.setdefault(target, annotation or annotations.get(target))
    return found


def _set_by(node: ast.AST) -> str | None:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    for target in targets:
        if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
            return target.attr
    return None


def results_text(function: Function) -> str:
    """The annotation of what a function gives; empty for None."""
    text = "" if function.returns is None else ast.unparse(function.returns)
    nothing = ("None", "NoReturn", "Generator[None]", "AsyncGenerator[None]")
    return "" if text in nothing or text.endswith("ContextManager[None]") else text


# -- the rules ------------------------------------------------------------------------------------


def summary(name: Name) -> Iterator[str]:
    """There is a docstring, whose first paragraph is a sentence."""
    if isinstance(name.node, ast.Assign | ast.AnnAssign):
        yield from _of_field(name)
    elif not name.doc:
        yield "has no docstring"
    elif not re.match(r"[A-Z`\"].*[.:;]$", taken_apart(name.doc).summary):
        yield f"begins with no sentence: {taken_apart(name.doc).summary!r}"


def _of_field(name: Name) -> Iterator[str]:
    if name.doc:
        return
    if name.owner is None:
        yield "has no docstring: a text below the assignment"
    elif not _said_by_class(name.owner, name.last):
        yield "has no docstring, nor a line in `Attributes:` of its class"


def _said_by_class(owner: Name, attribute: str) -> str:
    found = taken_apart(owner.doc).entries("Args", "Attributes")
    return next((text for names, text in found.items() if attribute in names.split(", ")), "")


def parameters(name: Name) -> Iterator[str]:
    """Each parameter has a line in `Args:`, and each line there is one of a parameter.

    Without `Args:` the text may name a parameter, or two of which it has one in backquotes; and
    `key`, which is a primary key or a whole Redis key wherever it is, beside them.
    """
    if isinstance(name.node, ast.ClassDef):
        given, sections = constructor_of(name), ("Args", "Attributes")
        if "Error" in name.last or any("Error" in one.last for one in ancestry(name)):
            given.pop("message", None)  # which is that of each exception of Python
    elif isinstance(name.node, Function) and not name.is_property:
        given, sections = parameters_of(name.node), ("Args",)
    else:
        return
    doc = taken_apart(name.doc)
    owners = ancestry(name) if isinstance(name.node, ast.ClassDef) else [name]
    docs = [taken_apart(one.doc) for one in owners]
    listed = {
        one for each in docs for names in each.entries(*sections) for one in names.split(", ")
    }
    missing = [one for one in given if one not in listed]
    if not doc.entries("Args") and isinstance(name.node, Function):
        told = [one for one in missing if one != "key" and _is_named(one, doc.text)][:2]
        words = [one for one in told if f"`{one}`" not in doc.text]
        told = [one for one in told if one not in words[1:]]
        missing = [one for one in missing if one not in told and not _is_key(one, doc.text)]
    yield from (f"says nothing of the parameter {one!r}" for one in missing)
    known = {*given, *(attributes_of(name) if isinstance(name.node, ast.ClassDef) else ())}
    for one in doc.entries("Args"):
        yield from (f"has no parameter {part!r}" for part in one.split(", ") if part not in known)


def _is_named(parameter: str, text: str) -> bool:
    return re.search(rf"(?<![\w.]){parameter}(?![\w])", text) is not None


def _is_key(parameter: str, text: str) -> bool:
    return parameter == "key" and _is_named(parameter, text)


def attributes(name: Name) -> Iterator[str]:
    """Each attribute that a class sets has a line, and each line there is one of an attribute."""
    if not isinstance(name.node, ast.ClassDef):
        return
    doc = taken_apart(name.doc)
    listed = {one for names in doc.entries("Attributes") for one in names.split(", ")}
    own = members(name)
    for one in attributes_of(name):
        if one in own and (own[one].doc or not isinstance(own[one].node, ast.AnnAssign)):
            continue
        if not one.endswith("_") and not _said_by_class(name, one):
            yield f"says nothing of the attribute {one!r}"
    inherited = {one for base in ancestry(name) for one in (*attributes_of(base), *members(base))}
    yield from (f"has no attribute {one!r}" for one in sorted(listed - inherited))


def result(name: Name) -> Iterator[str]:
    """What a function gives is said by its summary, or by `Returns:` or `Yields:`."""
    if not isinstance(name.node, Function) or name.is_property:
        return
    doc = taken_apart(name.doc)
    told = doc.entries("Returns", "Yields")
    gives = results_text(name.node)
    says = doc.summary.partition(" ")[0] in GIVING or ALSO_GIVES.search(doc.summary)
    if gives and not told and not says and not _is_step(name, gives):
        yield f"says not what it gives, {gives}: begin with {GIVING[0]} ..., or write `Returns:`"
    if told and not gives:
        yield "has `Returns:`, and gives nothing"


def _is_step(name: Name, gives: str) -> bool:
    """Whether a method gives another object of its class, which says so of all its methods."""
    owner = name.owner
    return (
        owner is not None
        and gives.partition("[")[0] in (owner.last, "Self")
        and re.search(r"\beach method gives a new\b", owner.doc) is not None
    )


def trips(name: Name) -> Iterator[str]:
    """What is awaited, iterated or entered asynchronously says its round trips."""
    if isinstance(name.node, ast.ClassDef):
        entered = {"__aenter__", "__aiter__", "__await__"} & members(name).keys()
        texts = [name.doc, *(members(name)[one].doc for one in entered)]
        if entered and not any(TRIPS.search(text) for text in texts):
            yield "is awaited, and says nothing of round trips"
    elif is_awaited(name) and not TRIPS.search(" ".join(name.doc.split())):
        yield "is awaited, and says nothing of round trips"


def is_awaited(name: Name) -> bool:
    """Whether a function is a coroutine, or what it gives is awaited or entered as one."""
    if not isinstance(name.node, ast.FunctionDef):
        return isinstance(name.node, ast.AsyncFunctionDef)
    text = "" if name.node.returns is None else ast.unparse(name.node.returns)
    if re.match(r"(Async\w+|Awaitable)\b", text):
        return True
    made = within(name, text.partition("[")[0])
    entered = {"__aenter__", "__await__"}
    return made is not None and any(entered & members(one).keys() for one in ancestry(made))


def units(name: Name) -> Iterator[str]:
    """Parameters, attributes and results that measure something say in what."""
    doc = taken_apart(name.doc)
    if isinstance(name.node, ast.ClassDef):
        measured = {**attributes_of(name), **constructor_of(name)}
        for one, annotation in measured.items():
            own = members(name)[one].doc if one in members(name) else ""
            if one.endswith("_"):
                continue
            if _is_measure(one, annotation) and not UNITS.search(own or _said_by_class(name, one)):
                yield f"says not what {one!r} is measured in"
        return
    if not isinstance(name.node, Function):
        return
    told = doc.entries("Args")
    everything = " ".join(name.doc.split())
    for one, annotation in parameters_of(name.node).items():
        if _is_measure(one, annotation) and not UNITS.search(told.get(one, everything)):
            yield f"says not what {one!r} is measured in"
    gives = results_text(name.node).removesuffix(" | None")
    of_result = " ".join([doc.summary, *doc.entries("Returns").values()])
    if gives in ("int", "float") and not UNITS.search(of_result):
        yield "says not what its result is measured in"


def _is_measure(name: str, annotation: ast.expr | None) -> bool:
    kinds = set() if annotation is None else set(re.findall(r"\w+", ast.unparse(annotation)))
    return MEASURES.search(name.rstrip("_")) is not None and bool(kinds & NUMBERS)


RULES: tuple[Callable[[Name], Iterator[str]], ...] = (
    summary, parameters, attributes, result, errors, trips, units,
)  # fmt: skip


def faults(name: Name) -> list[tuple[str, str]]:
    """What the docstring of a name lacks, as rule and message."""
    return [(rule.__name__, message) for rule in RULES for message in rule(name)]
