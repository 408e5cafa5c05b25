"""Defects of locks: held by the dead, held twice, taken for documents."""

from __future__ import annotations

import asyncio
import sys

import pytest
from rapyer import AtomicRedisModel, Key, LockTimeoutError

pytestmark = pytest.mark.usefixtures("server")


class Account(AtomicRedisModel):
    id: Key[str]
    balance: int = 0

    class Config:
        prefix = "defects:locks"


HOLDER = """
import asyncio, sys
from rapyer import AtomicRedisModel, Key, init_rapyer

class Account(AtomicRedisModel):
    id: Key[str]
    balance: int = 0

    class Config:
        prefix = "defects:locks"

async def main():
    async with init_rapyer(sys.argv[1]), Account.lock_by_key("1", lease=0.5):
        print("held", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_dead_holder_does_not_block_for_ever(redis_url):
    """A lock without an expiry outlived who had taken it."""
    await Account(id="1").save()
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, redis_url, stdout=asyncio.subprocess.PIPE
    )
    assert await holder.stdout.readline() == b"held\n"
    with pytest.raises(LockTimeoutError):
        async with Account.lock_by_key("1", wait=0):
            pass
    holder.kill()
    await holder.communicate()
    async with Account.lock_by_key("1", wait=10) as fresh:
        fresh.balance = 5
    assert (await Account.get("1")).balance == 5


@pytest.mark.parametrize("key", ["1", "defects:locks:1"])
async def test_there_are_no_two_names_for_one_lock(key):
    """Who locked an instance and who locked its key did not keep each other out."""
    account = await Account(id="1").save()
    async with account.lock("money"):
        with pytest.raises(LockTimeoutError):
            await asyncio.create_task(Account.lock_by_key(key, "money", wait=0).__aenter__())
    async with Account.lock_by_key(key, "money"):
        with pytest.raises(LockTimeoutError):
            await asyncio.create_task(account.lock("money", wait=0).__aenter__())


async def test_a_lock_is_not_taken_for_a_document(redis):
    """Locks stood below the prefix of the model, where whoever looked for documents found them."""
    account = await Account(id="1").save()
    async with account.lock("money"):
        assert await redis.keys("defects:locks:*") == [b"defects:locks:1"]
        assert await Account.find().keys() == ["defects:locks:1"]
        assert await Account.find().scan().count() == 1
        assert (await Account.index.status(scan=True)).failed_keys == ()
