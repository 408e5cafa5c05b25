"""No block of a page is left out: each is run, compared or accounted for; and links lead somewhere.

That every statement of a page runs is proven at the end of its module: see `pages`.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import ROOT, Block, Page, blocks_of

pytest_plugins = ["pytester"]

TESTS = ROOT / "tests"
MARKDOWN = [
    path
    for path in sorted(str(file.relative_to(ROOT)) for file in ROOT.rglob("*.md"))
    if not any(part.startswith(".") for part in path.split("/"))
]
LANGUAGES = {"python", "console", "text", "toml", "json", "yaml", "markdown"}


def blocks(path: str) -> list[Block]:
    return [*blocks_of((ROOT / path).read_text())]


# -- every page is one of a module ----------------------------------------------------------------


def pages_of(module: Path) -> Iterator[str]:
    """Find the pages of a module, as patterns: what its top level assigns is `Page("...")`."""
    for statement in ast.parse(module.read_text()).body:
        if isinstance(statement, ast.Assign):
            value = statement.value
            match value.value if isinstance(value, ast.DictComp) else value:
                case ast.Call(ast.Name("Page"), [ast.Constant(str(path))]):
                    yield path
                case ast.Call(ast.Name("Page"), [ast.JoinedStr(parts)]):
                    texts = (part.value for part in parts if isinstance(part, ast.Constant))
                    yield "*".join(map(str, texts))


#: Modules by the pages that they prove.
MODULES = {
    str(page.relative_to(ROOT)): module
    for module in sorted(TESTS.rglob("test_*.py"))
    for pattern in pages_of(module)
    for page in ROOT.glob(pattern)
}


def test_pages_are_found_in_modules():
    assert MODULES["docs/bulk.md"] == TESTS / "bulk/test_page.py"
    assert "docs/plugins/hooks/rapyer_startup.md" in MODULES


@pytest.mark.parametrize("path", [path for path in MARKDOWN if blocks(path)])
def test_a_page_with_a_block_is_proven_by_a_module(path):
    if {block.language for block in blocks(path)} - {"console"}:
        assert path in MODULES, f'no module of tests has {path}: write PAGE = Page("{path}") in one'


@pytest.mark.parametrize("module", sorted({*MODULES.values()}), ids=lambda module: module.name)
def test_no_test_of_such_a_module_is_left_out_by_itself(module):
    """Without it nothing would be proven."""
    assert not re.search(r"mark\.(slow|skip|skipif|xfail)\b", module.read_text())


@pytest.mark.parametrize("path", MARKDOWN)
def test_every_block_says_in_which_language_it_is(path):
    fences = len(re.findall("```|~~~", (ROOT / path).read_text()))
    for block in blocks(path):
        assert block.language in LANGUAGES, f"{path}:{block.line - 1}: {block.language!r}"
        fences -= 2 + len(re.findall("```|~~~", block.text))
    assert fences == 0, "one is not seen as that of a block"


# -- commands -------------------------------------------------------------------------------------

INDEXES = "tests/query/test_indexes_page.py"
WHEELS = "tests/plugins/test_wheels.py"
#: What commands in pages are, and where they are run: a file, and what stands in it.
COMMANDS = {
    r"scripts/check": (".ci/run", "\nscripts/check\n"),
    r"scripts/test": (".ci/run", "\nscripts/test -q\n"),
    r'pip install "rapyer\[[a-z,]+\]"( pytest pytest-asyncio)?': (".ci/run", " 'rapyer[all]';"),
    r"pip install rapyer-embedded": (".ci/run", " rapyer-embedded "),
    r"python3 -m venv \.uv && \.uv/bin/pip install -q uv": ("scripts/env", "python3 -m venv .uv"),
    r"\.uv/bin/uv run examples/world_cities\.py": (".ci/run", "uv run examples/world_cities.py\n"),
    r"\.uv/bin/uv run pytest": ("scripts/test", 'uv run pytest "$@"'),
    r"python -m rapyer plugins( --json)?": ("tests/plugins/test_plugin_pages.py", "main(table["),
    r"python -m rapyer index [a-z]+ .*": (INDEXES, "main(words)"),
    r"rapyer (doctor|inspect) .*": ("tests/test_command_line_page.py", "= commands()"),
    r"python -m rapyer_embedded .*": ("tests/embedded/test_readme.py", "python(*words[1:])"),
    r"uv run --group plots python -m benchmarks compare .*": (
        "tests/benchmarks/test_compare.py", "def test_the_commands_of_the_page_",
    ),
    r"python -m venv \.venv": (WHEELS, 'uv("venv", '),
    r"\. \.venv/bin/activate": (WHEELS, 'python = directory / "bin/python"'),
    r"python -m pip install --upgrade pip": (WHEELS, "install(python, wheels, "),
    r"python -m pip install rapyer": (".ci/run", "for wanted in rapyer-core "),
    r"python -m rapyer new-plugin visits": (WHEELS, 'new_plugin(python, "visits", project)'),
    r"cd rapyer-visits": (WHEELS, 'project = tmp_path / "rapyer-visits"'),
    r"python -m pip install --editable \. --group dev": (WHEELS, "/pyproject.toml:dev"),
    r"python -m pytest": (WHEELS, "run_tests(python, project, redis_url, *measured)"),
    r"python -m ruff check|python -m ruff format --check": (WHEELS, "errors_of_ruff(project) =="),
    r"python -m mypy": (WHEELS, "mypy(python, project)"),
}  # fmt: skip


def commands() -> Iterator[tuple[str, str]]:
    for path in MARKDOWN:
        for block in (one for one in blocks(path) if one.language == "console"):
            for number, line in enumerate(block.text.splitlines(), start=block.line):
                if line.startswith("$ "):
                    parts = re.split(r" && (?=\.uv/bin/uv )", line[2:])
                    yield from ((f"{path}:{number}", part) for part in parts)


def test_every_command_is_one_that_is_run_and_none_is_listed_in_vain():
    met: set[str] = set()
    for place, command in commands():
        found = [pattern for pattern in COMMANDS if re.fullmatch(pattern, command)]
        assert len(found) == 1, f"{place}: {command!r} is run by nothing that COMMANDS names"
        met |= {*found}
    assert met == {*COMMANDS}


@pytest.mark.parametrize("pattern", COMMANDS)
def test_what_runs_a_command_is_there(pattern):
    file, text = COMMANDS[pattern]
    assert text in (ROOT / file).read_text()


def test_the_extras_that_commands_name_are_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [re.findall(r"rapyer\[(.*)\]", command) for _, command in commands()]
    extras = {extra for found in named for one in found for extra in one.split(",")}
    assert {"query", "bulk"} <= extras <= {*project["optional-dependencies"]}


# -- links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MARKDOWN)
def test_links_between_pages_lead_somewhere(path):
    page = ROOT / path
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


# -- what `pages` promises ------------------------------------------------------------------------

EXAMPLE = '''\
# A page

- In an item:

  ```python
  from __future__ import annotations


  def halve(number: int) -> float:
      """Halve it."""
      if number == 0:
          raise ValueError(number)
      return number / 2


  class Nothing: ...


  print(halve(6))  # 3.0
  ```

~~~text title="it.txt"
```
~~~

```python
for number in (1, 2):
    print(number)
# 1, then ...
twice = lambda number: number * 2
```
'''
LINE_OF_RAISE = 1 + EXAMPLE.splitlines().index("          raise ValueError(number)")


@pytest.fixture
def example(tmp_path: Path) -> Page:
    path = tmp_path / "example.md"
    path.write_text(EXAMPLE)
    return Page(str(path))


def test_blocks_are_found_in_lists_and_with_other_fences():
    first, text, second = blocks_of(EXAMPLE)
    assert first.text.startswith("from __future__")
    assert (text.language, text.title, text.text) == ("text", "it.txt", "```\n")
    assert second.line == 1 + EXAMPLE.splitlines().index("for number in (1, 2):")
    with pytest.raises(ValueError, match="begins in line 2 does not end"):
        list(blocks_of("\n```python\n"))


def test_what_does_not_run_is_told_with_its_line(example, capsys):
    names = example.run(only=0)
    assert [one.partition(":")[2] for one in example.unproven()] == [
        "23: no test asks for this text block",
        " no test compares what is printed with what the comments say",
        f"{LINE_OF_RAISE}: was not run: raise ValueError(number)",
        "27: was not run: for number in (1, 2):",
        "28: was not run: print(number)",
        "30: was not run: twice = lambda number: number * 2",
    ]
    example.blocks("text")
    example.run(names, only=1)
    assert names["twice"](2) == 4
    example.check_printed(capsys.readouterr().out)
    with pytest.raises(AssertionError, match=r"-3\.0\n.*-1"):
        example.check_printed("2\n2\n2")
    with pytest.raises(ValueError, match="0"):
        names["halve"](0)
    assert [*example.unproven()] == []


def test_what_is_run_knows_its_lines_and_its_source(example):
    halve = example.run(only=0)["halve"]
    with pytest.raises(ValueError, match="0") as caught:
        halve(0)
    last = caught.traceback[-1]
    assert (last.frame.code.raw.co_filename, 1 + last.lineno) == (example.path, LINE_OF_RAISE)
    assert str(last.statement).strip() == "raise ValueError(number)"
    assert inspect.getsource(halve).endswith("    return number / 2\n")
    assert (halve.__doc__, halve.__annotations__["number"]) == ("Halve it.", "int")


async def test_await_outside_of_functions_is_for_run_async(tmp_path):
    (tmp_path / "page.md").write_text("```python\nasync with block:\n    await sleep(0)\n```\n")
    page = Page(str(tmp_path / "page.md"))
    names = page.names(block=contextlib.AsyncExitStack(), sleep=asyncio.sleep)
    with pytest.raises(TypeError, match="use run_async"):
        page.run(names)
    await page.run_async(names)
    assert [*page.unproven()] == []


@pytest.mark.parametrize(
    ("chosen", "outcome"),
    [
        ((), {"passed": 2, "errors": 1}),
        (("-k", "asks"), {"passed": 1, "deselected": 1}),
        (("test_example.py::test_it_runs",), {"passed": 1}),
    ],
)
def test_a_module_fails_at_its_end_unless_tests_of_it_were_left_out(pytester, chosen, outcome):
    result = run_module(pytester, "assert PAGE.blocks('text')", *chosen)
    result.assert_outcomes(**outcome)
    missing = f"*example.md:{LINE_OF_RAISE}: was not run: raise ValueError(number)"
    (result.stdout.no_fnmatch_line if chosen else result.stdout.fnmatch_lines)(
        missing if chosen else [missing]
    )


@pytest.mark.parametrize("ended", ["failed", "skipped"])
def test_a_module_of_which_a_test_did_not_pass_is_not_judged(pytester, ended):
    end = {"failed": "pytest.fail()", "skipped": "pytest.skip()"}
    run_module(pytester, end[ended]).assert_outcomes(passed=1, **{ended: 1})


def run_module(pytester: pytest.Pytester, code: str, *chosen: str) -> pytest.RunResult:
    """Run a module about the example, by pytest in this process."""
    page = pytester.path / "example.md"
    page.write_text(EXAMPLE)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    names = re.findall(r"import (\w+) as", (TESTS / "conftest.py").read_text())
    pytester.makeconftest(f"from pages import {', '.join(names)}")
    pytester.makepyfile(
        test_example=f"""
import pytest
from pages import Page
PAGE = Page({str(page)!r})

def test_it_runs():
    assert PAGE.run()["twice"](2) == 4
    PAGE.check_printed("3.0\\n1\\n2")

def test_it_asks():
    {code}
"""
    )
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *chosen)
