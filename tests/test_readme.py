"""README.md: its example and its statements about pipelines run."""

from __future__ import annotations

import re
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT

from pages import ROOT, Page
from rapyer import EmbeddedModel, Key, init_rapyer
from rapyer.testing import use_plugins

PAGE = Page("README.md")


def test_the_example_prints_what_it_says(capsys):
    with use_plugins(installed=True):
        PAGE.run()
    PAGE.check_printed(capsys.readouterr().out)


def test_the_suites_of_benchmarks_that_it_names_are_all():
    (named,) = re.findall(r"`uv run python -m benchmarks ((?:\w+ ){2,}\w+)`", PAGE.text)
    # read, since models of the benchmarks have the prefixes of others in the tests
    source = (ROOT / "benchmarks/__main__.py").read_text()
    assert named.split() == re.findall(r'^    "(\w+)": \w+\.run,$', source, re.MULTILINE)


async def test_the_statements_about_pipelines_run(redis_url, redis):
    (part,) = re.findall(r"^- \*\*Decided in Redis.*?^- ", PAGE.text, re.DOTALL | re.MULTILINE)
    head, *statements = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", part)]
    code = compile(
        "\n    ".join([head, *statements]), PAGE.path, "exec", PyCF_ALLOW_TOP_LEVEL_AWAIT
    )
    with use_plugins(installed=True) as host:

        class Item(EmbeddedModel):
            expired: bool

        class User(host.AtomicRedisModel):
            id: Key[str]
            score: int = 0
            total: int = 0
            price: int = 3
            count: int = 4
            age: int = 18
            status: str = ""
            inventory: list[Item] = [Item(expired=True), Item(expired=False)]

        async with init_rapyer(redis_url):
            user = await User(id="1").save()
            await eval(code, {"user": user})
            assert user == await User.get("1")
    assert (user.score, user.total, user.status) == (10, 12, "adult")
    assert user.inventory == [Item(expired=False)]
