"""docs/plugins: the examples are plugins without a fault, and do what the pages say."""

from __future__ import annotations

import asyncio
import inspect
import json
import linecache
import re
import shlex
import sys
import tomllib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import rapyer.plugin
import rapyer.testing
from packaging.requirements import Requirement
from pages import ROOT, Page
from rapyer import ModelDefinitionError, UnsupportedServerError, init_rapyer
from rapyer.__main__ import main
from rapyer.plugin.checks import HOOKS
from rapyer.testing import check_plugin, use_plugins
from redis import Redis
from without_search import without_search as without_search

INDEX = Page("docs/plugins/index.md")
TESTING = Page("docs/plugins/testing.md")
VERSIONS = Page("docs/plugins/versions.md")
OF_HOOKS = {hook: Page(f"docs/plugins/hooks/{hook}.md") for hook in HOOKS}

Install = Callable[[str, str, Any], None]


@pytest.fixture
def install(tmp_path, monkeypatch) -> Install:
    """Install a plugin as an installer would: name and value of its entry point, and what it is."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(name: str, target: str, plugin: Any) -> None:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[rapyer]\n{name} = {target}\n")
        monkeypatch.setitem(sys.modules, target, plugin)

    return install


def plugin_of(page: Page, only: int | None = None) -> tuple[Any, dict[str, Any]]:
    """Run the example of a page; give the plugin that it makes, and its names."""
    names = page.run(only=only)
    return names.get("plugin", sys.modules[names["__name__"]]), names


def of_hook(hook: str) -> tuple[Any, dict[str, Any]]:
    return plugin_of(OF_HOOKS[hook])


# -- index, testing, versions ---------------------------------------------------------------------


def test_the_plugin_is_found_by_its_entry_point_and_listed(install, capsys):
    ((toml,), (console,)) = INDEX.blocks("toml"), INDEX.blocks("console")
    ((name, target),) = tomllib.loads(toml.text)["project"]["entry-points"]["rapyer"].items()
    plugin, _ = plugin_of(INDEX, only=0)
    check_plugin(plugin)
    install(name, target, plugin)
    table, listing = [shlex.split(command) for command in console.commands]
    assert table[:3] == listing[:3] == ["python", "-m", "rapyer"]
    assert main(table[3:]) == 0
    printed = capsys.readouterr().out
    for told in ("name", "distribution", "version", "api", "hooks", "methods", "options", name):
        assert told in printed
    assert main(listing[3:]) == 0
    plugins = {one["name"]: one for one in json.loads(capsys.readouterr().out)["plugins"]}
    assert plugins[name]["options"] == ["greeting"]


def test_a_mixin_may_be_named_for_checkers_though_it_is_there():
    with use_plugins(installed=True):
        app_model = INDEX.run()["AppModel"]

        class User(app_model):
            pass

        user = User()
        assert user.hello() == f"hello {user.key}"


def test_the_examples_of_testing_pass():
    with use_plugins(installed=True):
        TESTING.run()


def exported(module: ModuleType) -> list[str]:
    """The classes and functions that a module has for others."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value))
    ]


def test_the_page_about_testing_has_all_that_is_for_it():
    assert set(exported(rapyer.testing)) <= set(re.findall(r"`(\w+)`", TESTING.text))


def test_a_plugin_may_use_a_hook_of_a_later_version():
    plugin, _ = plugin_of(VERSIONS)
    with use_plugins(plugin, installed=True):
        pass


def test_the_dependency_on_core_is_one_on_core_alone():
    (toml,) = VERSIONS.blocks("toml")
    (dependency,) = map(Requirement, tomllib.loads(toml.text)["dependencies"])
    assert (ROOT / "packages" / dependency.name).is_dir()
    assert {one.operator for one in dependency.specifier} == {">=", "<"}


# -- a page for each hook -------------------------------------------------------------------------


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_page_with_its_exact_signature_and_a_plugin_without_a_fault(hook):
    (signature,) = OF_HOOKS[hook].blocks("text")
    exact = f"def {hook}{inspect.signature(HOOKS[hook])}".replace("'", "")
    assert signature.text.strip() == exact
    assert f"[{hook}](hooks/{hook}.md)" in INDEX.text
    plugin, _ = of_hook(hook)
    check_plugin(plugin)


def test_the_pages_about_hooks_are_those_of_hooks_that_exist():
    assert {page.stem for page in (ROOT / "docs/plugins/hooks").iterdir()} == set(HOOKS)


async def test_the_policy_of_the_page_keeps_when_a_document_was_used(redis_url, redis):
    plugin, _ = of_hook("rapyer_access_policy")
    with use_plugins(plugin) as host:

        class User(host.AtomicRedisModel):
            pass

        async with init_rapyer(redis_url):
            user = await User().save()
    assert await redis.zrange("last_use", 0, -1) == [user.key.encode()]


def test_a_model_without_fields_is_refused_by_the_example_of_model_created():
    plugin, _ = of_hook("rapyer_model_created")
    with (
        use_plugins(plugin) as host,
        pytest.raises(ModelDefinitionError, match="User is searchable and has no fields"),
    ):

        class User(host.AtomicRedisModel):
            class Config:
                searchable = True


def test_the_command_of_the_page_prints_the_version(install, redis_url, capsys):
    plugin, _ = of_hook("rapyer_register_commands")
    install("versions", "rapyer_versions", plugin)
    assert main(["version-of", redis_url]) == 0
    with Redis.from_url(redis_url, protocol=2) as client:
        assert capsys.readouterr().out == f"{client.info('server')['redis_version']}\n"


def test_the_check_of_the_page_is_one_of_doctor(install, redis_url, capsys):
    plugin, _ = of_hook("rapyer_register_checks")
    install("clock", "rapyer_clock", plugin)
    assert main(["doctor", "--redis", redis_url, "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    (found,) = [one for one in findings if one["check"] == "clock"]
    assert re.match(r"it is second \d+ at ", found["text"])


async def test_the_type_of_the_page_is_stored_and_read(redis_url, redis):
    plugin, names = of_hook("rapyer_register_field_types")
    Colour: Any = names["Colour"]
    orange = Colour(255, 136, 0)
    with use_plugins(plugin) as host:

        class Wall(host.AtomicRedisModel):
            colour: Colour

        async with init_rapyer(redis_url):
            wall = await Wall(colour=orange).save()
            assert (await Wall.get(wall.key)).colour == orange
    assert b'"#ff8800"' in await redis.execute_command("JSON.GET", wall.key)


async def test_the_method_of_the_page_asks_for_the_size(redis_url, redis):
    plugin, _ = of_hook("rapyer_register_mixins")
    with use_plugins(plugin) as host:

        class User(host.AtomicRedisModel):
            pass

        async with init_rapyer(redis_url):
            assert await (await User().save()).size_in_redis() > 0


def test_the_options_of_the_page_are_checked_as_it_says():
    plugin, names = of_hook("rapyer_register_options")
    text = " ".join(OF_HOOKS["rapyer_register_options"].text.split())
    with use_plugins(plugin) as host:

        class Small(host.AtomicRedisModel):
            class Config:
                largest = 1
                when_larger = "warn"

        assert names["LARGEST"].of(Small) == 1
        with pytest.raises(ModelDefinitionError) as caught:

            class User(host.AtomicRedisModel):
                class Config:
                    largest = 0

    assert f"`{caught.value}`" in text


async def test_the_example_of_shutdown_beats_for_as_long_as_rapyer_runs(redis_url, redis):
    plugin, _ = of_hook("rapyer_shutdown")
    with use_plugins(plugin):
        async with init_rapyer(redis_url), asyncio.timeout(10):
            task = plugin._task
            line = ""
            while "asyncio.sleep" not in line:
                await asyncio.sleep(0.001)
                frame = task.get_stack()[-1]
                line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        assert task.cancelled()
    assert await redis.exists("heartbeat")


async def test_the_example_of_startup_refuses_a_server_without_search(redis_url, without_search):
    plugin, _ = of_hook("rapyer_startup")
    with use_plugins(plugin) as host:

        class User(host.AtomicRedisModel):
            pass

        async with init_rapyer(redis_url):
            pass
        with pytest.raises(UnsupportedServerError, match="this application searches"):
            await init_rapyer(without_search)
