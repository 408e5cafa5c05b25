"""Plugins at their edges: failures half-way, models that come late, things that are alike."""

from __future__ import annotations

import asyncio
import re
import threading
from abc import ABC
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import pytest
from annotated_types import Gt
from pydantic import BaseModel, computed_field, model_serializer, model_validator
from pydantic_core import core_schema
from rapyer import (
    Field,
    Key,
    ModelDefinitionError,
    OptionError,
    PluginError,
    init_rapyer,
    teardown_rapyer,
)
from rapyer.base import BaseRedisModel, channel_of
from rapyer.plugin import (
    AccessPolicy,
    FieldType,
    FieldTypeMarker,
    Option,
    define_field_type,
    hookimpl,
    mark,
)
from rapyer.testing import check_plugin, use_plugins
from typing_extensions import TypedDict

LEVEL = Option("level", int, default=0)
T = TypeVar("T")


def plugin_with(**hooks: Any) -> Any:
    marked = {name: staticmethod(hookimpl(function)) for name, function in hooks.items()}
    return type("Plugin", (), {"RAPYER_API_VERSION": 1, **marked})()


def mixing(*mixins: Any) -> Any:
    return plugin_with(
        rapyer_register_mixins=lambda register: [register(m) for m in mixins] and None
    )


# -- models that are refused ----------------------------------------------------------------------


@pytest.mark.parametrize("hook", ["rapyer_model_created", "rapyer_access_policy"])
async def test_a_model_that_a_plugin_refuses_late_is_refused_whenever_it_is_used(server, hook):
    def refuse(model):
        if model.__name__ == "Author":
            raise ModelDefinitionError("no authors")

    with use_plugins(plugin_with(**{hook: refuse})) as host:

        class Author(host.AtomicRedisModel):
            name: Key[str]
            books: list["Book"] = []  # noqa: UP037 - a class that does not exist yet

        class Book(host.AtomicRedisModel):
            title: Key[str]

        with pytest.raises(ModelDefinitionError, match="no authors"):
            Author.model_rebuild()
        for _ in range(3):
            with pytest.raises(ModelDefinitionError, match="no authors"):
                await Author.get("ada")
            with pytest.raises(ModelDefinitionError, match="no authors"):
                await Author(name="ada").save()


def test_a_class_that_was_refused_holds_no_prefix():
    def refuse(model):
        if "bad" in model.model_fields:
            raise ModelDefinitionError("bad")

    with use_plugins(plugin_with(rapyer_model_created=refuse)) as host:
        with pytest.raises(ModelDefinitionError) as caught:

            class Book(host.AtomicRedisModel):
                bad: int

        assert list(host.models) == []

        class Tome(host.AtomicRedisModel):
            class Config:
                prefix = "book"

        assert list(host.models) == [Tome]
        assert caught.value is not None


# -- life cycle -----------------------------------------------------------------------------------


def noting(log: list[str], name: str, *, stop: Any = None) -> Any:
    async def started(channel, models):
        log.append(f"start {name}")

    async def stopped(channel):
        log.append(f"stop {name}")
        if isinstance(stop, BaseException):
            raise stop
        if stop is not None:
            await stop()

    return plugin_with(rapyer_startup=lambda: started, rapyer_shutdown=lambda: stopped)


@pytest.mark.parametrize("hook", ["rapyer_startup", "rapyer_shutdown"])
async def test_a_hook_that_fails_itself_starts_and_stops_nothing(redis_url, hook):
    log: list[str] = []

    def fail():
        raise KeyError("lost")

    with (
        use_plugins(a=noting(log, "a"), b=plugin_with(**{hook: fail}), c=noting(log, "c")),
        pytest.raises(PluginError, match=r"'b' .* failed in rapyer_"),
    ):
        await init_rapyer(redis_url)
    assert log == []


async def test_a_cancelled_teardown_shuts_all_plugins_down_and_forgets_the_options(redis_url):
    log: list[str] = []
    options = plugin_with(rapyer_register_options=lambda register: register(LEVEL))
    with use_plugins(
        o=options, a=noting(log, "a"), b=noting(log, "b", stop=lambda: asyncio.sleep(30))
    ) as host:

        class Doc(host.AtomicRedisModel):
            pass

        await init_rapyer(redis_url, level=3)
        log.clear()
        task = asyncio.create_task(teardown_rapyer())
        while log != ["stop b"]:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert log == ["stop b", "stop a"]
        assert LEVEL.of(Doc) == 0


async def test_options_are_forgotten_whatever_a_policy_says_of_the_defaults(redis_url):
    def policy(model):
        if armed and LEVEL.of(model) == 0:
            raise OptionError("level 0")

    plugin = plugin_with(
        rapyer_register_options=lambda register: register(LEVEL), rapyer_access_policy=policy
    )
    armed = False
    with use_plugins(plugin, z=noting([], "z", stop=OSError("disk"))) as host:

        class Doc(host.AtomicRedisModel):
            pass

        await init_rapyer(redis_url, level=3)
        armed = True
        with pytest.raises(ExceptionGroup) as caught:
            await teardown_rapyer()
        assert [type(exc) for exc in caught.value.exceptions] == [OSError, OptionError]
        assert LEVEL.of(Doc) == 0


async def test_what_ends_the_block_passes_through_a_teardown_that_fails(redis_url):
    with use_plugins(noting([], "a", stop=OSError("disk"))):
        with pytest.raises(ZeroDivisionError) as caught:
            async with init_rapyer(redis_url):
                raise ZeroDivisionError
        assert caught.value.__notes__ == ["teardown_rapyer failed too: OSError('disk')"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), init_rapyer(redis_url):
                await asyncio.sleep(30)
        with pytest.raises(OSError, match="disk"):
            async with init_rapyer(redis_url):
                pass


async def test_a_server_is_replaced_although_leaving_the_old_one_fails(redis_url):
    with use_plugins(noting([], "a", stop=OSError("gone"))) as host:

        class Doc(host.AtomicRedisModel):
            id: Key[str]

        await init_rapyer(redis_url)
        with pytest.warns(
            RuntimeWarning, match="closing the connection to the previous Redis failed: OSError"
        ):
            await init_rapyer(f"{redis_url}?max_connections=3")
        await Doc(id="1").save()
        with pytest.raises(OSError, match="gone"):
            await teardown_rapyer()


async def test_initialisations_at_the_same_time_take_turns(redis_url):
    log: list[str] = []
    with use_plugins(noting(log, "a")):
        await asyncio.gather(init_rapyer(redis_url), init_rapyer(redis_url), teardown_rapyer())
        await teardown_rapyer()
    assert log in (
        ["start a", "stop a", "start a", "stop a"],
        ["start a", "stop a"] * 2,
    )


async def test_a_plugin_that_initialises_while_it_is_started_is_told(redis_url):
    async def start(channel, models):
        await init_rapyer(redis_url)

    with (
        use_plugins(plugin_with(rapyer_startup=lambda: start)),
        pytest.raises(RuntimeError, match="was called by a plugin that one of them awaits"),
    ):
        await init_rapyer(redis_url)


async def test_the_plugins_that_start_are_those_of_the_call(redis_url):
    options = plugin_with(rapyer_register_options=lambda register: register(LEVEL))
    with use_plugins(options) as host:

        class Doc(host.AtomicRedisModel):
            pass

        initialisation = init_rapyer(redis_url, level=3)
    await initialisation
    assert LEVEL.of(Doc) == 3
    await teardown_rapyer()
    assert LEVEL.of(Doc) == 0


async def test_a_failed_initialisation_with_the_client_in_use_closes_nothing(redis, monkeypatch):
    from rapyer.traffic.channel import Channel

    with use_plugins() as host:

        class Doc(host.AtomicRedisModel):
            id: Key[str]

        await init_rapyer(redis)
        channel = channel_of(Doc)

        async def fail(self):
            raise OSError("not now")

        with monkeypatch.context() as patched:
            patched.setattr(Channel, "introduce", fail)
            with pytest.raises(OSError, match="not now"):
                await init_rapyer(redis)
        assert not channel.closed
        await Doc(id="1").save()
        await teardown_rapyer()


# -- options --------------------------------------------------------------------------------------


def test_options_are_inherited_as_python_resolves_attributes():
    with use_plugins(plugin_with(rapyer_register_options=lambda register: register(LEVEL))) as host:

        class A(host.AtomicRedisModel):
            class Config:
                level = 1

        class B(A):
            class Config:
                level = 2

        class C(A):
            pass

        class D(C, B):
            pass

        class Page(host.AtomicRedisModel, Generic[T]):
            items: list[T]

            class Config:
                level = 5

    assert [LEVEL.of(model) for model in (A, B, C, D, Page[int])] == [1, 2, 1, 2, 5]


async def test_an_abstract_model_has_the_options_that_hold_now(redis_url):
    with use_plugins(plugin_with(rapyer_register_options=lambda register: register(LEVEL))) as host:

        class Base(host.AtomicRedisModel):
            class Config:
                abstract = True

        async with init_rapyer(redis_url, level=4):
            assert LEVEL.of(Base) == LEVEL.of(host.AtomicRedisModel) == 4


class Limits(TypedDict):
    low: int


class Bounds(BaseModel):
    low: int


@dataclass
class Span:
    low: int


@pytest.mark.parametrize(
    ("annotation", "value"),
    [(Limits, {"low": 1}), (Bounds, Bounds(low=1)), (Span, Span(1)), (threading.Event, None)],
)
def test_any_type_that_pydantic_knows_is_one_of_an_option(annotation, value):
    option = Option("limits", annotation, default=None)
    value = threading.Event() if value is None else value
    with use_plugins(
        plugin_with(rapyer_register_options=lambda register: register(option))
    ) as host:
        config = type("Config", (), {"limits": value})
        model = type("Doc", (host.AtomicRedisModel,), {"Config": config, "__module__": __name__})
    assert option.of(model) == value


def test_an_option_that_is_only_annotated_is_refused():
    with use_plugins() as host, pytest.raises(OptionError, match=r"annotates 'prefix' .*prefix = "):

        class Doc(host.AtomicRedisModel):
            class Config:
                prefix: doc  # noqa: F821 - a colon in place of =


def test_a_default_is_not_shared_between_models():
    names: Option[list[str]] = Option("names", list[str], default=[])
    with use_plugins(plugin_with(rapyer_register_options=lambda register: register(names))) as host:

        class A(host.AtomicRedisModel):
            pass

        class B(host.AtomicRedisModel):
            pass

    names.of(A).append("x")
    assert names.of(B) == []


# -- field types ----------------------------------------------------------------------------------


class Weight:
    def __init__(self, grams: int) -> None:
        self.grams = grams

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weight) and self.grams == other.grams


def typed(*registered: tuple[Any, FieldType]) -> Any:
    return plugin_with(
        rapyer_register_field_types=lambda register: [register(*one) for one in registered] and None
    )


def document(model: Any, **values: Any) -> bytes:
    return model.__rapyer_codec__.dump(model(**values), checked=True)[0]


def test_a_mark_that_nobody_registers_is_refused_rather_than_ignored():
    with use_plugins() as host:

        class Oven(host.AtomicRedisModel):
            heat: Annotated[float, FieldTypeMarker("Celcius")]

    with pytest.raises(ModelDefinitionError, match="'Celcius', which no plugin") as caught:
        document(Oven, heat=1.5)
    assert caught.value.__notes__ == ["Found in Oven."]


def test_the_types_of_core_are_not_replaced():
    other = FieldType("mydate", '"2020-01-01"', None, None, schema_type="date")
    with (
        pytest.raises(PluginError, match="of type 'date', which already have the field type date"),
        use_plugins(typed((Weight, other))),
    ):
        raise AssertionError("not refused")


class Referring(TypedDict):
    ref: str
    type: int


def test_a_form_may_have_members_of_any_name():
    form = define_field_type(
        Weight,
        stored_as=Referring,
        dump=lambda w: {"ref": "x", "type": w.grams},
        load=lambda d: Weight(d["type"]),
        form='{"ref":"x","type":3}',
    )
    with use_plugins(typed((Weight, form))) as host:

        class Parcel(host.AtomicRedisModel):
            weight: Weight

    assert document(Parcel, weight=Weight(3)) == b'{"weight":{"ref":"x","type":3}}'


class Scale:
    """Something that cannot be copied."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def dump(self, weight: Weight) -> int:
        return weight.grams

    def load(self, grams: int) -> Weight:
        return Weight(grams)


def test_what_dumps_and_loads_may_be_methods_of_anything():
    scale = Scale()
    form = define_field_type(Weight, stored_as=int, dump=scale.dump, load=scale.load, form="3")
    with use_plugins(typed((Weight, form))) as host:

        class Crate(host.AtomicRedisModel):
            weight: Weight

    assert document(Crate, weight=Weight(3)) == b'{"weight":3}'


class Metres(float):
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return mark(core_schema.float_schema(), "Metres")


def test_constraints_hold_for_a_class_that_is_validated_as_a_scalar():
    form = define_field_type(Metres, stored_as=float, dump=float, load=Metres, form="1.5")
    with use_plugins(typed((Metres, form))) as host:

        class Rope(host.AtomicRedisModel):
            length: Annotated[Metres, Gt(0)]

    codec = Rope.__rapyer_codec__
    assert type(codec.load(b'{"length":2.5}').length) is Metres
    with pytest.raises(ValueError, match="greater than 0"):
        codec.load(b'{"length":-2.5}')


@dataclass
class Loaded:
    """A dataclass with a part that pydantic does not know."""

    weight: Weight


def test_a_dataclass_with_a_part_that_nobody_knows_may_be_registered():
    form = define_field_type(
        Loaded, stored_as=int, dump=lambda x: x.weight.grams, load=lambda n: Loaded(Weight(n)),
        form="3",
    )  # fmt: skip
    with use_plugins(typed((Loaded, form))) as host:

        class Cart(host.AtomicRedisModel):
            load_: Loaded
            more: list[Loaded] = []

    assert document(Cart, load_=Loaded(Weight(1)), more=[Loaded(Weight(2))]) == (
        b'{"load_":1,"more":[2]}'
    )


def test_a_field_for_the_class_itself_is_no_field_of_its_values():
    form = define_field_type(Weight, stored_as=int, dump=lambda w: w.grams, load=Weight, form="3")
    with use_plugins(typed((Weight, form))) as host:

        class Kind(host.AtomicRedisModel):
            kind: type[Weight] = Weight

    with pytest.raises(ValueError, match="class"):
        Kind.__rapyer_codec__.load(b'{"kind":3}')


@pytest.mark.parametrize(
    "wrong", [{"order": "z"}, {"index": "tags"}, {"operations": "append"}, {"index_path": "us"}]
)
def test_names_that_nobody_knows_are_refused(wrong):
    with pytest.raises((ValueError, TypeError), match=next(iter(wrong))):
        define_field_type(Weight, stored_as=int, dump=id, load=id, form="1", **wrong)


# -- mixins ---------------------------------------------------------------------------------------


class One(BaseRedisModel, ABC):
    def one(self) -> int:
        return 1


class Two(One):
    def two(self) -> int:
        return self.one() + 1


class Three(BaseRedisModel, ABC):
    def three(self) -> int:
        return 3


def test_mixins_may_derive_from_each_other_and_share_bases():
    with use_plugins(a=mixing(One, Two), b=mixing(Three)) as host:

        class Doc(host.AtomicRedisModel):
            pass

    doc = Doc()
    assert (doc.one(), doc.two(), doc.three()) == (1, 2, 3)


class Slotted(BaseRedisModel):
    __slots__ = ("x",)


class SlottedToo(BaseRedisModel):
    __slots__ = ("y",)


def test_mixins_that_python_cannot_compose_are_named():
    with (
        pytest.raises(PluginError, match=r"Slotted of the plugin 'a' .*SlottedToo of the "),
        use_plugins(a=mixing(Slotted), b=mixing(SlottedToo)),
    ):
        raise AssertionError("not refused")


class Serializing(BaseRedisModel):
    @model_serializer
    def dump_x(self) -> dict[str, int]:
        return {"x": 1}


class Validating(BaseRedisModel):
    @model_validator(mode="after")
    def check_all(self):
        return self


class Computing(BaseRedisModel):
    @computed_field
    def x(self) -> int:
        return 1


@pytest.mark.parametrize("mixin", [Serializing, Validating, Computing])
def test_a_mixin_does_not_change_what_models_validate_or_dump(mixin):
    with (
        pytest.raises(PluginError, match=r"is one of pydantic's .* would be part of all models"),
        use_plugins(mixing(mixin)),
    ):
        raise AssertionError("not refused")


# -- policies -------------------------------------------------------------------------------------


async def test_policies_that_differ_in_their_arguments_alone_share_a_script(redis, server):
    def policy(model):
        return AccessPolicy(
            "stamp", apply="redis.call('SET', 'stamp:' .. key, arg[1])", arity=1,
            arguments=lambda: (model.__name__,),
        )  # fmt: skip

    with use_plugins(plugin_with(rapyer_access_policy=policy)) as host:

        class First(host.AtomicRedisModel):
            id: Key[str]

        class Second(host.AtomicRedisModel):
            id: Key[str]

    await redis.script_flush()
    before = (await redis.info("memory"))["number_of_cached_scripts"]
    await First(id="1").save()
    await Second(id="1").save()
    await asyncio.gather(First.get("1"), Second.get("1"))
    assert await redis.mget("stamp:first:1", "stamp:second:1") == [b"First", b"Second"]
    assert (await redis.info("memory"))["number_of_cached_scripts"] - before == 2


async def test_kinds_of_reads_that_are_idle_are_forgotten(redis, server):
    level = 0

    def policy(model):
        return AccessPolicy("n", arity=1, arguments=lambda given=level: (given,))

    with use_plugins(plugin_with(rapyer_access_policy=policy)) as host:
        for level in range(200):
            model = type(
                f"Doc{level}",
                (host.AtomicRedisModel,),
                {"__module__": __name__, "__qualname__": "D"},
            )
            assert await model.get("1", default=None) is None
        assert len(channel_of(model)._coalescers) <= 64


# -- the contract ---------------------------------------------------------------------------------


def test_the_contract_wants_to_see_the_policy():
    plugin = plugin_with(
        rapyer_register_options=lambda register: register(LEVEL),
        rapyer_access_policy=lambda model: AccessPolicy("x") if LEVEL.of(model) else None,
    )
    with pytest.raises(PluginError, match=r"returned no access policy .*Give options for which"):
        check_plugin(plugin)
    check_plugin(plugin, {"level": 1})


def test_an_installed_plugin_that_is_an_instance_is_known_as_it_is_installed(install):
    install(
        "inst",
        """
        from rapyer.base import BaseRedisModel
        from rapyer.plugin import hookimpl

        class Hello(BaseRedisModel):
            def hello(self): ...

        class Hooks:
            RAPYER_API_VERSION = 1

            @hookimpl
            def rapyer_register_mixins(self, register):
                register(Hello)

        hooks = Hooks()
        """,
        target="inst_module:hooks",
    )
    import inst_module

    check_plugin(inst_module.hooks)


# -- what authors get wrong -----------------------------------------------------------------------


class Unioned:
    """A class whose values stand in unions with others."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unioned) and self.text == other.text

    def __str__(self) -> str:
        return f"u:{self.text}"


def load_unioned(text: str) -> Unioned:
    if not text.startswith("u:"):
        raise ValueError("starts with no u:")
    return Unioned(text[2:])


UNIONED = define_field_type(Unioned, stored_as=str, dump=str, load=load_unioned, form='"u:x"')


@pytest.mark.parametrize("value", [5, True, 2.5, "x", [1], None, Unioned("y")])
def test_a_class_dumps_its_own_values_alone_in_a_union(value):
    with use_plugins(typed((Unioned, UNIONED))) as host:

        class Doc(host.AtomicRedisModel):
            first: Unioned | int | bool | float | str | list[int] | None
            last: int | bool | float | str | list[int] | Unioned | None = None

    loaded = Doc.__rapyer_codec__.load(document(Doc, first=value))
    assert loaded == Doc(first=value)
    assert type(loaded.first) is type(value)
    if isinstance(value, Unioned):  # a str stands before it, and takes its form
        with pytest.raises(ValueError, match="would load as 'u:y'"):
            document(Doc, first=value, last=value)
    else:
        assert Doc.__rapyer_codec__.load(document(Doc, first=value, last=value)).last == value


class Near:
    """A class that is equal to what it is not."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return True


def test_a_value_that_would_come_back_as_of_another_class_is_refused():
    form = define_field_type(Near, stored_as=float, dump=lambda n: n.value, load=Near, form="1.5")
    with use_plugins(typed((Near, form))) as host:

        class Doc(host.AtomicRedisModel):
            x: Annotated[Near | float, Field(union_mode="left_to_right")]

    doc = Doc(x=Near(1.0))
    doc.x = 5.5
    with pytest.raises(ValueError, match=r"Doc\.x cannot be stored: 5\.5 would load as <"):
        Doc.__rapyer_codec__.dump(doc, checked=True)


class Array:
    def __eq__(self, other: object) -> Any:
        raise ValueError("ambiguous")


def test_an_equality_that_fails_is_told_with_the_path():
    form = define_field_type(
        Array, stored_as=int, dump=lambda array: 1, load=lambda number: Array(), form="1"
    )
    with use_plugins(typed((Array, form))) as host:

        class Doc(host.AtomicRedisModel):
            arrays: list[Array]

    with pytest.raises(ValueError, match=r"arrays\[0\] cannot be stored: .*== of Array fails: amb"):
        document(Doc, arrays=[Array()])


def test_what_load_says_of_a_form_is_told():
    with use_plugins(typed((Unioned, UNIONED))) as host:

        class Doc(host.AtomicRedisModel):
            x: Unioned

    codec = Doc.__rapyer_codec__
    with pytest.raises(ValueError, match="starts with no u:"):
        codec.load(b'{"x":"y"}')
    with pytest.raises(ValueError, match=r'stored form of a Unioned, such as "u:x" \['):
        codec.load(b'{"x":5}')


class First(BaseRedisModel):
    _cache: int = 1

    def first(self) -> int:
        return self._cache


class FirstToo(First):
    def more(self) -> int:
        return self._cache + 1


class Second(BaseRedisModel):
    _cache: str = "b"


def test_private_attributes_of_mixins_are_their_own():
    with (
        pytest.raises(PluginError, match=r"adds Second\._cache to all models, but First\."),
        use_plugins(a=mixing(First), b=mixing(Second)),
    ):
        raise AssertionError("not refused")
    with use_plugins(a=mixing(FirstToo)) as host:

        class Doc(host.AtomicRedisModel):
            pass

        assert (Doc().first(), Doc().more()) == (1, 2)
        with pytest.raises(
            ModelDefinitionError, match="'_cache' of Wrong has the same name as one of First"
        ):

            class Wrong(host.AtomicRedisModel):
                _cache: int = 5


class Common:
    class Config:
        prefix = "common"


def test_the_options_of_a_base_that_is_no_model_are_not_ignored():
    with use_plugins() as host:
        with pytest.raises(ModelDefinitionError, match=r"Write `class Config\(Common\.Config\)`"):

            class Wrong(host.AtomicRedisModel, Common):
                pass

        class Right(host.AtomicRedisModel, Common):
            class Config(Common.Config):
                prefix = "right"

    assert Right.key_of("1") == "right:1"


@pytest.mark.parametrize(
    ("namespace", "message"),
    [
        ({"rapyer_startup": 3}, "has a int named rapyer_startup, which is not a function"),
        (
            {"rapyer_register_options": hookimpl(lambda self, register: [LEVEL])},
            r"returned \[Option.* Call `register` for each part",
        ),
        (
            {"rapyer_model_created": hookimpl(lambda model: None)},
            "as a method without `self`, so it would get the plugin as 'model'",
        ),
    ],
)
def test_hooks_that_would_do_nothing_are_refused(namespace, message):
    plugin = type("Plugin", (), {"RAPYER_API_VERSION": 1, **namespace})()
    with pytest.raises((PluginError, ExceptionGroup)) as caught:
        check_plugin(plugin)
    faults = getattr(caught.value, "exceptions", (caught.value,))
    assert any(re.search(message, str(fault), re.DOTALL) for fault in faults), faults


def test_a_parser_of_an_option_that_fails_names_the_option():
    option = Option("limits", int, default=0, parse=lambda value: {}[value])
    plugin = plugin_with(rapyer_register_options=lambda register: register(option))
    with use_plugins(plugin) as host, pytest.raises(OptionError, match=r"limits: .*KeyError"):

        class Doc(host.AtomicRedisModel):
            class Config:
                limits = 3
