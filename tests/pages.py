"""Pages of the documentation: their blocks, and the proof that everything in them is run.

A module of tests has the pages that it is about as `Page`s, at its top level:

    PAGE = Page("docs/places.md")

    async def test_the_example_says_what_it_prints(page, capsys):
        await page["City"](id=1, name="Paris", location=(2.3522, 48.8566)).save()
        await page["ask"]()
        PAGE.check_printed(capsys.readouterr().out)

`page` is a fixture: the names that the Python blocks of the module's `PAGE` define, with models in
a registry of their own, connected to the server of the tests. A test that needs something else runs
the blocks by itself, all of them or some, with names that they take for granted:

    with use_plugins(installed=True):
        names = PAGE.run(PAGE.names(users=users))            # all blocks, one after the other
        await PAGE.run_async(names, only=2)                  # `await` outside of functions

When all tests of a module have passed, its pages are proven, or the run fails with page and line:

- each statement of each Python block was run, in functions, branches and `except` as well, and each
  `lambda`; `...`, a docstring and `from __future__` are no statements, and a line that has to be
  an error to mypy (`# type: ignore[...]`) need not be run;
- a test has asked for each other block by `PAGE.blocks(language)`. Commands whose output is not
  shown are those of `test_pages.py`;
- where comments say what a `print` prints, `PAGE.check_printed` was asked.

Where tests of the module were left out (by `-k`, by the id of one), or skipped, nothing is said.
`test_pages.py` proves that each page with a block is one of a module. Statements are recorded by
calls that stand before each, so that `coverage` and debuggers see nothing unusual; file and line of
a block are those of the page, in tracebacks as in `inspect.getsource`.
"""

from __future__ import annotations

import ast
import inspect
import io
import linecache
import re
import sys
import tokenize
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from difflib import unified_diff
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest
import pytest_asyncio
import rapyer
from rapyer import init_rapyer
from rapyer.testing import use_plugins

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>.*)")
#: Which tests a module has; and which have passed.
_HAS, _PASSED = pytest.StashKey[set[str]](), pytest.StashKey[set[str]]()
#: Line and column of what is run.
Place = tuple[int, int]


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        language: The first word behind the fence; empty where there is none.
        title: The name of the file that it is, by `title="..."`; else empty.
        text: What it holds, without the indentation of the fence.
        line: The line of the page on which its text begins.
    """

    language: str
    title: str
    text: str
    line: int

    @property
    def commands(self) -> list[str]:
        """The commands of a `console` block."""
        return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]

    @property
    def output(self) -> list[str]:
        """What a `console` block shows beside its commands."""
        return [line for line in self.text.splitlines() if not line.startswith("$ ")]


def blocks_of(text: str) -> Iterator[Block]:
    """Give the fenced blocks of Markdown, also of those in items of lists."""
    lines = iter(enumerate(text.splitlines(keepends=True), start=1))
    for number, line in lines:
        if not (opened := _FENCE.match(line)):
            continue
        closing = re.compile(rf" *{opened['fence']}{opened['fence'][0]}*\s*$")
        held: list[str] = []
        for _, inner in lines:
            if closing.match(inner):
                break
            held.append(inner.removeprefix(opened["indent"]))
        else:
            raise ValueError(f"the block that begins in line {number} does not end")
        title = re.search(r'title="(.*?)"', opened["info"])
        language = (opened["info"].split() or [""])[0]
        yield Block(language, title[1] if title else "", "".join(held), number + 1)


class Page:
    """A page that a module of tests is about.

    Args:
        path: Where it is, from the root of the repository.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.text = (ROOT / path).read_text()
        self._blocks = [*blocks_of(self.text)]
        self._asked = {"python"}
        self._is_compared = False
        self._ran: set[Place] = set()
        self._name = re.sub(r"\W", "_", path)
        source = ["\n"] * len(self.text.splitlines())
        for block in self._python:
            lines = block.text.splitlines(keepends=True)
            source[block.line - 1 : block.line - 1 + len(lines)] = lines
        linecache.cache[path] = (len(self.text), None, source, path)

    def __repr__(self) -> str:
        return f"Page({self.path!r})"

    @property
    def _python(self) -> list[Block]:
        return [block for block in self._blocks if block.language == "python"]

    def blocks(self, language: str) -> list[Block]:
        """Give the blocks of a language. Whoever asks for them compares them with something."""
        self._asked.add(language)
        return [block for block in self._blocks if block.language == language]

    def rows(self, heading: str) -> list[list[str]]:
        """Give the cells of all tables whose first row begins so; `\\|` in them is `|`."""
        begin = rf"^{re.escape(heading)}.*\n\|[-|]+\n((?:\|.*\n)+)"
        return [
            [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row[1:-1])]
            for table in re.findall(begin, self.text, re.MULTILINE)
            for row in table.splitlines()
        ]

    def names(self, **given: Any) -> dict[str, Any]:
        """Give the names of a new module for the blocks to run in, `given` among them."""
        module = ModuleType(self._name)
        module.__file__ = self.path
        sys.modules[module.__name__] = module  # where pydantic looks names of annotations up
        vars(module).update(given)
        return vars(module)

    def run(
        self, names: dict[str, Any] | None = None, *, only: int | None = None
    ) -> dict[str, Any]:
        """Run the Python blocks, or the one of a number; give the names that there are then."""
        names = self.names() if names is None else names
        for code in self._codes(names, only):
            if code.co_flags & inspect.CO_COROUTINE:
                raise TypeError(f"{self.path} has `await` outside of functions: use run_async")
            eval(code, names)
        return names

    async def run_async(
        self, names: dict[str, Any] | None = None, *, only: int | None = None
    ) -> dict[str, Any]:
        """Do what `run` does, also where `await` stands outside of functions."""
        names = self.names() if names is None else names
        for code in self._codes(names, only):
            result = eval(code, names)
            if code.co_flags & inspect.CO_COROUTINE:
                await result
        return names

    @asynccontextmanager
    async def connected(self, redis_url: str, **given: Any) -> AsyncIterator[dict[str, Any]]:
        """Give the names of the page, with models in a registry of their own, connected."""
        with use_plugins(installed=True):
            names = self.run(self.names(**given))
            async with init_rapyer(redis_url):
                yield names

    def take_over(self, data_file: Path) -> None:
        """Count as run what `coverage run` has seen of the files that blocks are, by title."""
        from coverage import CoverageData  # not there where core is tested alone

        data = CoverageData(str(data_file))
        data.read()
        for block, (_, places) in zip(self._python, self._compiled, strict=True):
            name = "/" + block.title.removeprefix("src/")
            for file in (one for one in data.measured_files() if one.endswith(name)):
                ran = {line + block.line - 1 for line in data.lines(file) or ()}
                self._ran |= {place for place in places if place[0] in ran}

    def _codes(self, names: dict[str, Any], only: int | None) -> list[CodeType]:
        names[f"__ran_in_{self._name}__"] = self._ran.add
        codes = [code for code, _ in self._compiled]
        return codes if only is None else [codes[only]]

    @cached_property
    def _compiled(self) -> list[tuple[CodeType, set[Place]]]:
        """The code of each Python block, and the places of its statements."""
        made: list[tuple[CodeType, set[Place]]] = []
        for block in self._python:
            tree = ast.parse("\n" * (block.line - 1) + block.text, self.path)
            marking = _Marking(f"__ran_in_{self._name}__")
            marked = ast.fix_missing_locations(marking.visit(tree))
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(marked, self.path, "exec", flags, dont_inherit=True)
            made.append((code, marking.places))
        return made

    @property
    def said(self) -> list[str]:
        """What comments at `print`s say that is printed, in their order.

        A comment stands behind the statement, or on a line of its own below; `, then ` is between
        the lines that a loop prints.
        """
        return [line for block in self._python for line in _said(block.text)]

    def check_printed(self, printed: str, said: list[str] | None = None) -> None:
        """Compare what was printed with what the comments, or some, say; `...` is any text."""
        self._is_compared = True
        found = printed.splitlines()
        pairs = zip_longest(self.said if said is None else said, found, fillvalue="")
        expected = [line if _fits(said, line) else said for said, line in pairs]
        difference = unified_diff(expected, found, "said", "printed", lineterm="")
        assert found == expected, "\n".join(difference)

    def unproven(self) -> Iterator[str]:
        """Say what was not run, and what was not asked for."""
        for block in self._blocks:
            is_known = block.language in self._asked
            if not is_known and (block.language != "console" or block.output):
                yield f"{self.path}:{block.line}: no test asks for this {block.language} block"
        if self.said and not self._is_compared:
            yield f"{self.path}: no test compares what is printed with what the comments say"
        lines = self.text.splitlines()
        places = {place for _, places in self._compiled for place in places}
        for line in sorted({line for line, _ in places - self._ran}):
            if "# type: ignore[" not in lines[line - 1]:
                yield f"{self.path}:{line}: was not run: {lines[line - 1].strip()}"


class _Marking(ast.NodeTransformer):
    """Puts a call that tells of it before each statement, and into each `lambda`."""

    def __init__(self, recorder: str) -> None:
        self.places: set[Place] = set()
        self._recorder = recorder

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, name, [*self._marked(value)])
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.generic_visit(node)
        node.body = ast.BoolOp(ast.Or(), [self._call(node), node.body])
        return node

    def _marked(self, statements: list[ast.stmt]) -> Iterator[ast.stmt]:
        for statement in statements:
            if not _does_nothing(statement):
                yield ast.copy_location(ast.Expr(self._call(statement)), statement)
            yield statement

    def _call(self, node: ast.stmt | ast.expr) -> ast.expr:
        place = (node.lineno, node.col_offset)
        self.places.add(place)
        call = ast.Call(ast.Name(self._recorder, ast.Load()), [ast.Constant(place)], [])
        return ast.copy_location(call, node)


def _does_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(ast.Constant(value)):
            return value is ... or isinstance(value, str)
        case ast.ImportFrom("__future__") | ast.AnnAssign(value=None):
            return True
        case _:
            return False


def _said(code: str) -> Iterator[str]:
    comments = {
        token.start[0]: (token.string.removeprefix("#").strip(), token.line.lstrip()[0] == "#")
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.COMMENT
    }
    printing = {
        statement.end_lineno or 0
        for statement in ast.walk(ast.parse(code))
        if isinstance(statement, ast.stmt) and not hasattr(statement, "body")
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    }
    for last in sorted(printing):
        behind, (below, is_alone) = comments.get(last), comments.get(last + 1, ("", False))
        comment = behind[0] if behind else below if is_alone else ""
        yield from filter(None, comment.split(", then "))


def _fits(said: str, printed: str) -> bool:
    return bool(re.fullmatch(".*".join(map(re.escape, said.split("..."))), printed))


# -- what conftest.py takes for all modules -------------------------------------------------------


@pytest_asyncio.fixture
async def page(
    request: pytest.FixtureRequest, redis_url: str, redis: object
) -> AsyncIterator[dict[str, Any]]:
    """The names of the module's `PAGE`, connected to the server of the tests."""
    async with request.module.PAGE.connected(redis_url) as names:
        yield names


@pytest.fixture
def localhost(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `init_rapyer("redis://localhost:6379")` of a page lead to the server of the tests."""

    def connect(url: str, **options: Any) -> Any:
        is_local = url.startswith("redis://localhost:6379")
        return init_rapyer(redis_url if is_local else url, **options)

    monkeypatch.setattr(rapyer, "init_rapyer", connect)


@pytest.fixture(scope="module", autouse=True)
def pages_are_proven(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail at the end of a module whose pages have something that its tests did not run."""
    yield
    stash = request.node.stash
    if stash[_HAS] == stash.get(_PASSED, set()):
        pages = _pages_in(vars(request.module).values())
        unproven = [line for page in pages for line in page.unproven()]
        if unproven:
            pytest.fail("\n".join(unproven), pytrace=False)


def _pages_in(values: Iterable[object]) -> Iterator[Page]:
    for value in values:
        if isinstance(value, Page):
            yield value
        elif isinstance(value, dict):
            yield from _pages_in(value.values())


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Any:
    """Keep which tests a module has, whichever of them are chosen."""
    made = yield
    if module := collector.getparent(pytest.Module):
        tests = [one for one in made or () if isinstance(one, pytest.Item)]
        module.stash.setdefault(_HAS, set()).update(test.nodeid for test in tests)
    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Keep which tests of a module have passed."""
    report = yield
    if report.when == "call" and report.passed and (module := item.getparent(pytest.Module)):
        module.stash.setdefault(_PASSED, set()).add(item.nodeid)
    return report
