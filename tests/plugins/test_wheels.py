"""Wheels in clean environments: what is installed is there, for the run time and for checkers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from pages import Page
from rapyer.__main__ import main

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = HERE / "cases"
#: The environments: what is installed in each, beside core.
ENVIRONMENTS = {
    "without_plugin": (),
    "with_plugin": ("rapyer-finder", "rapyer-audit"),
    "with_bulk": ("rapyer-bulk",),
    "with_query": ("rapyer-query",),
    "with_pipeline": ("rapyer-pipeline",),
    "with_ttl": ("rapyer-ttl",),
}
#: The packages of the project whose wheels are built.
PACKAGES = ("core", "embedded", "bulk", "query", "pipeline", "ttl")
TEST_TOOLS = ("pytest", "pytest-asyncio", "rapyer-embedded")
AUDIT = ROOT / "examples/plugins/rapyer-audit"
TUTORIAL = Page("docs/plugins/tutorial.md")


def uv(*arguments: object) -> None:
    program = os.environ.get("UV") or shutil.which("uv")
    assert program, "uv is not there. Run the tests by `uv run pytest`."
    run = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheels of the project, and of the plugins that are tested here."""
    directory = tmp_path_factory.mktemp("wheels")
    for package in PACKAGES:
        uv("build", "--quiet", "--wheel", "--package", f"rapyer-{package}", "--out-dir", directory)
    for project in (HERE / "rapyer-finder", AUDIT):
        uv("build", "--quiet", "--wheel", project, "--out-dir", directory)
    return directory


def install(python: Path, wheels: Path, *distributions: object) -> None:
    uv(
        "pip", "install", "--quiet", "--python", python, "--no-sources", "--find-links", wheels,
        *distributions,
    )  # fmt: skip


def environment(directory: Path, wheels: Path, *distributions: str) -> Path:
    """Make an environment with some distributions, and give its Python."""
    uv("venv", "--quiet", "--python", sys.executable, directory)
    python = directory / "bin/python"
    install(python, wheels, *distributions)
    return python


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that all environments are in, and what mypy remembers of them."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="session")
def environments(scratch: Path, wheels: Path) -> dict[str, Path]:
    """The Python of each environment."""
    return {
        name: environment(scratch / name, wheels, "rapyer-core", *plugins)
        for name, plugins in ENVIRONMENTS.items()
    }


def marked(case: Path) -> set[int]:
    lines = case.read_text().splitlines()
    return {number for number, line in enumerate(lines, start=1) if line.endswith("# error")}


def mypy(python: Path, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run mypy in a directory, about what is installed in an environment.

    What is the same in all environments is analysed once: mypy looks by itself whether the files
    are those that it has seen.
    """
    command = [sys.executable, "-m", "mypy", f"--python-executable={python}", "--cache-dir"]
    command += [str(python.parents[2] / "mypy_cache"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)


def errors_of_mypy(python: Path, case: Path) -> dict[int, str]:
    settings = ("--strict", "--no-error-summary", "--config-file=", "--hide-error-context")
    run = mypy(python, case.parent, *settings, case.name)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    errors = re.findall(r"^.+?:(\d+): error: (.*)$", run.stdout, flags=re.MULTILINE)
    return {int(line): message for line, message in errors}


def strict(directory: Path) -> None:
    """Make pyright strict in a directory, but for lines that are there to be looked at."""
    settings = {"typeCheckingMode": "strict", "reportUnusedExpression": "none"}
    settings["reportUnusedCallResult"] = "none"
    (directory / "pyrightconfig.json").write_text(json.dumps(settings))


def errors_of_pyright(python: Path, case: Path, *, files: int = 1) -> dict[int, str]:
    command = [sys.executable, "-m", "pyright", "--project", str(case.parent), "--outputjson"]
    command += ["--pythonpath", str(python)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=case.parent)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    report = json.loads(run.stdout)
    assert report["summary"]["filesAnalyzed"] == files
    return {
        found["range"]["start"]["line"] + 1: found["message"]
        for found in report["generalDiagnostics"]
        if found["severity"] == "error"
    }


def errors_of_ruff(directory: Path) -> str:
    """What ruff has to say of style and format, with the settings of each project itself."""
    found = ""
    for words in (["check", "--quiet"], ["format", "--diff", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *words, "--no-cache", directory]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode in (0, 1), run.stderr
        assert run.returncode == bool(run.stdout)
        found += run.stdout
    return found


@pytest.mark.parametrize("errors_of", [errors_of_mypy, errors_of_pyright])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_checkers_see_the_methods_of_the_plugins_that_are_installed_and_no_others(
    environments, tmp_path, name, errors_of
):
    case = Path(shutil.copy(CASES / f"{name}.py", tmp_path))
    strict(tmp_path)
    found = errors_of(environments[name], case)
    assert marked(case), "no line is marked as an error: the case was not read"
    assert marked(case) - found.keys() == set(), "not found by the checker"
    assert {line: found[line] for line in found.keys() - marked(case)} == {}, "not marked"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_methods_are_there_when_the_program_runs(environments, name):
    code = """
from rapyer import AtomicRedisModel
class User(AtomicRedisModel): ...
print(hasattr(User, "find"), hasattr(User(), "audit_log"), hasattr(User, "bulk_insert"))
print(hasattr(User, "pipeline"), hasattr(User(), "pipeline_for"))
"""
    run = subprocess.run(
        [environments[name], "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    there = name == "with_plugin"
    finds = there or name == "with_query"
    records = name == "with_pipeline"
    assert run.stdout.splitlines() == [
        f"{finds} {there} {name == 'with_bulk'}", f"{records} {records}",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["without_plugin", "with_ttl"])
def test_pipelines_say_what_to_install_where_they_are_not(environments, name):
    code = """
from rapyer import AtomicRedisModel, PluginNotInstalledError
class User(AtomicRedisModel): ...
for ask in (lambda: User.pipeline, lambda: User().pipeline, lambda: User.pipeline_for):
    try:
        ask()
    except PluginNotInstalledError as exc:
        print(exc)
"""
    run = subprocess.run(
        [environments[name], "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    messages = run.stdout.splitlines()
    assert len(messages) == 3
    assert all('pip install "rapyer[pipeline]"' in message for message in messages)


def test_the_wheel_of_pipelines_has_all_that_its_package_has(wheels):
    source = ROOT / "packages/rapyer-pipeline/src"
    files = {
        str(file.relative_to(source))
        for file in source.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    (wheel,) = wheels.glob("rapyer_pipeline-*.whl")
    assert any(file.endswith(".lua") for file in files)
    assert files <= set(zipfile.ZipFile(wheel).namelist())


def test_pipelines_work_with_nothing_else_installed(environments, redis_url, redis):
    code = """
import asyncio, sys
from rapyer import AtomicRedisModel, Key, KeyNotFoundError, init_rapyer
class User(AtomicRedisModel):
    id: Key[str]
    score: int = 0
async def main():
    async with init_rapyer(sys.argv[1]):
        user = await User(id="1").save()
        async with user.pipeline() as p:
            p.score += 10
        print(user.score, (await User.get("1")).score)
        async with User.pipeline_for("1") as p:
            p.score += 5
        print((await User.get("1")).score)
        async with User.pipeline_for("2", missing="ignore") as p:
            p.score += 5
        try:
            async with User.pipeline_for("2") as p:
                p.score += 5
        except KeyNotFoundError as exc:
            print(exc.key, await User.exists("2"))
asyncio.run(main())
"""
    run = subprocess.run(
        [environments["with_pipeline"], "-W", "error", "-c", code, redis_url],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.splitlines() == ["10 10", "15", "user:2 False"]


def test_queries_work_with_nothing_else_installed(environments, redis_url, redis):
    code = """
import asyncio, sys
from rapyer import AtomicRedisModel, Key, Mapped, init_rapyer
class Item(AtomicRedisModel):
    id: Key[int]
    name: Mapped[str]
async def main():
    async with init_rapyer(sys.argv[1]):
        for n in range(20):
            await Item(id=n, name=f"item {n}").save()
        query = Item.find(Item.name.startswith("item 1")).sort(Item.id.desc())
        print(await query.values(Item.id).limit(3).to_list(), await query.count())
        print(await query.delete())
asyncio.run(main())
"""
    run = subprocess.run(
        [environments["with_query"], "-W", "error", "-c", code, redis_url],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.splitlines() == ["[(19,), (18,), (17,)] 11", "11"]


def test_bulk_operations_work_with_nothing_else_installed(environments, redis_url, redis):
    code = """
import asyncio, sys
from rapyer import AtomicRedisModel, Key, init_rapyer
class Item(AtomicRedisModel):
    id: Key[int]
async def main():
    async with init_rapyer(sys.argv[1]):
        print(await Item.bulk_insert([Item(id=n) for n in range(2500)], progress=True))
        print(len(await Item.bulk_get(range(2500))))
        print(await Item.bulk_delete(range(2500)))
asyncio.run(main())
"""
    run = subprocess.run(
        [environments["with_bulk"], "-W", "error", "-c", code, redis_url],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.splitlines() == [
        "BulkResult(inserted=2500)", "2500", "BulkResult(deleted=2500)",
    ]  # fmt: skip
    assert run.stderr == ""


def test_the_oldest_versions_that_core_asks_for_are_enough(scratch, wheels, redis_url, redis):
    python = scratch / "oldest/bin/python"
    uv("venv", "--quiet", "--python", sys.executable, scratch / "oldest")
    # the oldest hiredis has no wheels for later versions of Python
    newer = [f"hiredis=={version('hiredis')}"] if sys.version_info >= (3, 14) else []
    install(python, wheels, "--resolution", "lowest", "rapyer-core", "rapyer-query", *newer)
    code = """
import asyncio, sys
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from rapyer import AtomicRedisModel, EmbeddedModel, Field, Key, init_rapyer

class Pair(NamedTuple):
    day: date
    price: Decimal

class Part(EmbeddedModel):
    pair: Pair

class User(AtomicRedisModel):
    id: Key[str]
    parts: list[Part] = Field(default_factory=list)
    class Config:
        prefix = "oldest"

async def main():
    async with init_rapyer(sys.argv[1]):
        user = await User(id="1", parts=[Part(pair=Pair(date(2026, 1, 1), Decimal("1.10")))]).save()
        found = await User.find(User.id == "1").to_list()
        print(found == [await User.get("1")] == [user])

asyncio.run(main())
"""
    # Python 3.14 warns of a `return` in `finally`, which old versions of others have
    command = [python, "-W", "error", "-W", "ignore::SyntaxWarning", "-c", code, redis_url]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("True\n", "")


def test_the_command_lists_the_plugins_of_its_environment(environments):
    run = subprocess.run(
        [environments["with_plugin"], "-m", "rapyer", "plugins", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    listed = {one["name"]: one for one in json.loads(run.stdout)["plugins"]}
    assert list(listed) == ["core", "audit", "query"]
    assert listed["query"]["distribution"] == "rapyer-finder"
    assert listed["query"]["methods"] == ["find", "find_one"]


def run_tests(python: Path, project: Path, url: str, *before: str) -> str:
    command = [python, *before, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=project,
        env={**os.environ, "RAPYER_REDIS_URL": url},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_the_example_plugin_passes_its_own_tests_where_it_is_installed(
    tmp_path, scratch, wheels, redis_url
):
    python = environment(scratch / "example", wheels, "rapyer-audit", *TEST_TOOLS)
    project = tmp_path / "project"  # only the tests: the plugin itself is the installed one
    shutil.copytree(AUDIT / "tests", project / "tests")
    shutil.copy(AUDIT / "pyproject.toml", project)
    assert " passed" in run_tests(python, project, redis_url)


def new_plugin(python: Path, name: str, directory: Path) -> None:
    command = [python, "-m", "rapyer", "new-plugin", name, "--directory", directory]
    subprocess.run(command, capture_output=True, check=True)


def test_a_new_plugin_of_any_name_is_in_style(tmp_path):
    names = [
        "z",
        "visits",
        "policy",
        "option",
        "utc",
        "contract",
        "pytest",
        "redis_py",
        "key_prefix",
    ]
    names += ["a" * 24, "m" * 12 + "_" + "9" * 11, "a2_b3_cd4_e_f_g_h_i_j_k", "enabled", "mixin"]
    for name in names:
        assert main(["new-plugin", name, "--directory", str(tmp_path / name)]) == 0
    assert errors_of_ruff(tmp_path) == ""


def test_a_new_plugin_passes_its_own_tests_and_checks_where_it_is_installed(
    tmp_path, scratch, wheels, redis_url
):
    python = environment(scratch / "new", wheels, "rapyer-core", *TEST_TOOLS)
    project = tmp_path / "project"
    new_plugin(python, "soft-delete", project)
    uv("build", "--quiet", project, "--out-dir", tmp_path / "dist")  # the wheel from the sdist
    (wheel,) = (tmp_path / "dist").glob("rapyer_soft_delete-0.1.0-py3-none-any.whl")
    uv("pip", "install", "--quiet", "--python", python, "--no-deps", wheel)
    assert "rapyer_soft_delete/py.typed" in zipfile.ZipFile(wheel).namelist()
    shutil.move(project / "src", tmp_path)  # the plugin that is tested is the installed one
    assert "12 passed" in run_tests(python, project, redis_url)
    shutil.move(tmp_path / "src", project)
    checked = mypy(python, project)
    assert checked.stdout == "Success: no issues found in 7 source files\n", checked.stderr
    listed = subprocess.run(
        [python, "-m", "rapyer", "plugins", "--json"], capture_output=True, text=True, check=True
    )
    _, plugin = json.loads(listed.stdout)["plugins"]
    assert plugin == {
        "name": "soft_delete", "distribution": "rapyer-soft-delete", "version": "0.1.0", "api": 1,
        "status": "loaded",
        "hooks": [
            "rapyer_access_policy", "rapyer_register_mixins", "rapyer_register_options",
        ],
        "methods": ["soft_delete_written_at"], "options": ["soft_delete"], "field types": [],
    }  # fmt: skip


def test_the_plugin_of_the_tutorial_works_and_its_types_are_right(
    tmp_path, scratch, wheels, redis_url
):
    changed = TUTORIAL.blocks("python") + TUTORIAL.blocks("markdown")
    assert len(changed) == 5
    python = environment(scratch / "tutorial", wheels, "rapyer-core", "coverage")
    project = tmp_path / "rapyer-visits"
    new_plugin(python, "visits", project)
    for block in changed:
        assert (project / block.title).read_text() != block.text
        (project / block.title).write_text(block.text)
    group = ("--group", f"{project}/pyproject.toml:dev")
    install(python, wheels, project, *group)
    measured = ("-m", "coverage", "run", "--include=*/rapyer_visits/*,*/tests/*")
    assert "12 passed" in run_tests(python, project, redis_url, *measured)
    TUTORIAL.take_over(project / ".coverage")
    checked = mypy(python, project)
    assert checked.stdout == "Success: no issues found in 7 source files\n", checked.stderr
    assert errors_of_ruff(project) == ""
    shutil.rmtree(project / "src")  # what users see is what is installed
    strict(project / "tests")
    assert errors_of_pyright(python, project / "tests/test_plugin.py", files=5) == {}
