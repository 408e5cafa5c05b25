"""The public names of the packages, with their definitions, as the sources have them.

Nothing is imported: what stands under `if TYPE_CHECKING:` is found like the rest, as mkdocstrings
finds it, and so is what is loaded when it is first asked for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: The packages with the directories of their sources.
SOURCES = {
    "rapyer": ROOT / "packages/rapyer-core/src/rapyer",
    **{
        f"rapyer_{name}": ROOT / f"packages/rapyer-{name}/src/rapyer_{name}"
        for name in ("query", "bulk", "ttl", "pipeline", "embedded")
    },
}
#: The modules from which users and authors of plugins import.
FACES = (*SOURCES, "rapyer.plugin", "rapyer.cli", "rapyer.testing")
PAGES = ROOT / "docs/reference"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Name:
    """A name with its definition.

    Attributes:
        module: The module that defines it.
        path: What it is called there: `find`, or `Query.find`; empty for the module itself.
        node: Its definition: of a function the implementation, not the overloads.
        doc: Its docstring; of an assignment the text below it.
        owner: The class that it is a member of.
    """

    module: str
    path: str
    node: ast.AST
    doc: str
    owner: Name | None = None

    def __str__(self) -> str:
        return f"{self.module}.{self.path}".rstrip(".")

    @property
    def last(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def is_property(self) -> bool:
        return "property" in self.decorators

    @property
    def decorators(self) -> set[str]:
        return {ast.unparse(one) for one in getattr(self.node, "decorator_list", ())}


@dataclass
class Module:
    """What a module defines and imports at its top."""

    name: str
    tree: ast.Module
    defined: dict[str, Name] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)


def statements(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, ast.stmt | None]]:
    """The statements of a body with those that follow, also those below an `if` or a `try`."""
    for one, following in zip_longest(body, body[1:]):
        yield one, following
        if isinstance(one, ast.If | ast.Try):
            yield from statements(one.body)
            yield from statements(one.orelse)


def members_of(body: list[ast.stmt], owner: Name | None, module: str) -> dict[str, Name]:
    """What a body defines, by names."""
    found: dict[str, Name] = {}

    def add(name: str, node: ast.AST, doc: str | None) -> None:
        if name in found and found[name].doc and not doc:
            return  # what only checkers see, or only the interpreter, without a docstring
        path = name if owner is None else f"{owner.path}.{name}"
        found[name] = Name(module, path, node, doc or "", owner)

    for one, following in statements(body):
        if isinstance(one, Function):
            marks = {ast.unparse(mark).rpartition(".")[2] for mark in one.decorator_list}
            if not marks & {"overload", "setter", "deleter"}:
                add(one.name, one, ast.get_docstring(one))
        elif isinstance(one, ast.ClassDef):
            add(one.name, one, ast.get_docstring(one))
        elif isinstance(one, ast.Assign | ast.AnnAssign):
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    add(target.id, one, text_of(following))
    return found


def text_of(statement: ast.stmt | None) -> str | None:
    """The text that a statement is, below an assignment."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        value = statement.value.value
        return value if isinstance(value, str) else None
    return None


@cache
def module_at(dotted: str) -> Module | None:
    """A module of ours; None where the dotted name is none."""
    package, *rest = dotted.split(".")
    if package not in SOURCES:
        return None
    stem = SOURCES[package].joinpath(*rest)
    file = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
    if not file.exists():
        return None
    module = Module(dotted, ast.parse(file.read_text()))
    module.defined = members_of(module.tree.body, None, dotted)
    for one in ast.walk(module.tree):
        if isinstance(one, ast.ImportFrom) and one.module is not None:
            for name in one.names:
                module.imported[name.asname or name.name] = f"{one.module}.{name.name}"
                if name.asname == name.name:
                    module.shown.add(name.name)
    exported = module.defined.get("__all__")
    if exported is not None:
        assert isinstance(exported.node, ast.Assign)
        module.shown = set(ast.literal_eval(exported.node.value))
    return module


def resolve(dotted: str) -> Name | None:
    """The definition of a dotted name, through all imports; None where it is not ours."""
    module, _, name = dotted.rpartition(".")
    found = module_at(module)
    if found is None:
        owner = resolve(module) if module else None
        return None if owner is None else members(owner).get(name)
    if name in found.defined:
        return found.defined[name]
    return resolve(found.imported[name]) if name in found.imported else None


def members(owner: Name) -> dict[str, Name]:
    """What a class defines itself."""
    return _members(owner) if isinstance(owner.node, ast.ClassDef) else {}


@cache
def _members(owner: Name) -> dict[str, Name]:
    assert isinstance(owner.node, ast.ClassDef)
    return members_of(owner.node.body, owner, owner.module)


def within(name: Name, text: str) -> Name | None:
    """What a dotted name means in the module of another one."""
    module = module_at(name.module)
    assert module is not None
    first, _, rest = text.partition(".")
    if first in module.defined:
        found: Name | None = module.defined[first]
    else:
        found = resolve(module.imported[first]) if first in module.imported else None
    return found if found is None or not rest else members(found).get(rest)


def bases_of(owner: Name) -> list[Name]:
    """The base classes of a class, as far as they are ours; none of what is no class."""
    if not isinstance(owner.node, ast.ClassDef):
        return []
    bases = [one.value if isinstance(one, ast.Subscript) else one for one in owner.node.bases]
    found = [within(owner, ast.unparse(base)) for base in bases]
    return [base for base in found if base is not None and isinstance(base.node, ast.ClassDef)]


def ancestry(owner: Name) -> list[Name]:
    """A class and all its base classes that are ours."""
    found = [owner]
    for base in bases_of(owner):
        found += [one for one in ancestry(base) if one not in found]
    return found


def named_in(annotation: ast.AST | None) -> Iterator[str]:
    """The names in an annotation, those in quotes too."""
    if annotation is None:
        return
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and re.fullmatch(r"[\w.\[\], |]+", str(node.value)):
            yield from re.findall(r"\w+", str(node.value))


def results_of(name: Name) -> Iterator[Name]:
    """The classes of ours that somebody has who calls a function, or reads a field."""
    node = name.node
    annotation = node.returns if isinstance(node, Function) else getattr(node, "annotation", None)
    for text in named_in(annotation):
        found = within(name, text)
        if found is None or not isinstance(found.node, ast.ClassDef):
            continue
        yield found
        getter = members(found).get("__get__")  # what an attribute of the class then gives
        if getter is not None:
            for one in overloads(found, "__get__"):
                yield from results_of(one)


def overloads(owner: Name, name: str) -> Iterator[Name]:
    """All definitions of a method, the overloads included."""
    assert isinstance(owner.node, ast.ClassDef)
    for one, _ in statements(owner.node.body):
        if isinstance(one, Function) and one.name == name:
            yield Name(owner.module, f"{owner.path}.{name}", one, "", owner)


def exports(face: str) -> dict[str, Name]:
    """What a module gives to those who import from it."""
    module = module_at(face)
    assert module is not None
    found = {name: resolve(f"{face}.{name}") for name in sorted(module.shown)}
    lost = [name for name, definition in found.items() if definition is None]
    assert not lost, f"{face} exports {lost}, whose definitions are not found"
    return {name: definition for name, definition in found.items() if definition is not None}


def on_pages() -> Iterator[tuple[str, str]]:
    """What the pages of the reference show by mkdocstrings, each with its options."""
    for page in sorted(PAGES.glob("*.md")):
        yield from re.findall(r"^::: (\S+)\n((?:    .*\n)*)", page.read_text(), re.MULTILINE)


def shown_on_pages() -> set[Name]:
    """The definitions that the pages show by their names, or as parts of a module."""
    found: set[Name] = set()
    for dotted, options in on_pages():
        for name in shown_by(dotted):
            has_inherited = "inherited_members: true" in options
            found |= {*ancestry(name)} if has_inherited else {name}
    return found


def shown_by(dotted: str) -> Iterator[Name]:
    """The definitions that `::: dotted` shows at its top: those that a module imports are not."""
    module = module_at(dotted)
    if module is None:
        name = resolve(dotted)
        assert name is not None, f"a page shows {dotted}, and there is no such name"
        yield name
    else:
        yield from filter(is_public, module.defined.values())


def is_public(name: Name) -> bool:
    """Whether users see a name: it begins with no underscore, and is no name of a type variable."""
    return not name.last.startswith("_") and not _is_type_variable(name.node)


def _is_type_variable(node: ast.AST) -> bool:
    value = getattr(node, "value", None)
    return isinstance(value, ast.Call) and ast.unparse(value.func).endswith("TypeVar")


def public_names() -> list[Name]:
    """All public names: exports, what the pages show, what these give, and the members of all."""
    waiting = [name for face in FACES for name in exports(face).values()]
    waiting += shown_on_pages()
    waiting += stand_ins()
    found: dict[Name, None] = {}
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = None
        waiting += results_of(name)
        if isinstance(name.node, ast.ClassDef):
            waiting += bases_of(name)
            waiting += [one for one in members(name).values() if is_member(one)]
    return sorted(
        [name for name in found if is_public(name)], key=lambda name: (name.module, name.path)
    )


def stand_ins() -> Iterator[Name]:
    """The classes of what a program has for values of documents, which no annotation names."""
    for file in sorted(SOURCES["rapyer_pipeline"].rglob("*.py")):
        module = module_at(f"rapyer_pipeline.{file.stem}")
        for name in () if module is None else module.defined.values():
            if isinstance(name.node, ast.ClassDef) and is_public(name) and is_recorded(name):
                yield name


def is_member(name: Name) -> bool:
    """Whether users see a member of a class."""
    if name.last.endswith("_") and name.owner is not None and is_recorded(name.owner):
        return False  # what programs have keeps other names free for the fields of documents
    return is_public(name) and not isinstance(name.node, ast.ClassDef)


def is_recorded(owner: Name) -> bool:
    """Whether the attributes of a class are the fields of documents, in pipelines."""
    stand_ins = {"Recorded", "PipelineDocument", "TracedCondition"}
    return any(one.path in stand_ins for one in ancestry(owner))
