"""What the packages never do: run what they read, or speak to anybody when they are imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[2] / "packages"
SOURCES = sorted(PACKAGES.glob("*/src/**/*.py"))

#: Modules that make objects, or code, of what they read.
UNSAFE_MODULES = {
    "pickle", "_pickle", "cPickle", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle", "yaml",
    "dbm", "code", "codeop", "imp", "runpy", "ctypes", "pty",
}  # fmt: skip
#: Functions that do so; of builtins, and of modules.
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "input"}
UNSAFE_ATTRIBUTES = {
    ("marshal", "load"), ("marshal", "loads"), ("os", "system"), ("os", "popen"),
    ("subprocess", "getoutput"), ("subprocess", "getstatusoutput"), ("builtins", "eval"),
    ("builtins", "exec"), ("tempfile", "mktemp"),
}  # fmt: skip


def unsafe(code: str) -> Iterator[str]:
    """Name what a source text has that may run data."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from ({one.name.split(".")[0] for one in node.names} & UNSAFE_MODULES)
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")[0]
            yield from {module} & UNSAFE_MODULES
            yield from (
                f"{module}.{one.name}" for one in node.names
                if (module, one.name) in UNSAFE_ATTRIBUTES
            )  # fmt: skip
        elif isinstance(node, ast.Name) and node.id in UNSAFE_CALLS:
            if isinstance(node.ctx, ast.Load):
                yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in UNSAFE_ATTRIBUTES:
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg == "shell":
            yield "shell="


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "def f():\n    from pickle import loads", "import yaml.loader",
        "eval('1')", "run = exec", "import marshal\nmarshal.loads(b'')", "from os import system",
        "import subprocess\nsubprocess.run('ls', shell=True)",
    ],
)  # fmt: skip
def test_the_look_at_sources_finds_what_it_looks_for(code):
    assert list(unsafe(code))


def test_no_package_can_make_code_or_objects_of_what_it_reads():
    assert len(SOURCES) > 150
    found = {
        str(path.relative_to(PACKAGES)): names
        for path in SOURCES
        if (names := [*unsafe(path.read_text())])
    }
    assert not found


def test_only_the_embedded_server_starts_programs_and_only_its_download_opens_urls():
    importing: dict[str, set[str]] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                importing.setdefault(name, set()).add(path.relative_to(PACKAGES).parts[0])
    for module in ("subprocess", "urllib.request", "socket", "http.client", "ssl"):
        assert importing.get(module, set()) <= {"rapyer-embedded"}, module


IMPORTS = """
import socket, sys

def refuse(*arguments, **options):
    raise AssertionError("a socket was made by an import")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = refuse
sys.addaudithook(
    lambda event, _: refuse() if event in ("subprocess.Popen", "os.system", "socket.connect") else 0
)
import rapyer, rapyer_bulk, rapyer_query, rapyer_pipeline, rapyer_ttl, rapyer_embedded
from rapyer import AtomicRedisModel, Key, Mapped, RedisList

class User(AtomicRedisModel):
    id: Key[str]
    age: Mapped[int]
    tags: RedisList[str]

    class Config:
        redis = "redis://127.0.0.1:1"

user = User(id="1", age=3, tags=[])
user.age, user.key, User.age > 3, User.find(User.age > 3)
print("imported")
"""


def test_nothing_connects_and_nothing_starts_when_packages_are_imported_and_models_made():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS],
        env={"RAPYER_REDIS_URL": "redis://127.0.0.1:1", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == ("imported", 0), done.stderr
