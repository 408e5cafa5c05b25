"""What a user sees with rapyer-ttl alone. A line marked `# error` must be one in both checkers."""

from __future__ import annotations

from datetime import timedelta

from rapyer import AtomicRedisModel, Field, Key, Mapped
from rapyer_ttl import ModelExpiredError, allow_expired
from typing_extensions import assert_type


class User(AtomicRedisModel):
    id: Key[str]
    age: Mapped[int] = Field(default=0)

    class Config:
        ttl = 3600


class Fixed(AtomicRedisModel, frozen=True):
    name: Mapped[str]


async def good(user: User) -> None:
    assert_type(await User.get("1"), User)
    assert_type(await User.get("1", None), User | None)
    assert_type(await User.get("1", allow_expired=True), User)
    assert_type(await User.get("1", None, allow_expired=True), User | None)
    assert_type(await user.save(), User)
    assert_type(await user.save(ttl=60), User)
    assert_type(await user.save(only_if="absent", ttl="1h"), bool)
    assert_type(await user.get_ttl(), float | None)
    assert_type(await User.get_ttl_by_key("1"), float | None)
    assert_type(await user.set_ttl(timedelta(hours=1)), None)
    assert_type(await User.set_ttl_by_key("1", "1h"), None)
    assert_type(await user.postpone_ttl(), float | None)
    assert_type(await user.postpone_ttl(by=1.5), float | None)
    assert_type(await User.postpone_ttl_by_key("1", 60), float | None)
    assert_type(await user.persist(), bool)
    assert_type(await User.persist_by_key("1"), bool)
    assert_type(await Fixed(name="x").save(ttl=5), Fixed)
    with allow_expired():
        assert_type(await user.load(), User)
    try:
        await User.get("1")
    except ModelExpiredError as expired:
        assert_type(expired.key, str)


async def bad(user: User) -> None:
    await User.get("1", allow_expired="x")  # error
    await user.save(ttl=None, only_if="never")  # error
    await user.save(ttl=[5])  # error
    await user.set_ttl(None)  # error
    await user.set_ttl()  # error
    await User.set_ttl_by_key("1")  # error
    await user.postpone_ttl(by=[])  # error
    await User.find()  # error
    user.pipeline()  # error
