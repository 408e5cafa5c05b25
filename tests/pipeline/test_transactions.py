"""Programs about several documents: all or nothing, each with its own Version and policies."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from rapyer import ConflictError, KeyNotFoundError, WrongTypeError
from rapyer_pipeline import PipelineAborted, PipelineError, RecordingError, transaction

from tests.pipeline.models import Counted, Everything, run


def _move(documents: Any) -> None:
    one, other = documents
    one.require(one.stock >= 5, "too few")
    one.stock -= 5
    other.stock += 5


async def test_all_documents_are_written_or_none(server):
    one, other = await Counted(stock=8).save(), await Counted().save()
    await run(transaction(one, other), _move)
    assert (one.stock, other.stock, one.revision, other.revision) == (3, 5, 2, 2)
    with pytest.raises(PipelineAborted, match="too few"):
        await run(transaction(one, other), _move)
    assert await Counted.get(one.key) == one
    assert await Counted.get(other.key) == other


async def test_documents_of_several_models_see_each_other(server):
    counted, everything = await Counted(stock=3).save(), await Everything().save()

    def program(documents: Any) -> None:
        few, much = documents
        few.stock += much.number
        much.number = few.stock * 2
        for tag in much.tags:
            few.tags.append(tag)
        with few.when(Everything.ratio > 1):
            much.name = "seen"
        with few.otherwise():
            much.name = "not seen"
        (few.stock == 10).if_true(lambda: much.tags.clear())

    await run(transaction(counted, everything), program)
    assert (counted.stock, counted.tags) == (10, ["a", "b"])
    assert (everything.number, everything.name, everything.tags) == (20, "seen", [])
    assert await Counted.get(counted.key) == counted
    assert await Everything.get(everything.key) == everything


async def test_a_version_that_is_another_one_stops_all(server):
    one, other = await Counted(stock=8).save(), await Counted().save()
    await (await Counted.get(other.key)).save()
    with pytest.raises(ConflictError) as caught:
        await run(transaction(one, other), _move)
    assert caught.value.key == other.key
    assert (await Counted.get(one.key)).stock == 8


async def test_a_missing_document_is_an_error_or_made(server, redis):
    one, new = await Counted(stock=8).save(), Counted()
    with pytest.raises(KeyNotFoundError, match=str(new.key)):
        await run(transaction(one, new), _move)
    await run(transaction(one, new, missing="create"), _move)
    assert await Counted.get(new.key) == new
    assert (new.stock, new.revision, one.stock) == (5, 1, 3)


async def test_documents_are_deleted_with_others(server, redis):
    one, other = await Counted(stock=8).save(), await Counted().save()

    def program(documents: Any) -> None:
        first, second = documents
        second.stock += first.stock
        first.delete()

    await run(transaction(one, other), program)
    assert await redis.keys("*") == [other.key.encode()]
    assert other.stock == 8


async def test_the_key_of_another_type_is_named(server, redis):
    one, other = await Counted(stock=8).save(), await Counted().save()
    await redis.delete(one.key)
    await redis.set(one.key, "x")
    with pytest.raises(WrongTypeError, match=str(one.key)):
        await run(transaction(one, other), _move)


async def test_what_is_no_transaction_is_refused(server):
    one = await Counted(stock=8).save()
    with pytest.raises(ValueError, match="no instances"):
        transaction()
    with pytest.raises(PipelineError, match="the same"):
        await run(transaction(one, await Counted.get(one.key)), _move)
    with pytest.raises(RecordingError, match="several"):
        await run(
            transaction(one, Counted()),
            lambda documents: documents[0].require(Counted.stock > 3),
        )


async def test_concurrent_transactions_lose_nothing(server):
    accounts = [await Counted(stock=100).save() for _ in range(4)]

    async def move(number: int) -> None:
        one, other = accounts[number % 4], accounts[(number * 7 + 1) % 4]
        if one is other:
            return

        def program(documents: Any) -> None:
            first, second = documents
            with first.when(first.stock >= 30):
                first.stock -= 30
                second.stock += 30

        pair = [await Counted.get(one.key), await Counted.get(other.key)]
        try:
            await run(transaction(*pair), program)
        except ConflictError:
            return

    await asyncio.gather(*(move(number) for number in range(200)))
    found = [await Counted.get(account.key) for account in accounts]
    assert sum(one.stock for one in found) == 400
    assert all(one.stock >= 0 for one in found)
    assert any(one.stock != 100 for one in found)


async def test_what_was_recorded_names_the_documents(server):
    accounts = [await Counted(stock=100).save() for _ in range(2)]
    async with transaction(*accounts) as (first, second):
        with first.when(first.stock > second.stock):
            first.stock = second.stock
        with first.otherwise():
            second.delete()
        text = first.explain()
    assert text == ("if p1.stock > p2.stock:\n    p1.stock = p2.stock\nelse:\n    p2.delete()")
    assert second.explain() == text
