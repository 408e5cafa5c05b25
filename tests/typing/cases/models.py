"""What a user sees of models. A line marked `# error` must be an error in both type checkers, any other must not."""

from __future__ import annotations

from typing import Generic, Optional, TypeVar
from uuid import UUID

import pydantic
from rapyer import (
    MISSING,
    AtomicRedisModel,
    Change,
    ConflictError,
    EmbeddedModel,
    Field,
    FieldPath,
    Key,
    ListPath,
    Mapped,
    MappedOptional,
    RedisKey,
    ServerInfo,
    Version,
    init_rapyer,
    teardown_rapyer,
)
from typing_extensions import assert_type

T = TypeVar("T")


class Address(EmbeddedModel):
    city: Mapped[str]
    zip: Mapped[int] = Field(default=0)


class User(AtomicRedisModel):
    id: Key[UUID]
    name: Mapped[str]
    age: Mapped[int] = Field(default=0, ge=0)
    nick: Mapped[Optional[str]] = Field(default=None)
    tags: Mapped[list[str]] = Field(default_factory=list)
    counts: Mapped[dict[str, int]] = Field(default_factory=dict)
    address: Mapped[Address]
    home: MappedOptional[Address] = Field(default=None)
    past: Mapped[list[Address]] = Field(default_factory=list)
    short: Mapped[str] = Field(default="", alias="s")
    plain: str = "plain"
    theirs: int = pydantic.Field(default=3)

    class Config:
        prefix = "user"


class Admin(User):
    level: Mapped[int] = Field(default=1)

    class Config(User.Config):
        prefix = "admin"


class Account(AtomicRedisModel):
    balance: Mapped[int] = Field(default=0)
    revision: Version = Field(default=0)

    class Config:
        track_changes = True


class Page(AtomicRedisModel, Generic[T]):
    items: list[T]


class Log(AtomicRedisModel):
    text: str

    class Config:
        abstract = True


class Fixed(AtomicRedisModel, frozen=True):
    name: Mapped[str]


async def good(pk: UUID) -> None:
    user = User(id=pk, name="Ada", address=Address(city="London"))
    User(id=pk, name="Ada", age=36, nick=None, tags=["x"], address=Address(city="Paris", zip=1))
    User(id=pk, name="Ada", address=Address(city="Oslo"), past=[], plain="x", theirs=4, s="short")
    # on the class
    assert_type(User.id, FieldPath[UUID])
    assert_type(User.name, FieldPath[str])
    assert_type(User.age, FieldPath[int])
    assert_type(User.nick, FieldPath[Optional[str]])
    assert_type(User.tags, ListPath[str])
    assert_type(User.tags[0], FieldPath[str])
    assert_type(User.past[0].city, FieldPath[str])
    assert_type(User.address.city, FieldPath[str])
    assert_type(User.home.zip, FieldPath[int])
    assert_type(Admin.age, FieldPath[int])
    assert_type(Admin.level, FieldPath[int])
    assert_type({User.age: 1}, dict[FieldPath[int], int])
    # on an instance
    assert_type(user.id, UUID)
    assert_type(user.name, str)
    assert_type(user.age, int)
    assert_type(user.nick, Optional[str])
    assert_type(user.tags, list[str])
    assert_type(user.address.city, str)
    assert_type(user.home, Optional[Address])
    assert_type(user.past, list[Address])
    assert_type(user.plain, str)
    assert_type(user.theirs, int)
    user.age = 4
    user.age += 1
    user.home = None
    user.home = Address(city="Rome")
    # operations
    assert_type(await User.get(pk), User)
    assert_type(await Admin.get("admin:1"), Admin)
    assert_type(await User.get(User.key_of(pk)), User)
    assert_type(await User.get("user:1", default=None), Optional[User])
    assert_type(await user.save(), User)
    assert_type(await user.save(only_if="absent"), bool)
    assert_type(await user.load(), User)
    assert_type(await user.delete(), bool)
    assert_type(await User.delete_by_key(pk), bool)
    assert_type(await user.exists(), bool)
    assert_type(await User.exists(pk), bool)
    assert_type(await User.get_or_create(user), tuple[User, bool])
    assert_type(user.pk, str)
    assert_type(user.key, RedisKey)
    assert_type(User.key_of(pk), RedisKey)
    page = Page[int](items=[1])
    assert_type(page.items, list[int])
    assert_type(await Page[int].get("1"), Page[int])
    assert_type(Fixed(name="x").name, str)
    # partial updates
    assert_type(await user.aupdate(name="x", age=3), User)
    assert_type(await user.aupdate({User.name: "x", User.age: 3, "tags[0]": "y"}, plain="z"), User)
    assert_type(await user.aupdate({User.address.city: "x"}, home__city="y"), User)
    assert_type(await User.aupdate_by_key(pk, {User.plain: "x"}, age=3), None)
    # versions and changes
    account = Account()
    assert_type(account.revision, int)
    assert_type(Account.revision, FieldPath[int])
    assert_type(await account.save_changes(), Account)
    assert_type(await User.age.increase(pk, 1), int)
    assert_type(await User.counts["a"].increase(pk, 1), int)
    assert_type(await User.tags.append(pk, "x"), int)
    assert_type(await User.tags.extend(pk, ["x", "y"]), int)
    assert_type(await User.tags.insert(pk, 0, "x"), int)
    assert_type(await User.tags.pop(pk), str)
    assert_type(await User.tags.remove_range(pk, 1, -1), int)
    assert_type(await User.tags.clear(pk), int)
    assert_type(await User.counts.update(pk, {"a": 1}), None)
    assert_type(await User.counts.pop(pk, "a"), int)
    assert_type(await User.counts.pop(pk, "a", None), int | None)
    assert_type(await User.counts.popitem(pk), tuple[str, int])
    assert_type(await User.counts.clear(pk), int)
    async with user.lock("profile", lease=5, wait=None) as fresh:
        assert_type(fresh, User)
    async with User.lock_by_key(pk, wait=0.5) as fresh:
        assert_type(fresh.age, int)
    assert_type(account.changes(), dict[str, Change])
    assert_type(account.rollback(), None)
    try:
        await account.save()
    except ConflictError as conflict:
        assert_type(conflict.actual, Optional[int])
    changed = account.changes().get("balance", Change(MISSING, MISSING))
    changed.old is MISSING
    # connecting
    assert_type(await init_rapyer("redis://localhost"), ServerInfo)
    assert_type(await init_rapyer(), ServerInfo)
    async with init_rapyer("redis://localhost") as server:
        assert_type(server, ServerInfo)
    await teardown_rapyer()


async def bad(pk: UUID, user: User) -> None:
    User(id=pk, name=3, address=Address(city="x"))  # error
    User(id="1", name="x", address=Address(city="x"))  # error
    User(id=pk, name="x")  # error
    User(id=pk, name="x", address=Address(city="x"), nope=1)  # error
    User(id=pk, name="x", address=None)  # error
    User(id=pk, name="x", address=Address(city=1))  # error
    User(id=pk, name="x", address=Address())  # error
    User(id=pk, name="x", address=Address(city="x"), short="by name")  # error
    user.age = "x"  # error
    user.nope = 1  # error
    user.home = "x"  # error
    User.nope  # error
    User.address.nope  # error
    User.home.nope  # error
    user.nope  # error
    await User.get()  # error
    await User.get(1.5)  # error
    (await User.get(pk, default=None)).age  # error
    await user.save(only_if="never")  # error
    await user.save("absent")  # error
    await User.exists()  # error
    await user.exists(pk)  # error
    await User.get_or_create(Address(city="x"))  # error
    await User.delete_by_key(None)  # error
    await user.aupdate(["name"])  # error
    await user.aupdate(3)  # error
    user.lock(3)  # error
    await User.age.increase(pk, "x")  # error
    await User.name.increase(pk, 1)  # error
    await User.tags.append(pk, 3)  # error
    await User.counts.update(pk, {"a": "x"})  # error
    await User.counts.pop(pk, 3)  # error
    await User.counts.append(pk, 3)  # error
    await User.tags.extend(pk, [3])  # error
    await User.tags.insert(pk, "x", "x")  # error
    await User.tags.pop(pk, "x")  # error
    await User.age.append(pk, 3)  # error
    user.lock("x", lease="5 s")  # error
    user.lock("x", 5)  # error
    async with User.lock_by_key(1.5):  # error
        pass
    await User.aupdate_by_key(1.5, name="x")  # error
    await User.aupdate_by_key()  # error
    (await User.aupdate_by_key(pk, name="x")).name  # error
    Account(revision="x")  # error
    Account().revision = "x"  # error
    Account.revision.set("1", "x")  # error
    Account().changes().old  # error
    init_rapyer(3)  # error
    Page[int](items=["x"])  # error
