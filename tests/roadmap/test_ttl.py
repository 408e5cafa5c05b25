"""The roadmap's chapter "TTL Postponement on Model Usage": its example, word for word."""

from __future__ import annotations

from rapyer import AtomicRedisModel, init_rapyer


class User(AtomicRedisModel):
    name: str
    email: str

    class Config:
        ttl_postpone_on_access = True  # Refresh TTL on any access
        ttl_postpone_on_write = True  # Refresh TTL on writes only


async def test_the_example(redis, redis_url):
    async with init_rapyer(redis_url, ttl=3600):
        stored = User(name="Ada", email="ada@example.org")
        stored.pk = "123"
        await stored.save()
        await redis.expire("user:123", 100)

        # TTL gets postponed automatically
        user = await User.get("user:123")  # TTL refreshed to another 3600 seconds
        assert 3590 < await redis.ttl("user:123") <= 3600
        await redis.expire("user:123", 100)
        user.name = "Updated Name"  # TTL refreshed again
        await user.save()
        assert 3590 < await redis.ttl("user:123") <= 3600
