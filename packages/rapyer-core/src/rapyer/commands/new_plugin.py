"""`python -m rapyer new-plugin`: a plugin's project that is tested, typed and documented at once.

The files of a project are the templates in `template/`. The names used in them are short enough
that no line gets too long, and nothing depends on the order of names: so the result is formatted
and sorted as the tools of the project require.
"""

from __future__ import annotations

import json
import keyword
import re
import shlex
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Final

from rapyer.cli import FAILED, WELL, UsageError
from rapyer.options import CORE_OPTIONS
from rapyer.plugin import Command
from rapyer.plugin.loading import installed_plugins
from rapyer.version import __version__

#: A name of this many letters keeps every line of the templates within their limit.
_LONGEST: Final = 24
#: The plugins of the project, whether they are installed or not, and the project itself.
_OF_THE_PROJECT: Final = frozenset(
    {"rapyer", "core", "query", "bulk", "ttl", "pipeline", "embedded"}
)
#: The files of a project, and the templates that they are made from.
_FILES: Final = {
    ".github/workflows/ci.yml": "ci.yml",
    ".gitignore": "gitignore",
    "CHANGELOG.md": "CHANGELOG.md",
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "src/$package/__init__.py": "package.py",
    "src/$package/plugin.py": "plugin.py",
    "src/$package/py.typed": "py.typed",
    "tests/conftest.py": "conftest.py",
    "tests/test_contract.py": "test_contract.py",
    "tests/test_plugin.py": "test_plugin.py",
    "tests/test_readme.py": "test_readme.py",
    "tests/test_types.py": "test_types.py",
}


@dataclass(frozen=True, slots=True)
class _Names:
    """The names used in the project of a plugin.

    Attributes:
        name: The plugin itself, as its entry point names it: `soft_delete`.
    """

    name: str

    @property
    def distribution(self) -> str:
        """The name of the distribution: `rapyer-soft-delete`."""
        return f"rapyer-{self.name.replace('_', '-')}"

    @property
    def package(self) -> str:
        """The name of the package to import: `rapyer_soft_delete`."""
        return f"rapyer_{self.name}"

    @property
    def mixin(self) -> str:
        """The name of the class with the plugin's methods: `SoftDeleteMixin`."""
        return "".join(word.capitalize() for word in self.name.split("_")) + "Mixin"


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name",
        metavar="NAME",
        help="the name of the plugin; `soft-delete` makes the distribution rapyer-soft-delete, "
        "the package rapyer_soft_delete and the entry point soft_delete",
    )
    parser.add_argument(
        "--directory",
        metavar="DIR",
        type=Path,
        help=(
            "where to create the project: an empty or new directory; default: one named after the "
            "distribution"
        ),
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _make_plugin(arguments: Namespace) -> int:
    """Make the project, and say what was made; the status is 2 if that was refused."""
    try:
        names = _names(arguments.name)
        directory: Path = arguments.directory or Path(names.distribution)
        contents = _contents(names)
        _write(contents, directory)
    except (UsageError, OSError) as exc:
        print(f"no plugin was created: {exc}", file=sys.stderr)
        return FAILED
    if arguments.json:
        made = {
            "name": names.name,
            "distribution": names.distribution,
            "package": names.package,
            "directory": str(directory.absolute()),
            "files": sorted(contents),
        }
        print(json.dumps(made, indent=2))
    else:
        print(_report(names, directory, contents))
    return WELL


NEW_PLUGIN_COMMAND = Command(
    "new-plugin", "create the project of a new plugin: code, tests, types, documentation",
    _make_plugin, _add_arguments,
)  # fmt: skip


def _names(written: str) -> _Names:
    """Make the names of a plugin from the name given on the command line.

    Raises:
        UsageError: It is not a possible name, or the name is taken.
    """
    name = re.sub(r"[-_.]+", "_", written.lower()).removeprefix("rapyer_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise UsageError(
            f"{written!r} cannot be the name of a plugin, which must also be a valid name in "
            "Python. Use letters from a to z, digits and single hyphens, such as `soft-delete`, "
            "and not a keyword."
        )
    if len(name) > _LONGEST:
        raise UsageError(
            f"{written!r} is a name of {len(name)} letters. Use at most {_LONGEST}, without "
            "`rapyer-`."
        )
    owner = _owner_of(name)
    if owner is not None:
        raise UsageError(f"{written!r} is the name of {owner}. Choose another one.")
    return _Names(name)


def _owner_of(name: str) -> str | None:
    """Return what already has a name that a new plugin would get."""
    from rapyer.host import survey_plugins  # noqa: PLC0415 - the host has core, and so this command

    if name in _OF_THE_PROJECT or name.startswith("rapyer_"):
        return "a part of rapyer itself"
    for plugin in installed_plugins():
        if plugin.info.name == name:
            return f"the {plugin.info}, which is installed"
    if name in {option.name for option in CORE_OPTIONS}:
        return "an option of `class Config` of rapyer itself"
    survey = survey_plugins()
    for info in survey.host.manager.plugins:
        if name in survey.host.options_of(info):
            return f"an option of `class Config` of the {info}"
    package = _Names(name).package
    if (spec := find_spec(package)) is not None and spec.origin is not None:
        return f"the package {package}, which is installed at {spec.origin}"
    return None


def _contents(names: _Names) -> dict[str, str]:
    """Return the texts of the files by their paths in the project."""
    values = {
        "name": names.name,
        "distribution": names.distribution,
        "package": names.package,
        "mixin": names.mixin,
        "range": _range_of_core(),
    }
    templates = files("rapyer.commands") / "template"
    return {
        Template(path).substitute(values): Template(
            (templates / f"{template}.tmpl").read_text(encoding="utf-8")
        ).substitute(values)
        for path, template in _FILES.items()
    }


def _range_of_core() -> str:
    """Return the versions of core that the plugin is made for: from this one to the next major."""
    major, minor, *_ = __version__.split(".")
    return f">={major}.{minor},<{int(major) + 1}"


def _write(contents: dict[str, str], directory: Path) -> None:
    """Write the files, all of them or none.

    Raises:
        UsageError: The directory is not empty, or cannot be made.
        OSError: The files cannot be written.
    """
    directory = directory.absolute()
    is_there = directory.is_dir()
    if is_there and any(directory.iterdir()):
        raise UsageError(
            f"{str(directory)!r} is not empty. Choose an empty or new directory with --directory."
        )
    if not is_there and (directory.exists() or not directory.parent.is_dir()):
        what = directory if directory.exists() else directory.parent
        raise UsageError(
            f"{str(what)!r} is not a directory. Create it, or choose another one with --directory."
        )
    # Made next to its final place, then moved there. An existing directory is kept, because a shell
    # may be in it: its files are made inside, where the file system is the same.
    beside = directory if is_there else directory.parent
    with TemporaryDirectory(prefix=".new-plugin-", dir=beside) as scratch:
        project = Path(scratch) / "project"
        for path, text in contents.items():
            file = project / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        if not is_there:
            project.rename(directory)
            return
        for entry in project.iterdir():
            entry.rename(directory / entry.name)


def _report(names: _Names, directory: Path, contents: dict[str, str]) -> str:
    made = "\n".join(f"    {path}" for path in sorted(contents))
    enter = "" if directory.samefile(".") else f"    cd {shlex.quote(str(directory))}\n"
    return f"""\
The plugin {names.name!r} was made in {directory}: the distribution {names.distribution},
the package {names.package}.

{made}

Next, in an environment of its own, with pip 25.1 or later:

{enter}    python -m pip install --editable . --group dev
    python -m pytest"""
