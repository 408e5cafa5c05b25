"""Defects of paths: keys of dicts that were read as syntax of JSONPath."""

from __future__ import annotations

import pytest
from rapyer import AtomicRedisModel, Key, RedisDict

pytestmark = pytest.mark.usefixtures("server")


class Doc(AtomicRedisModel):
    id: Key[str]
    counts: RedisDict[int] = {}

    class Config:
        prefix = "defects:paths"


@pytest.fixture
async def doc():
    return await Doc(id="1", counts={"a": 1, "b": 2}).save()


async def test_a_star_deletes_the_entry_of_that_name_and_not_all(doc, stored):
    await doc.counts.aset_item("*", 3)
    await doc.counts.adel_item("*")
    assert (await stored(doc.key))["counts"] == {"a": 1, "b": 2}
    with pytest.raises(KeyError):
        await doc.counts.adel_item("*")
    async with doc.pipeline() as p:
        p.counts["*"] = 4
        p.counts.pop("*")
    assert (await stored(doc.key))["counts"] == {"a": 1, "b": 2}


WRITES = {
    "aset_item": lambda doc, key: doc.counts.aset_item(key, 5),
    "aupdate of the dict": lambda doc, key: doc.counts.aupdate({key: 5}),
    "aupdate of the instance": lambda doc, key: doc.aupdate({Doc.counts[key]: 5}),
    "set of the path": lambda doc, key: Doc.counts[key].set("1", 5),
}


@pytest.mark.parametrize("key", ["x.y", "a b", "end ", "$", "..", "[0]", "a[*]", "", "'"])
@pytest.mark.parametrize("road", WRITES)
async def test_a_key_with_a_dot_or_a_space_is_stored_as_it_is(doc, stored, road, key):
    """`x.y` was not stored, and a space was an error of the server's grammar."""
    await WRITES[road](doc, key)
    assert (await stored(doc.key))["counts"] == {"a": 1, "b": 2, key: 5}
    assert await Doc.counts[key].get("1") == 5
    assert (await Doc.find(Doc.counts[key] == 5).one()).counts[key] == 5


async def test_keys_with_dots_and_spaces_are_those_of_pipelines_too(doc, stored):
    async with doc.pipeline() as p:
        p.counts["x.y"] = 1
        p.counts["a b"] = 2
        p.counts["x.y"] += 10
    assert (await stored(doc.key))["counts"] == {"a": 1, "b": 2, "x.y": 11, "a b": 2}
