"""What a user sees with core alone. A line marked `# error` must be one in both checkers."""

from __future__ import annotations

from rapyer import AtomicRedisModel, Field, Key, Mapped
from typing_extensions import assert_type


class User(AtomicRedisModel):
    id: Key[str]
    age: Mapped[int] = Field(default=0)


class Fixed(AtomicRedisModel, frozen=True):
    name: Mapped[str]


async def good(user: User) -> None:
    assert_type(await User.get("1"), User)
    assert_type(user.age, int)
    assert_type(Fixed(name="x").name, str)


async def bad(user: User) -> None:
    User.find()  # error
    await User.find_one(True)  # error
    await user.audit_log()  # error
    User.bulk_insert([user])  # error
    user.pipeline()  # error
    await user.get_ttl()  # error
    User(id="1", agee=3)  # error
