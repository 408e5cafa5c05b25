"""Servers that die, are full or read-only, and callers that give up: what is said is what is there.

Everything here happens to real servers, which are killed by SIGKILL.
"""

from __future__ import annotations

import asyncio

import pytest
from bulk_models import User, users
from rapyer import OutcomeUnknownError, init_rapyer
from rapyer_bulk import BulkError, BulkOutcomeUnknownError, result_of
from rapyer_embedded import Server
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError


async def keys_in(url):
    async with Redis.from_url(url) as client:
        return {key.decode() for key in await client.keys("bulk:user:*")}


async def check_against_redis(result, url):
    """Every key that is said to be written is there, and every one that is not is not."""
    there = await keys_in(url)
    written, failed = set(result.keys_of("inserted")), set(result.keys_of("failed"))
    unknown = set(result.keys_of("unknown"))
    if result.server_lost:
        assert there <= written | unknown
    else:
        assert written <= there <= written | unknown
    assert not failed & there
    assert written | failed | unknown == {entry.key for entry in result}


def server_that(keeps, directory, **options):
    """A server that keeps nothing, or all that it has acknowledged.

    With redis's default, `appendfsync everysec`, an acknowledged write is not even handed to the
    file while that of the second before is still on its way to the disk: a kill then loses it.
    """
    if not keeps:
        return Server(**options)
    return Server(directory=directory, args=("--appendfsync", "always"), **options)


class KillingProgress:
    """Kills the server once so many documents are written."""

    def __init__(self, server, after):
        self.server, self.after = server, after

    def __call__(self, done, total):
        if done >= self.after and self.server.process.poll() is None:
            self.server.process.kill()
            self.server.process.wait()


@pytest.mark.parametrize("keeps", [False, True], ids=["empty", "append-only file"])
@pytest.mark.parametrize("after", [1, 300, 600])
async def test_a_server_that_is_killed_in_the_middle(tmp_path, keeps, after):
    with server_that(keeps, tmp_path) as server:
        async with init_rapyer(server.url):
            progress = KillingProgress(server, after)
            with pytest.raises(BulkError) as caught:
                await User.bulk_insert(users(1000), chunk_size=50, progress=progress)
            result = caught.value.result
            assert result.server_lost
            assert not result.is_complete
            assert result.inserted >= min(after, 50)
            assert isinstance(caught.value.__cause__, RedisConnectionError)
            unknown = isinstance(caught.value, OutcomeUnknownError)
            assert unknown == bool(result.unknown)
            server.restart()
            await check_against_redis(result, server.url)
            there = await keys_in(server.url)
            if keeps:  # what was acknowledged had been written to the file before
                assert set(result.keys_of("inserted")) <= there
            else:
                assert there == set()


@pytest.mark.parametrize("keeps", [False, True], ids=["empty", "append-only file"])
async def test_a_server_that_is_replaced_while_nothing_is_under_way(tmp_path, keeps):
    """The connections are made anew, and everything is answered; but not by one server."""
    with server_that(keeps, tmp_path, port=0) as server:

        async def slowly():
            for number, user in enumerate(users(40)):
                if number == 20:
                    await asyncio.sleep(0.05)  # both chunks are written
                    server.process.kill()
                    server.process.wait()
                    server.restart()
                yield user

        async with init_rapyer(server.url):
            with pytest.raises(BulkError, match="The server was lost or replaced") as caught:
                await User.bulk_insert(slowly(), chunk_size=10)
            result = caught.value.result
            assert result.server_lost
            await check_against_redis(result, server.url)
            assert len(await keys_in(server.url)) >= (result.inserted if keeps else 0)


async def test_a_server_that_dies_before_the_source_ends():
    with Server(port=0) as server:

        async def slowly():
            for user in users(20):
                yield user
            await asyncio.sleep(0.02)
            server.process.kill()
            server.process.wait()
            server.restart()
            await asyncio.sleep(0.1)

        async with init_rapyer(server.url):
            with pytest.raises(BulkError, match="lost or replaced") as caught:
                await User.bulk_insert(slowly(), chunk_size=10)
            assert caught.value.result.server_lost
            await check_against_redis(caught.value.result, server.url)


async def test_a_server_that_was_a_replica_in_between():
    """It has the same process, and lost what it had."""
    with Server(port=0) as server, Server(port=0) as other:
        async with Redis.from_url(server.url) as client, init_rapyer(server.url):

            async def slowly():
                for number, user in enumerate(users(40)):
                    if number == 20:
                        await asyncio.sleep(0.05)
                        await client.replicaof("127.0.0.1", other.url.split(":")[-1].split("/")[0])
                        while (await client.info("replication")).get("master_link_status") != "up":
                            await asyncio.sleep(0.05)
                        await client.replicaof("NO", "ONE")
                    yield user

            with pytest.raises(BulkError) as caught:
                await User.bulk_insert(slowly(), chunk_size=10)
            assert caught.value.result.server_lost


async def test_a_server_that_is_given_a_replica_is_the_same():
    with Server(port=0) as server, Server(port=0) as replica:

        async def slowly():
            async with Redis.from_url(replica.url) as client:
                for number, user in enumerate(users(40)):
                    if number == 20:
                        await asyncio.sleep(0.05)
                        port = server.url.split(":")[-1].split("/")[0]
                        await client.replicaof("127.0.0.1", port)
                        while (await client.info("replication"))["master_link_status"] != "up":
                            await asyncio.sleep(0.05)
                    yield user

        async with init_rapyer(server.url):
            result = await User.bulk_insert(slowly(), chunk_size=10)
            assert result.server_lost is False
            assert result.inserted == 40


@pytest.mark.parametrize("ends", ["by an error", "by a restart and an error"])
async def test_what_is_known_of_the_server_when_the_source_fails(ends):
    with Server(port=0) as server:

        async def failing():
            for number, user in enumerate(users(40)):
                if number == 20 and "restart" in ends:
                    await asyncio.sleep(0.05)
                    server.process.kill()
                    server.process.wait()
                    server.restart()
                    await asyncio.sleep(0.05)  # so that the connections are seen to be closed
                yield user
            await asyncio.sleep(0.05)
            raise LookupError

        async with init_rapyer(server.url):
            with pytest.raises(LookupError) as caught:
                await User.bulk_insert(failing(), chunk_size=10)
            result = result_of(caught.value)
            assert result.server_lost is (True if "restart" in ends else None)


@pytest.mark.parametrize("command", ["exists", "type"])
async def test_who_may_not_look_at_keys_is_refused_before_anything_is_written(command):
    with Server() as server:
        async with Redis.from_url(server.url) as client, init_rapyer(server.url):
            await User.bulk_insert(users(2))
            await client.acl_setuser("default", enabled=True, commands=[f"-{command}"])
            inserted = (await outcome(User.bulk_insert(users(2)))).counts
            deleted = (await outcome(User.bulk_delete([*"01"]))).counts
            if command == "exists":  # it can be done without
                assert (inserted, deleted) == ({"replaced": 2}, {"deleted": 2})
            else:
                assert inserted == {"replaced": 2}
                assert deleted == {"failed": 2}
                assert len(await keys_in(server.url)) == 2


async def outcome(call):
    try:
        return await call
    except BulkError as exc:
        return exc.result


async def test_a_user_who_may_not_ask_is_told_that_it_is_not_known():
    with Server() as server:
        async with Redis.from_url(server.url) as client, init_rapyer(server.url):
            await client.acl_setuser("default", enabled=True, commands=["-info"])
            result = await User.bulk_insert(users(20), chunk_size=10)
            assert result.server_lost is None
            assert result.inserted == 20
            assert (await User.bulk_insert(users(20))).server_lost is False


async def test_a_server_that_is_not_there():
    with Server() as server:
        async with init_rapyer(server.url):
            server.process.kill()
            server.process.wait()
            with pytest.raises(BulkError) as caught:
                await User.bulk_insert(users(30), chunk_size=10)
            result = caught.value.result
            assert result.counts.keys() <= {"failed", "unknown"}
            assert not result.is_complete
            server.restart()
            assert await keys_in(server.url) == set()


async def test_a_connection_that_breaks_leaves_the_server_as_it_is(redis_url, server, redis):
    """The keys of chunks that were answered are known to be there."""

    def progress(done, total):
        if done == 50:
            kill.append(
                asyncio.ensure_future(redis.client_kill_filter(_type="normal", skipme=True))
            )

    kill = []

    async def slowly():
        for user in users(300):
            await asyncio.sleep(0)
            yield user

    try:
        result = await User.bulk_insert(slowly(), chunk_size=50, progress=progress)
    except BulkError as exc:
        result = exc.result
        assert not result.server_lost
    await check_against_redis(result, redis_url)
    await asyncio.gather(*kill)


@pytest.mark.parametrize("kind", ["full", "read-only", "forbidden"])
async def test_a_server_that_takes_nothing_more(kind):
    with Server() as server:
        async with Redis.from_url(server.url) as client, init_rapyer(server.url):

            async def refuse(done, total):
                if kind == "full":
                    await client.config_set("maxmemory-policy", "noeviction")
                    await client.config_set("maxmemory", "1mb")
                elif kind == "read-only":
                    await client.replicaof("127.0.0.1", "1")
                else:
                    await client.acl_setuser("default", enabled=True, commands=["-json.mset"])

            async def slowly():
                for number, user in enumerate(users(60)):
                    if number == 30:
                        await asyncio.sleep(0.05)
                        await refuse(0, 0)
                    yield user

            with pytest.raises(BulkError) as caught:
                await User.bulk_insert(slowly(), chunk_size=10)
            result = caught.value.result
            assert result.inserted in (20, 30)
            assert result.failed >= 10
            assert not result.unknown
            assert result.is_complete == (len(result) == 60)
            assert not result.server_lost
            expected = {"full": OutOfMemoryError, "read-only": ReadOnlyError}
            assert isinstance(caught.value.__cause__, expected.get(kind, ResponseError))
            await check_against_redis(result, server.url)


async def test_a_full_server_still_deletes():
    with Server() as server:
        async with Redis.from_url(server.url) as client, init_rapyer(server.url):
            await User.bulk_insert(users(20))
            await client.config_set("maxmemory-policy", "noeviction")
            await client.config_set("maxmemory", "1mb")
            with pytest.raises(BulkError):
                await User.bulk_update([str(n) for n in range(20)], age=1)
            assert (await User.bulk_delete([str(n) for n in range(20)])).deleted == 20


# -- callers that give up -------------------------------------------------------------------------


@pytest.mark.parametrize("turns", range(0, 40, 3))
async def test_a_call_that_is_cancelled_stops_cleanly_and_says_what_was_done(
    server, redis, redis_url, turns
):
    call = asyncio.create_task(User.bulk_insert(users(400), chunk_size=10))
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await call
    assert asyncio.all_tasks() == {asyncio.current_task()}
    result = result_of(caught.value)
    if result is None:  # it had not begun
        assert turns == 0
        return
    assert not result.unknown
    await check_against_redis(result, redis_url)
    assert "Before this, bulk_insert had done the following: " in caught.value.__notes__[0]
    number = await redis.dbsize()
    await asyncio.sleep(0.02)
    assert await redis.dbsize() == number


async def test_a_call_that_takes_too_long_says_what_was_done(server, redis_url):
    async def slowly():
        for user in users(1000):
            await asyncio.sleep(0.001)
            yield user

    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.1):
            await User.bulk_insert(slowly(), chunk_size=10)
    result = result_of(caught.value)
    assert result.inserted >= 10
    await check_against_redis(result, redis_url)


async def test_a_server_that_hangs_does_not_keep_a_cancelled_call(redis, server):
    await User.bulk_insert(users(10))
    await redis.client_pause(3000, all=True)
    call = asyncio.create_task(User.bulk_insert(users(10)))
    await asyncio.sleep(0.05)
    started = asyncio.get_running_loop().time()
    call.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await call
    assert asyncio.get_running_loop().time() - started < 2.5
    assert result_of(caught.value).counts == {"unknown": 10}
    await redis.client_unpause()


async def test_a_call_that_is_cancelled_twice_says_what_is_known(redis, server):
    await redis.client_pause(3000, all=True)
    call = asyncio.create_task(User.bulk_insert(users(10)))
    await asyncio.sleep(0.05)
    call.cancel()
    await asyncio.sleep(0.05)
    call.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await call
    assert result_of(caught.value).counts == {"unknown": 10}
    await redis.client_unpause()


async def test_an_error_in_a_group_has_its_result(server):
    await User(id="1").save()
    with pytest.raises(BulkError) as caught:
        await User.bulk_insert([User(id="1")], mode="insert")
    group = ExceptionGroup("several", [LookupError(), caught.value])
    assert result_of(group) is caught.value.result


async def test_the_result_of_an_earlier_call_is_not_that_of_a_later_error(server):
    await User(id="1").save()
    try:
        await User.bulk_insert([User(id="1")], mode="insert")
    except BulkError:
        with pytest.raises(LookupError) as caught:
            await User.get("nobody")
    assert result_of(caught.value) is None


async def test_an_iterable_that_fails_in_the_middle_says_what_was_done(server, redis, redis_url):
    def failing():
        yield from users(25)
        raise OSError("the disk")

    with pytest.raises(OSError, match="the disk") as caught:
        await User.bulk_insert(failing(), chunk_size=10)
    result = result_of(caught.value)
    assert result.inserted in (10, 20)
    await check_against_redis(result, redis_url)


async def test_a_lost_reply_is_told_apart_from_a_refusal(server, redis):
    await User.bulk_insert(users(5))
    await redis.client_pause(2000, all=False)
    call = asyncio.create_task(User.bulk_insert(users(5)))
    await asyncio.sleep(0.05)
    await redis.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(BulkOutcomeUnknownError) as caught:
        await call
    assert caught.value.result.counts == {"unknown": 5}
    assert not caught.value.result.server_lost
    await redis.client_unpause()


def test_nothing_was_done_before_an_error_of_something_else():
    assert result_of(None) is None
    assert result_of(ValueError()) is None
