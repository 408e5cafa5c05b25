"""The process of a candidate: it is told by lines of JSON what to do, and answers with lines.

| line | answer |
|---|---|
| `{"open": "redis://...", "documents": 1000}` | `{"versions": {...}, "notes": {...}}` |
| `{"check": "get"}` | `{"right": true}`, or `{"cannot": why}`, or `{"wrong": how}` |
| `{"work": "get", "number": 100}` | `{"seconds": 0.0001}`, for each of that many repetitions |
| `{"index": "member"}` | `{"index": name}` |
| `{"members": 1000}` | `{}`: so many there are now |

The answer to any of them may be `{"error": what was raised}`. The end of its input ends it.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import redis.asyncio as redis

from benchmarks.compare.candidate import Candidate
from benchmarks.compare.works import GROWTH, WORKS, Desk, Work
from benchmarks.timing import without_collection

Answer: TypeAlias = dict[str, Any]
_ALL = {**WORKS, **GROWTH}


class Worker:
    """Answers what it is asked about a candidate.

    Args:
        make: Makes the candidate, given how many documents there are.
    """

    def __init__(self, make: Callable[[int], Candidate]) -> None:
        self._make = make
        self._desk: Desk | None = None

    async def answer(self, asked: dict[str, Any]) -> Answer:
        """Do what one line asks."""
        if "open" in asked:
            return await self._open(asked["open"], asked["documents"])
        if self._desk is None:
            raise ValueError(f"{asked!r} was asked before anything was opened.")
        if "check" in asked:
            return await _checked(self._desk, asked["check"])
        if "work" in asked:
            return {"seconds": await _timed(self._desk, asked["work"], asked["number"])}
        if "index" in asked:
            await self._desk.index(asked["index"])
            return {"index": self._desk.indexes[asked["index"]]}
        self._desk.members = asked["members"]
        return {}

    async def close(self) -> None:
        """Close what was opened."""
        if self._desk is not None:
            await self._desk.candidate.close()
            await self._desk.client.aclose()

    async def _open(self, url: str, documents: int) -> Answer:
        candidate = self._make(documents)
        client: Any = redis.Redis.from_url(url, protocol=2)  # pyright: ignore[reportUnknownMemberType]
        self._desk = Desk(candidate, client)
        await candidate.open(url)
        versions = {name: importlib.metadata.version(name) for name in candidate.packages}
        return {"versions": versions, "notes": dict(candidate.notes)}


async def _checked(desk: Desk, name: str) -> Answer:
    work = _ALL[name]
    if why := desk.candidate.cannot.get(name):
        return {"cannot": why}
    if work.arrange is not None:
        await work.arrange(desk)
    if work.before is not None:
        await work.before(desk)
    wrong = await work.check(desk, await _once(desk, name, work))
    return {"right": True} if wrong is None else {"wrong": wrong}


def _method(desk: Desk, name: str, work: Work) -> Callable[[int], Any]:
    method: Callable[[int], Any] = getattr(desk.candidate, work.method or name)
    return method


async def _once(desk: Desk, name: str, work: Work) -> Any:
    method = _method(desk, name, work)
    if work.tasks:
        return await asyncio.gather(*map(method, _places(desk, work.tasks)))
    result = method(_place(desk, name))
    return result if work.calls else await result


async def _timed(desk: Desk, name: str, number: int) -> float:
    work = _ALL[name]
    if work.before is not None:
        await work.before(desk)
    method = _method(desk, name, work)
    places = _places(desk, work.tasks or number) if name in WORKS else [_place(desk, name)] * number
    with without_collection():
        started = time.perf_counter()
        if work.tasks:
            await asyncio.gather(*map(method, places))
        elif work.calls:
            for place in places:
                method(place)
        else:
            for place in places:
                await method(place)
        return (time.perf_counter() - started) / (1 if work.tasks else number)


def _places(desk: Desk, number: int) -> list[int]:
    return [place % desk.number for place in range(number)]


def _place(desk: Desk, name: str) -> int:
    return desk.members // 2 if name in GROWTH else 0


def main(make: Callable[[int], Candidate]) -> None:
    """Answer the lines of the standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a package prints is no answer
    worker = Worker(make)
    with asyncio.Runner() as runner, answers:
        for line in sys.stdin:
            try:
                answer = runner.run(worker.answer(json.loads(line)))
            except Exception as error:  # noqa: BLE001 - it is told to the one who has asked
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), file=answers, flush=True)
        runner.run(worker.close())
