"""`rapyer.testing`: what authors of plugins need in their tests."""

from __future__ import annotations

from typing import Any

import pytest
from rapyer import AtomicRedisModel, Key, PluginError
from rapyer.base import BaseRedisModel, channel_of
from rapyer.plugin import AccessPolicy, Check, Command, define_field_type, hookimpl
from rapyer.testing import (
    SentCommand,
    check_plugin,
    check_plugin_with_server,
    record_commands,
    use_plugins,
)


class Recorded(AtomicRedisModel):
    id: Key[str]
    text: str = ""


def policy(**parts: Any) -> Any:
    class Policy:
        RAPYER_API_VERSION = 1

        @hookimpl
        def rapyer_access_policy(self):
            return AccessPolicy("policy", **parts)

    return Policy()


# -- record_commands ------------------------------------------------------------------------------


async def test_commands_are_recorded_as_they_were_sent(redis_url, server):
    hostile = "q\"\\' \n\r\t\a\b\x00\x7f é 🦊 \\x41 \\n"
    async with record_commands(redis_url) as sent:
        assert sent == []
        await Recorded(id="1", text=hostile).save()
        await Recorded.get("1")
        await channel_of(Recorded).execute("SET", "binary", b"\xff\xfe\x00")
        await channel_of(Recorded).execute_many([("GET", "a"), ("GET", hostile)])
    assert [command.name for command in sent] == ["JSON.SET", "JSON.GET", "SET", "GET", "GET"]
    assert sent[0].arguments[:2] == ("recorded:1", "$")
    assert sent[1] == SentCommand("JSON.GET", ("recorded:1",))
    assert sent[2].arguments == ("binary", b"\xff\xfe\x00")
    assert sent[4].arguments == (hostile,)


async def test_what_a_script_calls_is_recorded_behind_it(redis_url, server):
    plugin = policy(apply="redis.call('INCR', 'n')")
    with use_plugins(plugin) as host:

        class Counted(host.AtomicRedisModel):
            id: Key[str]

    await Counted(id="1").save()
    async with record_commands(redis_url) as sent:
        await Counted(id="1").save()
    assert [(command.name, command.in_script) for command in sent] == [
        ("EVALSHA", False), ("JSON.SET", True), ("INCR", True),
    ]  # fmt: skip


async def test_recordings_may_be_nested_and_end_with_their_block(redis_url, server):
    channel = channel_of(Recorded)
    async with record_commands(redis_url) as outer:
        await channel.execute("GET", "1")
        async with record_commands(redis_url) as inner:
            await channel.execute("GET", "2")
        await channel.execute("GET", "3")
    await channel.execute("GET", "4")
    own = [command.arguments[0] for command in outer if command.name == "GET"]
    assert own == ["1", "2", "3"]
    assert [command.arguments for command in inner] == [("2",)]


async def test_an_exception_in_the_block_passes_through(redis_url):
    with pytest.raises(ZeroDivisionError):
        async with record_commands(redis_url):
            raise ZeroDivisionError


# -- check_plugin ---------------------------------------------------------------------------------


class Good(BaseRedisModel):
    def hello(self) -> str:
        return "hello"


class GoodPlugin:
    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_register_mixins(self, register):
        register(Good)

    @hookimpl
    def rapyer_register_field_types(self, register):
        register(Weight, weight(form="12"))

    @hookimpl
    def rapyer_access_policy(self):
        return AccessPolicy("good", apply="redis.call('INCR', arg[1])", arity=1,
                            arguments=lambda: ("good:counter",))  # fmt: skip


class Weight:
    def __init__(self, grams: int) -> None:
        self.grams = grams

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weight) and self.grams == other.grams


def weight(form: str, load: Any = Weight) -> Any:
    return define_field_type(
        Weight, stored_as=int, dump=lambda weight: weight.grams, load=load, form=form
    )


def typed(**parts: Any) -> Any:
    class Typed:
        RAPYER_API_VERSION = 1

        @hookimpl
        def rapyer_register_field_types(self, register):
            register(Weight, weight(**parts))

    return Typed()


def registering(what: str, *registered: Any) -> Any:
    class Registering:
        RAPYER_API_VERSION = 1

    def hook(self, register):
        register(*registered)

    hook.__name__ = f"rapyer_register_{what}"
    setattr(Registering, hook.__name__, hookimpl(hook))
    return Registering()


class Twice(BaseRedisModel):
    def save(self) -> None: ...


class TwicePlugin:
    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_register_mixins(self, register):
        register(Twice)


class Shared(BaseRedisModel):
    def hello(self) -> None: ...


class SharedPlugin:
    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_register_mixins(self, register):
        register(Shared)


async def test_a_good_plugin_passes(redis_url, redis):
    check_plugin(GoodPlugin())
    await check_plugin_with_server(GoodPlugin(), redis_url)
    assert await redis.keys("contract_*") == []


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        (object(), "does not declare the version"),
        (
            TwicePlugin(),
            r"adds Twice\.save to all models, but SaveMixin\.save of the plugin 'core'",
        ),
        (policy(arity=2), "has a policy whose arguments fail: ValueError.*arity of 2"),
        (typed(form='"12"'), r"example \"12\" cannot be loaded and dumped"),
        (typed(form="12", load=lambda grams: Weight(grams + 1)), "12 .*would load as"),
        (typed(form="no json"), "example no json cannot be loaded"),
        (registering("commands", "word"), "registers 'word' in .*_commands. Register a Command"),
        (
            registering("commands", Command("doctor", "", int)),
            "the command 'doctor', which already belongs to",
        ),
        (registering("checks", print), "in rapyer_register_checks. Register a Check"),
        (
            registering("checks", Check("server", print)),
            "the check 'server', which already belongs to",
        ),
        (registering("field_types", int, 3), "registers 3 as the field type of <class 'int'>"),
    ],
)
def test_a_faulty_plugin_does_not_pass(plugin, message):
    with pytest.raises((PluginError, ExceptionGroup)) as caught:
        check_plugin(plugin)
    faults = getattr(caught.value, "exceptions", (caught.value,))
    import re

    assert any(re.search(message, str(fault), re.DOTALL) for fault in faults), faults


def test_all_faults_are_reported_at_once():
    class Faulty:
        @hookimpl
        def rapyer_startup(self, somewhere): ...

        @hookimpl
        async def rapyer_shutdown(self): ...

        def rapyer_register_mixin(self, register): ...

    with pytest.raises(ExceptionGroup, match="has 4 faults") as caught:
        check_plugin(Faulty())
    assert all(isinstance(fault, PluginError) for fault in caught.value.exceptions)


def test_a_plugin_that_contradicts_an_installed_one_does_not_pass(install):
    install(
        "other",
        """
        from rapyer.base import BaseRedisModel
        from rapyer.plugin import hookimpl
        RAPYER_API_VERSION = 1

        class Hello(BaseRedisModel):
            def hello(self): ...

        @hookimpl
        def rapyer_register_mixins(register):
            register(Hello)
        """,
    )
    with pytest.raises(PluginError, match=r"Shared\.hello .* Hello\.hello of the plugin 'other'"):
        check_plugin(SharedPlugin())


def test_a_broken_neighbor_is_not_the_plugin_s_fault(install):
    install("other", "import not_there")
    check_plugin(SharedPlugin())


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"check": "if access == 'read' then return false end"},
            "changes the result of get: 'KeyNotFoundError' instead of",
        ),
        ({"apply": "redis.call('DEL', key)"}, "changes the result of save"),
        (
            {"check": "if whole then redis.call('SET', 'contract_x', '1') end"},
            "check fails before a write: Write commands are not allowed",
        ),
        ({"check": "if then"}, "check fails before a read: Error compiling script"),
        (
            {"check": "if access == 'delete' then return 'NOPERM' end"},
            "check fails before a delete: the check of an access policy returned NOPERM, which",
        ),
    ],
)
async def test_a_policy_that_changes_what_operations_give_does_not_pass(
    redis_url, redis, parts, message
):
    with pytest.raises(PluginError, match=message):
        await check_plugin_with_server(policy(**parts), redis_url)
    assert await redis.keys("contract_*") == []


@pytest.mark.parametrize("hook", ["rapyer_startup", "rapyer_shutdown"])
async def test_a_start_up_or_a_shutdown_that_cannot_be_awaited_names_the_plugin(redis_url, hook):
    class Plain:
        RAPYER_API_VERSION = 1

    def function(self):
        return lambda *_: None

    function.__name__ = hook
    setattr(Plain, hook, hookimpl(function))
    with pytest.raises(
        PluginError, match=f"'Plain' .* for {hook} that returned None, which cannot"
    ):
        await check_plugin_with_server(Plain(), redis_url)


async def test_a_start_up_that_works_only_once_does_not_pass(redis_url, redis):
    class Once:
        RAPYER_API_VERSION = 1
        started = False

        @hookimpl
        def rapyer_startup(self):
            async def start(channel, models):
                if self.started:
                    raise RuntimeError("started already")
                self.started = True

            return start

    with pytest.raises(RuntimeError, match="started already"):
        await check_plugin_with_server(Once(), redis_url)
