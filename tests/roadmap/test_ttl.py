"""The roadmap's chapter "TTL Postponement on Model Usage": its example, word for word."""

from __future__ import annotations

from rapyer import init_rapyer
from rapyer.testing import use_plugins


async def test_the_example(redis, redis_url):
    # with models of their own, so that the keys of the example are those of no other test
    with use_plugins(installed=True):
        from rapyer import AtomicRedisModel

        # fmt: off
        class User(AtomicRedisModel):
            name: str
            email: str

            class Config:
                ttl_postpone_on_access = True  # Refresh TTL on any access
                ttl_postpone_on_write = True   # Refresh TTL on writes only
        # fmt: on

        async with init_rapyer(redis_url, ttl=3600):
            stored = User(name="Ada", email="ada@example.org")
            stored.pk = "123"
            await stored.save()
            await redis.expire("user:123", 100)

            # fmt: off
            # TTL gets postponed automatically
            user = await User.get("user:123")  # TTL refreshed to another 3600 seconds
            assert 3590 < await redis.ttl("user:123") <= 3600
            await redis.expire("user:123", 100)
            user.name = "Updated Name"          # TTL refreshed again
            await user.save()
            # fmt: on
            assert 3590 < await redis.ttl("user:123") <= 3600
