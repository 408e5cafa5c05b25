"""docs/testing.md: its files are a project whose tests pass, by each of the roads that it names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rapyer_embedded import Server

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/testing.md").read_text()
FENCE = re.compile(r'^```\w+ title="(.*?)"\n(.*?)^```', re.DOTALL | re.MULTILINE)
FILES = dict(FENCE.findall(PAGE))
SHOP = dict(FENCE.findall((ROOT / "docs/tutorial.md").read_text()))["shop.py"]
#: The fixture for the workers of pytest-xdist.
(OF_WORKERS,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


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
    assert f"{number} passed" in run(project, "pytest", "-q")
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
        fixture = OF_WORKERS.replace("redis://localhost:6379/", server.url.removesuffix("0"))
        conftest = (project / "conftest.py").read_text()
        (project / "conftest.py").write_text(f"import os\n{conftest}\n\n{fixture}")
        (project / "test_where.py").write_text(
            "async def test_where(redis):\n"
            "    assert redis.connection_pool.connection_kwargs['db'] == 3\n"
        )
        assert "1 passed" in run(
            project, "pytest", "-q", "test_where.py", PYTEST_XDIST_WORKER="gw3"
        )
