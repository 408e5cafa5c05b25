"""Access policies of a model, in queries: for what was found, in the same round trip."""

from __future__ import annotations

from typing import Any

import pytest
from rapyer import Field, Key, Mapped
from rapyer.plugin import AccessPolicy, hookimpl
from rapyer.testing import use_plugins
from rapyer_query import plugin as query_plugin


class Noting:
    """Writes down which keys are read, written and deleted; hides those that end with 3."""

    RAPYER_API_VERSION = 1

    @hookimpl
    def rapyer_access_policy(self, model: Any) -> AccessPolicy:
        return AccessPolicy(
            "noting",
            check="""
            if redis.call('EXISTS', 'locked') == 1 and access ~= 'read' then
                return redis.error_reply('LOCKED')
            end
            return access ~= 'read' or string.sub(key, -1) ~= '3'
            """,
            apply="redis.call('RPUSH', 'noted:' .. access, key)",
        )


with use_plugins(Noting(), query=query_plugin) as host:

    class Thing(host.AtomicRedisModel):
        id: Key[int]
        number: Mapped[int]
        name: Mapped[str] = Field(default="n")
        flags: Mapped[list[bool]] = Field(default_factory=list)

        class Config:
            prefix = "query:policies"


pytestmark = pytest.mark.usefixtures("server")


async def noted(redis: Any, access: str) -> list[int]:
    """The primary keys that were noted since the last call."""
    keys = await redis.lrange(f"noted:{access}", 0, -1)
    await redis.delete(f"noted:{access}")
    return [int(key.rpartition(b":")[2]) for key in keys]


@pytest.fixture
async def things(redis: Any, server: Any) -> None:
    await Thing.find().count()
    for n in range(8):
        await Thing(id=n, number=n, flags=[True]).save()
    await redis.delete("noted:write")


CONDITIONS: list[Any] = [
    Thing.number >= 2,
    (Thing.number >= 2) & (Thing.name < "z"),
    (Thing.number >= 2) & Thing.flags.contains(True),
    Thing.number.in_(range(2, 8_000)),
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: repr(condition)[:60])
async def test_what_is_found_is_read_and_what_a_policy_hides_is_not_found(redis, things, condition):
    query = Thing.find(condition)
    expected = [2, 4, 5, 6, 7]
    assert sorted(thing.id for thing in await query.to_list()) == expected
    assert sorted(await noted(redis, "read")) == expected
    assert sorted(pk for (pk,) in await query.values(Thing.id).to_list()) == expected
    assert sorted(await noted(redis, "read")) == expected
    assert sorted(thing.id for thing in await query.sort("-number").limit(2).to_list()) == [6, 7]
    assert sorted(await noted(redis, "read")) == [6, 7]
    second = await query.sort("number").limit(2).to_list()
    assert [thing.id for thing in second] == [2, 4]
    assert sorted(await noted(redis, "read")) == [2, 4]
    third = await query.sort("number").skip(1).limit(3).to_list()
    assert [thing.id for thing in third] == [4, 5, 6]
    await noted(redis, "read")
    assert await query.count() == 5
    assert await query.limit(4).count() == 4
    assert sorted(int(key[-1]) for key in await query.keys()) == expected
    assert await query.exists() is True
    assert await Thing.find(Thing.number == 3).exists() is False
    assert await Thing.find(Thing.number == 3).first() is None
    if condition is not CONDITIONS[3]:  # no script passes on so many operands: documents are read
        assert await noted(redis, "read") == [], "what is not given does not count as read"


@pytest.mark.parametrize("condition", CONDITIONS[:2], ids=repr)
async def test_what_is_written_and_deleted_is_noted(redis, things, condition):
    assert await Thing.find(condition, Thing.number < 6).update(name="m") == 3
    assert sorted(await noted(redis, "write")) == [2, 4, 5]
    assert await Thing.find(condition, Thing.number < 5).delete() == 2
    assert sorted(await noted(redis, "delete")) == [2, 4]
    assert await redis.exists("query:policies:3") == 1


async def test_a_policy_that_aborts_leaves_everything_as_it_was(redis, things):
    await redis.set("locked", "1")
    for write in (Thing.find(Thing.number > 1).delete, lambda: Thing.find().update(name="x")):
        with pytest.raises(Exception, match="LOCKED"):
            await write()
    await redis.delete("locked")
    assert await redis.exists(*(f"query:policies:{n}" for n in range(8))) == 8
    assert await noted(redis, "write") == await noted(redis, "delete") == []
