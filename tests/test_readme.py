"""The code in README and docs runs, and the commands of README are those that CI runs."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import rapyer.plugin
import rapyer.testing
from rapyer.plugin.checks import HOOKS
from rapyer.types.table import CORE_FIELD_TYPES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(file: str, language: str) -> list[str]:
    text = (ROOT / file).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def run(code: str) -> str:
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_the_example_of_the_readme_prints_what_it_says():
    (example,) = blocks("README.md", "python")
    assert run(example) == "user:ada 36 London\n"


def test_the_statements_about_pipelines_in_the_readme_run():
    (part,) = re.findall(r"^- \*\*Decided in Redis.\*\*.*?^- ", README, re.DOTALL | re.MULTILINE)
    head, *statements = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", part)]
    lines = "\n".join(f"            {statement}" for statement in statements)
    trial = f"""
import asyncio
from rapyer import AtomicRedisModel, EmbeddedModel, Key, init_rapyer
from rapyer_embedded import Server

class Item(EmbeddedModel):
    expired: bool

class User(AtomicRedisModel):
    id: Key[str]
    score: int = 0
    total: int = 0
    price: int = 3
    count: int = 4
    age: int = 18
    status: str = ""
    inventory: list[Item] = [Item(expired=True), Item(expired=False)]

async def main(url):
    async with init_rapyer(url):
        user = await User(id="1").save()
        {head}
{lines}
        assert user == await User.get("1")
        print(user.score, user.total, user.status, user.inventory)

with Server() as server:
    asyncio.run(main(server.url))
"""
    assert run(trial) == "10 12 adult [Item(expired=False)]\n"


@pytest.mark.parametrize("number", range(len(blocks("docs/models.md", "python"))))
def test_the_examples_about_models_run(number):
    run(blocks("docs/models.md", "python")[number])


def test_the_examples_about_updates_run():
    code = "\n".join(blocks("docs/updates.md", "python"))
    trial = """
import asyncio
from rapyer import init_rapyer
from rapyer_embedded import Server

async def main(url):
    async with init_rapyer(url):
        user = await User(id="1", tags=["x"]).save()
        await update(user)
        assert (await birthday("1")).age == 39
        await user.load()
        await user.aupdate(name="Ada")
        await change(user)
        assert await User.get("1") == user
        await user.aupdate(tags=["x"])
        assert await tag("1") == "last"
        told = await User.get("1")
        assert told.tags == ["first", "x", "new"]
        assert (told.name[-1], told.meta["visits"]) == ("!", 1)

with Server() as server:
    asyncio.run(main(server.url))
"""
    printed = run(code + trial)
    assert printed.startswith("{'name': Change(old='Ada', new='Augusta'), 'tags': Change(old=['x']")
    assert "'meta.visits': Change(old=1, new=5)" in printed


def test_the_examples_about_bulk_operations_print_what_they_say():
    code = "\n".join(blocks("docs/bulk.md", "python"))
    trial = """
import asyncio
from rapyer import init_rapyer
from rapyer_embedded import Server

class Order(AtomicRedisModel):
    number: Key[int]

async def main(url):
    async with init_rapyer(url):
        users = [User(id=str(n)) for n in (1, 2, 3)]
        await insert(users)
        await update(users)
        assert [user.age for user in await User.bulk_get([*"123"])] == [4, 3, 5]
        await delete(users)
        await handle(users)
        await mixed(User(id="1"), Order(number=7))
        await show(users)

with Server() as server:
    asyncio.run(main(server.url))
"""
    said = re.findall(r"print\(.*?\)  # (.*)", code)
    printed = run(code + trial).splitlines()
    assert printed == [*said[:3], "1", "2", "3", *said[3:], "3 of 3"]


def test_the_examples_about_queries_print_what_they_say():
    code = "\n".join(blocks("docs/query.md", "python"))
    trial = """
import asyncio
from rapyer import init_rapyer
from rapyer_embedded import Server

async def main(url):
    async with init_rapyer(url):
        for n, name, age in ((1, "Ada", 36), (2, "Bob", 20), (3, "Cy", 7)):
            await User(id=n, name=name, age=age, tags=["x"]).save()
        explanation = await User.find((User.age > 18) & (User.name < "c")).explain()
        await ask()
        print(explanation)
        await Log(text="x", level=1).save()
        assert await Log.find(Log.level == 1).count() == 1

with Server() as server:
    asyncio.run(main(server.url))
"""
    (said,) = blocks("docs/query.md", "text")
    printed = run(code + trial)
    assert (
        printed
        == f"""\
['Ada', 'Bob']
36
[('Ada', 36), ('Bob', 20)]
name='Ada' tags=['x']
user:1
user:2
2 True ['user:1', 'user:2']
3
1
{said.partition(chr(10))[2]}"""
    )
    comments = re.findall(r"print\(.*\)  # (.*)", code)
    for comment in comments:
        assert comment.split(", then ")[0] in printed


def test_the_commands_of_the_readme_are_run_by_ci():
    commands = "".join(blocks("README.md", "console"))
    ci = (ROOT / ".ci/run").read_text()
    assert "uv run examples/world_cities.py" in commands
    assert "uv run examples/world_cities.py" in ci
    assert "uv run pytest" in commands
    assert "uv run pytest" in ci


def test_the_example_of_a_stored_document_is_one_of_its_model():
    (document,) = blocks("docs/storage.md", "json")
    (models,) = blocks("docs/storage.md", "python")
    code = f"""{models}
import json
user = User.__rapyer_codec__.load({document!r}.encode())
assert user.name == "Ada" and user.roles == {{Role.ADMIN, Role.AUTHOR}}, user
assert json.loads(User.__rapyer_codec__.dump(user)[0]) == json.loads({document!r})
"""
    run(code)


def test_the_page_about_storage_has_every_type_with_its_form():
    rows = re.findall(
        r"^\| (.*?) \| .*? \| (.*?) \|$", (ROOT / "docs/storage.md").read_text(), re.MULTILINE
    )
    documented = {name.strip("`"): form.strip("`") for name, form in rows}
    for _, field_type in CORE_FIELD_TYPES:
        assert documented[field_type.name] == field_type.form


PAGES_ABOUT_PLUGINS = [
    "docs/plugins/index.md", "docs/plugins/testing.md", "docs/plugins/versions.md",
    *(f"docs/plugins/hooks/{hook}.md" for hook in HOOKS),
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES_ABOUT_PLUGINS)
def test_the_examples_about_plugins_run_and_are_plugins_without_a_fault(page):
    check = """
import sys
from rapyer.testing import check_plugin
check_plugin(globals().get("plugin", sys.modules["__main__"]))
"""
    for example in blocks(page, "python"):
        run(example + check if "/hooks/" in page else example)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_page_with_its_exact_signature(hook):
    (signature,) = blocks(f"docs/plugins/hooks/{hook}.md", "text")
    exact = f"def {hook}{inspect.signature(HOOKS[hook])}".replace("'", "")
    assert signature.strip() == exact
    index = (ROOT / "docs/plugins/index.md").read_text()
    assert f"[{hook}](hooks/{hook}.md)" in index


def test_the_pages_about_hooks_are_those_of_hooks_that_exist():
    pages = {page.stem for page in (ROOT / "docs/plugins/hooks").iterdir()}
    assert pages == set(HOOKS)


def test_the_page_about_testing_plugins_has_all_that_is_for_it():
    page = (ROOT / "docs/plugins/testing.md").read_text()
    names = {
        name
        for name, value in vars(rapyer.testing).items()
        if inspect.isclass(value) or inspect.isfunction(value)
    }
    assert names <= {*re.findall(r"`(\w+)`", page)}


MARKDOWN = [
    file
    for file in sorted(ROOT.rglob("*.md"))
    if not any(part.startswith(".") for part in file.relative_to(ROOT).parts)
]


@pytest.mark.parametrize("file", MARKDOWN, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(file):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", file.read_text()):
        assert (file.parent / target).exists(), target
