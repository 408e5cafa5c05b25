"""Large documents work by every road, or are refused by an error that says what is too large.

The sizes of the default run are a tenth of those that `docs/security.md` tells of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from rapyer import (
    AtomicRedisModel,
    Field,
    Key,
    Mapped,
    OutcomeUnknownError,
    UnstorableValueError,
    init_rapyer,
)
from rapyer_pipeline import TooManyStepsError
from redis.exceptions import ResponseError

MIB = 1024 * 1024
SMALL = {"mib": 5, "keys": 10_000, "elements": 100_000}
LARGE = {"mib": 50, "keys": 100_000, "elements": 1_000_000}
scaled = pytest.mark.parametrize(
    "size", [SMALL, pytest.param(LARGE, marks=pytest.mark.slow)], ids=["a tenth", "whole"]
)


class Large(AtomicRedisModel):
    id: Key[str]
    n: Mapped[int] = 0
    text: Mapped[str] = Field(default="", index=False)
    counts: Mapped[dict[str, int]] = Field(default_factory=dict, index=False)
    numbers: Mapped[list[int]] = Field(default_factory=list, index=False)
    anything: Any = None

    class Config:
        prefix = "security:large"
        track_changes = True


@pytest.fixture
async def patient(redis_url, redis):
    """rapyer connected with a time-out that large values have, on slow machines, too."""
    async with init_rapyer(f"{redis_url}{'&' if '?' in redis_url else '?'}socket_timeout=60"):
        yield


@scaled
async def test_a_large_document_is_saved_read_changed_and_found(patient, size):
    text = "é" * (size["mib"] * MIB // 2)
    large = await Large(id="1", text=text).save()
    assert await Large.get("1") == large
    await Large.aupdate_by_key("1", n=1)
    await Large.aupdate_by_key("1", text=text[1:])
    await Large.text.append("1", "é")
    assert await Large.text.get("1") == text
    async with Large.pipeline_for("1") as p:
        p.n += 1
        p.text += "!"
    async with Large.lock_by_key("1") as locked:
        locked.n += 1
    (found,) = await Large.find(Large.n == 3).to_list()
    assert found.text == f"{text}!"
    found.n = 4
    await found.save_changes()
    assert await Large.find(Large.n == 4).update(n=5) == 1
    assert await Large.n.get("1") == 5


@scaled
async def test_many_large_documents_are_written_and_read_in_bulk(patient, size):
    text = "x" * (size["mib"] * MIB)
    keys = [str(n) for n in range(3)]
    result = await Large.bulk_insert([Large(id=key, text=text) for key in keys])
    assert result.inserted == 3
    await Large.bulk_update(keys, n=1)
    assert [len(one.text) async for one in Large.bulk_stream(keys)] == [len(text)] * 3
    assert [one.n for one in await Large.bulk_get(keys)] == [1] * 3
    assert await Large.find().scan().delete() == 3


@scaled
async def test_a_dict_of_many_keys_is_stored_read_and_changed_by_key(patient, size):
    number = size["keys"]
    counts = {f"k{n}": n for n in range(number)}
    await Large(id="1", counts=counts).save()
    assert (await Large.get("1")).counts == counts
    await Large.counts.set_item("1", "new", -1)
    await Large.counts["k5"].increase("1", 5)
    await Large.counts.del_item("1", "k6")
    await Large.counts.update("1", {f"u{n}": n for n in range(number // 10)})
    await Large.aupdate_by_key("1", {Large.counts[f"u{n}"]: -n for n in range(number // 10)})
    async with Large.pipeline_for("1") as p:
        p.counts["piped"] = p.counts["k5"] + 1
    expected = {**counts, "new": -1, "k5": 10, **{f"u{n}": -n for n in range(number // 10)}}
    del expected["k6"]
    assert await Large.counts.get("1") == {**expected, "piped": 11}
    assert await Large.counts.clear("1") == len(expected) + 1


@scaled
async def test_a_list_of_many_elements_is_stored_read_and_changed_by_index(patient, size):
    numbers = list(range(size["elements"]))
    large = await Large(id="1", numbers=numbers).save()
    assert (await Large.get("1")).numbers == numbers
    assert await Large.numbers.append("1", -1) == len(numbers) + 1
    await Large.numbers.extend("1", numbers)
    await Large.numbers.insert("1", 1, -2)
    await Large.numbers.remove("1", numbers[-1])
    assert await Large.numbers.pop("1", 1) == -2
    await Large.numbers[-1].increase("1", 1)
    async with Large.pipeline_for("1") as p:
        p.numbers.append(-3)
    expected = [*numbers[:-1], -1, *numbers[:-1], numbers[-1] + 1, -3]
    assert await Large.numbers.get("1") == expected
    await large.load()
    large.numbers[5] = -5
    await large.save_changes()
    assert await Large.numbers[5].get("1") == -5


@pytest.mark.parametrize("levels", [127, 128, 129, 1000, 100_000])
async def test_what_is_nested_deeper_than_the_server_takes_it_is_refused_before_it_is_sent(
    server, redis, levels
):
    deep: Any = None
    for _ in range(levels - 1):  # the document is a level of its own
        deep = [deep]
    writes: list[Callable[[], Any]] = [
        lambda: Large(id="1", anything=deep).save(),
        lambda: Large.aupdate_by_key("1", anything=deep),
        lambda: Large.anything.set("1", deep),
        lambda: Large.bulk_insert([Large(id="1", anything=deep)], raise_on_error=False),
    ]
    for write in writes:
        await Large(id="1").save()
        before = await redis.execute_command("JSON.GET", "security:large:1")
        if levels <= 127:
            await write()
            assert (await Large.get("1")).anything == deep
            continue
        result = None
        with suppress(UnstorableValueError):
            result = await write()
        assert result is None or "security:large:1" in result.errors
        assert await redis.execute_command("JSON.GET", "security:large:1") == before
    while deep is not None:  # Python's own clearing of it would be recursive
        (deep,) = deep


async def test_more_than_the_server_takes_at_once_is_its_error_or_of_unknown_outcome(server, redis):
    """`proto-max-bulk-len` bounds what others can send at once, `maxmemory` what a server holds."""
    await Large(id="1", n=1).save()
    before = await redis.execute_command("JSON.GET", "security:large:1")
    await redis.config_set("proto-max-bulk-len", 1 * MIB)
    try:
        # the server closes the connection: whether it has carried the command out, it does not say
        with pytest.raises((ResponseError, OutcomeUnknownError)):
            await Large(id="1", text="x" * 2 * MIB).save()
    finally:
        await redis.config_set("proto-max-bulk-len", 512 * MIB)
    assert await redis.execute_command("JSON.GET", "security:large:1") == before
    await asyncio.gather(*(Large.get("1") for _ in range(10)))


async def test_a_program_over_a_list_of_others_has_a_number_of_steps(server):
    await Large(id="1", numbers=[0] * 5000).save()

    async def count() -> None:
        async with Large.pipeline_for("1", max_steps=1000) as p:
            for _ in p.numbers:
                p.n += 1

    with pytest.raises(TooManyStepsError, match="nothing was written"):
        await count()
    assert await Large.n.get("1") == 0


async def test_a_bound_of_a_field_holds_for_what_others_append(server, redis):
    class Bounded(AtomicRedisModel):
        id: Key[str]
        tags: Mapped[list[str]] = Field(default_factory=list, max_length=3)
        text: Mapped[str] = Field(default="", max_length=5)

        class Config:
            prefix = "security:bounded"

    await Bounded(id="1", tags=["a"], text="abc").save()
    for write in (
        lambda: Bounded.tags.extend("1", ["x"] * 3), lambda: Bounded.text.append("1", "xyz"),
    ):  # fmt: skip
        with pytest.raises(UnstorableValueError):
            await write()
    assert await Bounded.get("1") == Bounded(id="1", tags=["a"], text="abc")
