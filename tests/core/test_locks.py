"""Locks on documents: taken, waited for, lost, given back."""

from __future__ import annotations

import asyncio
import inspect
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rapyer import (
    AtomicRedisModel,
    ConflictError,
    CorruptDocumentError,
    Key,
    KeyChangedError,
    KeyNotFoundError,
    LockError,
    LockLostError,
    LockTimeoutError,
    UnstorableValueError,
    Version,
    WrongTypeError,
    init_rapyer,
)
from rapyer.locks import lock_keys
from redis.crc import key_slot
from redis.exceptions import NoPermissionError


class Account(AtomicRedisModel):
    id: Key[str]
    balance: int = 0
    name: str = ""
    tags: list[str] = []
    limit: int | None = None

    class Config:
        prefix = "locks:account"


class Counted(AtomicRedisModel):
    id: Key[str]
    number: int = 0
    revision: Version

    class Config:
        prefix = "locks:counted"


class Tracked(AtomicRedisModel):
    id: Key[str]
    number: int = 0

    class Config:
        prefix = "locks:tracked"
        track_changes = True


LOCK = "rapyer:lock:{locks:account:1}:profile"


@pytest.fixture
async def account(server) -> Any:
    return await Account(id="1", balance=5, name="Ada").save()


# -- what happens in a block ----------------------------------------------------------------------


async def test_what_was_changed_in_the_fresh_instance_is_written_at_the_end(account, redis):
    async with account.lock("profile") as fresh:
        assert await redis.pttl(LOCK) > 9000
        assert fresh == account
        assert fresh is not account
        fresh.balance += 1
        fresh.tags.append("x")
        assert (await Account.get("1")).balance == 5
        await Account.aupdate_by_key("1", name="by another")
    assert await Account.get("1") == Account(id="1", balance=6, name="by another", tags=["x"])
    assert account.balance == 5
    assert await redis.keys("rapyer:*") == []


async def test_a_block_that_changes_nothing_writes_nothing(account, redis):
    before = await redis.execute_command("JSON.GET", "locks:account:1")
    async with Account.lock_by_key("locks:account:1") as fresh:
        assert fresh.balance == 5
        assert await redis.keys("rapyer:*") == [b"rapyer:lock:{locks:account:1}:default"]
    assert await redis.execute_command("JSON.GET", "locks:account:1") == before
    assert await redis.keys("rapyer:*") == []


async def in_a_lock(lock: Any, *actions: Callable[[Any], Any]) -> None:
    """Do some things with the fresh instance of a lock."""
    async with lock as fresh:
        for action in actions:
            result = action(fresh)
            if inspect.isawaitable(result):
                await result


def setting(name: str, value: object) -> Callable[[Any], None]:
    return lambda fresh: setattr(fresh, name, value)


async def test_a_block_that_raises_writes_nothing_and_gives_the_lock_back(account, redis):
    with pytest.raises(ZeroDivisionError):
        await in_a_lock(account.lock("profile"), setting("balance", 9), lambda _: 1 // 0)
    assert await redis.keys("rapyer:*") == []
    assert (await Account.get("1")).balance == 5


async def test_what_the_block_saves_itself_is_not_taken_back(account):
    async with account.lock("profile") as fresh:
        fresh.balance = 100
        await fresh.save()
        fresh.balance = 5
        fresh.name = "x"
    assert await Account.get("1") == Account(id="1", balance=5, name="x")
    async with account.lock("profile") as fresh:
        await fresh.aupdate(balance=7)
        fresh.name = "y"
    assert await Account.get("1") == Account(id="1", balance=7, name="y")


async def test_what_the_block_deletes_and_saves_again_is_a_new_document(account):
    await in_a_lock(
        account.lock("profile"), lambda fresh: fresh.delete(), lambda fresh: fresh.save(),
        setting("balance", 77),
    )  # fmt: skip
    assert (await Account.get("1")).balance == 77


async def test_a_version_is_counted_and_compared(server):
    await Counted(id="1").save()
    async with Counted.lock_by_key("1") as fresh:
        fresh.number = 1
    assert (await Counted.get("1")).revision == 2
    assert fresh.revision == 2
    with pytest.raises(ConflictError):
        await in_a_lock(
            Counted.lock_by_key("1"),
            setting("number", 2),
            lambda _: Counted.aupdate_by_key("1", number=9),
        )
    async with Counted.lock_by_key("1", wait=0) as fresh:
        assert fresh.number == 9


async def test_a_model_that_tracks_changes_goes_on_to(server):
    await Tracked(id="1").save()
    async with Tracked.lock_by_key("1") as fresh:
        fresh.number = 1
        assert fresh.changes().keys() == {"number"}
    fresh.number = 2
    assert await fresh.save_changes() is fresh
    assert (await Tracked.get("1")).number == 2


async def test_what_cannot_be_written_is_said_and_the_lock_given_back(account, redis):
    with pytest.raises(UnstorableValueError):
        await in_a_lock(account.lock("profile"), setting("balance", 2**70))
    with pytest.raises(KeyChangedError):
        await in_a_lock(account.lock("profile"), setting("id", "2"))
    with pytest.raises(KeyNotFoundError):
        await in_a_lock(
            account.lock("profile"), setting("balance", 3), lambda _: Account.delete_by_key("1")
        )
    assert await redis.keys("*") == []


async def test_a_block_that_deletes_the_document_writes_nothing(account, redis):
    await in_a_lock(account.lock("profile"), lambda fresh: fresh.delete(), setting("balance", 3))
    assert await redis.keys("*") == []


# -- what is no lock ------------------------------------------------------------------------------


async def test_a_document_that_is_not_there_has_no_lock(account, redis):
    with pytest.raises(KeyNotFoundError):
        async with Account.lock_by_key("2"):
            pytest.fail("there is no document")
    await redis.execute_command("JSON.SET", "locks:account:3", "$", '{"id":"3","balance":"x"}')
    with pytest.raises(CorruptDocumentError):
        async with Account.lock_by_key("3"):
            pytest.fail("it does not validate")
    await redis.set("locks:account:4", "x")
    with pytest.raises(WrongTypeError, match="holds a string"):
        async with Account.lock_by_key("4"):
            pytest.fail("it is no document")
    assert await redis.keys("rapyer:*") == []


async def test_a_task_does_not_wait_for_itself(account):
    async with account.lock("profile"):
        with pytest.raises(LockError, match="this task already holds the lock 'profile'"):
            async with Account.lock_by_key("1", "profile"):
                pytest.fail("it would wait for ever")
        async with account.lock("other") as other:
            other.balance = 8
    async with account.lock("profile") as fresh:
        assert fresh.balance == 8


async def test_a_lock_is_for_one_block(account):
    lock = account.lock("profile")
    assert repr(lock) == "<the lock 'profile' of 'locks:account:1', not held>"
    async with lock:
        assert repr(lock) == "<the lock 'profile' of 'locks:account:1', held>"
        with pytest.raises(LockError, match="has already been entered"):
            await lock.__aenter__()
    with pytest.raises(LockError, match="Call lock\\(\\) again"):
        async with lock:
            pytest.fail("it was used")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"name": ""}, TypeError),
        ({"name": 3}, TypeError),
        ({"name": "\ud800"}, ValueError),
        ({"lease": 0}, ValueError),
        ({"lease": True}, ValueError),
        ({"lease": float("nan")}, ValueError),
        ({"lease": "10"}, ValueError),
        ({"wait": -1}, ValueError),
        ({"wait": float("nan")}, ValueError),
        ({"wait": "1"}, ValueError),
    ],
)
def test_what_is_no_name_and_no_time_is_refused(options, error):
    with pytest.raises(error):
        Account(id="1").lock(**options)
    with pytest.raises(error):
        Account.lock_by_key("1", **options)


# -- waiting --------------------------------------------------------------------------------------


async def test_who_waits_is_woken(account, redis):
    """Long before the lease ends, and sooner than somebody who only looks now and then."""
    async with account.lock("profile"):

        async def other() -> float:
            async with account.lock("profile"):
                return time.monotonic()

        waiting = asyncio.create_task(other())
        while not await redis.exists("rapyer:lock-waiting:{locks:account:1}:profile"):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        given_back = time.monotonic()
    assert await waiting - given_back < 0.5


async def test_who_waits_for_a_dead_holder_goes_on_when_the_lease_has_ended(account, redis):
    await redis.set(LOCK, "of somebody who died", px=300)
    started = time.monotonic()
    async with account.lock("profile"):
        assert 0.2 < time.monotonic() - started < 3


async def test_who_does_not_want_to_wait_is_told(account, redis):
    await redis.set(LOCK, "of somebody else", px=60_000)
    for wait in (0, 0.2):
        started = time.monotonic()
        with pytest.raises(LockTimeoutError, match=rf"within {wait} seconds") as caught:
            async with account.lock("profile", wait=wait):
                pytest.fail("it is taken")
        assert wait <= time.monotonic() - started < wait + 2
        assert (caught.value.key, caught.value.name) == ("locks:account:1", "profile")
        assert isinstance(caught.value, TimeoutError)


async def test_who_is_cancelled_while_waiting_leaves_nothing(account, redis):
    await redis.set(LOCK, "of somebody else", px=60_000)
    waiting = asyncio.create_task(account.lock("profile").__aenter__())
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await redis.delete(LOCK)
    async with account.lock("profile", wait=0):
        assert await redis.exists(LOCK)


@pytest.mark.parametrize("changes", [False, True])
async def test_who_is_cancelled_at_the_end_of_a_block_gives_it_back(account, redis, changes):
    for pause in range(1, 25):  # a block that ends has begun to
        lock = account.lock("profile", lease=3600)
        fresh = await lock.__aenter__()
        fresh.balance += changes
        leaving = asyncio.create_task(lock.__aexit__(None, None, None))
        for _ in range(pause):
            await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        deadline = time.monotonic() + 5
        while await redis.exists(LOCK):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)


async def test_a_block_that_is_cancelled_ends_although_the_server_hangs():
    embedded = pytest.importorskip("rapyer_embedded")
    async with embedded.Server() as server, init_rapyer(server.url):
        await Account(id="1").save()

        async def block() -> None:
            async with asyncio.timeout(0.2), Account.lock_by_key("1") as fresh:
                fresh.balance = 3
                server.process.send_signal(signal.SIGSTOP)
                await Account.exists("1")

        started = time.monotonic()
        try:
            with pytest.raises(TimeoutError):
                await block()
            assert time.monotonic() - started < 3
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert (await Account.get("1")).balance == 0


async def test_who_is_cancelled_as_it_is_woken_wakes_the_next_one(account, redis):
    for pause in range(20):
        holding = account.lock("profile")
        await holding.__aenter__()
        one, other = (asyncio.create_task(account.lock("profile").__aenter__()) for _ in range(2))
        while not await redis.exists("rapyer:lock-waiting:{locks:account:1}:profile"):
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        await holding.__aexit__(None, None, None)
        started = time.monotonic()
        for _ in range(pause):
            await asyncio.sleep(0)
        one.cancel()
        await asyncio.wait([one])
        if one.cancelled():
            await other
            assert time.monotonic() - started < 0.8
        other.cancel()
        await asyncio.wait([other])
        await redis.delete(LOCK)


async def test_a_waiter_that_loses_its_connection_looks_again(account, redis):
    holding = account.lock("profile")
    await holding.__aenter__()
    waiting = asyncio.create_task(account.lock("profile").__aenter__())
    while not any(client["cmd"] == "blpop" for client in await redis.client_list()):
        await asyncio.sleep(0.01)
    for client in await redis.client_list():
        if client["cmd"] == "blpop":
            await redis.client_kill_filter(_id=client["id"])
    await holding.__aexit__(None, None, None)
    assert (await waiting).balance == 5
    await redis.delete(LOCK)


async def test_waiters_do_not_read_the_document(account, redis):
    async with account.lock("profile"):
        before = (await redis.info("commandstats")).get("cmdstat_JSON.GET", {}).get("calls", 0)
        with pytest.raises(LockTimeoutError):
            await asyncio.create_task(account.lock("profile", wait=0.4).__aenter__())
        after = (await redis.info("commandstats")).get("cmdstat_JSON.GET", {}).get("calls", 0)
    assert after == before


async def test_a_user_of_some_keys_may_lock_their_documents(redis_url, redis):
    await redis.execute_command(
        "ACL", "SETUSER", "few", "on", ">pw", "~locks:*", "~rapyer:*", "+@all"
    )
    async with init_rapyer(redis_url.replace("unix://", "unix://few:pw@")):
        await Account(id="1").save()
        async with Account.lock_by_key("1") as fresh:
            fresh.balance = 3
        assert (await Account.get("1")).balance == 3
    await redis.execute_command("ACL", "DELUSER", "few")


@pytest.mark.parametrize("command", ["del", "pexpire"])
async def test_a_user_who_could_not_give_a_lock_back_is_told_before(redis_url, redis, command):
    await redis.execute_command("ACL", "SETUSER", "few", "on", ">pw", "~*", "+@all", f"-{command}")
    async with init_rapyer(redis_url.replace("unix://", "unix://few:pw@")):
        await Account(id="1").save()
        with pytest.raises(NoPermissionError, match=command.upper()):
            async with Account.lock_by_key("1"):
                pytest.fail("it could not be given back")
    assert await redis.keys("rapyer:*") == []
    await redis.execute_command("ACL", "DELUSER", "few")


async def test_who_is_cancelled_in_the_moment_of_taking_gives_it_back(account, redis):
    for pause in range(30):
        taking = asyncio.create_task(account.lock("profile").__aenter__())
        for _ in range(pause):
            await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait([taking])
        if not taking.cancelled():
            await redis.delete(LOCK)
            continue
        deadline = time.monotonic() + 5
        while await redis.exists(LOCK):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("number", [100])
async def test_tasks_that_count_under_a_lock_lose_nothing(account, redis_url, number):
    async def count() -> None:
        async with Account.lock_by_key("1", "profile") as fresh:
            fresh.balance += 1

    await asyncio.gather(*(count() for _ in range(number)))
    assert (await Account.get("1")).balance == 5 + number


async def test_few_connections_are_enough(redis_url, redis):
    async with init_rapyer(f"{redis_url}?max_connections=2"):
        await Account(id="1").save()
        await asyncio.gather(*(_count() for _ in range(10)))
        assert (await Account.get("1")).balance == 10


async def _count() -> None:
    async with Account.lock_by_key("1", "profile") as fresh:
        await asyncio.sleep(0)
        fresh.balance += 1


# -- leases ---------------------------------------------------------------------------------------


async def test_a_lease_is_renewed_while_the_block_runs(account, redis):
    async with account.lock("profile", lease=0.15) as fresh:
        fresh.balance = 9
        await asyncio.sleep(0.6)
        assert 0 < await redis.pttl(LOCK) <= 150
    assert (await Account.get("1")).balance == 9


async def test_a_lock_that_was_lost_writes_nothing(account, redis):
    with pytest.raises(LockLostError, match="nothing was written") as caught:
        await in_a_lock(  # what holds up the loop holds up the renewal
            account.lock("profile", lease=0.1), setting("balance", 9), lambda _: time.sleep(0.3)
        )
    assert (caught.value.key, caught.value.name) == ("locks:account:1", "profile")
    with pytest.raises(LockLostError):
        await in_a_lock(
            account.lock("profile"),
            setting("balance", 9),
            lambda _: redis.set(LOCK, "of somebody else"),
        )
    assert await redis.getdel(LOCK) == b"of somebody else"
    with pytest.raises(LockLostError):
        async with account.lock("profile"):
            await redis.delete(LOCK)
    assert (await Account.get("1")).balance == 5


# -- processes ------------------------------------------------------------------------------------

PROGRAM = """
import asyncio, sys
from rapyer import AtomicRedisModel, Key, LockLostError, init_rapyer

class Account(AtomicRedisModel):
    id: Key[str]
    balance: int = 0
    class Config:
        prefix = "locks:account"

async def main(url, number, lease):
    async with init_rapyer(url):
        while number:
            try:
                async with Account.lock_by_key("1", "profile", lease=lease) as fresh:
                    fresh.balance += 1
            except LockLostError:
                continue
            number -= 1
            print("+", flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
"""


async def _process(path: Path, url: str, number: int, lease: float) -> Any:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(path), url, str(number), str(lease), stdout=asyncio.subprocess.PIPE
    )


async def _counted(process: Any) -> int:
    output, _ = await process.communicate()
    return output.count(b"+")


async def test_processes_that_count_under_a_lock_lose_nothing(account, redis_url, tmp_path):
    (path := tmp_path / "count.py").write_text(PROGRAM)
    processes = [await _process(path, redis_url, 25, 10) for _ in range(4)]
    assert await asyncio.gather(*map(_counted, processes)) == [25] * 4
    assert (await Account.get("1")).balance == 105


@pytest.mark.slow
@pytest.mark.parametrize("kills", [False, True])
async def test_twenty_processes_lose_nothing_also_when_some_are_killed(
    account, redis_url, tmp_path, kills
):
    (path := tmp_path / "count.py").write_text(PROGRAM)
    processes = [await _process(path, redis_url, 1000, 0.5) for _ in range(20)]
    counting = [asyncio.create_task(_counted(process)) for process in processes]
    if kills:
        for process in processes[:8]:
            await asyncio.sleep(0.7)
            process.send_signal(signal.SIGKILL)
    told = sum(await asyncio.gather(*counting))
    balance = (await Account.get("1")).balance - 5
    # one that was killed may have counted without having told
    assert told <= balance <= told + 8 * kills
    assert kills or balance == 20_000


@pytest.mark.slow
async def test_processes_lose_nothing_when_the_clock_of_the_server_jumps(
    account, redis, redis_url, tmp_path
):
    """A clock that jumps ahead ends leases at once, one that jumps back makes them long.

    So do these commands. With a clock that did jump, by libfaketime, it was measured: decision 10.
    """
    (path := tmp_path / "count.py").write_text(PROGRAM)
    processes = [await _process(path, redis_url, 200, 2) for _ in range(20)]
    counting = [asyncio.create_task(_counted(process)) for process in processes]
    jumps = 0
    while not all(task.done() for task in counting):
        jumps += await redis.pexpire(LOCK, random.choice([1, 3_600_000]))
        await asyncio.sleep(random.uniform(0.01, 0.1))
    assert sum(await asyncio.gather(*counting)) == 4000
    assert (await Account.get("1")).balance == 4005
    assert jumps > 5


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "lock"),
    [
        ("user:123", "rapyer:lock:{user:123}:profile"),
        ("user:{tag}:123", "rapyer:lock:user:{tag}:123:profile"),
        ("user:{a", "rapyer:lock:{user:{a}:profile"),
        ("user:{a}{b}", "rapyer:lock:user:{a}{b}:profile"),
        ("user:é", "rapyer:lock:{user:é}:profile"),
    ],
)
@pytest.mark.parametrize("is_cluster", [False, True])
def test_a_lock_is_in_the_slot_of_its_document(key, lock, is_cluster):
    keys = lock_keys(key, "profile", is_cluster=is_cluster)
    assert keys.lock == lock
    assert {key_slot(name.encode()) for name in keys} == {key_slot(key.encode())}


@pytest.mark.parametrize("key", ["user:a}b", "user:{}a}", "user:}"])
def test_a_key_that_no_lock_can_stand_beside_is_refused_on_a_cluster(key):
    with pytest.raises(LockError, match="no lock can be in the slot"):
        lock_keys(key, "profile", is_cluster=True)
    assert key in lock_keys(key, "profile", is_cluster=False).lock


def test_locks_of_other_names_have_other_keys():
    names = ["a", "a:b", "b", "lock", "waiting", "wake", ":", "a}", "{a}", "a%3Ab", "%"]
    for documents in (["user:1", "user:1:a"], ["user:{t}:1", "user:{t}:1:a", "user:{t}:1:a:b"]):
        keys = [
            key
            for document in documents
            for name in names
            for key in lock_keys(document, name, is_cluster=False)
        ]
        assert len(set(keys)) == len(keys)


async def test_the_server_is_no_cluster(server):
    assert server.is_cluster is False
