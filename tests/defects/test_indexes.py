"""Defects of indexes: forgotten ones, ones that are built again and again, ones that are away."""

from __future__ import annotations

import asyncio

import index_versions as versions
import pytest
from rapyer import AtomicRedisModel, Key, init_rapyer
from rapyer.testing import record_commands


class User(AtomicRedisModel):
    id: Key[int]
    age: int = 0

    class Config:
        prefix = "defects:indexes"


async def fill(redis, prefix, number):
    async with redis.pipeline(transaction=False) as pipe:
        for n in range(number):
            document = f'{{"id":{n},"age":{n},"name":""}}'
            pipe.execute_command("JSON.SET", f"{prefix}:{n}", "$", document)
        await pipe.execute()


async def test_an_index_that_nobody_thought_of_finds_what_was_stored_before(server, redis):
    """Without a step of its own that made an index, every result was empty."""
    await fill(redis, "defects:indexes", 500)
    assert len(await User.find(User.age >= 100).to_list()) == 400


async def test_an_index_is_not_built_again_at_each_start(redis_url, redis):
    """It was dropped and made anew, and queries of other processes meanwhile lacked documents."""
    await fill(redis, "defects:indexes", 50)
    async with init_rapyer(redis_url):
        assert await User.find(User.age >= 0).count() == 50
    async with record_commands(redis_url) as sent, init_rapyer(redis_url):
        assert await User.find(User.age >= 0).count() == 50
    names = {command.name for command in sent}
    assert "FT.SEARCH" in names
    assert not {"FT.CREATE", "FT.DROPINDEX", "FT.ALTER"} & names


@pytest.mark.parametrize("name", ["added", "removed", "retyped"])
async def test_a_change_of_the_model_has_no_time_without_an_index(server, redis, name):
    """Both versions are answered in full while the index of the new one is built."""
    old, new = versions.first(), versions.VERSIONS[name](3600)
    await fill(redis, versions.PREFIX, 5000)
    assert await old.find(old.age >= 0).count() == 5000
    building = asyncio.create_task(new.find(new.age >= 0).count())
    answers = set()
    while not building.done():
        answers.add(await old.find(old.age >= 0).count())
    assert answers == {5000}
    assert await building == 5000
