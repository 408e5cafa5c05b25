"""Fields that a document lacks, since it was written before its model had them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from rapyer import AtomicRedisModel, EmbeddedModel, Key, ServerInfo
from redis.asyncio import Redis

from tests.pipeline.models import run


class Part(EmbeddedModel):
    name: str = ""
    size: int = 2
    marks: list[int] = [1]
    notes: dict[str, int] = {}


class Machine(AtomicRedisModel):
    id: Key[str]
    part: Part = Part()
    spare: Part | None = None
    parts: list[Part] = []
    named: dict[str, Part] = {}

    class Config:
        prefix = "pipeline-machine"


def _scalar(p: Any) -> None:
    p.part.size = 7
    p.spare = copy.deepcopy(p.part)


def _container(p: Any) -> None:
    p.part.marks.append(7)
    p.part.notes["x"] = 1
    p.parts.append(copy.deepcopy(p.part))


def _element(p: Any) -> None:
    p.parts[0].size += 1
    p.parts[0].marks.append(7)
    p.parts.reverse()


def _in_a_loop(p: Any) -> None:
    for part in p.parts:
        part.size += 1
        part.marks.append(7)
        p.spare = copy.deepcopy(part)


def _after_a_copy(p: Any) -> None:
    p.spare = copy.deepcopy(p.part)
    p.spare.marks.append(7)
    p.spare.notes["x"] = 1
    p.part = copy.deepcopy(p.spare)


def _after_a_default(p: Any) -> None:
    p.named.setdefault("a", Part())
    p.named["a"].marks.append(7)
    p.named["a"].notes.update(x=1)
    p.named["a"].size += 1


def _emptied(p: Any) -> None:
    p.spare = copy.deepcopy(p.part)
    p.spare.marks.clear()
    p.part.marks.clear()
    p.parts.append(copy.deepcopy(p.part))
    p.parts[0].marks.clear()
    p.parts[0].notes.clear()
    p.parts.reverse()


def _changed_twice(p: Any) -> None:
    p.spare = copy.deepcopy(p.part)
    p.spare.marks.append(7)
    p.spare.marks = [5]
    p.spare.marks.append(8)
    p.part.marks.pop()
    p.part.marks.append(9)
    p.parts.append(copy.deepcopy(p.part))


def _taken_out(p: Any) -> None:
    p.named["b"] = copy.deepcopy(p.parts[0])
    p.named["b"].marks.insert(0, 7)
    p.parts.pop(0)


@pytest.mark.parametrize(
    "program",
    [
        _scalar,
        _container,
        _element,
        _in_a_loop,
        _after_a_copy,
        _after_a_default,
        _emptied,
        _changed_twice,
        _taken_out,
    ],
)
async def test_what_is_added_to_a_field_that_was_absent_is_not_lost(
    program: Any, server: ServerInfo, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Machine(id="1", parts=[Part(), Part(name="2")], named={"a": Part()})
    await one.save()
    for path in ("$.part", "$.parts[0]", "$.named.a"):
        await redis.execute_command("JSON.SET", one.key, path, '{"name":"old"}')
    one = await Machine.get("1")
    plain = one.model_copy(deep=True)
    program(plain)
    monkeypatch.setattr(copy, "deepcopy", lambda part: part)  # a pipeline copies what is assigned
    await run(one.pipeline(), program)
    assert (await Machine.get("1")).model_dump() == plain.model_dump() == one.model_dump()


async def test_a_field_that_is_only_read_stays_absent(server: ServerInfo, redis: Redis) -> None:
    one = await Machine(id="1", parts=[Part()]).save()
    await redis.execute_command("JSON.SET", one.key, "$.parts[0]", '{"name":"old"}')
    async with one.pipeline() as p:
        for mark in p.parts[0].marks:
            p.parts[0].name += "!"
            p.part.size += mark
        p.parts[0].marks.extend([])
    (stored,) = await redis.execute_command("JSON.OBJKEYS", one.key, "$.parts[0]")
    assert (stored, one.part.size, one.parts[0].name) == ([b"name"], 3, "old!")
