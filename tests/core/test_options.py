"""The options of `class Config`."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    ModelDefinitionError,
    OptionError,
    init_rapyer,
)
from rapyer.base import BaseRedisModel
from rapyer.plugin import Option, hookimpl
from rapyer.testing import use_plugins
from redis.asyncio import Redis


def test_options_behind_the_bases_of_a_class_say_where_they_stand():
    with pytest.raises(TypeError, match="__init_subclass__") as caught:

        class Noted(AtomicRedisModel, index=True):  # as with redis-om
            name: str

    assert caught.value.__notes__ == ["Put options of rapyer in the `class Config` of Noted."]


def test_config_stands_beside_pydantic_s_own_settings_without_a_warning():
    class Configured(AtomicRedisModel):
        model_config = ConfigDict(frozen=True)
        name: str

        class Config:
            prefix = "configured"

    assert Configured.key_of("1") == "configured:1"
    assert Configured.model_config["frozen"]
    assert Configured.Config.prefix == "configured"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("perfix", r"'perfix', which rapyer does not know\. Did you mean 'prefix'\?"),
        ("orm_mode", "Put pydantic settings in `model_config`"),
    ],
)
def test_an_unknown_option_is_refused_with_what_was_meant(option, message):
    config = type("Config", (), {option: True})
    with pytest.raises(ModelDefinitionError, match=message):
        type("Misspelled", (AtomicRedisModel,), {"Config": config, "__module__": __name__})


def test_an_option_of_a_wrong_type_is_refused_with_its_value():
    with pytest.raises(ModelDefinitionError, match=r"Config\.abstract: 'yes' .*valid boolean"):

        class Wrong(AtomicRedisModel):
            class Config:
                abstract = "yes"


def test_an_option_that_is_set_after_the_class_was_made_is_refused():
    class Shared:
        track_changes = True

    class Early(AtomicRedisModel):
        class Config(Shared):
            prefix = "early"

    class Later(Early):
        class Config(Early.Config):
            track_changes = False

    for model, options in ((Early, ("early", True)), (Later, ("later", False))):
        message = (
            rf"{model.__name__}\.Config\.track_changes cannot be set.*when the class is created"
        )
        with pytest.raises(OptionError, match=message):
            model.Config.track_changes = 5
        with pytest.raises(OptionError, match=message):
            del model.Config.track_changes
        with pytest.raises(OptionError, match=rf"{model.__name__}\.Config cannot be set"):
            model.Config = Shared
        assert (model.key_of("1").partition(":")[0], model.Config.track_changes) == options
    assert issubclass(Early.Config, Shared)


def test_the_redis_option_takes_a_url_or_an_asynchronous_client_only():
    import redis as synchronous

    with pytest.raises(ModelDefinitionError, match=r"redis\.asyncio\.Redis"):

        class Wrong(AtomicRedisModel):
            class Config:
                redis = synchronous.Redis()


def test_options_but_prefix_and_abstract_are_inherited_also_through_plain_config_classes():
    client = Redis()

    class Shared:
        redis = client

    class Base(AtomicRedisModel):
        class Config(Shared):
            abstract = True

    class Child(Base):
        pass

    class Overriding(Base):
        class Config(Base.Config):
            prefix = "mine"

    source = Base.__rapyer_source__
    assert source is not None
    assert Child.__rapyer_source__ is Overriding.__rapyer_source__ is source
    assert Child.key_of("1") == "child:1"
    assert Overriding.key_of("1") == "mine:1"


def test_an_embedded_model_has_no_options():
    with pytest.raises(ModelDefinitionError, match="which has no options"):

        class Part(EmbeddedModel):
            class Config:
                prefix = "part"


@pytest.mark.parametrize("name", ["save", "get", "load", "key", "pk", "delete", "exists", "key_of"])
def test_a_field_named_like_a_method_of_the_library_is_refused_with_both_names(name):
    with pytest.raises(ModelDefinitionError, match=rf"'{name}' of Hiding would hide \w+\.{name}\."):
        type(
            "Hiding",
            (AtomicRedisModel,),
            {"__annotations__": {name: str}, "__module__": __name__, "__qualname__": "Hiding"},
        )


@pytest.mark.parametrize(
    "bases", [lambda m: (AtomicRedisModel, m), lambda m: (m, AtomicRedisModel)]
)
def test_such_a_field_of_a_plain_base_is_refused_as_well(bases):
    class Mixin(BaseModel):
        save: int = 0

    with pytest.raises(ModelDefinitionError, match=r"would hide SaveMixin\.save"):
        type("Hiding", bases(Mixin), {"__module__": __name__})


def test_options_that_stand_in_no_class_are_refused():
    with pytest.raises(ModelDefinitionError, match="options must be in a class"):
        type("Wrong", (AtomicRedisModel,), {"Config": {"prefix": "x"}, "__module__": __name__})


def test_a_password_is_not_shown_when_a_url_is_refused():
    with pytest.raises(ModelDefinitionError, match=r"Config\.redis: 'http://h'") as caught:

        class Wrong(AtomicRedisModel):
            class Config:
                redis = "http://:s3cret@h"

    assert "s3cret" not in str(caught.value)


def test_such_a_name_can_still_be_the_one_in_the_document():
    from rapyer import Field

    class Aliased(AtomicRedisModel):
        key_: str = Field(alias="key")

    assert Aliased(key="x").__rapyer_codec__.dump(Aliased(key="x"))[0] == b'{"key":"x"}'


def test_an_option_of_a_plugin_that_is_not_installed_is_refused_with_what_to_install():
    message = (
        r"Cached\.Config has the option 'ttl', which is part of rapyer-ttl, .* \"rapyer\[ttl\]\""
    )
    with use_plugins() as alone, pytest.raises(OptionError, match=message):

        class Cached(alone.AtomicRedisModel):
            class Config:
                ttl = 3600


@pytest.mark.parametrize("option", ["prefix", "redis", "track_changes", "ttl", "index"])
def test_an_option_among_the_settings_of_pydantic_is_refused(option):
    message = f"Misplaced.model_config has '{option}', an option .* `class Config`"
    with use_plugins() as alone, pytest.raises(OptionError, match=message):

        class Misplaced(alone.AtomicRedisModel):
            model_config = ConfigDict(title="one of pydantic") | {option: None}


@pytest.mark.parametrize(("written", "meant"), [("tttl", "ttl"), ("redi", "redis"), ("TTL", "ttl")])
def test_the_nearest_name_is_looked_for_among_those_of_the_project_s_plugins_too(written, meant):
    with pytest.raises(OptionError, match=f"Did you mean '{meant}'"):
        init_rapyer("redis://localhost", **{written: 1})


def test_a_mixin_has_no_options():
    with pytest.raises(ModelDefinitionError, match=r"Stamped is a mixin, .* cannot have options"):

        class Stamped(BaseRedisModel):
            class Config:
                prefix = "stamped"


class Levels:
    """A plugin with an option."""

    RAPYER_API_VERSION = 1
    level = Option("level", int, default=1)

    @hookimpl
    def rapyer_register_options(self, register):
        register(self.level)


async def test_init_rapyer_sets_options_for_all_models_that_do_not_set_them(redis_url):
    level = Levels.level
    with use_plugins(Levels()) as host:

        class Own(host.AtomicRedisModel):
            class Config:
                level = 7

        class Inheriting(Own):
            pass

        class Plain(host.AtomicRedisModel):
            pass

        async with init_rapyer(redis_url, level=3):

            class Later(host.AtomicRedisModel):
                pass

            models = (Own, Inheriting, Plain, Later)
            assert [level.of(model) for model in models] == [7, 7, 3, 3]
            await init_rapyer(redis_url, level=4)
            assert [level.of(model) for model in models] == [7, 7, 4, 4]
            await init_rapyer(redis_url)
            assert [level.of(model) for model in models] == [7, 7, 1, 1]
            await init_rapyer(redis_url, level=5)
        assert [level.of(model) for model in models] == [7, 7, 1, 1], "forgotten at the end"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "high"}, r"init_rapyer\.level: 'high' is not a valid value for this option"),
        ({"leevel": 1}, "init_rapyer has the option 'leevel', .* Did you mean 'level'"),
        ({"prefix": "x"}, "the option 'prefix', which is for single models"),
        ({"abstract": True}, "the option 'abstract', which is for single models"),
        ({"ttl": 1}, 'pip install "rapyer\\[ttl\\]"'),
    ],
)
def test_init_rapyer_checks_options_as_a_config_does_before_it_is_awaited(options, message):
    with use_plugins(Levels()), pytest.raises(OptionError, match=message):
        init_rapyer("redis://localhost", **options)


async def test_options_that_a_plugin_refuses_leave_those_of_before(redis_url):
    class Picky(Levels):
        @hookimpl
        def rapyer_access_policy(self, model):
            if self.level.of(model) > 5:
                raise OptionError(f"the level of {model.__name__} is over 5")

    with use_plugins(Picky()) as host:

        class Doc(host.AtomicRedisModel):
            pass

        with pytest.raises(OptionError, match="the level of Doc is over 5"):
            await init_rapyer(redis_url, level=6)
        assert Levels.level.of(Doc) == 1


def test_the_value_of_an_option_is_asked_of_models_for_which_it_is_registered():
    class Flat(AtomicRedisModel):
        pass

    with pytest.raises(LookupError, match="Flat has no option 'level'"):
        Levels.level.of(Flat)


def test_errors_about_options_are_those_of_definitions_and_values():
    assert issubclass(OptionError, ModelDefinitionError)
    assert issubclass(OptionError, ValueError)
