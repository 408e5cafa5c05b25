"""What mypy sees with `rapyer.mypy` of plain annotations. A line marked `# error` must be one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Optional

from pydantic import BaseModel
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
    RedisInt,
    RedisList,
)
from typing_extensions import assert_type


class Item(EmbeddedModel):
    name: str
    price: int = 0


class User(AtomicRedisModel):
    id: Key[str]
    age: int = 0
    nick: Optional[str] = None
    tags: list[str] = Field(default_factory=list)
    counts: dict[str, int] = Field(default_factory=dict)
    item: Item
    second: Optional[Item] = None
    items: list[Item] = Field(default_factory=list)
    pair: tuple[int, str] = (1, "x")
    by_number: dict[int, str] = Field(default_factory=dict)
    balance: Decimal = Decimal(0)
    seen: Optional[datetime] = None
    mapped: Mapped[int] = Field(default=0)
    score: RedisInt = Field(default=0)
    words: RedisList[str] = Field(default_factory=list)
    parts: RedisList[Item] = Field(default_factory=list)


class Admin(User):
    level: int = 1


class Plain(BaseModel):
    age: int = 0


async def good(user: User) -> None:
    assert_type(User.age, FieldPath[int])
    assert_type(User.score, FieldPath[int])
    assert_type(Admin.words, ListPath[str])
    assert_type(User.parts[0].price, FieldPath[int])
    assert_type(await user.score.aincrease(1), int)
    assert_type(await user.words.apop(), str)
    assert_type(user.parts[0].price, int)
    assert_type(User.age > 3, Condition)
    assert_type(Admin.age > 3, Condition)
    assert_type(Admin.mapped, FieldPath[int])
    assert_type(User.nick, FieldPath[Optional[str]])
    assert_type(User.tags, ListPath[str])
    assert_type(User.tags.contains("x"), Condition)
    assert_type(User.counts["a"], FieldPath[int])
    assert_type(User.counts, DictPath[int])
    assert_type(User.item.price, FieldPath[int])
    assert_type(User.second.name, FieldPath[str])
    assert_type(User.items[0].price, FieldPath[int])
    assert_type((User.age > 3) & ~(User.item.name == "x"), Condition)
    assert_type(await User.age.get("1"), int)
    assert_type(await User.extract("1", User.age, User.item.name), tuple[int, str])
    assert_type(await User.item.get("1"), Item)
    assert_type(User.items.price > 3, Condition)
    assert_type(User.pair[1] == "x", Condition)
    assert_type(User.by_number[3], FieldPath[str])
    assert_type(User.balance > 1, Condition)
    assert_type(User.age.between(1, User.balance), Condition)
    assert_type(datetime.now(UTC) - User.seen > timedelta(1), Condition)
    assert_type(await User.items[0].get("1"), Item)
    await User.item.set("1", Item(name="x"))
    assert_type(User.second.is_none(), Condition)
    assert_type(User.item == Item(name="x"), Condition)
    assert_type(await User.extract("1", User.age, User.item), tuple[int, Item])
    assert_type(await User.get("1"), User)
    assert_type(user.age, int)
    assert_type(user.tags, list[str])
    assert_type(user.item.price, int)
    assert_type(Admin(id="1", item=Item(name="x"), level=2, mapped=3).mapped, int)
    assert_type(Plain(age=3).age, int)
    user.age = 4


async def bad(user: User) -> None:
    User(id="1")  # error
    User(id="1", item=Item(name="x"), agee=3)  # error
    Admin(id="1", item=Item(name="x"), mapped="x")  # error
    User.age > "x"  # error
    User.nope  # error
    User.age.startswith("x")  # error
    User.tags.contains(3)  # error
    User.item.nope  # error
    User.by_number["x"]  # error
    User.pair["x"]  # error
    User.age[0]  # error
    User.tags.nope  # error
    await User.age.set("1", "x")  # error
    user.age = "x"  # error
