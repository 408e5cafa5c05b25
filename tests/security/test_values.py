"""Values travel as arguments: whatever a text contains, every road stores it and gives it back."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rapyer import (
    AtomicRedisModel,
    ExpressionError,
    Field,
    Key,
    Mapped,
    RapyerError,
    RedisDict,
    RedisList,
    RedisStr,
)

#: Texts that mean something to JSON, JSONPath, Lua, RESP, RediSearch, glob patterns or Python.
HOSTILE = [
    "", " ", "*", "$", "$.x", '"', "'", "\\", '\\"', "\\u0000", "\0", "\r\n",
    "\r\n*1\r\n$8\r\nFLUSHALL\r\n",
    "'}) redis.call('FLUSHALL') ({'", "]] redis.call('FLUSHALL') --[[", "%s %d %%", "{0} {x!r}",
    "@text:{x} | @id:{*}", "x} | *", "-@text:{x}", "$p0", "(*)=>[KNN 1 @v $p0]", "w'*'", "%%x%%",
    '{"us":0}', "null", "true", "nan", "[1]", "1e400", "__class__", "{{7*7}}", "${jndi:ldap://x}",
    "\ufdd0", "\ufdd1", "\ufdd0x", "\uffff", "é", "e\u0301", "🔑", "\u2028", "\x7f\x01\x1b[31m",
    "a" * 5000, "security:victim:1", "rapyer:lock:{x}", "; DROP TABLE", "../../etc/passwd",
]  # fmt: skip


class Item(AtomicRedisModel):
    id: Key[str]
    text: Mapped[str] = Field(default="")
    said: RedisStr = Field(default="")
    raw: Mapped[bytes] = Field(default=b"")
    tags: RedisList[str] = Field(default_factory=list)
    names: RedisDict[str] = Field(default_factory=dict)
    anything: Any = None

    class Config:
        prefix = "security:item"
        track_changes = True


async def by_save(text: str) -> Any:
    await Item(id="1", text=text, anything=[text, {"x": text}]).save()
    assert (await Item.get("1")).anything == [text, {"x": text}]
    return (await Item.get("1")).text


async def by_update(text: str) -> Any:
    await Item.aupdate_by_key("1", text=text)
    return (await Item.extract("1", Item.text))[0]


async def by_path(text: str) -> Any:
    await Item.text.set("1", text)
    return await Item.text.get("1")


async def by_appending(text: str) -> Any:
    await Item.text.append("1", text)
    return await Item.text.get("1")


async def by_bytes(text: str) -> Any:
    await Item.raw.append("1", text.encode())
    return (await Item.raw.get("1")).decode()


async def by_redis_types(text: str) -> Any:
    item = await Item.get("1")
    await item.said.aappend(text)
    await item.tags.aextend([text, text])
    await item.names.aset_item("k", text)
    stored = await Item.get("1")
    assert (stored.said, stored.tags, stored.names) == (text, [text, text], {"k": text})
    return await item.tags.apop()


async def by_changes(text: str) -> Any:
    item = await Item.get("1")
    item.text, item.names["k"] = text, text
    await item.save_changes()
    return (await Item.get("1")).names["k"]


async def by_removal(text: str) -> Any:
    await Item.tags.extend("1", ["bystander", text])
    await Item.tags.remove("1", text)
    assert await Item.tags.get("1") == ["bystander"]
    return text


async def by_lock(text: str) -> Any:
    async with Item.lock_by_key("1", text or "lock") as item:
        item.text = text
    return await Item.text.get("1")


async def by_bulk(text: str) -> Any:
    await Item.bulk_insert([Item(id="1", text=text), Item(id="2", text=text)])
    await Item.bulk_update(["1"], said=text)
    first, second = await Item.bulk_get(["1", "2"])
    assert first.said == second.text == text
    return first.text


async def by_pipeline(text: str) -> Any:
    async with Item.pipeline_for("1") as p:
        p.text = text
        p.said += text
        p.tags.append(text)
        p.names["k"] = text
        (p.text == text).if_true(lambda: p.anything.set([text]))
    item = await Item.get("1")
    assert (item.said, item.tags, item.anything) == (text, [text], [text])
    assert item.names == {"k": text}
    return item.text


async def by_equality(text: str) -> Any:
    await Item(id="1", text=text, tags=[text]).save()
    await Item(id="2", text=f"{text}other", tags=["other"]).save()
    (found,) = await Item.find(Item.text == text).to_list()
    for condition in (Item.text.in_([text]), Item.tags.contains(text), ~(Item.text != text)):
        assert await Item.find(condition).keys() == ["security:item:1"]
    assert await Item.find(Item.text != text).keys() == ["security:item:2"]
    assert await Item.find(Item.text == text).update(said=text) == 1
    await Item.find(Item.text != text).delete()
    return found.text


async def by_parts(text: str) -> Any:
    await Item(id="1", text=f"<{text}>").save()
    await Item(id="2", text=";").save()
    for condition in (
        Item.text.startswith(f"<{text}"), Item.text.endswith(f"{text}>"),
        Item.text.contains(f"<{text}>"), (Item.text > "<") & Item.text.contains(text),
    ):  # fmt: skip
        assert await Item.find(condition).keys() == ["security:item:1"]
    await Item(id="2").delete()
    return text


ROADS = [
    by_save, by_update, by_path, by_appending, by_bytes, by_redis_types, by_changes, by_removal,
    by_lock, by_bulk, by_pipeline, by_equality, by_parts,
]  # fmt: skip


@pytest.mark.parametrize("road", ROADS)
async def test_a_hostile_text_gives_itself_back_and_touches_nothing_else(
    server, redis, road: Callable[[str], Awaitable[Any]]
):
    await redis.execute_command("JSON.SET", "security:victim:1", "$", '{"n":1}')
    await redis.set("other", "here")
    for text in HOSTILE:
        await Item(id="1").save()
        assert await road(text) == text
        await redis.delete("security:item:1", "security:item:2")
    assert await redis.execute_command("JSON.GET", "security:victim:1") == b'{"n":1}'
    assert await redis.get("other") == b"here"
    left = {key async for key in redis.scan_iter() if not key.startswith(b"rapyer:")}
    assert left == {b"security:victim:1", b"other"}


async def test_hostile_keys_of_dicts_stay_keys_or_are_refused_before_anything_is_sent(
    server, redis
):
    for key in HOSTILE:
        await Item(id="1", names={"bystander": "here"}).save()
        before = await redis.execute_command("JSON.GET", "security:item:1")
        for write in (
            lambda key=key: Item.names.set_item("1", key, "v"),
            lambda key=key: Item.aupdate_by_key("1", {Item.names[key]: "v"}),
            lambda key=key: Item.names.update("1", {key: "v"}),
        ):
            try:
                await write()
            except RapyerError:
                assert await redis.execute_command("JSON.GET", "security:item:1") == before
                assert key.startswith(" ") or "\\" in key or ("'" in key and '"' in key)
                continue
            names = (await Item.get("1")).names
            assert names == {"bystander": "here", key: "v"}
            await Item.names.del_item("1", key)
            assert (await Item.get("1")).names == {"bystander": "here"}


@pytest.mark.parametrize("pk", [one for one in HOSTILE if one and "\0" not in one], ids=ascii)
async def test_a_hostile_primary_key_names_one_document(server, redis, pk):
    await Item(id="bystander", text="here").save()
    key = Item.key_of(pk)
    item = await Item(id=pk, text="x").save()
    assert {*await redis.keys()} >= {key.encode(), b"security:item:bystander"}
    assert (await Item.get(key)) == item
    await Item.bulk_update([key], text="y")
    assert await Item.find(Item.text == "y").keys() == [key]
    assert await Item.find(Item.id == pk).keys() == [key]
    assert [one.id async for one in Item.find(Item.text == "y").scan()] == [pk]
    async with Item.lock_by_key(key) as locked:
        locked.text = "z"
    async with Item.pipeline_for(key) as p:
        p.text += "!"
    assert (await Item.get(key)).text == "z!"
    assert await Item.delete_by_key(key)
    assert (await Item.get("bystander")).text == "here"


class Searched(AtomicRedisModel):
    id: Key[str]
    body: Mapped[str] = Field(text=True)
    secret: Mapped[str] = Field(default="")

    class Config:
        prefix = "security:searched"


async def test_words_of_a_user_are_words_whatever_they_look_like(server, redis):
    """A request finds what has its words, and never reaches the syntax, or another field."""
    await Searched(id="1", body="alpha beta", secret="alpha").save()
    await Searched(id="2", body="gamma", secret="beta").save()
    for text in [*HOSTILE, "alpha @secret:{beta}", "@secret:beta", "alpha)|(*", "~alpha", "=>[x]"]:
        for query in (
            lambda text=text: Searched.find(Searched.body.matches(text)),
            lambda text=text: Searched.find().search(text),
        ):
            try:
                found = await query().keys()
            except ExpressionError:
                continue
            assert "security:searched:2" not in found or "-" in text, text
    assert await Searched.find(Searched.body.matches("alpha}|(beta")).count() == 1


NO_PATHS = [
    "$", "$..*", "*", "names[*]", "names[?(@)]", "..text", "text.x", "__class__", "id.__init__",
    "names['a'].__class__", "text) | JSON.DEL", "names[a:b]", "model_fields", "text\0", "id",
]  # fmt: skip


async def test_a_path_as_text_from_a_user_is_checked_against_the_model(server, redis):
    await Item(id="1", names={"a": "x"}).save()
    before = await redis.execute_command("JSON.GET", "security:item:1")
    for text in NO_PATHS:
        with pytest.raises(RapyerError):
            await Item.aupdate_by_key("1", {text: "v"})
        with pytest.raises(RapyerError):
            await Item.path(text).set("1", "v")
        if text != "id":
            with pytest.raises(RapyerError):
                Item.find().sort(text)
    await Item.aupdate_by_key("1", {"names.*": "v"})  # a key of a dict is that alone
    assert (await Item.get("1")).names == {"a": "x", "*": "v"}
    await Item.names.del_item("1", "*")
    assert await redis.execute_command("JSON.GET", "security:item:1") == before


async def test_a_plain_text_of_a_document_is_never_made_more_than_a_text(server, redis):
    """What pickles, YAML and object hooks would run stays a text, or a dict, when it is read."""
    for value in (
        {"py/object": "os.system", "py/reduce": [{"py/type": "os.system"}, ["true"]]},
        {"__reduce__": ["os.system", "true"]},
        "!!python/object/apply:os.system ['true']",
        "cos\nsystem\n(S'true'\ntR.",
        {"$type": "System.Diagnostics.Process"},
    ):
        await redis.execute_command(
            "JSON.SET", "security:item:1", "$", json.dumps({"id": "1", "anything": value})
        )
        assert (await Item.get("1")).anything == value
