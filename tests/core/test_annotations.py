"""Classes whose annotations Python evaluates: at once until 3.13, and since 3.14 when asked for.

So this module has no `from __future__ import annotations`, which makes texts of them instead.
"""

from typing import ClassVar

import pytest
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    Field,
    Key,
    Mapped,
    ModelDefinitionError,
    RedisList,
    Version,
    init_rapyer,
)
from rapyer.base import BaseRedisModel
from rapyer.plugin import hookimpl
from rapyer.testing import use_plugins


class Place(EmbeddedModel):
    city: Mapped[str]


class Person(AtomicRedisModel):
    id: Key[str]
    revision: Version
    age: Mapped[int] = 0
    place: Mapped[Place] = Field(default_factory=lambda: Place(city=""))
    tags: RedisList[str] = []
    limit: ClassVar[int] = 3

    class Config:
        prefix = "annotated-person"


async def test_models_are_stored_and_their_paths_lead_to_values(redis_url):
    async with init_rapyer(redis_url):
        ada = await Person(id="ada", age=36, place=Place(city="London")).save()
        await ada.tags.aappend("x")
        assert await Person.extract("ada", Person.age, Person.place.city) == (36, "London")
        assert await Person.get("ada") == ada
        assert (ada.revision, ada.tags, Person.limit) == (2, ["x"], 3)


def test_a_field_that_would_hide_a_method_is_refused():
    with pytest.raises(ModelDefinitionError, match=r"'save' of Hiding would hide .*\.save"):

        class Hiding(AtomicRedisModel):
            save: int = 3


def test_mixins_of_two_plugins_may_both_have_annotations():
    class First(BaseRedisModel):
        one: ClassVar[int] = 1

    class Second(BaseRedisModel):
        two: ClassVar[int] = 2

    class Plugin:
        RAPYER_API_VERSION = 1

        def __init__(self, mixin: type[BaseRedisModel]) -> None:
            self.mixin = mixin

        @hookimpl
        def rapyer_register_mixins(self, register):
            register(self.mixin)

    with use_plugins(first=Plugin(First), second=Plugin(Second)) as host:
        assert (host.AtomicRedisModel.one, host.AtomicRedisModel.two) == (1, 2)
