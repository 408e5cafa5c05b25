"""`python -m rapyer new-plugin`: what is made, and what is refused.

That the project passes its own tests and checks is in tests/plugins.
"""

from __future__ import annotations

import ast
import importlib
import json
import keyword
import os
import re
import stat
import sys
import tomllib
from pathlib import Path

import pytest
import rapyer
from hypothesis import given, settings
from hypothesis import strategies as st
from rapyer.__main__ import main
from rapyer.commands import new_plugin
from rapyer.testing import check_plugin, check_plugin_with_server

FILES = [
    ".github/workflows/ci.yml",
    ".gitignore",
    "CHANGELOG.md",
    "README.md",
    "pyproject.toml",
    "src/rapyer_soft_delete/__init__.py",
    "src/rapyer_soft_delete/plugin.py",
    "src/rapyer_soft_delete/py.typed",
    "tests/conftest.py",
    "tests/test_contract.py",
    "tests/test_plugin.py",
    "tests/test_readme.py",
    "tests/test_types.py",
]


def files_in(directory: Path) -> list[str]:
    return sorted(
        str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()
    )


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty directory that the command is run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(here, capsys):
    """Runs the command, which refuses; gives the message. Nothing is written."""

    def run(*words: str) -> str:
        before = sorted(here.rglob("*"))
        assert main(["new-plugin", *words]) == 2
        assert sorted(here.rglob("*")) == before
        printed = capsys.readouterr()
        assert printed.out == ""
        return printed.err

    return run


# -- what is made ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written", ["soft-delete", "soft_delete", "rapyer-soft-delete", "Rapyer_Soft.Delete"]
)
def test_a_name_may_be_written_in_any_way_that_a_distribution_may(here, written):
    assert main(["new-plugin", written]) == 0
    assert [path.name for path in here.iterdir()] == ["rapyer-soft-delete"]
    project = here / "rapyer-soft-delete"
    assert files_in(project) == FILES
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    assert settings["project"]["name"] == "rapyer-soft-delete"
    assert settings["project"]["entry-points"] == {
        "rapyer": {"soft_delete": "rapyer_soft_delete.plugin"}
    }


def test_what_was_made_is_said_with_the_next_commands(here, capsys):
    assert main(["new-plugin", "soft-delete"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert [line.strip() for line in printed.out.splitlines() if line.strip() in FILES] == FILES
    assert [line.strip() for line in printed.out.splitlines()[-3:]] == [
        "cd rapyer-soft-delete",
        "python -m pip install --editable . --group dev",
        "python -m pytest",
    ]
    assert main(["new-plugin", "soft-delete", "--directory", "a place"]) == 0
    assert "    cd 'a place'\n" in capsys.readouterr().out


def test_what_was_made_can_be_had_as_json(here, capsys):
    assert main(["new-plugin", "soft-delete", "--directory", "a place", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "name": "soft_delete",
        "distribution": "rapyer-soft-delete",
        "package": "rapyer_soft_delete",
        "directory": str(here / "a place"),
        "files": FILES,
    }
    assert files_in(here / "a place") == FILES


def test_the_range_of_core_begins_with_the_version_that_runs(here, monkeypatch):
    major, minor, _ = rapyer.__version__.split(".")
    assert main(["new-plugin", "one"]) == 0
    monkeypatch.setattr(new_plugin, "__version__", "2.10.3rc1")
    assert main(["new-plugin", "two"]) == 0
    ranges = [
        tomllib.loads((here / project / "pyproject.toml").read_text())["project"]["dependencies"]
        for project in ("rapyer-one", "rapyer-two")
    ]
    assert ranges == [
        [f"rapyer-core>={major}.{minor},<{int(major) + 1}"], ["rapyer-core>=2.10,<3"],
    ]  # fmt: skip


@pytest.mark.parametrize("is_there", [False, True])
def test_files_have_the_permissions_that_others_have(here, is_there):
    (here / "plain").mkdir()
    directory = here / "project"
    if is_there:
        directory.mkdir()
    assert main(["new-plugin", "visits", "--directory", "project"]) == 0
    for path in (directory, directory / "src"):
        assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((here / "plain").stat().st_mode)


def test_an_empty_directory_that_a_shell_stands_in_is_filled_and_kept(here, capsys):
    before = here.stat().st_ino
    assert main(["new-plugin", "soft-delete", "--directory", "."]) == 0
    assert "cd " not in capsys.readouterr().out
    assert here.stat().st_ino == before
    assert files_in(here) == FILES
    assert sorted(path.name for path in here.iterdir()) == sorted(
        {file.split("/")[0] for file in FILES}
    )


async def test_the_plugin_keeps_the_contract_and_remembers_writes(
    here, monkeypatch, redis_url, redis
):
    assert main(["new-plugin", "visits"]) == 0
    monkeypatch.syspath_prepend(str(here / "rapyer-visits/src"))
    try:
        plugin = importlib.import_module("rapyer_visits.plugin")
        check_plugin(plugin, {"visits": True})
        await check_plugin_with_server(plugin, redis_url, {"visits": True})
    finally:
        for module in ("rapyer_visits.plugin", "rapyer_visits"):
            sys.modules.pop(module, None)
    left = await redis.keys("rapyer-visits:{contract_*")
    assert left, "writes were remembered, of documents that the check has deleted by itself"


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,9}(_[a-z0-9]{1,6}){0,2}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name) and not name.startswith("rapyer_")
)


@given(name=NAMES)
@settings(max_examples=25)
def test_any_name_makes_files_that_can_be_read_in_narrow_lines(name):
    contents = new_plugin._contents(new_plugin._Names(name))
    for path, text in contents.items():
        assert "$" not in re.sub(r"^\$ |\$\{\{", "", text, flags=re.MULTILINE), path
        if path.endswith(".py"):
            compile(text, path, "exec", dont_inherit=True)
            assert ast.get_docstring(ast.parse(text)), path
            assert max(map(len, text.splitlines())) <= 100, path
    project = tomllib.loads(contents["pyproject.toml"])
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [
        f"src/rapyer_{name}"
    ]


def test_every_template_makes_a_file():
    directory = Path(new_plugin.__file__).parent / "template"
    templates = sorted(path.name.removesuffix(".tmpl") for path in directory.iterdir())
    assert templates == sorted(new_plugin._FILES.values())


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "rapyer-", "2fa", "a--", "_a", "é", "a b", "a/b", "..", "class", "a\n", "$name"]
)
def test_what_can_be_no_name_in_python_is_refused(refused, name):
    message = refused(name)
    assert f"{name!r} cannot be the name of a plugin" in message
    assert "such as `soft-delete`" in message


def test_a_name_that_makes_lines_too_long_is_refused(refused):
    assert "is a name of 25 letters. Use at most 24" in refused("a" * 25)
    assert main(["new-plugin", "rapyer-" + "a" * 24]) == 0


@pytest.mark.parametrize(
    "name", ["core", "query", "bulk", "ttl", "pipeline", "embedded", "rapyer", "rapyer-rapyer-a"]
)
def test_the_names_of_the_project_are_refused(alone, refused, name):
    assert f"{name!r} is the name of a part of rapyer itself. Choose another" in refused(name)


@pytest.mark.parametrize("name", ["prefix", "redis", "hash-tag"])
def test_the_names_of_options_are_refused(refused, name):
    assert f"{name!r} is the name of an option of `class Config` of rapyer" in refused(name)


def test_the_names_of_installed_plugins_their_options_and_packages_are_refused(refused, install):
    code = """
    from rapyer.plugin import Option, hookimpl
    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_register_options(register):
        register(Option("greeting", str, default=""))
    """
    install("hello", code)
    assert "the plugin 'hello' (rapyer-hello 1.2.3), which is installed" in refused("hello")
    assert "an option of `class Config` of the plugin 'hello' (rapyer-hello" in refused("greeting")
    message = refused("slot-query")
    assert "is the name of the package rapyer_slot_query, which is installed at" in message


def test_the_name_of_a_plugin_that_does_not_work_is_refused(refused, install):
    install("broken", "import not_there")
    assert "the plugin 'broken' (rapyer-broken 1.2.3), which is installed" in refused("broken")


def test_nothing_is_overwritten(here, refused):
    (here / "rapyer-visits").mkdir()
    (here / "rapyer-visits/.git").mkdir()
    message = refused("visits")
    assert f"{str(here / 'rapyer-visits')!r} is not empty" in message
    assert "with --directory" in message


@pytest.mark.parametrize("directory", ["file", "not/there"])
def test_what_is_no_directory_is_refused(here, refused, directory):
    (here / "file").write_text("")
    assert "is not a directory. Create it, or choose another" in refused(
        "visits", "--directory", directory
    )


@pytest.mark.parametrize("is_there", [False, True])
def test_what_fails_halfway_leaves_nothing(here, refused, monkeypatch, is_there):
    if is_there:
        (here / "rapyer-visits").mkdir()
    write_text = Path.write_text

    def fails_at_the_end(self: Path, *arguments, **options):
        if self.name == "test_types.py":
            raise OSError(28, os.strerror(28), str(self))
        return write_text(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", fails_at_the_end)
    assert "no plugin was created: [Errno 28] No space left on device" in refused("visits")
