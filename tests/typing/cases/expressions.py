"""What a user sees of paths and conditions. A line marked `# error` must be an error in both checkers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Optional
from uuid import UUID

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
    MappedOptional,
    col,
)
from rapyer.expr import Value
from typing_extensions import assert_type


class Role(Enum):
    ADMIN = "admin"


class Item(EmbeddedModel):
    name: Mapped[str]
    price: Mapped[int]


class Home(EmbeddedModel):
    city: Mapped[str]


class Customer(AtomicRedisModel):
    id: Key[str]
    name: Mapped[str]
    nick: Mapped[Optional[str]] = Field(default=None)
    age: Mapped[int] = Field(default=0)
    score: Mapped[float] = Field(default=0.0)
    role: Mapped[Role] = Field(default=Role.ADMIN)
    seen: Mapped[datetime]
    left: Mapped[Optional[datetime]] = Field(default=None)
    span: Mapped[timedelta]
    balance: Mapped[Decimal] = Field(default=Decimal(0))
    height: Mapped[Optional[int]] = Field(default=None)
    tags: Mapped[list[str]] = Field(default_factory=list)
    marks: Mapped[set[int]] = Field(default_factory=set)
    grid: Mapped[list[list[int]]] = Field(default_factory=list)
    counts: Mapped[dict[str, int]] = Field(default_factory=dict)
    items: Mapped[list[Item]] = Field(default_factory=list)
    by_name: Mapped[dict[str, Item]] = Field(default_factory=dict)
    pair: Mapped[tuple[int, str]]
    by_number: Mapped[dict[int, str]] = Field(default_factory=dict)
    by_uuid: Mapped[dict[UUID, Item]] = Field(default_factory=dict)
    home: Mapped[Home]
    second: MappedOptional[Home] = Field(default=None)
    plain: int = 3


def takes(*conditions: Condition | bool) -> None: ...


async def good(customer: Customer) -> None:
    assert_type(Customer.home.city, FieldPath[str])
    assert_type(Customer.second.city, FieldPath[str])
    assert_type(Customer.tags, ListPath[str])
    assert_type(Customer.tags[0], FieldPath[str])
    assert_type(Customer.grid[0][1], FieldPath[int])
    assert_type(Customer.counts, DictPath[int])
    assert_type(Customer.counts["a b"], FieldPath[int])
    assert_type(Customer.items[0].price, FieldPath[int])
    assert_type(Customer.by_name["x"].name, FieldPath[str])
    items: ListPath[Item] = Customer.items
    assert_type(await items.get("1"), list[Item])
    assert_type(Customer.items.price, FieldPath[Any])
    assert_type((Customer.items.price > 5) & (Customer.items.name == "a"), Condition)
    assert_type(Customer.pair[1], FieldPath[Any])
    assert_type(Customer.pair[1] == "y", Condition)
    assert_type(await Customer.pair.get("1"), tuple[int, str])
    assert_type(Customer.by_number[3], FieldPath[str])
    assert_type(Customer.by_uuid[UUID(int=3)], FieldPath[Item])
    assert_type(await Customer.by_number.get("1"), dict[int, str])
    # conditions
    assert_type(Customer.age > 3, Condition)
    assert_type(Customer.age > 3.5, Condition)
    assert_type(Customer.score >= 3, Condition)
    assert_type(Customer.name == "x", Condition)
    assert_type(Customer.nick == None, Condition)
    assert_type((Customer.age > 3) & ~(Customer.name == "x") | Customer.nick.is_none(), Condition)
    assert_type(Customer.role.in_([Role.ADMIN]), Condition)
    assert_type(Customer.nick.in_(["x", None]), Condition)
    assert_type(Customer.age.between(1, 2), Condition)
    assert_type(Customer.name.startswith("x"), Condition)
    assert_type(Customer.name.contains("x"), Condition)
    assert_type(Customer.nick.endswith("x"), Condition)
    assert_type(Customer.tags.contains("x"), Condition)
    assert_type(Customer.marks.contains(3), Condition)
    assert_type(Customer.items.any(Item.price > 3), Condition)
    assert_type(Customer.age < Customer.score, Condition)
    assert_type(Customer.name < Customer.name, Condition)
    assert_type(Customer.age + 1, Value[float])
    assert_type(Customer.age * Customer.score, Value[float])
    assert_type(2 - Customer.age, Value[float])
    assert_type(Customer.name + "!", Value[str])
    assert_type(Customer.seen + timedelta(days=1), Value[datetime])
    assert_type(Customer.age + 1 > 3, Condition)
    assert_type((Customer.age > 3).matches(customer), bool)
    assert_type(Customer.balance > 1, Condition)
    assert_type(Customer.balance <= Decimal(1), Condition)
    assert_type(Customer.age < Customer.balance, Condition)
    assert_type(Customer.balance + 1, Value[Decimal])
    assert_type(Decimal(1) / Customer.balance, Value[Decimal])
    assert_type(Customer.balance * Customer.age > Decimal(2), Condition)
    assert_type(Customer.age.between(1.5, Customer.height), Condition)
    assert_type(Customer.balance.between(1, Decimal(2)), Condition)
    assert_type(Customer.seen.between(datetime.now(UTC), Customer.seen), Condition)
    assert_type(Customer.height + 1, Value[float])
    assert_type(Customer.age - Customer.height, Value[float])
    assert_type(Customer.height * Customer.height, Value[float])
    assert_type(Customer.nick + "!", Value[str])
    assert_type(Customer.name + Customer.nick, Value[str])
    assert_type(Customer.seen + Customer.span, Value[datetime])
    assert_type(Customer.left - timedelta(1), Value[datetime])
    assert_type(Customer.left - Customer.seen, Value[timedelta])
    assert_type(datetime.now(UTC) - Customer.seen, Value[timedelta])
    assert_type(datetime.now(UTC) - Customer.seen > timedelta(1), Condition)
    assert_type(datetime.now(UTC) - Customer.span, Value[datetime])
    assert_type(datetime.now(UTC) + Customer.span, Value[datetime])
    assert_type(timedelta(1) + Customer.span, Value[timedelta])
    assert_type(col(Customer.plain), FieldPath[int])
    assert_type(col(Customer.plain) > 3, Condition)
    takes(Customer.age > 3, Customer.plain > 3)
    # access by key
    assert_type(await Customer.age.get("1"), int)
    assert_type(await Customer.age.get("1", default=None), Optional[int])
    assert_type(await Customer.tags.get("1"), list[str])
    assert_type(await Customer.items[0].price.get("1"), int)
    assert_type(await Customer.nick.get("1"), Optional[str])
    await Customer.age.set("1", 3)
    await Customer.tags.set("1", ["x"])
    assert_type(await Customer.extract("1", Customer.age, Customer.home.city), tuple[int, str])
    assert_type(await Customer.extract("1", Customer.tags), tuple[list[str]])
    assert_type(
        await Customer.extract_many(["1"], Customer.age, Customer.nick),
        list[tuple[int, Optional[str]]],
    )
    assert_type(Customer.path("age"), FieldPath[Any])
    # embedded models, which are paths and classes at once
    assert_type(await Customer.home.get("1"), Home)
    assert_type(await Customer.second.get("1", default=None), Optional[Home])
    assert_type(await Customer.items[0].get("1"), Item)
    assert_type(await Customer.by_name["x"].get("1"), Item)
    await Customer.home.set("1", Home(city="x"))
    await Customer.second.set("1", None)
    await Customer.items[-1].set("1", Item(name="x", price=3))
    assert_type(Customer.second.is_none(), Condition)
    assert_type(Customer.second == None, Condition)
    assert_type(~(Customer.second != None), Condition)
    assert_type((Customer.home == Home(city="x")) & (Customer.age > 3), Condition)
    assert_type(Customer.items[0] != Item(name="x", price=3), Condition)
    assert_type(Customer.home.in_([Home(city="x"), None]), Condition)
    assert_type(Home == type(customer.home), bool)
    assert_type(await Customer.extract("1", Customer.age, Customer.home), tuple[int, Home])
    assert_type(await Customer.extract_many(["1"], Customer.items[0]), list[tuple[Item]])
    assert_type((await Customer.extract_fields([Customer.home], "1"))[Customer.home], Any)
    found = await Customer.extract_fields(["age", Customer.name], "1")
    assert_type(found["age"], Any)
    assert_type((await customer.extract_fields(["age"]))["age"], Any)


async def bad(customer: Customer) -> None:
    Customer.age > "x"  # error
    Customer.name < 3  # error
    Customer.score <= "x"  # error
    Customer.age.between("a", "b")  # error
    Customer.age.between(1, Customer.name)  # error
    Customer.age > Decimal(1)  # error
    Customer.age.between(Decimal(1), 2)  # error
    Customer.balance > "x"  # error
    Customer.balance + "x"  # error
    Customer.height + "x"  # error
    Customer.nick + 1  # error
    Customer.seen + Customer.seen  # error
    Customer.span + Customer.seen  # error
    Customer.span > 3  # error
    Customer.age.startswith("x")  # error
    Customer.name.contains(3)  # error
    Customer.tags.contains(3)  # error
    Customer.marks.contains("x")  # error
    Customer.tags["x"]  # error
    Customer.counts[0]  # error
    Customer.items["x"]  # error
    Customer.items.nope()  # error
    Customer.tags.nope  # error
    Customer.pair["x"]  # error
    Customer.by_number["x"]  # error
    Customer.age[0]  # error
    Customer.height[0]  # error
    Customer.items[0].nope  # error
    Customer.items[0].price.startswith("x")  # error
    Customer.home.nope  # error
    Customer.age + "x"  # error
    Customer.name * 2  # error
    Customer.items.any("x")  # error
    (Customer.age > 3) & "x"  # error
    takes("x")  # error
    await Customer.age.set("1", "x")  # error
    await Customer.tags.set("1", [3])  # error
    await Customer.age.get()  # error
    await Customer.extract("1", "age")  # error
    await Customer.extract("1", int)  # error
    await Customer.extract("1", Customer)  # error
    await Customer.extract("1", customer.home)  # error
    await Customer.home.set("1", Item(name="x", price=3))  # error
    await Customer.home.get()  # error
    customer.home.is_none()  # error
    Customer.home > Home(city="x")  # error
    await Customer.extract_fields("1")  # error
    await customer.extract_fields(["age"], "1")  # error
    (await Customer.age.get("1", default=None)) + 1  # error
