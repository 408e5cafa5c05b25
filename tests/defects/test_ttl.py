"""Defects of expiry: ignored, set too late, or not set at all."""

from __future__ import annotations

import pytest
import rapyer_bulk
from rapyer import AtomicRedisModel, Key, OptionError, init_rapyer
from rapyer.testing import record_commands
from rapyer_pipeline import transaction


class Session(AtomicRedisModel):
    id: Key[str]
    user: str = ""

    class Config:
        prefix = "defects:ttl"
        ttl = 100
        ttl_postpone_on_access = True


class Plain(AtomicRedisModel):
    id: Key[str]

    class Config:
        prefix = "defects:ttl-plain"


async def test_a_time_to_live_that_is_set_after_the_class_was_made_holds(redis_url, redis):
    """It was read when the class was made, and one that was set later had no effect."""
    async with init_rapyer(redis_url, ttl=50):
        await Plain(id="1").save()
        assert 0 < await redis.ttl("defects:ttl-plain:1") <= 50


def test_a_time_to_live_that_could_not_hold_any_more_is_refused():
    with pytest.raises(OptionError, match=r"Session\.Config\.ttl cannot be set"):
        Session.Config.ttl = 50


async def test_the_time_to_live_is_set_by_the_command_that_writes(server, redis_url):
    """A second transaction set it, and who died in between left a document for ever."""
    session = await Session(id="1").save()
    await session.load()
    for write in (session.save, lambda: session.aupdate(user="x"), session.load):
        await write()
        async with record_commands(redis_url) as sent:
            await write()
        assert len([command for command in sent if not command.in_script]) == 1


async def _insert() -> object:
    return await Session.bulk_insert([Session(id="1")])


async def _insert_with_others() -> object:
    return await rapyer_bulk.bulk_insert([Session(id="1"), Plain(id="1")])


async def _pipeline() -> None:
    async with Session(id="1").pipeline(missing="create") as p:
        p.user = "x"


async def _transaction() -> None:
    async with transaction(Session(id="1"), Plain(id="1"), missing="create") as (s, _):
        s.user = "x"


CREATING = {
    "save": lambda: Session(id="1").save(),
    "save where there is none": lambda: Session(id="1").save(only_if="absent"),
    "get_or_create": lambda: Session.get_or_create(Session(id="1")),
    "bulk_insert": _insert,
    "bulk_insert of several models": _insert_with_others,
    "pipeline": _pipeline,
    "transaction": _transaction,
}


@pytest.mark.parametrize("road", CREATING)
async def test_a_document_has_a_time_to_live_on_every_road(server, redis, road):
    """Documents that were written on some roads, those of many at once say, never expired."""
    await CREATING[road]()
    assert 0 < await redis.ttl("defects:ttl:1") <= 100
