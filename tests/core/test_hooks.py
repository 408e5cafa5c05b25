"""Every hook: when it is called, what it may change, what its return means, what an exception does.

A test whose name starts with the name of a hook is about that hook; each has one.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from rapyer import (
    Key,
    ModelDefinitionError,
    OptionError,
    PluginError,
    init_rapyer,
    teardown_rapyer,
)
from rapyer.base import BaseRedisModel, channel_of
from rapyer.plugin import AccessPolicy, Option, define_field_type, hookimpl
from rapyer.plugin.checks import HOOKS
from rapyer.testing import use_plugins


def plugin_with(**hooks: Callable[..., Any]) -> Any:
    """A plugin that implements the given hooks."""
    marked = {name: staticmethod(hookimpl(function)) for name, function in hooks.items()}
    return type("Plugin", (), {"RAPYER_API_VERSION": 1, **marked})()


def test_every_hook_has_a_test_named_after_it():
    tests = [name for name in globals() if name.startswith("test_")]
    assert HOOKS
    for hook in HOOKS:
        assert any(name.startswith(f"test_{hook}_") for name in tests), hook


def test_rapyer_register_mixins_adds_methods_to_every_model():
    class Greeting(BaseRedisModel):
        def greet(self) -> str:
            return f"hello {self.key}"

        @classmethod
        def name_of_model(cls) -> str:
            return cls.__name__

    calls = []

    def rapyer_register_mixins(register):
        calls.append(register)
        register(Greeting)

    with use_plugins(plugin_with(rapyer_register_mixins=rapyer_register_mixins)) as host:

        class User(host.AtomicRedisModel):
            name: Key[str]

        class Admin(User):
            pass

        assert User(name="ada").greet() == "hello user:ada"
        assert Admin.name_of_model() == "Admin"
        assert len(calls) == 1
        assert issubclass(User, Greeting)


def test_rapyer_register_options_adds_options_of_config_and_of_init_rapyer():
    level = Option("level", int, default=1)
    span = Option("span", int | str, default=None, parse=lambda value: f"{value} s")

    def rapyer_register_options(register):
        register(level)
        register(span)

    plugin = plugin_with(rapyer_register_options=rapyer_register_options)
    with use_plugins(plugin) as host:

        class Plain(host.AtomicRedisModel):
            pass

        class Base(host.AtomicRedisModel):
            class Config:
                level = 3
                span = 5

        class Child(Base):
            pass

    assert [level.of(model) for model in (Plain, Base, Child)] == [1, 3, 3]
    assert [span.of(model) for model in (Plain, Base, Child)] == [None, "5 s", "5 s"]


async def test_rapyer_register_field_types_adds_types_that_fields_can_have(redis, server):
    class Celsius:
        def __init__(self, degrees: float) -> None:
            self.degrees = degrees

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Celsius) and self.degrees == other.degrees

    celsius = define_field_type(
        Celsius, stored_as=float, dump=lambda value: value.degrees, load=Celsius, form="36.6"
    )
    plugin = plugin_with(rapyer_register_field_types=lambda register: register(Celsius, celsius))
    with use_plugins(plugin) as host:

        class Patient(host.AtomicRedisModel):
            now: Celsius
            before: list[Celsius] = []
            at_night: Celsius | None = None

    patient = Patient(now=Celsius(0.1 + 0.2), before=[Celsius(1.0)])
    await patient.save()
    assert await Patient.get(patient.key) == patient
    assert json.loads(await redis.execute_command("JSON.GET", patient.key)) == {
        "now": 0.1 + 0.2, "before": [1.0], "at_night": None,
    }  # fmt: skip


async def test_rapyer_model_created_is_called_once_for_each_model_when_it_is_complete(server):
    seen = []
    plugin = plugin_with(rapyer_model_created=lambda model: seen.append(model))
    with use_plugins(plugin) as host:

        class Abstract(host.AtomicRedisModel):
            class Config:
                abstract = True

        class Author(Abstract):
            name: Key[str]
            books: list["Book"]  # noqa: UP037 - a class that does not exist yet

        assert seen == []

        class Book(host.AtomicRedisModel):
            title: Key[str]

        assert seen == [Book]
        await Author(name="ada", books=[Book(title="notes")]).save()
        assert seen == [Book, Author]
        Author.model_rebuild(force=True)
        await Author.get("ada")
        assert seen == [Book, Author]


def test_rapyer_model_created_knows_keys_and_options_and_may_refuse_the_model():
    level = Option("level", int, default=1)

    def rapyer_model_created(model):
        assert model.key_of("1") == "book:1"
        assert set(model.model_fields) == {"title"}
        if level.of(model) > 2:
            raise ModelDefinitionError(f"{model.__name__} is too high")

    plugin = plugin_with(
        rapyer_register_options=lambda register: register(level),
        rapyer_model_created=rapyer_model_created,
    )
    with use_plugins(high=plugin) as host:

        class Book(host.AtomicRedisModel):
            title: str

        with pytest.raises(ModelDefinitionError, match="Book is too high") as caught:

            class Book(host.AtomicRedisModel):
                title: str

                class Config:
                    level = 3

        (note,) = caught.value.__notes__
        assert note == "Raised in rapyer_model_created of the plugin 'high' (registered by hand)."


async def test_rapyer_access_policy_is_asked_once_and_runs_with_every_command(redis, server):
    asked = []

    def rapyer_access_policy(model):
        asked.append(model)
        return AccessPolicy("count", apply="redis.call('INCR', 'count:' .. access)")

    with use_plugins(plugin_with(rapyer_access_policy=rapyer_access_policy)) as host:

        class Doc(host.AtomicRedisModel):
            id: Key[str]

        await Doc(id="1").save()
        for _ in range(3):
            await Doc.get("1")
        assert asked == [Doc]
    assert await redis.mget("count:write", "count:read") == [b"1", b"3"]


async def test_rapyer_access_policy_may_give_none_and_commands_stay_native(redis, server):
    with use_plugins(plugin_with(rapyer_access_policy=lambda model: None)) as host:

        class Doc(host.AtomicRedisModel):
            id: Key[str]

    await redis.config_resetstat()
    await Doc(id="1").save()
    stats = await redis.info("commandstats")
    assert {"cmdstat_json.set"} <= stats.keys()
    assert not {"cmdstat_evalsha", "cmdstat_eval"} & stats.keys()


async def test_rapyer_access_policy_is_asked_again_when_options_change(redis_url):
    level = Option("level", int, default=0)
    asked = []
    plugin = plugin_with(
        rapyer_register_options=lambda register: register(level),
        rapyer_access_policy=lambda model: asked.append((model.__name__, level.of(model))),
    )
    with use_plugins(plugin) as host:

        class Own(host.AtomicRedisModel):
            class Config:
                level = 7

        class Taking(host.AtomicRedisModel):
            pass

        assert asked == [("Own", 7), ("Taking", 0)]
        async with init_rapyer(redis_url, level=3):

            class Later(host.AtomicRedisModel):
                pass

            assert asked[2:] == [("Taking", 3), ("Later", 3)]
        assert asked[4:] == [("Later", 0), ("Taking", 0)]
        async with init_rapyer(redis_url):
            assert len(asked) == 6, "nothing has changed"


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("redis.call('X')", r"returned \"redis.call\('X'\)\" as the access policy of Doc"),
        (AccessPolicy("same"), "has an access policy with the name 'same', which the plugin 'a' "),
    ],
)
def test_rapyer_access_policy_has_to_give_a_policy_of_a_name_of_its_own(policy, message):
    a = plugin_with(rapyer_access_policy=lambda model: AccessPolicy("same"))
    b = plugin_with(rapyer_access_policy=lambda model: policy)
    with use_plugins(a=a, b=b) as host, pytest.raises(PluginError, match=message) as caught:

        class Doc(host.AtomicRedisModel):
            pass

    assert caught.value.plugin == "b"


def test_rapyer_register_commands_adds_sub_commands(install, monkeypatch, capsys):
    install(
        "hello",
        """
        from rapyer.plugin import Command, hookimpl
        RAPYER_API_VERSION = 1

        def run(arguments):
            print("hello", arguments.name)
            return 3

        @hookimpl
        def rapyer_register_commands(register):
            add = lambda parser: parser.add_argument("name")
            register(Command("hello", "greet somebody", run, add))
        """,
    )
    from rapyer.__main__ import main

    assert main(["hello", "ada"]) == 3
    assert capsys.readouterr().out == "hello ada\n"
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "greet somebody" in capsys.readouterr().out


def test_rapyer_register_checks_adds_what_doctor_looks_at(
    install, monkeypatch, capsys, redis_url, redis
):
    install(
        "watch",
        """
        from rapyer.plugin import Check, Finding, hookimpl
        RAPYER_API_VERSION = 1

        async def look(channel, models):
            assert await channel.execute("PING") in (b"PONG", "PONG")
            return [Finding("warning", f"{len(models)} models, no watch", "Wind it up.")]

        @hookimpl
        def rapyer_register_checks(register):
            register(Check("watch", look))
        """,
    )
    from rapyer.__main__ import main

    assert main(["doctor", "--redis", redis_url]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^warning +watch +0 models, no watch\. Wind it up\.$", out, re.MULTILINE)
    assert "1 warning," in out


def starting_and_stopping(name: str, log: list[Any], **failing: Exception) -> Any:
    """A plugin that logs its start and its end."""

    async def start(channel, models):
        log.append((f"start {name}", channel.server.has_json, [m.__name__ for m in models]))
        if "start" in failing:
            raise failing["start"]

    async def stop(channel):
        assert await channel.execute("PING") in (b"PONG", "PONG")
        log.append(f"stop {name}")
        if "stop" in failing:
            raise failing["stop"]

    return plugin_with(rapyer_startup=lambda: start, rapyer_shutdown=lambda: stop)


async def test_rapyer_startup_is_awaited_with_the_channel_and_the_models(redis_url):
    log: list[Any] = []
    with use_plugins(a=starting_and_stopping("a", log)) as host:

        class Beta(host.AtomicRedisModel):
            pass

        class Alpha(host.AtomicRedisModel):
            pass

        async with init_rapyer(redis_url):
            assert log == [("start a", True, ["Alpha", "Beta"])]


async def test_rapyer_startup_that_fails_ends_init_rapyer_and_what_had_started(redis_url):
    log: list[Any] = []
    with use_plugins(
        a=starting_and_stopping("a", log),
        b=starting_and_stopping("b", log, start=OSError("no disk")),
        c=starting_and_stopping("c", log),
    ) as host:

        class Doc(host.AtomicRedisModel):
            pass

        with pytest.raises(OSError, match="no disk") as caught:
            await init_rapyer(redis_url)
        assert caught.value.__notes__ == [
            "Raised in rapyer_startup of the plugin 'b' (registered by hand)."
        ]
        assert [entry if isinstance(entry, str) else entry[0] for entry in log] == [
            "start a", "start b", "stop a",
        ]  # fmt: skip
        with pytest.raises(RuntimeError, match="does not know where Redis is"):
            channel_of(Doc)


async def test_rapyer_startup_sees_the_options_and_its_own_models_work(redis_url, redis):
    level = Option("level", int, default=0)

    async def start(channel, models):
        (doc,) = models
        assert level.of(doc) == 5
        await doc(id="made at the start").save()

    plugin = plugin_with(
        rapyer_register_options=lambda register: register(level), rapyer_startup=lambda: start
    )
    with use_plugins(plugin) as host:

        class Doc(host.AtomicRedisModel):
            id: Key[str]

        async with init_rapyer(redis_url, level=5):
            assert await Doc.exists("made at the start")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: 3, "returned 3 from rapyer_startup"),
        (lambda: asyncio.sleep(0), "called the async function that rapyer_startup must return"),
    ],
)
async def test_rapyer_startup_has_to_return_an_async_function(redis_url, given, message):
    with (
        use_plugins(plugin_with(rapyer_startup=given)),
        pytest.raises(PluginError, match=message),
    ):
        await init_rapyer(redis_url)


async def test_rapyer_shutdown_is_awaited_in_reverse_order_before_connections_close(redis_url):
    log: list[Any] = []
    with use_plugins(a=starting_and_stopping("a", log), b=starting_and_stopping("b", log)):
        async with init_rapyer(redis_url):
            log.clear()
        assert log == ["stop b", "stop a"]
        await teardown_rapyer()
        assert log == ["stop b", "stop a"], "once only"
        await init_rapyer(redis_url)
        log.clear()
        await init_rapyer(redis_url)
        assert [entry if isinstance(entry, str) else entry[0] for entry in log] == [
            "stop b", "stop a", "start a", "start b",
        ]  # fmt: skip
        await teardown_rapyer()


async def test_rapyer_shutdown_that_fails_keeps_no_other_from_ending(redis_url):
    log: list[Any] = []
    first, second = OSError("first"), KeyError("second")
    with use_plugins(
        a=starting_and_stopping("a", log, stop=first),
        b=starting_and_stopping("b", log),
        c=starting_and_stopping("c", log, stop=second),
    ) as host:

        class Doc(host.AtomicRedisModel):
            pass

        await init_rapyer(redis_url)
        with pytest.raises(ExceptionGroup) as caught:
            await teardown_rapyer()
        assert caught.value.exceptions == (second, first)
        assert log[-3:] == ["stop c", "stop b", "stop a"]
        with pytest.raises(RuntimeError, match="does not know where Redis is"):
            channel_of(Doc)


# -- all hooks ------------------------------------------------------------------------------------


def test_hooks_are_called_in_the_order_of_registration_but_for_tryfirst_and_trylast():
    order = []

    def noting(name: str) -> Any:
        class Noting:
            RAPYER_API_VERSION = 1

            @hookimpl(tryfirst=name == "d", trylast=name == "a")
            def rapyer_model_created(self, model):
                order.append(name)

        return Noting()

    with use_plugins(**{name: noting(name) for name in "abcd"}) as host:

        class Doc(host.AtomicRedisModel):
            pass

    assert order == ["d", "b", "c", "a"]


@pytest.mark.parametrize("hook", ["rapyer_register_mixins", "rapyer_model_created"])
def test_an_exception_in_a_hook_names_the_plugin_and_has_its_cause(hook):
    def fail(**arguments: object) -> None:
        raise KeyError("lost")

    def failing(register=None) -> None:
        fail()

    def failing_for_model(model) -> None:
        fail()

    function = failing if hook == "rapyer_register_mixins" else failing_for_model

    def define_a_model() -> None:
        with use_plugins(broken=plugin_with(**{hook: function})) as host:
            type("Doc", (host.AtomicRedisModel,), {"__module__": __name__})

    with pytest.raises(PluginError, match=rf"'broken' .* failed in {hook}: KeyError") as caught:
        define_a_model()

    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.plugin == "broken"


async def test_without_plugins_saving_and_getting_call_no_hook(server):
    with use_plugins() as host:

        class Doc(host.AtomicRedisModel):
            id: Key[str]

        calls = []
        undo = host.manager._pluggy.add_hookcall_monitoring(
            lambda hook, *rest: calls.append(hook), lambda *outcome: None
        )
        try:
            await Doc(id="1").save()
            await asyncio.gather(*(Doc.get("1") for _ in range(5)))
            await Doc(id="1").load()
            await Doc.exists("1")
            await Doc.get_or_create(Doc(id="1"))
            await Doc.delete_by_key("1")
            assert calls == []

            class Other(host.AtomicRedisModel):
                pass

            assert calls == [], "a hook that nobody implements is not called either"
        finally:
            undo()


async def test_with_a_plugin_commands_call_no_hook(server):
    plugin = plugin_with(
        rapyer_access_policy=lambda model: AccessPolicy("nothing"),
        rapyer_model_created=lambda model: None,
    )
    with use_plugins(plugin) as host:
        calls = []
        undo = host.manager._pluggy.add_hookcall_monitoring(
            lambda hook, *rest: calls.append(hook), lambda *outcome: None
        )
        try:

            class Doc(host.AtomicRedisModel):
                id: Key[str]

            assert calls == ["rapyer_model_created", "rapyer_access_policy"]
            await Doc(id="1").save()
            await Doc.get("1")
            assert len(calls) == 2
        finally:
            undo()


def test_an_option_is_checked_by_its_type_without_conversion_and_then_parsed():
    def parse(value: int) -> int:
        if value > 9:
            raise ValueError("is more than 9. Give less")
        return value * 2

    plugin = plugin_with(
        rapyer_register_options=lambda register: register(Option("n", int, default=0, parse=parse))
    )
    with use_plugins(plugin) as host:
        for value, message in (
            ("5", r"Doc\.Config\.n: '5' is not a valid value for this option \(.*valid integer\)"),
            (True, "True is not a valid value for this option"),
            (10, r"Doc\.Config\.n: 10 is more than 9\. Give less\."),
        ):
            with pytest.raises(OptionError, match=message):
                type(
                    "Doc",
                    (host.AtomicRedisModel,),
                    {"Config": type("Config", (), {"n": value}), "__module__": __name__},
                )
