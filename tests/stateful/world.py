"""What a state machine knows: the models, what Redis should have, and how both are compared."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant
from rapyer import (
    AtomicRedisModel,
    ConflictError,
    EmbeddedModel,
    Field,
    Key,
    KeyNotFoundError,
    Mapped,
    MappedOptional,
    RedisDict,
    RedisInt,
    RedisList,
    RedisStr,
    Version,
    init_rapyer,
    teardown_rapyer,
)
from redis.asyncio import Redis

R = TypeVar("R")
#: The time to live of documents, in seconds. Others that rules give are far from it.
FULL, SHORT, LONG = 10_000, 2_000, 50_000
MOST_TAGS, LONGEST, BOUND = 5, 10, 1000
EPOCH = datetime(1970, 1, 1)


class Inner(EmbeddedModel):
    city: Mapped[str] = ""
    zip: Mapped[int | None] = None


class Fields(AtomicRedisModel):
    id: Key[str]
    n: RedisInt = Field(default=0, ge=-BOUND, le=BOUND)
    f: Mapped[float] = 0.0
    s: RedisStr = Field(default="", max_length=LONGEST)
    tags: RedisList[str] = Field(default_factory=list, max_length=MOST_TAGS)
    counts: RedisDict[int] = Field(default_factory=dict)
    inner: Mapped[Inner] = Field(default_factory=Inner)
    maybe: MappedOptional[Inner] = None
    at: Mapped[datetime] = EPOCH

    class Config:
        abstract = True
        track_changes = True


class Plain(Fields):
    class Config(Fields.Config):
        prefix = "stateful:plain"


class Counted(Fields):
    revision: Version = Field(default=0)

    class Config(Fields.Config):
        prefix = "stateful:counted"
        ttl = FULL
        ttl_postpone_on_write = True


PKS = st.sampled_from(["a", "b", "c d", "*"])
WORDS = st.sampled_from(["", "x", "ab", "b c", '"', "\\", "é", "{}", "*"])
NAMES = st.sampled_from(["k", "x.y", "*", "é", '"'])
SMALL = st.integers(-5, 5)
INTEGERS = SMALL | st.integers(-BOUND, BOUND)
FLOATS = st.sampled_from([0.0, 0.1, -2.5, 1e10, 0.3, 1 / 3])
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1))
INNERS = st.fixed_dictionaries({"city": WORDS, "zip": st.none() | SMALL})
#: Values of some fields, as plain Python.
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "n": INTEGERS, "f": FLOATS, "s": WORDS, "tags": st.lists(WORDS, max_size=3),
        "counts": st.dictionaries(NAMES, SMALL, max_size=3), "inner": INNERS,
        "maybe": st.none() | INNERS, "at": MOMENTS,
    },
)  # fmt: skip

Data = dict[str, Any]


def defaults() -> Data:
    return {
        "n": 0, "f": 0.0, "s": "", "tags": [], "counts": {}, "inner": {"city": "", "zip": None},
        "maybe": None, "at": EPOCH,
    }  # fmt: skip


def stored(data: Data) -> Data:
    """The document of some data, as JSON."""
    return data | {"at": {"us": (data["at"] - EPOCH) // timedelta(microseconds=1)}}


@dataclass
class Held:
    """An instance that somebody has, and what its fields should be."""

    instance: Any
    data: Data


class World(RuleBasedStateMachine):
    """The plumbing of a machine: connections, and the comparison after every step."""

    model: ClassVar[type[Any]]
    redis_url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.docs: dict[str, Data] = {}
        self.lives: dict[str, int | None] = {}
        self.held: dict[int, Held] = {}
        self.do(self._open)

    async def _open(self) -> None:
        self.redis = Redis.from_url(self.redis_url, protocol=2)
        await self.redis.flushdb()
        await init_rapyer(self.redis_url)

    def teardown(self) -> None:
        async def close() -> None:
            await teardown_rapyer()
            await self.redis.aclose()

        self.do(close)
        self.runner.close()

    def do(
        self,
        call: Callable[[], Awaitable[R]],
        error: type[BaseException] | tuple[type[BaseException], ...] | None = None,
    ) -> R | None:
        """Do something in the loop of the machine; where an error is expected, it has to come."""

        async def wait() -> R:
            return await call()

        if error is None:
            return self.runner.run(wait())
        with pytest.raises(error):
            self.runner.run(wait())
        return None

    # -- what writes mean --------------------------------------------------------------------------

    @property
    def counts_writes(self) -> bool:
        return self.model is Counted

    def new(self, pk: str, values: Data) -> tuple[Any, Data]:
        data = {"id": pk, **defaults(), **copy.deepcopy(values)}
        if self.counts_writes:
            data["revision"] = 0
        return self.model(id=pk, **copy.deepcopy(values)), data

    def write(self, pk: str, data: Data) -> Data:
        """A document is written: it is counted, and postponed."""
        before = self.docs.get(pk)
        data = copy.deepcopy(data)
        if self.counts_writes:
            data["revision"] = 1 if before is None else before["revision"] + 1
            life = FULL if before is None else self.lives[pk]
            self.lives[pk] = None if life is None else max(life, FULL)
        else:
            self.lives[pk] = None if before is None else self.lives[pk]
        self.docs[pk] = data
        return data

    def forget(self, pk: str) -> None:
        del self.docs[pk], self.lives[pk]

    def missing(self, pk: str) -> type[KeyNotFoundError] | None:
        return None if pk in self.docs else KeyNotFoundError

    def refusal(self, held: Held) -> type[Exception] | None:
        """What something that holds an instance, and writes to its document, raises."""
        pk = held.data["id"]
        if pk not in self.docs:
            return KeyNotFoundError
        if self.counts_writes and held.data["revision"] != self.docs[pk]["revision"]:
            return ConflictError
        return None

    def conflict_of_new(self, pk: str) -> type[ConflictError] | None:
        return ConflictError if self.counts_writes and pk in self.docs else None

    # -- what holds after every step ---------------------------------------------------------------

    @invariant()
    def redis_has_what_it_should(self) -> None:
        self.do(self._compare)
        for held in self.held.values():
            assert held.instance.model_dump() == held.data

    async def _compare(self) -> None:
        head = f"{self.model.__rapyer_identity__.prefix}:"
        found = {key.decode() async for key in self.redis.scan_iter()}
        assert {key for key in found if not key.startswith("rapyer:")} == {
            head + pk for pk in self.docs
        }
        for pk, data in self.docs.items():
            raw = await self.redis.execute_command("JSON.GET", head + pk)
            assert json.loads(raw) == stored(data)
            left, life = await self.redis.ttl(head + pk), self.lives[pk]
            assert left == -1 if life is None else life - 300 <= left <= life
