"""Rules about programs, locks and expiry; and about what others do to the server meanwhile."""

from __future__ import annotations

import asyncio
import copy
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from rapyer_pipeline import PipelineAborted, PipelineError
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from stateful.many import RulesOfMany
from stateful.world import (
    BOUND,
    FULL,
    LONG,
    LONGEST,
    MOST_TAGS,
    NAMES,
    PKS,
    SHORT,
    SMALL,
    WORDS,
    Data,
)

PLAIN_STATEMENTS = st.one_of(
    st.tuples(st.just("add"), SMALL | st.sampled_from([900, -900])),
    st.tuples(st.just("double")),
    st.tuples(st.just("text"), WORDS),
    st.tuples(st.just("append"), WORDS),
    st.tuples(st.just("pop")),
    st.tuples(st.just("count"), NAMES, SMALL),
    st.tuples(st.just("city"), WORDS),
    st.tuples(st.just("require"), SMALL),
)
STATEMENTS = PLAIN_STATEMENTS | st.tuples(st.just("if"), SMALL, PLAIN_STATEMENTS)
PROGRAMS = st.lists(STATEMENTS, max_size=4)


def record(p: Any, statement: tuple[Any, ...]) -> None:
    """Record a statement into a program."""
    kind, *arguments = statement
    match kind:
        case "add":
            p.n += arguments[0]
        case "double":
            p.n = p.n * 2
        case "text":
            p.s += arguments[0]
        case "append":
            p.tags.append(arguments[0])
        case "pop":
            p.tags.pop()
        case "count":
            p.counts[arguments[0]] = p.n + arguments[1]
        case "city":
            p.inner.city.set(arguments[0])
        case "require":
            p.require(p.n >= arguments[0])
        case "if":
            with p.when(p.n > arguments[0]):
                record(p, arguments[1])


class Failed(Exception):
    """The program fails, with this error."""


def perform(data: Data, statement: tuple[Any, ...]) -> bool:  # noqa: C901 - a table of statements
    """Do a statement to plain data; give whether it writes.

    Raises:
        Failed: The program ends here, and has written nothing.
    """
    kind, *arguments = statement
    match kind:
        case "add":
            data["n"] += arguments[0]
        case "double":
            data["n"] *= 2
        case "text":
            data["s"] += arguments[0]
        case "append":
            data["tags"].append(arguments[0])
        case "pop":
            if not data["tags"]:
                raise Failed(PipelineError)
            data["tags"].pop()
        case "count":
            data["counts"][arguments[0]] = data["n"] + arguments[1]
        case "city":
            data["inner"]["city"] = arguments[0]
        case "require":
            if data["n"] < arguments[0]:
                raise Failed(PipelineAborted)
            return False
        case "if":
            return data["n"] > arguments[0] and perform(data, arguments[1])
    if abs(data["n"]) > BOUND or len(data["s"]) > LONGEST or len(data["tags"]) > MOST_TAGS:
        raise Failed(PipelineError)
    return True


class RulesOfServer(RulesOfMany):
    async def run_program(self, pipeline: Any, program: list[Any]) -> None:
        async with pipeline as p:
            for statement in program:
                record(p, statement)

    @rule(pk=PKS, program=PROGRAMS, data=st.data())
    def program(self, pk: str, program: list[Any], data: st.DataObject) -> None:
        if not program:
            return
        held = None
        if self.held and data.draw(st.booleans()):
            slot, held = self.some_held(data)
            pk = held.data["id"]
            del self.held[slot]  # what an instance has then is told in other tests
        document = copy.deepcopy(self.docs.get(pk) or {})
        error: Any = self.missing(pk)
        writes = False
        if error is None:
            try:
                for statement in program:
                    writes = perform(document, statement) or writes
            except Failed as failed:
                error = failed.args[0]
            if held is not None and (writes or error is not None):
                refusal = self.refusal(held)
                error = (refusal, PipelineError) if refusal else error
        pipeline = self.model.pipeline_for(pk) if held is None else held.instance.pipeline()
        self.do(lambda: self.run_program(pipeline, program), error)
        if error is None and writes:
            self.write(pk, document)

    @rule(pk=PKS, n=SMALL, name=WORDS.filter(bool))
    def lock(self, pk: str, n: int, name: str) -> None:
        async def change() -> None:
            async with self.model.lock_by_key(pk, name) as fresh:
                assert fresh.model_dump() == self.docs[pk]
                fresh.n = n
                fresh.tags[:] = ["locked"]

        self.do(change, self.missing(pk))
        if pk in self.docs and (self.docs[pk]["n"], self.docs[pk]["tags"]) != (n, ["locked"]):
            self.write(pk, self.docs[pk] | {"n": n, "tags": ["locked"]})

    @rule(pk=PKS)
    def lock_and_fail(self, pk: str) -> None:
        async def change() -> None:
            async with self.model.lock_by_key(pk) as fresh:
                fresh.n = 7
                raise ZeroDivisionError

        self.do(change, self.missing(pk) or ZeroDivisionError)

    @rule(pk=PKS, life=st.sampled_from([SHORT, LONG]))
    def set_life(self, pk: str, life: int) -> None:
        self.do(lambda: self.model.set_ttl_by_key(pk, life), self.missing(pk))
        if pk in self.docs:
            self.lives[pk] = life

    @rule(pk=PKS)
    def persist(self, pk: str) -> None:
        self.do(lambda: self.model.persist_by_key(pk), self.missing(pk))
        if pk in self.docs:
            self.lives[pk] = None

    @rule(pk=PKS)
    def ask_for_life(self, pk: str) -> None:
        left: Any = self.do(lambda: self.model.get_ttl_by_key(pk), self.missing(pk))
        if pk in self.docs:
            assert (left is None) is (self.lives[pk] is None)

    @rule(pk=PKS)
    def postpone(self, pk: str) -> None:
        if not self.counts_writes or self.lives.get(pk, 1) is None:
            return
        self.do(lambda: self.model.postpone_ttl_by_key(pk), self.missing(pk))
        if pk in self.docs:
            life: Any = self.lives[pk]
            self.lives[pk] = max(life, FULL)

    # -- what others do ----------------------------------------------------------------------------

    @rule(pk=PKS, n=SMALL)
    def another_program_writes(self, pk: str, n: int) -> None:
        """By plain commands, which count no version."""
        if pk not in self.docs:
            return
        key = self.model.key_of(pk)
        self.do(lambda: self.redis.execute_command("JSON.SET", key, "$.n", str(n)))
        self.docs[pk]["n"] = n

    @rule(pk=PKS, amounts=st.lists(SMALL, min_size=2, max_size=5))
    def several_write_at_once(self, pk: str, amounts: list[int]) -> None:
        if pk not in self.docs or abs(self.docs[pk]["n"]) > BOUND - 100:
            return

        async def increase() -> None:
            await asyncio.gather(*(self.model.n.increase(pk, amount) for amount in amounts))

        self.do(increase)
        for amount in amounts:
            self.write(pk, self.docs[pk] | {"n": self.docs[pk]["n"] + amount})

    @rule(what=st.sampled_from(["scripts", "functions", "index", "connections"]))
    def somebody_disturbs(self, what: str) -> None:
        async def disturb() -> None:
            if what == "connections":
                other = Redis.from_url(self.redis_url, protocol=2)
                await other.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                await other.aclose()
                with suppress(RedisConnectionError):  # those that were killed
                    await self.redis.ping()
                    await self.model.exists("nobody")
            elif what == "index":
                for name in await self.redis.execute_command("FT._LIST"):
                    await self.redis.execute_command("FT.DROPINDEX", name)
            else:
                await self.redis.execute_command(what.upper().rstrip("S"), "FLUSH")

        self.do(disturb)
