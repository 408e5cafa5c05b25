"""The index of a model in one process: made, told of, changed, built anew, dropped."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator
from typing import Any

import index_versions as versions
import pytest
import pytest_asyncio
from pydantic import create_model
from rapyer import AtomicRedisModel, Field, Key, Mapped, init_rapyer
from rapyer.errors import ModelDefinitionError, OptionError
from rapyer.testing import use_plugins
from rapyer_query import DroppedDocumentsWarning, IndexUnavailableError
from redis.asyncio import Redis

PREFIX = versions.PREFIX


async def fill(redis: Redis, number: int, **values: Any) -> None:
    """Write documents of the first version as they are stored."""
    async with redis.pipeline(transaction=False) as pipe:
        for n in range(number):
            document = json.dumps({"id": n, "age": n, "name": f"name{n}", **values})
            pipe.execute_command("JSON.SET", f"{PREFIX}:{n}", "$", document)
        await pipe.execute()


async def names(redis: Redis) -> list[str]:
    """The indexes of the model."""
    found = [name.decode() for name in await redis.execute_command("FT._LIST")]
    return sorted(name for name in found if name.startswith(f"rapyer:{PREFIX}:"))


@pytest_asyncio.fixture
async def commands(redis_url: str) -> AsyncIterator[Any]:
    """Tell which commands a server was sent since the last call, those of scripts left out."""
    client = Redis.from_url(redis_url, protocol=2)
    async with client.monitor() as monitor:

        async def sent() -> list[str]:
            await client.echo("until here")
            found: list[str] = []
            async for event in monitor.listen():
                if event["command"] == "ECHO until here":
                    return found
                if event["client_type"] != "lua":
                    found.append(event["command"].split(" ")[0])
            raise AssertionError

        yield sent
    await client.aclose()


# -- made -----------------------------------------------------------------------------------------


async def test_the_first_query_makes_the_index_and_a_second_start_takes_one_command(
    redis_url, redis, commands
):
    await fill(redis, 50)
    model = versions.first()
    async with init_rapyer(redis_url):
        assert await model.find(model.age >= 10).count() == 40
    (name,) = await names(redis)
    again = versions.first()
    async with init_rapyer(redis_url):
        await commands()
        assert await again.find(again.age >= 10).count() == 40
        assert await commands() == ["EVALSHA", "FT.SEARCH"]
        assert await again.find(again.age >= 10).count() == 40
        assert await commands() == ["FT.SEARCH"]
    assert await names(redis) == [name]


async def test_init_rapyer_makes_the_indexes_that_are_to_be_created_at_the_start(redis_url, redis):
    with use_plugins(installed=True) as host:  # which has no other models

        class Eager(host.AtomicRedisModel):
            age: int = 0

            class Config:
                create_index = True

        class Lazy(host.AtomicRedisModel):
            age: int = 0

        class Bare(host.AtomicRedisModel):
            anything: Any = None

        async with init_rapyer(redis_url):
            assert (await Eager.index.status()).state == "ready"
            assert (await Lazy.index.status()).state == "missing"
        async with init_rapyer(redis_url, create_index=True):
            assert (await Lazy.index.status()).state == "ready"
            assert (await Bare.index.status()).state == "missing"
        assert Eager.index.model is Eager
        assert repr(Lazy.index) == "<the index of Lazy>"


@pytest.mark.parametrize("seconds", [0, 0.5, -3, 1e9, "1h", None])
def test_a_retention_that_is_no_time_is_refused(seconds):
    with pytest.raises(OptionError, match=r"index_retention"):
        versions.first(seconds)


async def test_callers_of_a_server_that_is_flushed_get_whole_answers(server, redis):
    model = versions.first()
    await fill(redis, 30)
    for remove in (
        lambda: redis.flushdb(),
        lambda: redis.execute_command("FT.DROPINDEX", model.index.name),
        lambda: redis.execute_command("FT.ALIASDEL", model.index.name),
        lambda: redis.delete(f"rapyer:{PREFIX}:versions"),
    ):
        assert await model.find(model.age >= 0).count() == 30
        await remove()
        await fill(redis, 30)
        counts = await asyncio.gather(*(model.find(model.age >= 0).count() for _ in range(5)))
        assert counts == [30] * 5
        assert len(await names(redis)) == 1


async def test_an_index_has_room_for_1024_attributes(server, redis):
    fields: Any = {f"field{n}": (int, n) for n in range(1023)}
    wide = create_model(
        "QueryVersionsWide", __base__=AtomicRedisModel, id=(Key[int], ...), **fields
    )
    await wide(id=3).save()
    assert await wide.find(wide.field1022 == 1022, wide.field0 == 0).count() == 1
    assert len((await wide.index.status()).fields) == 1024
    await wide.index.rebuild()
    assert await wide.find(wide.field700 == 700).count() == 1
    wider = create_model("QueryVersionsWider", __base__=wide, more=(int, 0))
    with pytest.raises(ModelDefinitionError, match=r"1025 places.*at most 1024.*index=False"):
        await wider.index.status()
    assert await wide.index.drop()


# -- told of --------------------------------------------------------------------------------------


async def test_the_status_tells_what_there_is(server, redis):
    model = versions.first()
    missing = await model.index.status()
    assert (missing.state, missing.index, missing.documents) == ("missing", None, 0)
    assert [field.name for field in missing.fields] == ["id", "age", "name"]
    await fill(redis, 20)
    await model.index.ensure()
    status = await model.index.status(scan=True)
    assert (status.state, status.documents, status.progress) == ("ready", 20, 1.0)
    assert status.index in await names(redis)
    assert status.alias == model.index.name
    assert (status.failures, status.last_failed_key, status.failed_keys) == (0, None, ())
    assert status.memory > 0
    assert [str(field) for field in status.fields] == [str(field) for field in missing.fields]
    assert json.loads(json.dumps(status.to_dict()))["documents"] == 20


async def test_documents_that_the_index_did_not_take_are_told_once_and_named(server, redis):
    model = versions.first()
    await fill(redis, 5)
    assert await model.find(model.age >= 0).count() == 5
    await redis.json().set(f"{PREFIX}:2", "$.age", "old")
    await redis.json().set(f"{PREFIX}:x\xff", "$", {"name": 3})
    await asyncio.sleep(1.1)  # a query looks once a second at most
    with pytest.warns(DroppedDocumentsWarning, match=r"rejected 2 writes.*x\S+'.*scan=True"):
        assert await model.find(model.age >= 0).count() == 4
    await asyncio.sleep(1.1)
    assert await model.find(model.age >= 0).count() == 4
    status = await model.index.status(scan=True)
    assert status.failures == 2
    assert status.failed_keys == (f"{PREFIX}:2", f"{PREFIX}:xÿ")
    assert "Invalid JSON type" in (status.last_failure or "")
    await redis.json().set(f"{PREFIX}:2", "$.age", 2)
    await redis.delete(f"{PREFIX}:x\xff")
    assert (await model.index.status(scan=True)).failed_keys == ()


@pytest.mark.parametrize("right", ["+@all", "-unlink", "-type", "-eval -evalsha"])
async def test_documents_that_were_deleted_are_none_that_the_index_did_not_take(
    redis_url, redis, right
):
    """Redis counts each JSON.DEL of one; only who may do nothing else deletes by that."""
    model = versions.first()
    await fill(redis, 20)
    async with init_rapyer(redis_url):
        await model.index.ensure()
    await redis.execute_command(
        "ACL", "SETUSER", "few", "reset", "on", ">pw", "~*", "+@all", *right.split()
    )
    async with init_rapyer(redis_url.replace("unix://", "unix://few:pw@")):
        for n in range(5):
            assert await model.delete_by_key(n)
        assert not await model.delete_by_key(0)
        await (await model.get(5)).delete()
        assert not await model.exists(5)
        if right == "+@all":
            await model.bulk_delete([6, 7])
            await model.find(model.age == 8).delete()
    await redis.execute_command("ACL", "DELUSER", "few")
    async with init_rapyer(redis_url):
        assert (await model.index.status()).failures == (0 if right == "+@all" else 6)


async def test_what_a_new_index_did_not_take_is_told_of_as_well(server, redis):
    model, other = versions.first(), versions.first()
    await fill(redis, 5)
    for one in (model, other):
        assert await one.find().count() == 5
    await model.index.rebuild()
    await redis.json().set(f"{PREFIX}:2", "$.age", "old")
    for one in (model, other):
        await asyncio.sleep(1.1)
        with pytest.warns(DroppedDocumentsWarning, match="1 write"):
            assert await one.find().count() == 4


async def test_who_comes_later_is_told_of_what_nobody_has_mended(redis_url, redis):
    await fill(redis, 5)
    await redis.json().set(f"{PREFIX}:2", "$.age", "old")
    for expected in ("rejected 1 write ", "'query:versions:2'"):
        model = versions.first()
        async with init_rapyer(redis_url):
            with pytest.warns(DroppedDocumentsWarning, match=expected) as caught:
                assert await model.find(model.age >= 0).count() == 4
            assert caught[0].filename == __file__
    await redis.json().set(f"{PREFIX}:2", "$.age", 2)
    model = versions.first()
    async with init_rapyer(redis_url):  # the one that was told of is in the index: no word
        assert await model.find(model.age >= 0).count() == 5
    for n in (1, 2):
        await redis.json().set(f"{PREFIX}:{n}", "$.age", "old")
        await redis.json().set(f"{PREFIX}:{n}", "$.age", n)
    async with init_rapyer(redis_url):
        with pytest.warns(DroppedDocumentsWarning, match=r"may lack some.*by now.*scan=True"):
            assert await versions.first().find().count() == 5
        assert (await versions.first().index.status(scan=True)).failed_keys == ()
    async with init_rapyer(redis_url):  # somebody has looked
        assert await versions.first().find().count() == 5


# -- changed --------------------------------------------------------------------------------------


async def test_a_version_that_adds_fields_takes_over_the_index_that_nobody_is_alive_for(
    redis_url, redis
):
    old, new = versions.first(1), versions.added(3600)
    await fill(redis, 500)
    async with init_rapyer(redis_url):
        assert await old.find(old.age >= 0).count() == 500
    before = await names(redis)
    await asyncio.sleep(2.2)
    async with init_rapyer(redis_url):
        diff = await new.index.diff()
        assert (diff.action, [field.name for field in diff.added]) == (
            "alter", ["level", "home_city"],
        )  # fmt: skip
        assert "that no process uses" in str(diff)
        assert await new.find(new.level == 1, new.home.city == "").count() == 500
        assert await names(redis) == before
        await new(id=1000, age=1, level=7).save()
        assert await new.find(new.level > 1).count() == 1
        assert (await new.index.diff()).action == "none"
        # one that is back has an index of its own, which takes what it may write
        await old.aupdate_by_key(7, name="back")
        await redis.json().set(f"{PREFIX}:7", "$.level", "high")
        assert await old.find(old.age >= 0).count() == 501
        assert len(await names(redis)) == 2
        await asyncio.sleep(1.1)
        with pytest.warns(DroppedDocumentsWarning, match="1 write"):
            assert await new.find(new.age >= 0).count() == 500


async def test_a_version_that_adds_fields_leaves_the_index_of_a_live_one_alone(server, redis):
    """Whatever others write where it has added one."""
    old, new, other = versions.first(), versions.added(), versions.hiding()
    await fill(redis, 20)
    assert await old.find(old.age >= 0).count() == 20
    assert (await new.index.diff()).action == "build"
    assert await new.find(new.level == 1).count() == 20
    assert len(await names(redis)) == 2
    await other(id=50, age=50, level=[True, False]).save()
    await redis.json().set(f"{PREFIX}:7", "$.level", "high")
    assert await old.find(old.age >= 0).count() == 21


async def test_what_is_not_indexed_and_the_order_of_fields_make_no_other_index(server, redis):
    old, new, reordered = versions.first(), versions.hiding(), versions.reordered()
    await fill(redis, 20)
    for model in (old, new, reordered):
        assert await model.find(model.age >= 0).count() == 20
        assert model.index.name == old.index.name
    assert len(await names(redis)) == 1


@pytest.mark.parametrize("name", ["removed", "retyped", "renamed"])
async def test_a_version_with_other_fields_builds_an_index_beside_the_one_of_before(
    server, redis, name
):
    old, new = versions.first(), versions.VERSIONS[name](3600)
    await fill(redis, 200)
    assert await old.find(old.name == "name7").count() == 1
    diff = await new.index.diff()
    assert diff.action == "build"
    assert (
        str(diff)
        .splitlines()[0]
        .endswith(f"{(await names(redis))[0]}, the index of another version")
    )
    assert json.loads(json.dumps(diff.to_dict()))["action"] == "build"
    assert await new.find(new.age >= 0).count() == 200
    assert len(await names(redis)) == 2
    assert await old.find(old.name == "name7").count() == 1
    assert await new.index.drop()
    assert await old.find(old.name == "name7").count() == 1


async def test_the_difference_names_what_is_added_removed_and_changed(server, redis):
    old = versions.first()
    assert (await old.index.diff()).action == "create"
    await old.index.ensure()
    renamed = await versions.renamed().index.diff()
    assert [field.name for field in renamed.added] == ["title"]
    assert [field.name for field in renamed.removed] == ["name"]
    retyped = await versions.retyped().index.diff()
    (before, after) = retyped.changed[0]
    assert (before.name, after.name) == ("name", "name")
    assert ("INDEXMISSING" in before.options, "INDEXMISSING" in after.options) == (True, False)
    assert f"  - {before}\n  + {after}" in str(retyped)


# -- kept and dropped -----------------------------------------------------------------------------


async def test_versions_that_are_alive_keep_their_indexes_also_without_queries(server, redis):
    models = [version(1) for version in (versions.first, versions.removed, versions.retyped)]
    await fill(redis, 10)
    for model in models:
        assert await model.find(model.age >= 0).count() == 10
    kept = await names(redis)
    assert len(kept) == 3
    await asyncio.sleep(2.5)
    assert await names(redis) == kept


async def test_an_index_that_no_process_is_alive_for_is_dropped(redis_url, redis):
    await fill(redis, 10)
    old, new = versions.first(1), versions.removed(1)
    async with init_rapyer(redis_url):
        assert await old.find(old.age >= 0).count() == 10
        (of_old,) = await names(redis)
    async with init_rapyer(redis_url):
        assert await new.find(new.age >= 0).count() == 10
        assert of_old in await names(redis)
        deadline = time.monotonic() + 10
        while of_old in await names(redis) and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        assert [name == of_old for name in await names(redis)] == [False]
        assert await old.find(old.age >= 0).count() == 10  # it is back, and made again


async def test_an_index_of_which_nobody_has_said_anything_is_kept_for_an_hour(redis_url, redis):
    """Its processes may wait that long before they say that they are alive."""
    await fill(redis, 10)
    old, new = versions.first(3600), versions.removed(1)
    async with init_rapyer(redis_url):
        await old.index.ensure()
        await redis.delete(f"rapyer:{PREFIX}:versions")
        await new.index.ensure()
        await asyncio.sleep(3)
        assert len(await names(redis)) == 2
        lease = await redis.hget(f"rapyer:{PREFIX}:versions", f"lease:{old.index.name[-16:]}")
        assert lease.endswith(b":3600000")


async def test_a_server_that_was_out_of_reach_takes_no_index_from_a_live_version(redis, redis_url):
    """All leases have ended then: who comes first gives the others the time to say something."""
    await fill(redis, 10)
    models = [versions.first(1), versions.removed(1), versions.retyped(1)]
    async with init_rapyer(redis_url):
        for model in models:
            assert await model.find(model.age >= 0).count() == 10
        kept = await names(redis)
        for name in await redis.hkeys(f"rapyer:{PREFIX}:versions"):
            await redis.hset(f"rapyer:{PREFIX}:versions", name, "1000:1000")
        await models[0].index.ensure()
        await asyncio.sleep(2)
        assert await names(redis) == kept


async def test_a_dropped_index_is_made_by_the_next_query(server, redis):
    model = versions.first()
    await fill(redis, 10)
    assert await model.index.drop() is False
    assert await model.find(model.age >= 0).count() == 10
    assert await model.index.drop() is True
    assert await names(redis) == []
    await model.index.ensure()
    await redis.flushdb()
    await fill(redis, 10)
    await model.index.ensure()
    assert (await model.index.status()).documents == 10
    assert await model.index.drop() is True
    assert await redis.exists(f"rapyer:{PREFIX}:versions") == 0
    quick = versions.first(1)
    await quick.index.ensure()
    await quick.index.drop()
    await asyncio.sleep(0.6)  # nobody says any more that it is alive
    assert await redis.exists(f"rapyer:{PREFIX}:versions") == 0
    assert await model.find(model.age >= 0).count() == 10


# -- built anew -----------------------------------------------------------------------------------


async def test_queries_are_answered_while_an_index_is_built_anew(server, redis):
    model = versions.first()
    await fill(redis, 5000)
    assert await model.find(model.age >= 0).count() == 5000
    (before,) = await names(redis)
    calls: list[tuple[int, int | None]] = []
    rebuilding = asyncio.gather(
        model.index.rebuild(progress=lambda *call: calls.append(call)), model.index.rebuild()
    )
    counts = set[int]()
    while not rebuilding.done():
        counts.add(await model.find(model.age >= 0).count())
        counts.add(len(await model.find(model.age >= 0).keys()))
    await rebuilding
    assert counts == {5000}
    (after,) = await names(redis)
    assert after != before
    assert calls[-1] == (5000, 5000)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


async def test_building_anew_forgets_what_was_refused(server, redis):
    model = versions.first()
    await fill(redis, 5)
    assert await model.find().count() == 5
    await redis.json().set(f"{PREFIX}:1", "$.age", "old")
    await redis.json().set(f"{PREFIX}:1", "$.age", 1)
    assert (await model.index.status()).failures == 1
    await model.index.rebuild()
    assert (await model.index.status()).failures == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await asyncio.sleep(1.1)
        assert await model.find().count() == 5


async def test_progress_is_told_to_who_waits_for_the_first_index(server, redis):
    model = versions.first()
    await fill(redis, 5000)
    calls: list[tuple[int, int | None]] = []
    await model.index.ensure(progress=lambda *call: calls.append(call))
    assert calls
    assert all(total is None for _, total in calls)
    await model.index.drop()
    asked = asyncio.create_task(model.find(model.age >= 0).count())
    with pytest.raises(ZeroDivisionError):
        await model.index.ensure(progress=lambda *_: 1 // 0)
    assert await asked == 5000  # what one has raised does not concern the other
    with pytest.raises(ZeroDivisionError):
        await model.index.rebuild(progress=lambda *_: 1 // 0)
    assert await model.find(model.age >= 0).count() == 5000
    wrong: Any = 3
    with pytest.raises(TypeError, match="progress is 3"):
        await model.index.rebuild(progress=wrong)


async def test_a_model_of_which_nothing_is_indexed_has_nothing_to_make(server):
    class Bare(AtomicRedisModel):
        anything: Any = None

        class Config:
            prefix = f"{PREFIX}:bare"
            index = False

    assert (await Bare.index.diff()).action == "none"
    assert str(await Bare.index.diff()) == "Bare: it has no indexed fields"
    assert (await Bare.index.status()).state == "missing"
    for call in (Bare.index.ensure, Bare.index.rebuild):
        with pytest.raises(IndexUnavailableError, match="Bare has no indexed fields"):
            await call()


@pytest.mark.parametrize("seed", ["1", "2"])
def test_a_version_has_one_name_in_all_processes(seed):
    program = (
        "from rapyer import AtomicRedisModel, Field\n"
        "class Counts(AtomicRedisModel):\n"
        "    counts: dict[str, int] = Field(default_factory=dict, index_keys={'a', 'b', 'c-d'})\n"
        "print(Counts.index.name, end='')"
    )

    class Counts(AtomicRedisModel):
        counts: dict[str, int] = Field(default_factory=dict, index_keys=["a", "b", "c-d"])

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == Counts.index.name


# -- sortable -------------------------------------------------------------------------------------


async def test_a_sortable_field_sorts_as_any_other(server, redis):
    class Plain(AtomicRedisModel):
        id: Key[int]
        text: Mapped[str | None] = Field(default=None)
        number: Mapped[float | None] = Field(default=None)

        class Config:
            prefix = f"{PREFIX}:plain"

    class Sortable(AtomicRedisModel):
        id: Key[int]
        text: Mapped[str | None] = Field(default=None, sortable=True)
        number: Mapped[float | None] = Field(default=None, sortable=True)
        counts: Mapped[dict[str, int]] = Field(
            default_factory=dict, index_keys=["a"], sortable=True
        )

        class Config:
            prefix = f"{PREFIX}:sortable"

    assert [field.name for field in Sortable.index.fields if "SORTABLE" in field.options] == [
        "text", "number", "counts_a",
    ]  # fmt: skip
    texts = [None, "", "a", "B", "b", "ä", "Ä", "A", "z", "a b", "\0x", "\0", "ß", "日本", "a\\"]
    for n, text in enumerate(texts):
        number = None if n % 4 == 0 else n % 3 - 0.5
        await Plain(id=n, text=text, number=number).save()
        await Sortable(id=n, text=text, number=number).save()
    for order in ("text", "-text", "number", "-number"):
        plain = await Plain.find().sort(order).values("id").to_list()
        assert await Sortable.find().sort(order).values("id").to_list() == plain
        assert (await Sortable.find().sort(order).explain()).sorts == "server"
    assert len(await Sortable.find().sort("counts['a']").to_list()) == len(texts)


@pytest.mark.parametrize("annotation", [list[str], dict[str, int], versions.EmbeddedModel])
def test_what_has_no_single_value_is_not_sortable(annotation):
    fields: Any = {"field": (annotation, Field(sortable=True))}
    with pytest.raises(
        ModelDefinitionError, match=r"Wrong\.field is declared with Field\(sortable=True\), but has"
    ):
        create_model("Wrong", __base__=AtomicRedisModel, **fields)


def test_what_is_sortable_is_indexed():
    with pytest.raises(TypeError, match=r"index=False and sortable=True"):
        Field(index=False, sortable=True)
