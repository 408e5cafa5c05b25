"""Traps of redis-py and of pydantic, on which the library is built."""

from __future__ import annotations

import asyncio
import copy
import warnings

import pytest
from pydantic import ValidationError
from rapyer import (
    AtomicRedisModel,
    ConflictError,
    EmbeddedModel,
    Key,
    OutcomeUnknownError,
    RedisInt,
    RedisList,
    Version,
    init_rapyer,
)
from rapyer.testing import record_commands
from redis.asyncio import Redis
from redis.asyncio.connection import parse_url
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MaxConnectionsError


class Item(EmbeddedModel):
    price: RedisInt = 0


class Doc(AtomicRedisModel):
    id: Key[str]
    number: RedisInt = 0
    tags: RedisList[str] = []
    items: RedisList[Item] = []

    class Config:
        prefix = "defects:client"


class Counted(AtomicRedisModel):
    id: Key[str]
    tags: RedisList[str] = []
    revision: Version

    class Config:
        prefix = "defects:client-counted"


def caller_s_client(redis_url):
    """A client as applications make it: with all settings of redis-py as they come."""
    settings = parse_url(redis_url)
    path = settings.pop("path", None)
    del settings["connection_class"]
    return Redis(unix_socket_path=path, **settings)


# -- connections ----------------------------------------------------------------------------------


async def _pop_by_a_pipeline(doc):
    async with doc.pipeline() as p:
        last = p.tags.pop()
    return last.value


POPS = {
    "apop": lambda doc: doc.tags.apop(),
    "pop of the path": lambda doc: Doc.tags.pop("1"),
    "pipeline": _pop_by_a_pipeline,
}


@pytest.mark.parametrize("pop", POPS)
@pytest.mark.parametrize("given", ["a URL", "a client"])
async def test_a_write_whose_reply_is_lost_is_not_repeated(
    redis_url, redis, stored, trap, given, pop
):
    """`Redis()` sends a command up to ten times when connections break, and says it went well.

    Here the server closes the connection that is owed a long reply, when it has carried it out.
    """
    client = caller_s_client(redis_url)
    trap(client.get_retry().get_retries() > 0)
    limit = "client-output-buffer-limit"
    async with client, init_rapyer(client if given == "a client" else redis_url):
        doc = await Doc(id="1", tags=["x" * 50_000] * 5).save()
        await redis.config_set(limit, "normal 1 0 0")
        try:
            with pytest.raises(OutcomeUnknownError) as caught:
                await POPS[pop](doc)
        finally:
            await redis.config_set(limit, "normal 0 0 0")
        assert isinstance(caught.value, RedisConnectionError)
        assert len((await stored(doc.key))["tags"]) == 4


@pytest.mark.parametrize("given", ["a URL", "a client"])
async def test_no_connection_is_left_open(redis_url, redis, given):
    """`Redis(connection_pool=pool).aclose()` leaves the pool open."""
    async with caller_s_client(redis_url) as client:
        await client.ping()
        before = len(await redis.client_list())
        async with init_rapyer(client if given == "a client" else redis_url):
            docs = await asyncio.gather(*(Doc(id=str(n)).save() for n in range(50)))
            await asyncio.gather(*(doc.number.aincrease(1) for doc in docs))
            assert len(await redis.client_list()) > before
        for _ in range(500):  # the server notices it when its own loop comes to it
            if len(await redis.client_list()) == before:
                break
            await asyncio.sleep(0.01)
        assert len(await redis.client_list()) == before
        assert await client.ping()


async def test_more_callers_than_connections_wait_instead_of_failing(redis_url, redis, trap):
    """The default pool of redis-py raises where there are more than 100 commands at once."""
    async with caller_s_client(redis_url) as client:
        results = await asyncio.gather(*(client.ping() for _ in range(150)), return_exceptions=True)
        trap(any(isinstance(one, MaxConnectionsError) for one in results))
        async with init_rapyer(client):
            await Doc(id="1").save()
            sums = await asyncio.gather(*(Doc.number.increase("1", 1) for _ in range(300)))
    assert sorted(sums) == list(range(1, 301))


async def test_gets_that_are_awaited_together_are_one_command(server, redis_url):
    """200 of them one by one take 20 times as long."""
    await Doc.bulk_insert(Doc(id=str(n), number=n) for n in range(200))
    async with record_commands(redis_url) as sent:
        docs = await asyncio.gather(*(Doc.get(str(n)) for n in range(200)))
    assert [doc.number for doc in docs] == list(range(200))
    assert [command.name for command in sent] == ["JSON.MGET"]


# -- classes --------------------------------------------------------------------------------------


def test_a_path_is_not_taken_for_a_default():
    """pydantic asks a class that is being built, and its bases, for its defaults as attributes."""

    class Base(AtomicRedisModel):
        score: RedisInt
        names: list[str]

        class Config:
            prefix = "defects:client-base"

    class Derived(Base):
        score: RedisInt
        names: list[str]
        more: int

        class Config:
            prefix = "defects:client-derived"

    for model in (Base, Derived):
        assert all(field.is_required() for field in model.model_fields.values())
        with pytest.raises(ValidationError, match="score"):
            model(names=[])


def test_a_class_config_is_no_setting_of_pydantic_and_gives_no_warning():
    """pydantic warns of a `class Config`, which was its own way once."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        class Base(AtomicRedisModel):
            class Config:
                prefix = "defects:client-config"
                track_changes = True

        class Derived(Base):
            class Config(Base.Config):
                prefix = "defects:client-config-derived"

    assert (Base.Config.prefix, Derived.Config.prefix) == (
        "defects:client-config", "defects:client-config-derived",
    )  # fmt: skip
    assert Derived.Config.track_changes
    assert "prefix" not in Derived.model_config


# -- values with operations -----------------------------------------------------------------------


@pytest.mark.parametrize("copied", [lambda doc: doc.model_copy(), copy.copy, copy.deepcopy])
async def test_a_value_of_a_copy_acts_on_the_document_of_the_copy(server, stored, copied):
    """`model_copy` shares a list, which was still bound to the original."""
    doc = await Doc(id="1", tags=["a"], items=[Item(price=1)]).save()
    await doc.tags.aappend("b")
    other = copied(doc)
    other.id = "2"
    await other.save()
    await other.tags.aappend("c")
    await other.items[0].price.aincrease(10)
    await other.number.aincrease(5)
    assert (doc.tags, other.tags) == (["a", "b"], ["a", "b", "c"])
    first, second = await stored("defects:client:1"), await stored("defects:client:2")
    assert (first["tags"], first["number"], first["items"]) == (["a", "b"], 0, [{"price": 1}])
    assert (second["tags"], second["number"], second["items"]) == (
        ["a", "b", "c"], 5, [{"price": 11}],
    )  # fmt: skip


async def test_an_element_is_the_one_that_redis_has_at_its_index(server, stored):
    """JSON gives elements no other name. Where it matters, a Version tells of other writers."""
    doc = await Doc(id="1", items=[Item(price=1), Item(price=2)]).save()
    await Doc.items.insert("1", 0, Item(price=100))
    assert await doc.items[1].price.aincrease(10) == 11
    assert [item["price"] for item in (await stored(doc.key))["items"]] == [100, 11, 2]
    counted = await Counted(id="1", tags=["a", "b"]).save()
    await Counted.tags.insert("1", 0, "first")
    with pytest.raises(ConflictError):
        await counted.tags.aset_item(1, "x")
