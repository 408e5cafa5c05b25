"""The works: how each is prepared, and how it is found to have been done right."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from benchmarks.compare.candidate import Candidate
from benchmarks.compare.documents import (
    PAGE,
    TTL,
    account,
    after_decisions,
    after_ten_operations,
    difference,
    page_of,
    values,
)

#: How many tasks read at once, and how many decide at once.
READERS = 200
DECIDERS = 8


@dataclass
class Desk:
    """What is needed to prepare and to check works.

    Attributes:
        candidate: Whose works they are.
        client: A plain client, whose replies are bytes.
        members: How many members there are.
        indexes: The names of the indexes that the candidate has made, by the kind of document.
    """

    candidate: Candidate
    client: Any
    members: int = 0
    indexes: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def number(self) -> int:
        """How many users and people there are."""
        return len(self.candidate.ids)

    async def index(self, kind: str) -> None:
        """Have an index before there are documents, which makes every write wait for it."""
        if kind not in self.indexes:
            self.indexes[kind] = await self.candidate.index_of(kind)

    async def stored(self, kind: str, ids: Iterable[str]) -> list[dict[str, Any] | None]:
        """Read documents as they are stored."""
        keys = [self.candidate.key(kind, pk) for pk in ids]
        replies = await self.client.execute_command("JSON.MGET", *keys, ".")
        return [None if reply is None else json.loads(reply) for reply in replies]


Step: TypeAlias = Callable[[Desk], Awaitable[None]]
#: Given what one repetition has returned, it says what is wrong with it.
Check: TypeAlias = Callable[[Desk, Any], Awaitable[str | None]]


@dataclass(frozen=True)
class Work:
    """One thing that candidates do.

    Attributes:
        title: What it is, for tables; `{n}` stands for the number of documents, `{half}` for half.
        check: Whether it was done right.
        number: How often it is repeated in a round.
        arrange: What is done once, before all rounds.
        before: What is done before each round.
        tasks: How many tasks do it at the same time; one repetition is all of them.
        calls: The candidate's method is called and not awaited.
        method: Its name, where it is not the one of the work.
    """

    title: str
    check: Check
    number: int = 1
    arrange: Step | None = None
    before: Step | None = None
    tasks: int = 0
    calls: bool = False
    method: str = ""


async def _users(desk: Desk) -> None:
    await desk.candidate.insert(0)


async def _no_users(desk: Desk) -> None:
    await desk.client.unlink(*[desk.candidate.key("user", pk) for pk in desk.candidate.ids])


async def _index(desk: Desk) -> None:
    await desk.index("person")


async def _people(desk: Desk) -> None:
    await desk.index("person")
    await desk.candidate.insert_people(0)


async def _no_people(desk: Desk) -> None:
    await desk.client.unlink(*[desk.candidate.key("person", pk) for pk in desk.candidate.ids])


async def _account(desk: Desk) -> None:
    await desk.candidate.store("user", account())


async def _session(desk: Desk) -> None:
    await desk.candidate.store("session", values(0))
    await desk.client.expire(desk.candidate.key("session", "0"), 100)


async def _first(_: Desk, result: Any) -> str | None:
    return difference(result, values(0))


async def _each_first(desk: Desk, results: Any) -> str | None:
    return _all(results, [number % desk.number for number in range(READERS)])


async def _every(desk: Desk, results: Any) -> str | None:
    return _all(results, range(desk.number))


def _all(results: Any, numbers: Iterable[int]) -> str | None:
    wanted = [*numbers]
    if len(results) != len(wanted):
        return f"gives {len(results)} of {len(wanted)} documents"
    found = (difference(got, values(number)) for got, number in zip(results, wanted, strict=True))
    return next(filter(None, found), None)


async def _upper_half(desk: Desk, results: Any) -> str | None:
    return _all(sorted(results, key=lambda each: each.age), range(desk.number // 2, desk.number))


def _are_stored(kind: str) -> Check:
    async def check(desk: Desk, _: Any) -> str | None:
        return _compared(
            await desk.stored(kind, desk.candidate.ids),
            [values(number) for number in range(desk.number)],
        )

    return check


def _compared(found: list[Any], wanted: list[dict[str, Any] | None]) -> str | None:
    for got, expected in zip(found, wanted, strict=True):
        if got is None or expected is None:
            if got is not expected:
                return "a document is missing" if got is None else "a document is left"
        elif wrong := difference(got, expected):
            return wrong
    return None


async def _one_is_stored(desk: Desk, _: Any) -> str | None:
    return _compared(await desk.stored("user", ["0"]), [values(0)])


async def _is_updated(desk: Desk, _: Any) -> str | None:
    wanted: list[dict[str, Any] | None] = [
        {**values(number), "status": "busy"} if number >= desk.number // 2 else values(number)
        for number in range(desk.number)
    ]
    return _compared(await desk.stored("person", desk.candidate.ids), wanted)


async def _half_is_left(desk: Desk, _: Any) -> str | None:
    wanted = [
        None if number >= desk.number // 2 else values(number) for number in range(desk.number)
    ]
    return _compared(await desk.stored("person", desk.candidate.ids), wanted)


async def _one_is_gone(desk: Desk, _: Any) -> str | None:
    return _compared(await desk.stored("user", ["0"]), [None])


def _account_is(expected: Callable[[], dict[str, Any]]) -> Check:
    async def check(desk: Desk, _: Any) -> str | None:
        return _compared(await desk.stored("user", ["account"]), [expected()])

    return check


async def _is_postponed(desk: Desk, result: Any) -> str | None:
    left = await desk.client.ttl(desk.candidate.key("session", "0"))
    if left < TTL - 60:
        return f"the document lives for {left} s, not for {TTL} s"
    return difference(result, values(0))


async def _middle_member(desk: Desk, result: Any) -> str | None:
    return difference(result, values(desk.members // 2))


async def _few_members(desk: Desk, results: Any) -> str | None:
    first = desk.members // 2
    return _all(sorted(results, key=lambda each: each.age), range(first, first + PAGE))


async def _page_of_members(desk: Desk, results: Any) -> str | None:
    if [each.id for each in results] != page_of(desk.members):
        return "gives another page"
    return None


async def _half_of_members(desk: Desk, result: Any) -> str | None:
    wanted = desk.members - desk.members // 2
    return None if result == wanted else f"counts {result} of {wanted}"


_decided = _account_is(lambda: after_decisions(DECIDERS))

WORKS: dict[str, Work] = {
    "construct": Work("construct an instance", _first, number=500, calls=True),
    "load": Work("load one from raw JSON", _first, number=500, calls=True),
    "save": Work("save", _one_is_stored, number=100),
    "get": Work("get", _first, number=100, arrange=_users),
    "gets": Work(
        f"{READERS} gets at once", _each_first, arrange=_users, tasks=READERS, method="get"
    ),
    "insert": Work("insert {n}", _are_stored("user"), before=_no_users),
    "insert_people": Work(
        "insert {n}, two fields indexed", _are_stored("person"), arrange=_index, before=_no_people
    ),
    "get_many": Work("get {n} by key", _every, arrange=_users),
    "query": Work("query for {half} of {n}", _upper_half, arrange=_people),
    "query_limited": Work(
        "the same, with a limit that is high enough", _upper_half, arrange=_people
    ),
    "update_query": Work("update {half} by query", _is_updated, before=_people),
    "delete": Work("delete one", _one_is_gone, number=20, before=_users),
    "delete_query": Work("delete {half} by query", _half_is_left, before=_people),
    "pipeline": Work(
        "10 operations, all or nothing", _account_is(after_ten_operations), number=20,
        before=_account,
    ),
    "decide": Work(
        f"read, decide and write: {DECIDERS} tasks, one document", _decided, before=_account,
        tasks=DECIDERS,
    ),
    "decide_script": Work(
        "the same, raw by a Lua script", _decided, before=_account, tasks=DECIDERS
    ),
    "get_session": Work("get that postpones the expiry", _is_postponed, number=100,
                        arrange=_session),
}  # fmt: skip

#: What is asked of a collection while it grows.
GROWTH: dict[str, Work] = {
    "grown_get": Work("get", _middle_member, number=100),
    "grown_find": Work(f"query for {PAGE}", _few_members, number=20),
    "grown_page": Work(f"first {PAGE} of half of them, sorted", _page_of_members),
    "grown_count": Work("count half of them", _half_of_members, number=5),
}
