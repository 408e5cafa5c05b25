"""Defects of writes: updates that are lost, instances that say what Redis does not have."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    Field,
    Key,
    KeyChangedError,
    KeyNotFoundError,
    RedisInt,
    RedisList,
)

pytestmark = pytest.mark.usefixtures("server")


class Address(EmbeddedModel):
    city: str = Field(default="", alias="the city")


class User(AtomicRedisModel):
    id: Key[str]
    name: str = Field(default="", max_length=10)
    age: int = Field(default=0, ge=0)
    nick: str = Field(default="", alias="nickName")
    address: Address = Field(default_factory=Address)
    score: RedisInt = Field(default=0)
    tags: RedisList[str] = Field(default_factory=list)

    class Config:
        prefix = "defects:writes"


async def test_two_writers_of_different_fields_lose_nothing():
    """Each wrote back the whole document, with what the other had written before."""
    one = await User(id="1").save()
    other = await User.get("1")
    await one.aupdate(name="Ada")
    await other.aupdate(age=36)
    other.nick = "A"
    async with other.lock() as fresh:
        fresh.nick = "A"
    found = await User.get("1")
    assert (found.name, found.age, found.nick) == ("Ada", 36, "A")


async def test_two_writers_of_one_number_or_list_lose_nothing():
    one = await User(id="1").save()
    other = await User.get("1")
    writers = [one, other] * 20
    await asyncio.gather(*(user.score.aincrease(1) for user in writers))
    await asyncio.gather(*(user.tags.aappend("x") for user in writers))
    found = await User.get("1")
    assert (found.score, len(found.tags)) == (40, 40)


async def test_a_failed_update_leaves_the_instance_as_it_was():
    """The instance was changed first, and kept values that Redis never had."""
    user = await User(id="1", name="Ada", tags=["a"]).save()
    before = user.model_copy(deep=True)
    with pytest.raises(ValidationError):
        await user.aupdate(name="x" * 11, age=5)
    with pytest.raises(IndexError):
        await user.tags.apop(7)
    await User.delete_by_key("1")
    with pytest.raises(KeyNotFoundError):
        await user.aupdate(name="Bob")
    with pytest.raises(KeyNotFoundError):
        await user.tags.aappend("b")
    assert user == before


async def test_an_update_keeps_the_time_to_live(redis):
    """A `SET` of the whole key took the expiry away."""
    user = await User(id="1").save()
    await redis.expire(user.key, 100)
    await user.aupdate(name="Ada", address__city="Paris")
    await User.tags.append("1", "x")
    await User.score.increase("1", 5)
    async with user.pipeline() as p:
        p.age += 1
    async with user.lock() as fresh:
        fresh.nick = "A"
    await User.bulk_update(["1"], age=7)
    await User.find(User.age == 7).update(age=8)
    assert 0 < await redis.ttl(user.key) <= 100


async def test_aliases_are_kept_by_every_write(stored):
    """Some roads wrote `nick` where others read `nickName`."""
    user = await User(id="1", nickName="A", address={"the city": "Rome"}).save()
    await user.aupdate(nick="B")
    await User.address.city.set("1", "Paris")
    async with user.pipeline() as p:
        p.nick += "!"
    document = await stored(user.key)
    assert (document["nickName"], document["address"]) == ("B!", {"the city": "Paris"})
    assert "nick" not in document
    assert (await User.find(User.nick == "B!").one()).nick == (await User.get("1")).nick == "B!"


async def test_a_changed_primary_key_does_not_leave_the_old_document_behind():
    user = await User(id="1").save()
    user.id = "2"
    with pytest.raises(KeyChangedError, match="model_copy"):
        await user.save()
    assert await User.exists("1")
    assert not await User.exists("2")
