"""docs/testing.md: its files are a project whose tests pass, by each of the roads that it names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from pages import ROOT, Page
from rapyer.traffic.source import URL_VARIABLE
from rapyer_embedded import Server
from rapyer_embedded.download import cache_directory

PAGE = Page("docs/testing.md")
BLOCKS = PAGE.blocks("python")
FILES = {one.title: one.text for one in PAGE.blocks("toml") + BLOCKS if one.title}
(SHOP,) = (one.text for one in Page("docs/tutorial.md").blocks("python") if one.title == "shop.py")
#: The fixture for the workers of pytest-xdist.
(OF_WORKERS,) = (number for number, one in enumerate(BLOCKS) if not one.title)


@pytest.fixture
def project(tmp_path):
    for name, text in {**FILES, "shop.py": SHOP}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def run(project: Path, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(
        command, cwd=project, env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_tests_of_the_page_pass_with_pytest_and_those_of_unittest_without(project):
    number = "".join(FILES.values()).count("def test_")
    assert number >= 9
    measured = ("coverage", "run", f"--include={project}/*", "-m", "pytest", "-q")
    assert f"{number} passed" in run(project, *measured)
    PAGE.take_over(project / ".coverage")
    assert "OK" in run(project, "unittest", "-v", "test_unittest.py")


def test_the_fixtures_of_the_page_serve_the_plugin_of_anyio(project):
    text = (project / "conftest.py").read_text()
    text += '\n\n@pytest.fixture\ndef anyio_backend() -> str:\n    return "asyncio"\n'
    (project / "conftest.py").write_text(text)
    products = project / "test_products.py"
    marked = f"import pytest\n{products.read_text()}\n\npytestmark = pytest.mark.anyio\n"
    products.write_text(marked)
    (project / "pyproject.toml").write_text('[tool.pytest]\nfilterwarnings = ["error"]\n')
    printed = run(project, "pytest", "-q", "-p", "no:asyncio", "test_products.py")
    assert "2 passed" in printed


def test_one_loop_for_all_tests_takes_the_settings_that_the_page_says(project):
    settings = (project / "pyproject.toml").read_text().replace('"function"', '"session"')
    settings += 'asyncio_default_test_loop_scope = "session"\n'
    (project / "pyproject.toml").write_text(settings)
    conftest = (project / "conftest.py").read_text()
    conftest = conftest.replace("redis_url: str, redis: Redis", "redis_url: str")
    conftest = conftest.replace("autouse=True", 'autouse=True, scope="session"')
    (project / "conftest.py").write_text(conftest)
    products = (project / "test_products.py").read_text()
    (project / "test_products.py").write_text(
        products.replace("nothing()", "nothing(redis: Redis)")
    )
    assert "2 passed" in run(project, "pytest", "-q", "test_products.py")


def test_each_worker_of_xdist_has_a_database(project):
    with Server(port=0) as server:
        fixture = BLOCKS[OF_WORKERS].text.replace(
            "redis://localhost:6379/", server.url.removesuffix("0")
        )
        conftest = (project / "conftest.py").read_text()
        (project / "conftest.py").write_text(f"import os\n{conftest}\n\n{fixture}")
        (project / "test_where.py").write_text(
            "async def test_where(redis):\n"
            "    assert redis.connection_pool.connection_kwargs['db'] == 3\n"
        )
        assert "1 passed" in run(
            project, "pytest", "-q", "test_where.py", PYTEST_XDIST_WORKER="gw3"
        )


def test_a_worker_of_xdist_is_told_by_its_number(monkeypatch):
    pytest_of_page = SimpleNamespace(fixture=lambda scope: lambda function: function)
    names = PAGE.run(PAGE.names(os=os, pytest=pytest_of_page), only=OF_WORKERS)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    assert names["redis_url"]() == "redis://localhost:6379/0"
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw3")
    assert names["redis_url"]() == "redis://localhost:6379/3"


def test_the_workflows_of_the_page_install_and_test_as_the_project_does():
    ours = (ROOT / ".github/workflows/ci.yml").read_text()
    downloading, asking = PAGE.blocks("yaml")
    for block in (downloading, asking):
        for action in re.findall(r"uses: (actions/(?:checkout|setup-python)@\S+)", block.text):
            assert action in ours
        commands = re.findall(r"- run: (.*)", block.text)
        assert commands == ['pip install "rapyer[all]" pytest pytest-asyncio', "python -m pytest"]
    assert f"path: ~/.cache/{cache_directory().name}\n" in downloading.text
    assert f"{URL_VARIABLE}: redis://localhost:6379/0\n" in asking.text
