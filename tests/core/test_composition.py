"""Models composed of core and plugins: methods that are there, and those that are not."""

from __future__ import annotations

import copy
import pickle
import re

import pytest
import rapyer
from pydantic import PrivateAttr
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    Key,
    ModelDefinitionError,
    PluginNotInstalledError,
)
from rapyer.base import BaseRedisModel
from rapyer.first_party import METHODS
from rapyer.foreign import FOREIGN
from rapyer.plugin import hookimpl
from rapyer.testing import use_plugins


class Finding(BaseRedisModel):
    _asked: int = PrivateAttr(default=0)

    @classmethod
    def find(cls) -> str:
        return f"found {cls.__name__}"

    def ask(self) -> int:
        self._asked += 1
        return self._asked


class FindingPlugin:
    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_register_mixins(self, register):
        register(Finding)


class Reader(AtomicRedisModel):
    name: str = ""


#: A model of core alone, whatever else is installed where this runs.
with use_plugins() as core_alone:

    class Alone(core_alone.AtomicRedisModel):
        name: str = ""


@pytest.mark.parametrize("name", METHODS)
def test_without_its_plugin_a_method_of_the_project_says_what_to_install(name):
    extra = METHODS[name]
    message = (
        rf'\.{name} is part of rapyer-{extra}, which is not .* `pip install "rapyer\[{extra}\]"`'
    )
    for owner in (Alone, Alone()):
        assert not hasattr(owner, name)
        assert getattr(owner, name, None) is None
        with pytest.raises(PluginNotInstalledError, match=f"Alone{message}") as caught:
            getattr(owner, name)
        assert caught.value.extra == extra


@pytest.mark.parametrize("name", FOREIGN)
def test_a_name_of_other_libraries_says_what_it_is_here(name):
    there = {*dir(AtomicRedisModel), *METHODS}
    assert set(re.findall(r"`(\w+)\(", FOREIGN[name])) <= there, "it names what is not there"
    for owner in (Alone, Alone()):
        assert not hasattr(owner, name)
        with pytest.raises(AttributeError, match=f"Alone has no {name!r}. Write `") as caught:
            getattr(owner, name)
        assert not isinstance(caught.value, PluginNotInstalledError)
        assert caught.value.name == name


def test_a_field_of_such_a_name_is_that_field():
    class Counted(Alone):
        count: int = 0

    assert repr(Counted.count) == "Counted.count"
    assert Counted(count=3).count == 3


class Home(EmbeddedModel):
    street: str = ""


@pytest.mark.parametrize(
    ("owner", "name", "said"),
    [
        (Alone, "naame", "type object 'Alone' has no attribute 'naame'. Did you mean 'name'?"),
        (Alone, "whatever", "type object 'Alone' has no attribute 'whatever'."),
        (Home, "steet", "type object 'Home' has no attribute 'steet'. Did you mean 'street'?"),
        (Home, "all", "type object 'Home' has no attribute 'all'."),
    ],
)
def test_a_misspelled_field_of_a_class_says_what_was_meant(owner, name, said):
    with pytest.raises(AttributeError) as caught:
        getattr(owner, name)
    assert (str(caught.value), caught.value.name) == (said, name)


@pytest.mark.parametrize("owner", [Reader, Reader(), EmbeddedModel])
def test_any_other_name_is_a_plain_attribute_error(owner):
    for name in ("finder", "_find", "__find__", "find" if owner is EmbeddedModel else "fiind"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'") as caught:
            getattr(owner, name)
        assert not isinstance(caught.value, PluginNotInstalledError)


def test_with_its_plugin_the_method_is_there():
    with use_plugins(query=FindingPlugin()) as host:

        class Book(host.AtomicRedisModel):
            title: str = ""

    assert Book.find() == "found Book"
    book = Book()
    assert (book.ask(), book.ask()) == (1, 2)
    with pytest.raises(PluginNotInstalledError):
        Book.bulk_get  # noqa: B018


def test_a_field_may_have_the_name_of_a_method_whose_plugin_is_not_installed():
    with use_plugins() as host:

        class Lost(host.AtomicRedisModel):
            find: str = "x"

    assert Lost().find == "x"
    assert repr(Lost.find) == "Lost.find"


def test_a_field_that_hides_a_method_of_a_plugin_is_refused_with_both_names():
    message = (
        r"the field 'find' of Lost would hide Finding\.find of the plugin 'query' "
        r"\(registered by hand\)\..* Field\(alias='find'\)"
    )
    with use_plugins(query=FindingPlugin()) as host:
        with pytest.raises(ModelDefinitionError, match=message):

            class Lost(host.AtomicRedisModel):
                find: str = "x"

        class Base(host.AtomicRedisModel):
            title: str = ""

        with pytest.raises(ModelDefinitionError, match="the field 'ask' of Lost would hide"):

            class Lost(Base):
                ask: str = "x"


def test_a_method_of_a_plugin_may_be_overridden_and_called():
    with use_plugins(FindingPlugin()) as host:

        class Book(host.AtomicRedisModel):
            @classmethod
            def find(cls) -> str:
                return f"{super().find()}!"

    assert Book.find() == "found Book!"


def test_a_mixin_may_be_named_once_more_after_the_model_and_says_so_before_it():
    with use_plugins(query=FindingPlugin()) as host:

        class Base(host.AtomicRedisModel, Finding):
            class Config:
                abstract = True

        class Book(Base):
            title: str = ""

        assert Book.find() == "found Book"
        message = (
            r"Wrong derives from Finding before AtomicRedisModel, .* from the plugin 'query' .*"
            r"class Wrong\(AtomicRedisModel, Finding\)"
        )
        with pytest.raises(ModelDefinitionError, match=message):

            class Wrong(Finding, host.AtomicRedisModel):
                pass


def test_a_mixin_that_no_plugin_registers_is_used_by_naming_it():
    with use_plugins() as host:

        class Book(host.AtomicRedisModel, Finding):
            title: str = ""

        class Before(Finding, host.AtomicRedisModel):
            title: str = ""

    assert Book.find() == "found Book"
    assert Before.find() == "found Before"


def test_core_s_own_operations_are_mixins_registered_through_the_same_hook():
    mixins = [base.__name__ for base in core_alone.AtomicRedisModel.__bases__]
    assert mixins == [
        "SaveMixin", "LoadMixin", "UpdateMixin", "ChangesMixin", "DeleteMixin", "ExistsMixin",
        "ExtractMixin", "LockMixin",
    ]  # fmt: skip
    core = rapyer.host.CORE
    assert core_alone.methods_of(core) == [
        "aupdate", "aupdate_by_key", "changes", "delete", "delete_by_key", "exists", "extract",
        "extract_fields", "extract_many", "get", "get_or_create", "load", "lock", "lock_by_key",
        "path", "rollback", "save", "save_changes",
    ]  # fmt: skip


def test_the_composed_classes_present_themselves_as_rapyer_s():
    assert AtomicRedisModel.__module__ == EmbeddedModel.__module__ == "rapyer"
    assert "RedisJSON documents" in AtomicRedisModel.__doc__
    assert pickle.loads(pickle.dumps(AtomicRedisModel)) is AtomicRedisModel
    assert copy.deepcopy(AtomicRedisModel) is AtomicRedisModel


def test_rapyer_gives_the_models_of_the_plugins_in_use_and_those_of_before_afterwards():
    with use_plugins(FindingPlugin()) as host:
        assert rapyer.AtomicRedisModel is host.AtomicRedisModel
        assert rapyer.EmbeddedModel is host.EmbeddedModel
        with use_plugins() as inner:
            assert rapyer.AtomicRedisModel is inner.AtomicRedisModel
        assert rapyer.AtomicRedisModel is host.AtomicRedisModel
    assert rapyer.AtomicRedisModel is AtomicRedisModel
    with pytest.raises(ZeroDivisionError), use_plugins():
        raise ZeroDivisionError
    assert rapyer.AtomicRedisModel is AtomicRedisModel


def test_models_of_other_plugins_have_a_registry_of_prefixes_of_their_own():
    class Book(AtomicRedisModel):
        id: Key[str]

    with use_plugins() as host:

        class Tome(host.AtomicRedisModel):
            id: Key[str]

            class Config:
                prefix = "book"

    assert Tome.key_of("1") == Book.key_of("1") == "book:1"


def test_an_embedded_model_nests_whatever_plugins_it_was_defined_with():
    class Part(EmbeddedModel):
        n: int = 0

    with use_plugins() as host:

        class Whole(host.AtomicRedisModel):
            part: Part

    assert repr(Whole.part.n) == "Whole.part.n"
