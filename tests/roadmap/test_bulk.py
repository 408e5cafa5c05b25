"""The roadmap's chapter "Bulk Operations Support": its examples, word for word."""

from __future__ import annotations

import pytest
from rapyer import init_rapyer
from rapyer.testing import use_plugins


@pytest.fixture
async def model(redis_url, redis):
    # with models of their own, so that the keys of the examples are those of no other test
    with use_plugins(installed=True) as host:

        class User(host.AtomicRedisModel):
            name: str = ""

        async with init_rapyer(redis_url):
            yield User


async def test_the_examples(model, redis):
    User = model

    # Bulk insert
    users = [User(name=f"user{i}") for i in range(100)]
    await User.bulk_insert(users)

    assert await redis.dbsize() == 100
    assert await User.bulk_get([user.key for user in users]) == users

    for number in range(1, 5):
        user = User(name=f"user{number}")
        user.pk = str(number)
        await user.save()

    # Batch load
    users = await User.bulk_get(["user:1", "user:2", "user:3"])

    assert [user.name for user in users] == ["user1", "user2", "user3"]

    # Bulk delete
    await User.bulk_delete(["user:1", "user:2", "user:3"])

    assert await redis.dbsize() == 101
    assert await User.bulk_exists(["user:1", "user:4"]) == [False, True]
