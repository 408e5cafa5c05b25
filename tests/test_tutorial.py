"""docs/tutorial.md as a reader goes through it: files, commands, and lines at a prompt."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from pages import ROOT, Page
from rapyer import UnstorableValueError, teardown_rapyer
from rapyer.testing import use_plugins
from rapyer_pipeline import PipelineAborted

PAGE = Page("docs/tutorial.md")
ADDRESS = "redis://localhost:6379"
#: What is printed behind each block that is typed, to both streams.
MARK = "-- end of the block --"


class Block(NamedTuple):
    """A block of the page, and what stands before it."""

    prose: str
    language: str
    file: str
    code: str


def blocks_of(text: str) -> list[Block]:
    fence = r'(.*?)^```(\w+)(?: title="(.*?)")?\n(.*?)^```$'
    return [Block(*found) for found in re.findall(fence, text, re.DOTALL | re.MULTILINE)]


PART = {
    title: text
    for title, _, text in (part.partition("\n") for part in re.split(r"(?m)^## ", PAGE.text)[1:])
}
BLOCKS = {title: blocks_of(text) for title, text in PART.items()}
TITLES = [title for title in PART if re.match("[3-9]|1[01]", title)]
#: A command in the text, and what it prints.
RUN = re.compile(r"`python ([^`]+)`(?: runs it, and)? (?:prints|says) `(.+?)`")
QUERIES = "7. Queries: `rapyer[query]`"


def ends_with(printed: str, shown: str) -> bool:
    """Say whether what was printed ends with what the page shows."""
    pattern = re.escape(shown.strip()).replace(re.escape("..."), ".*")
    return re.search(rf"^{pattern}\Z", printed.strip(), re.MULTILINE) is not None


class Typed(NamedTuple):
    """A block that is typed at the prompt."""

    code: str
    printed: list[str]  # the lines that it says it prints
    ends_with: list[str]  # the end of an error, if it is one


def typed_of(title: str) -> Iterator[Typed]:
    """Give what is typed in a part."""
    typed: Typed | None = None
    for block in BLOCKS[title]:
        if block.language == "python" and not block.file:
            if typed:
                yield typed
            typed = Typed(block.code, re.findall(r"print\(.*\)  # (.*)", block.code), [])
            assert len(typed.printed) == block.code.count("print(")
        elif block.language == "text" and "Without the extra" not in block.prose:
            assert typed
            typed.ends_with.append(block.code)
    if typed:
        yield typed


class Reader:
    """Somebody who does in a directory what the page says, and compares what it shows."""

    def __init__(self, directory: Path, url: str, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._url = url
        self._environment = {**os.environ, **environment}
        self._python = [sys.executable, *(["-S"] if environment else [])]

    def _run(self, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._python, *command], cwd=self._directory, env=self._environment, input=given,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def go_through(self, titles: Sequence[str], then: Sequence[Typed] = ()) -> None:
        """Write files and run commands part by part, then type all blocks at one prompt."""
        for title in titles:
            for block in BLOCKS[title]:
                if block.file:
                    code = block.code.replace(ADDRESS, self._url)
                    (self._directory / block.file).write_text(code)
            for command, shown in RUN.findall(PART[title]):
                done = self._run(*command.split())
                assert shown in done.stdout, done.stdout + done.stderr
        self._type([*chain.from_iterable(map(typed_of, titles)), *then])

    def _type(self, blocks: Sequence[Typed]) -> None:
        behind = f"import sys; _ = [print({MARK!r}, file=to) for to in (sys.stdout, sys.stderr)]\n"
        given = "".join(f"{one.code}\n{behind}" for one in blocks).replace(ADDRESS, self._url)
        done = self._run("-u", "-m", "asyncio", given=given)
        output = re.sub(r"^(>>> |\.\.\. )+", "", done.stdout, flags=re.MULTILINE)
        *outputs, _ = output.split(f"{MARK}\n")
        *errors, _ = done.stderr.split(f"{MARK}\n")
        for one, printed, error in zip(blocks, outputs, errors, strict=True):
            assert printed.splitlines() == one.printed, error
            assert ("Traceback" in error) == bool(one.ends_with), error
            assert all(ends_with(error, shown) for shown in one.ends_with), error


@contextmanager
def the_redis_of_the_page() -> Iterator[str]:
    """Run the command of part 2, on a free port, and give the URL that it prints."""
    (block,) = BLOCKS["2. A Redis"]
    assert block.code == "$ python -m rapyer_embedded --port 6379\nredis://127.0.0.1:6379/0\n"
    command = [sys.executable, "-m", "rapyer_embedded", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert re.fullmatch(r"redis://127\.0\.0\.1:\d+/0", url)
            yield url
        finally:
            process.terminate()


def environment_of(directory: Path, packages: Sequence[str]) -> dict[str, str]:
    """An environment that has some packages of rapyer, and of all others what ours has."""
    names = [package.replace("-", "_") for package in packages]
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for one in Path(place).iterdir():
            is_wanted = one.suffix == ".dist-info" and one.name.partition("-")[0] in names
            if "rapyer" not in one.name or is_wanted:
                (directory / one.name).symlink_to(one)
    sources = [str(ROOT / "packages" / package / "src") for package in packages]
    return {"PYTHONPATH": os.pathsep.join([*sources, str(directory)])}


def test_each_file_command_and_line_of_the_tutorial_does_what_is_shown(tmp_path):
    with the_redis_of_the_page() as url:
        Reader(tmp_path, url, {}).go_through(TITLES)


@pytest.mark.parametrize("extras", [[], ["query"]], ids=["core", "query"])
def test_a_reader_without_the_later_extras_can_do_the_parts_before_them(extras, tmp_path):
    packages = [f"rapyer-{one}" for one in ("core", *extras)]
    (tmp_path / "environment").mkdir()
    environment = environment_of(tmp_path / "environment", packages)
    needed = [re.findall(r"`rapyer\[(.*)\]`", title) for title in TITLES]
    titles = [title for title, extra in zip(TITLES, needed, strict=True) if {*extra} <= {*extras}]
    assert titles == TITLES[: len(titles)]
    (shown,) = (block.code for block in BLOCKS[QUERIES] if "Without the extra" in block.prose)
    others = ("find", "query"), ("bulk_insert", "bulk"), ("pipeline_for", "pipeline")
    missing = [
        Typed(f"Product.{name}", [], [shown.replace("find", name).replace("query", extra)])
        for name, extra in others
        if extra not in extras
    ]
    with the_redis_of_the_page() as url:
        Reader(tmp_path, url, environment).go_through(titles, then=missing)


def test_all_blocks_of_the_page_are_gone_through():
    all_of_them = [one.text for kind in ("python", "text", "console") for one in PAGE.blocks(kind)]
    assert sorted(all_of_them) == sorted(one.code for part in BLOCKS.values() for one in part)


@pytest.mark.usefixtures("redis", "localhost")
def test_every_statement_of_the_tutorial_runs(redis_url, monkeypatch, capsys):
    """The same in this process, where each statement is recorded."""
    files = {one.title: number for number, one in enumerate(PAGE.blocks("python")) if one.title}
    typed = [number for number, one in enumerate(PAGE.blocks("python")) if not one.title]

    def import_(name: str) -> dict[str, object]:
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        return PAGE.run(vars(module), only=files.pop(f"{name}.py"))

    async def type_all() -> list[type[Exception]]:
        names, errors = PAGE.names(asyncio=asyncio), []
        for number in typed:
            try:
                await PAGE.run_async(names, only=number)
            except (UnstorableValueError, PipelineAborted) as error:
                errors.append(type(error))
        await teardown_rapyer()
        return errors

    with use_plugins(installed=True):
        for name in ("shop", "first", "discount", "buy", "carts"):
            import_(name)
        capsys.readouterr()  # what first.py prints is shown below it
        assert asyncio.run(type_all()) == [UnstorableValueError, PipelineAborted]
        PAGE.check_printed(capsys.readouterr().out)
        asyncio.run(import_("test_shop")["test_what_is_gone_is_sold_out"](redis_url))
    assert files == {}
