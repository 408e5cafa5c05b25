"""What a user sees of the Redis types. A line marked `# error` must be an error in both type checkers, any other must not."""

from __future__ import annotations

from datetime import datetime, timedelta
from rapyer import (
    AtomicRedisModel,
    Condition,
    DictPath,
    EmbeddedModel,
    Field,
    FieldPath,
    Key,
    ListPath,
    Mapped,
    RedisBytes,
    RedisDateTime,
    RedisDict,
    RedisFloat,
    RedisInt,
    RedisList,
    RedisStr,
)
from typing_extensions import assert_type


class Item(EmbeddedModel):
    name: RedisStr
    price: RedisInt = Field(default=0)
    tags: RedisList[str] = Field(default_factory=list)


class User(AtomicRedisModel):
    id: Key[str]
    score: RedisInt = Field(default=0)
    share: RedisFloat = Field(default=0.0)
    log: RedisStr = Field(default="")
    blob: RedisBytes = Field(default=b"")
    at: RedisDateTime
    tags: RedisList[str] = Field(default_factory=list)
    counts: RedisDict[int] = Field(default_factory=dict)
    items: RedisList[Item] = Field(default_factory=list)
    item: Mapped[Item]
    groups: RedisDict[RedisList[int]] = Field(default_factory=dict)
    numbers: RedisList[RedisInt] = Field(default_factory=list)
    plain: Mapped[str] = Field(default="")
    moment: Mapped[datetime]


async def good(user: User, now: datetime) -> None:
    User(id="1", at=now, item=Item(name="x"), moment=now)
    User(id="1", at=now, score=1, share=0.5, log="x", blob=b"x", tags=["a"], counts={"a": 1}, items=[Item(name="x")], item=Item(name="x"), moment=now)
    # on the class they are paths
    assert_type(User.score, FieldPath[int])
    assert_type(User.share, FieldPath[float])
    assert_type(User.log, FieldPath[str])
    assert_type(User.at, FieldPath[datetime])
    assert_type(User.tags, ListPath[str])
    assert_type(User.counts, DictPath[int])
    assert_type(User.items[0], type[Item])
    assert_type(User.items[0].price, FieldPath[int])
    assert_type(User.item.tags, ListPath[str])
    assert_type(User.score > 3, Condition)
    assert_type(User.tags.contains("x"), Condition)
    assert_type(User.log.startswith("x"), Condition)
    # on an instance they are values
    assert_type(user.score, RedisInt)
    assert_type(user.score + 1, int)
    assert_type(user.log + "x", str)
    assert_type(user.log.upper(), str)
    assert_type(user.tags, RedisList[str])
    assert_type(user.tags[0], str)
    assert_type(user.items[0], Item)
    assert_type(user.items[0].price, RedisInt)
    assert_type(user.counts, RedisDict[int])
    assert_type(user.counts["a"], int)
    assert_type(user.numbers[0], RedisInt)
    assert_type(user.at + timedelta(1), datetime)
    plain: int = user.score
    texts: list[str] = user.tags
    # plain values are assigned
    user.score = 5
    user.score += 1
    user.share = 5
    user.log = "x"
    user.log += "x"
    user.blob = b"x"
    user.at = now
    user.tags = ["x"]
    user.tags.append("x")
    user.counts = {"a": 1}
    user.items = [Item(name="x")]
    user.items[0].price = 3
    # operations of the instance
    assert_type(await user.score.aincrease(), int)
    assert_type(await user.score.aincrease(5), int)
    assert_type(await user.share.aincrease(0.5), float)
    assert_type(await user.log.aappend("x"), str)
    assert_type(await user.blob.aappend(b"x"), bytes)
    assert_type(await user.at.ashift(timedelta(1)), datetime)
    assert_type(await user.score.aset(5), None)
    assert_type(await user.score.aload(), int)
    assert_type(await user.tags.aset(["x"]), None)
    assert_type(await user.tags.aload(), list[str])
    assert_type(await user.tags.aappend("x"), int)
    assert_type(await user.tags.aextend(["x"]), int)
    assert_type(await user.tags.ainsert(0, "x"), int)
    assert_type(await user.tags.apop(), str)
    assert_type(await user.tags.apop(0), str)
    assert_type(await user.tags.aremove("x"), None)
    assert_type(await user.tags.aremove_range(1, -1), int)
    assert_type(await user.tags.aclear(), int)
    assert_type(await user.tags.aset_item(0, "x"), None)
    assert_type(await user.tags.alen(), int)
    assert_type(await user.items.apop(), Item)
    assert_type(await user.items.aappend(Item(name="x")), int)
    assert_type(await user.items[0].price.aincrease(5), int)
    assert_type(await user.items[0].tags.aappend("x"), int)
    assert_type(await user.item.name.aappend("x"), str)
    assert_type(await user.numbers[0].aincrease(1), int)
    assert_type(await user.groups["a"].aappend(1), int)
    assert_type(await user.counts.aset_item("a", 1), None)
    assert_type(await user.counts.adel_item("a"), None)
    assert_type(await user.counts.aupdate({"a": 1}), None)
    assert_type(await user.counts.aupdate(a=1), None)
    assert_type(await user.counts.apop("a"), int)
    assert_type(await user.counts.apop("a", None), int | None)
    assert_type(await user.counts.apopitem(), tuple[str, int])
    assert_type(await user.counts.aclear(), int)
    assert_type(await user.counts.alen(), int)
    for item in user.items:
        assert_type(await item.price.aincrease(1), int)
    for item in user.items:
        assert_type(item, Item)
    # operations by path and key
    assert_type(await User.score.increase("1", 5), int)
    assert_type(await User.log.append("1", "x"), int)
    assert_type(await User.blob.append("1", b"x"), int)
    assert_type(await User.plain.append("1", "x"), int)
    assert_type(await User.at.shift("1", timedelta(1)), datetime)
    assert_type(await User.moment.shift("1", timedelta(1)), datetime)
    assert_type(await User.tags.append("1", "x"), int)
    assert_type(await User.tags.remove("1", "x"), None)
    assert_type(await User.tags.set_item("1", 0, "x"), None)
    assert_type(await User.tags.len("1"), int)
    assert_type(await User.counts.set_item("1", "a", 1), None)
    assert_type(await User.counts.del_item("1", "a"), None)
    assert_type(await User.counts.len("1"), int)
    assert_type(await User.score.get("1"), int)
    assert_type(await User.tags.get("1"), list[str])
    assert_type(await User.items[0].price.get("1"), int)
    await user.aupdate({User.score: 5, User.tags: ["x"]})
    print(plain, texts)


async def bad(user: User, now: datetime) -> None:
    User(id="1", at="x", item=Item(name="x"), moment=now)  # error
    User(id="1", at=now, score="x", item=Item(name="x"), moment=now)  # error
    User(id="1", at=now, tags=[1], item=Item(name="x"), moment=now)  # error
    User(id="1", at=now, counts={"a": "x"}, item=Item(name="x"), moment=now)  # error
    user.score = "x"  # error
    user.tags = [1]  # error
    user.tags = "x"  # error
    user.counts = {"a": "x"}  # error
    user.items = ["x"]  # error
    user.tags.append(1)  # error
    user.nope  # error
    User.items[0].nope  # error
    await user.score.aincrease("x")  # error
    await user.score.aappend("x")  # error
    await user.log.aappend(b"x")  # error
    await user.log.aincrease(1)  # error
    await user.at.ashift(5)  # error
    await user.score.aset("x")  # error
    await user.tags.aset([1])  # error
    await user.tags.aappend(1)  # error
    await user.tags.aextend([1])  # error
    await user.tags.ainsert("x", "x")  # error
    await user.tags.aremove(1)  # error
    await user.tags.aset_item(0, 1)  # error
    await user.items.aappend("x")  # error
    await user.items[0].price.aincrease("x")  # error
    await user.counts.aset_item("a", "x")  # error
    await user.counts.aset_item(1, 1)  # error
    await user.counts.aupdate({"a": "x"})  # error
    await user.counts.apop(1)  # error
    await user.groups["a"].aappend("x")  # error
    await User.log.append("1", b"x")  # error
    await User.score.append("1", "x")  # error
    await User.log.shift("1", timedelta(1))  # error
    await User.at.shift("1", 5)  # error
    await User.tags.remove("1", 5)  # error
    await User.tags.set_item("1", 0, 5)  # error
    await User.tags.set_item("1", "x", "x")  # error
    await User.counts.set_item("1", "a", "x")  # error
    await User.counts.del_item("1", 5)  # error
