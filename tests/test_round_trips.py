"""The numbers of round trips that docstrings state are those that a server sees.

Each operation is carried out twice: the first time loads its script. `record_commands` then counts
the commands at the top level, a `MULTI` as one; where a row is `together`, several of them travel
at once, and what the channel sends is counted instead.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
import rapyer_bulk
from public_names import resolve
from rapyer import (
    Field,
    RedisBytes,
    RedisDateTime,
    RedisDict,
    RedisInt,
    RedisList,
    RedisStr,
    init_rapyer,
)
from rapyer.testing import SentCommand, record_commands, use_plugins
from rapyer.traffic.channel import Channel
from rapyer_pipeline import transaction
from rapyer_query import count

_NUMBERS = {"no": 0, "one": 1, "two": 2, "three": 3}
_STATED = re.compile(r"\b(no|one|two|three) round trips?\b", re.IGNORECASE)
#: What is stated of a case in which it takes more than that.
_MORE = {"a second": 1, "one more": 1, "two more": 2, "it takes three more": 3}


def stated(doc: str, case: str = "") -> int:
    """The number of round trips that a docstring states; in a case, as a sentence says of it."""
    text = " ".join(doc.split())
    found = _STATED.search(text)
    assert found is not None or "othing is sent" in text, f"no number of round trips in {text!r}"
    number = 0 if found is None else _NUMBERS[found[1].lower()]
    if not case:
        return number
    (sentence,) = [one for one in re.split(r"(?<=[.;])\s", text) if case in one]
    (more,) = [by for words, by in _MORE.items() if words in sentence.lower()]
    return number + more


@pytest.mark.parametrize(
    ("doc", "case", "number"),
    [
        ("Read it: `GET`. One round trip.", "", 1),
        ("Read it. Two round\n trips, and more.", "", 2),
        ("Open it. In the block nothing is sent.", "", 0),
        ("Open it. Nothing is sent in the block, and at its end one round trip.", "", 1),
        ("Look at it. No round trip.", "", 0),
        ("Read it. One round trip. A second one for a key that is not there.", "not there", 2),
        ("Read it. One round trip. For what is lacking it takes two more.", "lacking", 3),
    ],
)
def test_a_statement_is_read(doc, case, number):
    assert stated(doc, case) == number


# -- the documents --------------------------------------------------------------------------------


@dataclass
class World:
    """What operations are carried out on: models, and a document of each.

    Attributes:
        redis: A plain client.
    """

    redis: Any
    Plain: Any
    Typed: Any
    Living: Any
    Tracked: Any
    plain: Any
    typed: Any
    living: Any
    tracked: Any
    other: Any

    @property
    def key(self) -> str:
        return self.plain.key

    async def lacking(self) -> str:
        """A document that lacks all fields with defaults."""
        await self.redis.execute_command("JSON.SET", "trips_plain:lacking", "$", '{"name":"x"}')
        return "lacking"


@pytest.fixture
async def world(redis_url, redis):
    with use_plugins(installed=True) as host:

        class Plain(host.AtomicRedisModel):
            name: str
            motto: str = ""
            score: int = 0
            raw: bytes = b"x"
            seen: datetime = datetime(2026, 1, 1)
            tags: list[str] = Field(default_factory=list)
            counts: dict[str, int] = Field(default_factory=dict)

            class Config:
                prefix = "trips_plain"

        class Typed(host.AtomicRedisModel):
            name: RedisStr = "a"
            score: RedisInt = 0
            raw: RedisBytes = b"x"
            seen: RedisDateTime = datetime(2026, 1, 1)
            tags: RedisList[str] = Field(default_factory=list)
            counts: RedisDict[int] = Field(default_factory=dict)

            class Config:
                prefix = "trips_typed"

        class Living(host.AtomicRedisModel):
            name: str = "a"

            class Config:
                prefix = "trips_living"
                ttl = 100
                ttl_grace_period = 100

        class Tracked(host.AtomicRedisModel):
            name: str = "a"

            class Config:
                prefix = "trips_tracked"
                track_changes = True

        async with init_rapyer(redis_url):
            documents = [Plain(name="Ada"), Typed(), Living(), Tracked(), Plain(name="Bob")]
            for document in documents:
                await document.save()
            await Plain.tags.extend(documents[0].key, ["a"] * 20)
            await documents[1].tags.aextend(["a"] * 20)
            await Plain.find(Plain.name == "x").to_list()  # makes the index
            yield World(redis, Plain, Typed, Living, Tracked, *documents)


@pytest.fixture
def trips(monkeypatch) -> list[object]:
    """What channels send: one element for each round trip."""
    found: list[object] = []
    real_send, real_many = Channel._send, Channel.execute_many

    async def send(self: Channel, *command: Any, writes: bool = False) -> Any:
        found.append(command)
        return await real_send(self, *command, writes=writes)

    async def many(self: Channel, commands: Any, *, writes: bool = False) -> Any:
        found.append(commands)
        return await real_many(self, commands, writes=writes)

    monkeypatch.setattr(Channel, "_send", send)
    monkeypatch.setattr(Channel, "execute_many", many)
    return found


def at_the_top(sent: list[SentCommand]) -> list[str]:
    """The names of the commands that no script has called; a transaction is one."""
    names, is_queued = [], False
    for command in sent:
        if command.in_script:
            continue
        if not is_queued:
            names.append(command.name)
        is_queued = command.name == "MULTI" or (is_queued and command.name != "EXEC")
    return names


def test_a_transaction_is_one_command_at_the_top():
    names = ["GET", "MULTI", "SET", "SET", "EXEC", "EVALSHA", "GET"]
    sent = [SentCommand(name, (), name == "never") for name in names]
    assert at_the_top([*sent, SentCommand("SET", (), in_script=True)]) == [
        "GET", "MULTI", "EVALSHA", "GET",
    ]  # fmt: skip


# -- the operations -------------------------------------------------------------------------------


class Row(NamedTuple):
    """An operation.

    Attributes:
        name: The name whose docstring states the number.
        run: Does it.
        before: Makes what it needs, each time.
        case: Words of the sentence that says of the case that it takes more.
        together: Whether several commands travel at once.
    """

    name: str
    run: Callable[[World], Awaitable[object]]
    before: Callable[[World], Awaitable[object]] | None = None
    case: str = ""
    together: bool = False


async def entered(block: Any, *, changes: bool = False) -> None:
    async with block as opened:
        if changes:
            opened.score += 1


async def in_transaction(w: World) -> None:
    async with transaction(w.plain, w.other) as (one, two):
        one.score += 1
        two.score -= 1


async def lock_and_change(w: World) -> None:
    async with w.plain.lock() as fresh:
        fresh.score += 1


async def read_together(w: World) -> None:
    await asyncio.gather(w.Plain.get(w.key), w.Plain.get(w.other.key))


async def expired(w: World) -> None:
    await w.living.save(ttl=0.001)
    await asyncio.sleep(0.01)


async def streamed(w: World) -> None:
    assert [one async for one in w.Plain.bulk_stream([w.key])]


async def iterated(w: World) -> None:
    assert [one async for one in w.Plain.find(w.Plain.name == "Ada")]


def assign(field: str) -> Callable[[World], Awaitable[object]]:
    numbers = itertools.count()

    async def assigned(w: World) -> None:
        w.tracked.name = f"{field}{next(numbers)}"

    return assigned


MODEL = "rapyer.model"
FIELD, LIST, DICT = (
    "rapyer.paths.field.FieldPath",
    "rapyer.paths.list.ListPath",
    "rapyer.paths.dict.DictPath",
)
TYPES = "rapyer.redis_types"
ASKING = "rapyer_query.asking.Asking"
BULK, TTL = "rapyer_bulk.mixin.BulkMixin", "rapyer_ttl.mixin.TtlMixin"

ROWS = [
    # models
    Row(f"{MODEL}.save.SaveMixin.save", lambda w: w.plain.save()),
    Row(f"{MODEL}.load.LoadMixin.get", lambda w: w.Plain.get(w.key)),
    Row(f"{MODEL}.load.LoadMixin.get", read_together),
    Row(
        f"{MODEL}.load.LoadMixin.get",
        lambda w: asyncio.gather(w.Plain.get(w.key), w.Plain.get("nobody", None)),
        case="second round trip",
    ),
    Row(f"{MODEL}.load.LoadMixin.load", lambda w: w.plain.load()),
    Row(f"{MODEL}.load.LoadMixin.get_or_create", lambda w: w.Plain.get_or_create(w.plain)),
    Row(f"{MODEL}.delete.DeleteMixin.delete", lambda w: w.plain.delete(), lambda w: w.plain.save()),
    Row(
        f"{MODEL}.delete.DeleteMixin.delete_by_key",
        lambda w: w.Plain.delete_by_key(w.key),
        lambda w: w.plain.save(),
    ),
    Row(f"{MODEL}.exists.ExistsMixin.exists", lambda w: w.plain.exists()),
    Row(f"{MODEL}.exists.ExistsMixin.exists", lambda w: w.Plain.exists("nobody")),
    Row(f"{MODEL}.update.UpdateMixin.aupdate", lambda w: w.plain.aupdate(name="Eve", score=3)),
    Row(
        f"{MODEL}.update.UpdateMixin.aupdate_by_key",
        lambda w: w.Plain.aupdate_by_key(w.key, name="Eve"),
    ),
    Row(
        f"{MODEL}.changes.ChangesMixin.save_changes",
        lambda w: w.tracked.save_changes(),
        assign("other"),
    ),
    Row(
        f"{MODEL}.extract.ExtractMixin.extract",
        lambda w: w.Plain.extract(w.key, w.Plain.name, w.Plain.score),
    ),
    Row(
        f"{MODEL}.extract.ExtractMixin.extract_many",
        lambda w: w.Plain.extract_many([w.key, w.other.key], w.Plain.name),
        together=True,
    ),
    Row(f"{MODEL}.extract.ExtractMixin.extract_fields", lambda w: w.plain.extract_fields(["name"])),
    Row(f"{MODEL}.lock.LockMixin.lock", lock_and_change),
    Row(f"{MODEL}.lock.LockMixin.lock_by_key", lambda w: entered(w.Plain.lock_by_key(w.key))),
    # paths
    Row(f"{FIELD}.get", lambda w: w.Plain.name.get(w.key)),
    Row(
        f"{FIELD}.get",
        lambda w: w.Plain.score.get("lacking"),
        World.lacking,
        case="second round trip",
    ),
    Row(f"{FIELD}.set", lambda w: w.Plain.name.set(w.key, "Eve")),
    Row(f"{FIELD}.increase", lambda w: w.Plain.score.increase(w.key, 2)),
    Row(f"{FIELD}.append", lambda w: w.Plain.name.append(w.key, "!")),
    Row(f"{FIELD}.append", lambda w: w.Plain.raw.append(w.key, b"!")),
    Row(f"{FIELD}.shift", lambda w: w.Plain.seen.shift(w.key, timedelta(1))),
    Row(f"{LIST}.append", lambda w: w.Plain.tags.append(w.key, "b")),
    Row(
        f"{LIST}.append",
        lambda w: w.Plain.tags.append("lacking", "b"),
        World.lacking,
        case="lacks the list",
    ),
    Row(
        f"{FIELD}.append",
        lambda w: w.Plain.motto.append("lacking", "!"),
        World.lacking,
        case="second round trip",
    ),
    Row(f"{LIST}.pop", lambda w: w.Plain.tags.pop(w.key)),
    Row(f"{LIST}.remove", lambda w: w.Plain.tags.remove(w.key, "a")),
    Row(f"{LIST}.clear", lambda w: w.Plain.tags.clear(w.key)),
    Row(f"{DICT}.update", lambda w: w.Plain.counts.update(w.key, {"a": 1, "b": 2})),
    Row(f"{DICT}.set_item", lambda w: w.Plain.counts.set_item(w.key, "a", 1)),
    Row(
        f"{DICT}.set_item",
        lambda w: w.Plain.counts.set_item("lacking", "a", 1),
        World.lacking,
        case="lacks the dict",
        together=True,
    ),
    Row(
        f"{DICT}.update",
        lambda w: w.Plain.counts.update("lacking", {"a": 1, "b": 2}),
        World.lacking,
        case="lacks the dict",
    ),
    Row(f"{DICT}.len", lambda w: w.Plain.counts.len(w.key)),
    # Redis types
    Row(f"{TYPES}.value.RedisValue.aset", lambda w: w.typed.score.aset(4)),
    Row(f"{TYPES}.value.RedisValue.aload", lambda w: w.typed.score.aload()),
    Row(f"{TYPES}.scalars.RedisInt.aincrease", lambda w: w.typed.score.aincrease(4)),
    Row(f"{TYPES}.scalars.RedisStr.aappend", lambda w: w.typed.name.aappend("!")),
    Row(f"{TYPES}.scalars.RedisBytes.aappend", lambda w: w.typed.raw.aappend(b"!")),
    Row(f"{TYPES}.scalars.RedisDateTime.ashift", lambda w: w.typed.seen.ashift(timedelta(1))),
    Row(f"{TYPES}.lists.RedisList.aappend", lambda w: w.typed.tags.aappend("b")),
    Row(f"{TYPES}.lists.RedisList.apop", lambda w: w.typed.tags.apop()),
    Row(f"{TYPES}.dicts.RedisDict.aset_item", lambda w: w.typed.counts.aset_item("a", 1)),
    # queries
    Row("rapyer_query.mixin.QueryMixin.find", lambda w: nothing_awaited(w.Plain.find())),
    Row(
        "rapyer_query.mixin.QueryMixin.find_one", lambda w: w.Plain.find_one(w.Plain.name == "Ada")
    ),
    Row(f"{ASKING}.to_list", lambda w: w.Plain.find(w.Plain.name == "Ada").to_list()),
    Row(f"{ASKING}.to_list", iterated),
    Row(f"{ASKING}.first", lambda w: w.Plain.find(w.Plain.name == "Ada").first()),
    Row(f"{ASKING}.one", lambda w: w.Plain.find(w.Plain.name == "Ada").one()),
    Row(f"{ASKING}.count", lambda w: w.Plain.find(w.Plain.name == "Ada").count()),
    Row(f"{ASKING}.exists", lambda w: w.Plain.find(w.Plain.name == "Ada").exists()),
    Row(f"{ASKING}.keys", lambda w: w.Plain.find(w.Plain.name == "Ada").keys()),
    Row(f"{ASKING}.update", lambda w: w.Plain.find(w.Plain.name == "Ada").update(score=1)),
    Row(f"{ASKING}.delete", lambda w: w.Plain.find(w.Plain.name == "Ada").delete()),
    Row(f"{ASKING}.explain", lambda w: w.Plain.find(w.Plain.name == "Ada").explain()),
    Row(
        "rapyer_query.summed.Summed.sum",
        lambda w: w.Plain.find().sum(w.Plain.score),
        together=True,
    ),
    Row(
        "rapyer_query.summed.Summed.avg",
        lambda w: w.Plain.find().avg(w.Plain.score),
        together=True,
    ),
    Row(
        "rapyer_query.groups.Aggregation.to_list",
        lambda w: w.Plain.find().group_by(w.Plain.name).aggregate(n=count()).to_list(),
        together=True,
    ),
    Row("rapyer_query.manager.IndexManager.status", lambda w: w.Plain.index.status()),
    Row("rapyer_query.manager.IndexManager.ensure", lambda w: w.Plain.index.ensure()),
    Row("rapyer_query.manager.IndexManager.diff", lambda w: w.Plain.index.diff()),
    Row(
        "rapyer_query.manager.IndexManager.drop",
        lambda w: w.Plain.index.drop(),
        lambda w: w.Plain.index.ensure(),
    ),
    # many at once
    Row(f"{BULK}.bulk_insert", lambda w: w.Plain.bulk_insert([w.plain, w.other])),
    Row(f"{BULK}.bulk_update", lambda w: w.Plain.bulk_update([w.key, w.other.key], score=1)),
    Row(f"{BULK}.bulk_delete", lambda w: w.Plain.bulk_delete([w.key, w.other.key])),
    Row(f"{BULK}.bulk_get", lambda w: w.Plain.bulk_get([w.key, w.other.key])),
    Row(
        f"{BULK}.bulk_get",
        lambda w: w.Plain.bulk_get([w.key, "nobody"], missing="skip"),
        case="One more",
    ),
    Row(f"{BULK}.bulk_stream", streamed),
    Row(f"{BULK}.bulk_exists", lambda w: w.Plain.bulk_exists([w.key, "nobody"])),
    Row("rapyer_bulk.mixed.bulk_insert", lambda w: rapyer_bulk.bulk_insert([w.plain, w.other])),
    Row("rapyer_bulk.mixed.bulk_get", lambda w: rapyer_bulk.bulk_get([w.key, w.other.key])),
    Row("rapyer_bulk.mixed.bulk_delete", lambda w: rapyer_bulk.bulk_delete([w.key])),
    # pipelines
    Row(
        "rapyer_pipeline.mixin.PipelineMixin.pipeline",
        lambda w: entered(w.plain.pipeline(), changes=True),
    ),
    Row(
        "rapyer_pipeline.mixin.PipelineMixin.pipeline_for",
        lambda w: entered(w.Plain.pipeline_for(w.key), changes=True),
    ),
    Row("rapyer_pipeline.pipeline.transaction", in_transaction),
    # expiry
    Row(f"{TTL}.get", lambda w: w.Living.get(w.living.key)),
    Row(f"{TTL}.save", lambda w: w.living.save(ttl=50)),
    Row(f"{TTL}.get_ttl", lambda w: w.living.get_ttl()),
    Row(f"{TTL}.set_ttl", lambda w: w.living.set_ttl("1m")),
    Row(f"{TTL}.postpone_ttl", lambda w: w.living.postpone_ttl()),
    Row(f"{TTL}.postpone_ttl", lambda w: w.living.postpone_ttl(5), expired),
    Row(f"{TTL}.persist", lambda w: w.living.persist()),
    Row(f"{TTL}.persist_by_key", lambda w: w.Living.persist_by_key(w.living.key)),
]


async def nothing_awaited(query: object) -> object:
    return query


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.name}-{row.case}" for row in ROWS])
async def test_an_operation_takes_as_many_round_trips_as_it_states(world, redis_url, trips, row):
    name = resolve(row.name)
    assert name is not None
    for _ in range(2):
        if row.before is not None:
            await row.before(world)
        async with record_commands(redis_url) as sent:
            trips.clear()
            await row.run(world)
            number = len(trips)
    commands = at_the_top(sent)
    assert (number if row.together else len(commands)) == stated(name.doc, row.case), commands
    assert number <= len(commands), trips


async def test_without_changes_nothing_is_written(world, redis_url):
    assert "without changes there is none" in " ".join(
        resolve(f"{MODEL}.changes.ChangesMixin.save_changes").doc.split()
    )
    async with record_commands(redis_url) as sent:
        await world.tracked.save_changes()
        await entered(world.plain.pipeline())
    assert sent == []
