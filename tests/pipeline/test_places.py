"""Where things stand when a program is written, and documents that break their model."""

from __future__ import annotations

from importlib.resources import files
from re import findall
from typing import Any

import pytest
from rapyer import (
    AtomicRedisModel,
    CorruptDocumentError,
    EmbeddedModel,
    Field,
    Key,
    ServerInfo,
    UnaddressableKeyError,
)  # fmt: skip
from rapyer_pipeline import MissingValueError, NoneValueError, ProgramFailedError, StoredTypeError
from rapyer_pipeline.failures import REMEDIES
from redis.asyncio import Redis

from tests.pipeline.models import run

pytestmark = pytest.mark.usefixtures("server")

#: A float of which RedisJSON has no spelling: it is written, and then corrected.
AWKWARD = 1.8916952287474098


class Weight(EmbeddedModel):
    grams: float = 0.0
    name: str = ""
    parts: list[float] = []


class Shelf(AtomicRedisModel):
    id: Key[str]
    floats: list[float] = []
    weights: list[Weight] = []
    numbers: list[int] = []
    counts: dict[str, int] = {}
    name: str = ""
    odd_size: int = 0
    nowhere: int | None = None
    unnamed: str | None = None
    odd: list[int] = Field(default=[], alias="a\"'b")
    odd_number: int = Field(default=0, alias="c\"'d")

    class Config:
        prefix = "pipeline-shelf"


def shelf(**fields: Any) -> Shelf:
    return Shelf(id="1", **fields)


def _window(p: Any) -> None:
    p.floats[3] = AWKWARD
    p.floats.pop(0)
    p.floats.append(AWKWARD)


def _inserted(p: Any) -> None:
    p.floats[3] = AWKWARD
    p.floats.insert(0, AWKWARD)
    p.floats.insert(2, AWKWARD)
    p.floats.append(AWKWARD)


def _nested(p: Any) -> None:
    p.weights[2].grams = AWKWARD
    p.weights[2].parts.append(AWKWARD)
    p.weights[2].parts.insert(0, AWKWARD)
    p.weights.insert(0, Weight(grams=AWKWARD))
    p.weights.pop(1)
    p.weights.pop(1)
    p.weights.append(Weight(grams=AWKWARD, parts=[AWKWARD]))


@pytest.mark.parametrize("program", [_window, _inserted, _nested])
async def test_a_float_is_corrected_where_it_stands(program: Any, server: ServerInfo) -> None:
    one = shelf(floats=[5.0, 1.0, 2.5, 3.0], weights=[Weight(parts=[1.0]) for _ in range(4)])
    await one.save()
    plain = one.model_copy(deep=True)
    program(plain)
    await run(one.pipeline(), program)
    assert (await Shelf.get("1")).model_dump() == plain.model_dump() == one.model_dump()


async def test_a_key_that_comes_back_comes_last(server: ServerInfo) -> None:
    await shelf(counts={"a": 1, "b": 2}).save()
    async with Shelf.pipeline_for("1") as p:
        del p.counts["a"]
        p.counts["a"] = 5
        for key in p.counts:
            p.name += key
        item = p.counts.popitem()
    assert item.value == ("a", 5)
    loaded = await Shelf.get("1")
    assert (loaded.counts, loaded.name) == ({"b": 2}, "ba")


def _replace_and_remove(p: Any) -> None:
    for weight in p.weights:
        p.weights[0] = Weight(name="new")
        p.weights.remove(weight)


async def test_an_element_that_was_replaced_is_not_there(server: ServerInfo) -> None:
    one = shelf(weights=[Weight(name="a"), Weight(name="b")])
    await one.save()
    with pytest.raises(MissingValueError):
        await run(one.pipeline(), _replace_and_remove)
    assert (await Shelf.get("1")).weights == one.weights


async def test_a_field_without_a_path_is_refused_before_it_is_written(server: ServerInfo) -> None:
    one = Shelf.model_validate({"id": "1"})
    await one.save()
    for program in (
        lambda p: p.odd.set([1]), lambda p: p.odd_number.set(1),
    ):  # fmt: skip
        with pytest.raises(UnaddressableKeyError):
            await run(one.pipeline(), program)
    loaded = await Shelf.get("1")
    assert (loaded.odd, loaded.odd_number) == ([], 0)


async def test_what_is_taken_out_is_of_its_type(server: ServerInfo, redis: Redis) -> None:
    one = shelf()
    await one.save()
    for text in ('["x"]', "[[1]]", "[1.5]"):
        await redis.execute_command("JSON.SET", one.key, "$.numbers", text)  # type: ignore[no-untyped-call]
        with pytest.raises(StoredTypeError):
            await run(one.pipeline(), lambda p: p.numbers.pop())


async def test_what_the_instance_cannot_take_over_was_written(
    server: ServerInfo, redis: Redis
) -> None:
    one = shelf()
    await one.save()
    await redis.execute_command("JSON.SET", one.key, "$.numbers", '["x"]')  # type: ignore[no-untyped-call]
    with pytest.raises(CorruptDocumentError, match="its changes were written"):
        await run(one.pipeline(), lambda p: p.numbers.insert(0, 1))
    assert await redis.execute_command("JSON.GET", one.key, "$.numbers") == b'[[1,"x"]]'  # type: ignore[no-untyped-call]


async def test_many_elements_are_removed(server: ServerInfo) -> None:
    for size in (12, 30, 120, 1500):
        one = shelf(numbers=list(range(size)))
        await one.save()
        async with one.pipeline() as p:
            for number in p.numbers:
                with p.when(number % 3 != 0):
                    p.numbers.remove(number)
        assert one.numbers == (await Shelf.get("1")).numbers == list(range(0, size, 3))


class Spaced(AtomicRedisModel):
    id: Key[str]
    first: int = Field(default=1, alias=" n")
    second: int = Field(default=2, alias="n")

    class Config:
        prefix = "pipeline-spaced"


def _increase_first(p: Any) -> None:
    p.first += 100


async def test_a_name_with_a_space_at_the_start_is_no_other(server: ServerInfo) -> None:
    await Spaced.model_validate({"id": "1"}).save()
    with pytest.raises(ProgramFailedError):
        await run(Spaced.pipeline_for("1"), _increase_first)
    assert (await Spaced.get("1")).first == 1


async def test_floats_in_sets_are_found_in_large_ones(server: ServerInfo) -> None:
    one = Floats(id="1", floats={n * 0.37 for n in range(-50, 50)}, numbers=[])
    await one.save()
    plain = one.model_copy(deep=True)
    for it in (plain, None):
        if it is not None:
            _change_floats(it)
        else:
            await run(one.pipeline(), _change_floats)
    loaded = await Floats.get("1")
    assert loaded.floats == plain.floats == one.floats
    assert len(loaded.floats) == len(plain.floats)


class Floats(AtomicRedisModel):
    id: Key[str]
    floats: set[float] = set()
    numbers: list[float] = []

    class Config:
        prefix = "pipeline-floats"


def _change_floats(p: Any) -> None:
    for value in (-0.0, 0.0, 1e-7, 1e22, 2.5e300, -1e-5, 0.37, 1.5, AWKWARD, -18.5):
        p.floats.add(value)
    for value in (-0.0, 0.37 * 7, 1e22, 3.25):
        p.floats.discard(value)


@pytest.mark.parametrize(
    "program",
    [
        lambda p: p.numbers.append(p.counts.pop("x", None)),
        lambda p: p.numbers.insert(0, p.counts.pop("x", None)),
        lambda p: p.counts.setdefault("y", p.counts.pop("x", None)),
        lambda p: p.odd_size.set(p.counts.pop("x", None)),
    ],
)
async def test_a_default_of_none_is_no_number(program: Any, server: ServerInfo) -> None:
    await shelf().save()
    with pytest.raises(NoneValueError):
        await run(Shelf.pipeline_for("1"), program)
    assert (await Shelf.get("1")).model_dump() == shelf().model_dump()


def _delete_at_none(p: Any) -> None:
    del p.numbers[p.nowhere]


@pytest.mark.parametrize(
    "program",
    [
        _delete_at_none,
        lambda p: p.numbers.pop(p.nowhere),
        lambda p: p.numbers.insert(p.nowhere, 3),
        lambda p: p.odd_size.set(p.numbers[p.nowhere]),
        lambda p: p.counts.pop(p.unnamed),
        lambda p: p.odd_size.set(p.counts[p.unnamed]),
    ],
)
async def test_none_is_no_index_and_no_key(program: Any, server: ServerInfo) -> None:
    await shelf(numbers=[1]).save()
    with pytest.raises(NoneValueError, match=r"None is not (an index|a key)"):
        await run(Shelf.pipeline_for("1"), program)
    assert (await Shelf.get("1")).numbers == [1]


def test_every_code_of_the_interpreter_is_an_error_with_a_remedy() -> None:
    folder = files("rapyer_pipeline") / "lua"
    lua = "".join(file.read_text() for file in folder.iterdir())
    codes = {*findall(r"fail\('(\w+)'", lua)}
    assert codes == REMEDIES.keys()
    assert all(remedy.endswith(".") for _, remedy in REMEDIES.values())


class Tracked(AtomicRedisModel):
    id: Key[str]
    numbers: list[int] = []

    class Config:
        prefix = "pipeline-tracked"
        track_changes = True


async def test_unsaved_elements_are_not_taken_for_saved(server: ServerInfo) -> None:
    one = Tracked(id="1", numbers=[1, 2])
    await one.save()
    one.numbers[0] = 99
    await run(one.pipeline(), lambda p: p.numbers.append(3))
    assert one.numbers == (await Tracked.get("1")).numbers == [1, 2, 3]
    assert one.changes() == {}
