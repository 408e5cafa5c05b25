"""The roadmap's chapter "Conditional Pipeline Actions": its example, word for word.

But for `else`, which is a word of Python's grammar: the method is `else_`.
"""

from __future__ import annotations

from typing import Any

import pytest
from rapyer import (
    AtomicRedisModel,
    EmbeddedModel,
    Field,
    Key,
    RedisDict,
    RedisInt,
    RedisList,
    RedisStr,
)


class Item(EmbeddedModel):
    name: str
    expired: bool


class TypedUser(AtomicRedisModel):
    id: Key[str]
    age: RedisInt
    score: RedisInt
    status: RedisStr = Field(default="")
    level: RedisStr = Field(default="basic")
    badges: RedisList[str] = Field(default_factory=list)
    notifications: RedisDict[str] = Field(default_factory=dict)
    inventory: RedisList[Item] = Field(default_factory=list)


class PlainUser(AtomicRedisModel):
    id: Key[str]
    age: int
    score: int
    status: str = ""
    level: str = "basic"
    badges: list[str] = []
    notifications: dict = {}
    inventory: list[Item] = []


ITEMS = [
    Item(name="milk", expired=True),
    Item(name="bread", expired=True),
    Item(name="salt", expired=False),
    Item(name="milk", expired=True),
]


@pytest.mark.parametrize("kind", [TypedUser, PlainUser])
@pytest.mark.parametrize(
    ("age", "score", "expected"),
    [
        (18, 100, ("adult", "premium", ["high_scorer"], {"seen": "1", "achievement": "unlocked"})),
        (17, 99, ("minor", "basic", [], {"seen": "1"})),
    ],
)
async def test_the_example(server, redis, kind: Any, age, score, expected):
    # the instance knows other values than the document has: what decides, is the document
    user = await kind(id="1", age=35 - age, score=199 - score, notifications={"seen": "1"}).save()
    await kind.aupdate_by_key("1", age=age, score=score, inventory=ITEMS)

    # fmt: off
    async with user.pipeline() as p:
        # Simple conditional
        (p.age > 17).if_true(
            lambda: p.status.set("adult")
        ).else_(
            lambda: p.status.set("minor")
        )

        # Complex conditional with multiple actions
        (p.score >= 100).if_true([
            lambda: p.level.set("premium"),
            lambda: p.badges.append("high_scorer"),
            lambda: p.notifications.update({"achievement": "unlocked"})
        ])

        # Loop operations
        for item in p.inventory:
            (item.expired).if_true(
                lambda: p.inventory.remove(item)  # noqa: B023 - it is called at once
            )
    # fmt: on

    stored = await kind.get("1")
    found = (stored.status, stored.level, stored.badges, stored.notifications)
    assert found == expected
    assert stored.inventory == [Item(name="salt", expired=False)]
    assert (stored.age, stored.score) == (age, score)
    assert user == stored


async def test_it_takes_one_round_trip(server, redis):
    user = await PlainUser(id="1", age=18, score=1, inventory=ITEMS).save()
    for _ in range(2):  # the first one of a server brings the interpreter there
        await redis.config_resetstat()
        async with user.pipeline() as p:
            (p.age > 17).if_true(lambda: p.status.set("adult"))
            for item in p.inventory:
                item.expired.if_true(lambda: p.inventory.remove(item))  # noqa: B023 - as above
    stats = await redis.info("commandstats")
    assert stats["cmdstat_fcall"]["calls"] == 1
    assert not {"cmdstat_function|load", "cmdstat_evalsha", "cmdstat_eval"} & stats.keys()
