"""Versions of one model, as an application deploys them one after the other.

Run as a program, it is a process of one of them:

    python index_versions.py URL VERSION RETENTION ACTION...

It prints a line when an action is done. Actions: `count` asks, `save=N` saves the document N,
`wait` waits for a line of standard input, `rebuild` builds the index anew.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rapyer import AtomicRedisModel, EmbeddedModel, Field, Key, Mapped, init_rapyer

PREFIX = "query:versions"


def first(retention: float = 3600) -> Any:
    """Two fields."""

    class User(AtomicRedisModel):
        id: Key[int]
        age: Mapped[int]
        name: Mapped[str] = Field(default="")

        class Config:
            prefix = PREFIX
            index_retention = retention

    return User


def added(retention: float = 3600) -> Any:
    """Two fields more, one of them in a model."""

    class Address(EmbeddedModel):
        city: Mapped[str] = Field(default="")

    class User(AtomicRedisModel):
        id: Key[int]
        age: Mapped[int]
        name: Mapped[str] = Field(default="")
        level: Mapped[int] = Field(default=1)
        home: Address = Field(default_factory=Address)

        class Config:
            prefix = PREFIX
            index_retention = retention

    return User


def removed(retention: float = 3600) -> Any:
    """A field less."""

    class User(AtomicRedisModel):
        id: Key[int]
        age: Mapped[int]

        class Config:
            prefix = PREFIX
            index_retention = retention

    return User


def retyped(retention: float = 3600) -> Any:
    """A field that is always there now, which is indexed otherwise."""

    class User(AtomicRedisModel):
        id: Key[int]
        age: Mapped[int]
        name: Mapped[str]

        class Config:
            prefix = PREFIX
            index_retention = retention

    return User


def renamed(retention: float = 3600) -> Any:
    """A field of another name in Python and in the documents."""

    class User(AtomicRedisModel):
        id: Key[int]
        age: Mapped[int]
        title: Mapped[str] = Field(default="")

        class Config:
            prefix = PREFIX
            index_retention = retention

    return User


def hiding(retention: float = 3600) -> Any:
    """The first, with a field that is not indexed, where `added` has one of another type."""

    class User(AtomicRedisModel):
        id: Key[int]
        age: Mapped[int]
        name: Mapped[str] = Field(default="")
        level: list[bool] = Field(default_factory=list)

        class Config:
            prefix = PREFIX
            index_retention = retention

    return User


def reordered(retention: float = 3600) -> Any:
    """The first, with its fields in another order."""

    class User(AtomicRedisModel):
        name: Mapped[str] = Field(default="")
        age: Mapped[int]
        id: Key[int]

        class Config:
            prefix = PREFIX
            index_retention = retention

    return User


VERSIONS: dict[str, Callable[[float], Any]] = {
    one.__name__: one for one in (first, added, removed, retyped, renamed, hiding, reordered)
}


async def _act(model: Any, action: str) -> object:
    name, _, value = action.partition("=")
    if name == "count":
        return await model.find(model.age >= 0).count()
    if name == "save":
        return (await model(id=int(value), age=int(value), name="x").save()).id
    if name == "rebuild":
        return await model.index.rebuild()
    if name == "wait":
        return await asyncio.to_thread(sys.stdin.readline)
    raise ValueError(action)


async def _main(url: str, version: str, retention: str, actions: Sequence[str]) -> None:
    model = VERSIONS[version](float(retention))
    async with init_rapyer(url):
        print(json.dumps("ready"), flush=True)
        for action in actions:
            print(json.dumps(await _act(model, action)), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
