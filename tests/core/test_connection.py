"""Where Redis is: URLs, clients, event loops, and what happens when it is not there."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import random
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
import redis as synchronous_redis
from rapyer import (
    AtomicRedisModel,
    Key,
    NotConnectedError,
    init_rapyer,
    teardown_rapyer,
)
from rapyer.traffic.naming import MAX_CONNECTIONS
from rapyer.traffic.source import RedisSource
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.exceptions import ConnectionError, TimeoutError


class Item(AtomicRedisModel):
    id: Key[str]
    text: str = "é"


async def works(where: str | Redis) -> None:
    async with init_rapyer(where):
        item = await Item(id="1").save()
        assert await Item.get("1") == item
        assert await item.delete()


# -- ways to name a server ------------------------------------------------------------------------


async def test_the_server_is_described_when_it_is_reached(redis_url):
    async with init_rapyer(redis_url) as server:
        assert server.has_json
        assert server.has_search
        assert server.version.split(".")[0].isdigit()
        assert int(server.limits["MAXEXPANSIONS"]) > 0
        assert server.limits["TIMEOUT"]
    assert await init_rapyer(redis_url) == server
    await teardown_rapyer()


async def test_a_caller_s_client_made_by_hand_works(redis_url):
    path = redis_url.removeprefix("unix://")
    for client in (
        Redis(unix_socket_path=path),
        Redis.from_pool(BlockingConnectionPool.from_url(redis_url)),
        Redis(connection_pool=ConnectionPool.from_url(redis_url)),
        Redis.from_url(redis_url, single_connection_client=True),
    ):
        await works(client)
        await client.aclose()
        await client.connection_pool.disconnect()


async def test_a_client_s_connections_never_repeat_a_command(redis_url):
    client = Redis.from_url(redis_url)
    source = RedisSource.of(client)
    pool = source._new_pool()
    connection = await pool.get_connection()
    assert connection.retry.get_retries() == 0
    await pool.release(connection)
    await pool.aclose()
    await client.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6379/shop",
        "rediss://localhost/-1",
        "redis+sentinel://localhost/mymaster/shop",
        "redis+cluster://localhost/shop",
        "redis://ann:12/moonlight@127.0.0.1/0",
    ],
)
async def test_a_database_that_is_no_number_is_refused_rather_than_taken_for_0(url):
    with pytest.raises(ValueError, match="names a database that is not a number") as caught:
        await init_rapyer(url)
    assert "moonlight" not in str(caught.value)


@pytest.mark.parametrize(
    "where", [None, 3, synchronous_redis.Redis(), "localhost:6379", "http://localhost", ""]
)
async def test_what_names_no_server_is_refused_with_what_does(where):
    with pytest.raises(ValueError, match=r"init_rapyer was given .*redis://"):
        await init_rapyer(where)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("redi://user:s3cret@h:1", r"was given 'redi://h:1'"),
        ("user:s3cret@h", "was given 'h'"),
        ("redis://:s3cret@h?foo=5", "option that redis-py does not know .*foo"),
        ("redis://h?max_connections=0", "allows no connection"),
        ("redis://:s3cret@h/sessions", "a database that is not a number"),
        ("redis://h/1/2", "a database that is not a number"),
        ("redis:///var/redis.sock", "a database that is not a number"),
        ("redis+sentinel://h/mymaster/sessions", "a database that is not a number"),
    ],
)
async def test_a_url_that_cannot_be_used_is_named_without_its_password(where, message):
    with pytest.raises(ValueError, match=message) as caught:
        init_rapyer(where)
    assert "s3cret" not in str(caught.value)


async def test_a_forgotten_await_is_warned_about(redis_url):
    with pytest.warns(RuntimeWarning, match="its result was dropped"):
        init_rapyer(redis_url)


async def test_a_client_of_a_subclassed_pool_is_refused():
    class Special(ConnectionPool):
        pass

    client = Redis(connection_pool=Special())
    with pytest.raises(ValueError, match="pool of type Special"):
        init_rapyer(client)
    await client.aclose()


async def test_the_number_of_connections_is_bounded_and_can_be_set(redis_url, redis, connections):
    async with init_rapyer(f"{redis_url}?max_connections=3"):
        await asyncio.gather(*(Item(id=str(n)).save() for n in range(100)))
        assert len(await redis.client_list()) <= 3 + 1
    async with init_rapyer(redis_url):
        await asyncio.gather(*(Item(id=str(n)).save() for n in range(300)))
        assert len(await redis.client_list()) <= MAX_CONNECTIONS + 1
    assert await connections(1) == 1, "connections stayed open"


# -- a server for each model, a server from the environment ---------------------------------------


async def test_without_init_the_environment_names_the_server(redis_url, monkeypatch):
    monkeypatch.setenv("RAPYER_REDIS_URL", redis_url)
    await Item(id="1").save()
    assert await Item.exists("1")
    await teardown_rapyer()


async def test_init_without_a_server_takes_that_of_the_environment(redis_url, monkeypatch):
    monkeypatch.setenv("RAPYER_REDIS_URL", redis_url)
    async with init_rapyer():
        await Item(id="1").save()
        assert await Item.exists("1")
    monkeypatch.delenv("RAPYER_REDIS_URL")
    with pytest.raises(NotConnectedError, match="set RAPYER_REDIS_URL"):
        init_rapyer()


async def test_without_any_server_named_an_error_says_what_to_do():
    with pytest.raises(NotConnectedError, match=r"Await init_rapyer\(.*or set RAPYER_REDIS_URL"):
        await Item.get("1")
    with pytest.raises(NotConnectedError):
        await Item(id="1").save()


async def test_a_wrong_url_in_the_environment_is_named_without_its_password(monkeypatch):
    monkeypatch.setenv("RAPYER_REDIS_URL", "http://:secret@localhost")
    with pytest.raises(NotConnectedError, match="RAPYER_REDIS_URL is 'http://localhost'") as caught:
        await Item.get("1")
    assert "secret" not in str(caught.value)


async def test_after_teardown_rapyer_can_be_initialised_again(redis_url):
    for _ in range(3):
        await works(redis_url)
        with pytest.raises(NotConnectedError):
            await Item.get("1")
        await teardown_rapyer()


async def test_a_failed_initialisation_keeps_the_server_of_before(redis_url, free_port):
    await init_rapyer(redis_url)
    with pytest.raises(ConnectionError):
        await init_rapyer(f"redis://127.0.0.1:{free_port}")
    await Item(id="1").save()
    await teardown_rapyer()


# -- servers that lack something ------------------------------------------------------------------


async def test_a_user_without_rights_to_introspection_can_still_work(redis_url, redis):
    await redis.execute_command(
        "ACL",
        "SETUSER",
        "narrow",
        "on",
        ">pw",
        "~*",
        "+json.set",
        "+json.get",
        "+json.del",
        "+hello",
    )
    path = redis_url.removeprefix("unix://")
    await works(f"unix://narrow:pw@{path}")
    await redis.execute_command("ACL", "DELUSER", "narrow")


async def test_an_unreachable_server_is_redis_py_s_own_error(free_port):
    with pytest.raises(ConnectionError):
        await init_rapyer(f"redis://127.0.0.1:{free_port}")


# -- many callers -------------------------------------------------------------------------------


async def test_a_thousand_callers_share_ten_connections(redis_url, redis):
    items = [Item(id=str(n), text=str(n)) for n in range(1000)]
    async with init_rapyer(f"{redis_url}?max_connections=10"):
        await asyncio.gather(*(item.save() for item in items))
        assert len(await redis.client_list()) <= 10 + 1
        assert await asyncio.gather(*(Item.get(item.id) for item in items)) == items


async def test_a_cancelled_waiter_takes_no_connection_from_the_next(redis_url, redis):
    async with init_rapyer(f"{redis_url}?max_connections=1"):
        await Item(id="1").save()
        for turns in range(12):
            await redis.execute_command("CLIENT", "PAUSE", "20", "ALL")
            calls = [asyncio.create_task(Item.exists("1")) for _ in range(3)]
            await asyncio.sleep(0.001)
            await asyncio.wait(calls[:1])
            for _ in range(turns):
                await asyncio.sleep(0)
            calls[1].cancel()
            await asyncio.wait_for(calls[2], timeout=5)


async def test_random_cancellations_leave_every_other_caller_with_its_own_reply(redis_url):
    rng = random.Random(5)
    async with init_rapyer(f"{redis_url}?max_connections=2"):
        await asyncio.gather(*(Item(id=str(n), text=str(n)).save() for n in range(20)))
        for _ in range(50):
            calls = [asyncio.create_task(Item(id=str(n), text=str(n)).save()) for n in range(20)]
            for call in rng.sample(calls, 8):
                for _ in range(rng.randrange(4)):
                    await asyncio.sleep(0)
                call.cancel()
            done, waiting = await asyncio.wait(calls, timeout=5)
            assert not waiting, "callers hang"
            assert all(call.cancelled() or call.result().text == call.result().id for call in done)


async def test_callers_that_wait_when_rapyer_is_torn_down_are_told(redis_url, connections):
    await init_rapyer(f"{redis_url}?max_connections=1")
    calls = [asyncio.create_task(Item(id=str(n)).save()) for n in range(20)]
    await asyncio.sleep(0)
    await teardown_rapyer()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(r, (Item, NotConnectedError, ConnectionError)) for r in results)
    assert sum(isinstance(r, NotConnectedError) for r in results) >= 10
    gc.collect()
    assert await connections(1) == 1, "a connection was opened after the teardown"


async def test_callers_that_wait_for_the_first_answer_are_told_of_a_teardown(tmp_path, monkeypatch):
    writers = []
    path = tmp_path / "silent.sock"
    silent = await asyncio.start_unix_server(lambda _, writer: writers.append(writer), path)
    monkeypatch.setenv("RAPYER_REDIS_URL", f"unix://{path}")
    calls = [asyncio.create_task(Item.get(str(n))) for n in range(3)]
    calls.append(asyncio.create_task(Item(id="1").save()))
    await asyncio.sleep(0.05)
    await teardown_rapyer()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [NotConnectedError] * 4
    silent.close()
    for writer in writers:
        writer.close()
        await writer.wait_closed()


async def test_a_server_that_accepts_and_says_nothing_is_given_up_in_time(tmp_path):
    writers = []
    path = tmp_path / "silent.sock"
    silent = await asyncio.start_unix_server(lambda _, writer: writers.append(writer), path)
    async with asyncio.timeout(5):
        with pytest.raises(TimeoutError, match="did not accept a connection"):
            await init_rapyer(f"unix://{path}?db=2&socket_timeout=0.1")
    silent.close()
    for writer in writers:
        writer.close()
        await writer.wait_closed()


# -- time -----------------------------------------------------------------------------------------


async def test_killed_connections_are_replaced_at_the_next_call(redis_url, redis):
    async with init_rapyer(redis_url):
        await asyncio.gather(*(Item(id=str(n)).save() for n in range(20)))
        await redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert await Item.get("1") == Item(id="1")


async def test_models_defined_after_start_up_work(redis_url):
    async with init_rapyer(redis_url):

        class Later(Item):
            more: int = 1

        later = await Later(id="1").save()
        assert await Later.get("later:1") == later


def test_two_event_loops_one_after_the_other(redis_url):
    asyncio.run(works(redis_url))
    asyncio.run(works(redis_url))


def test_two_event_loops_at_the_same_time_in_two_threads(redis_url):
    asyncio.run(_flush(redis_url))
    ready = threading.Barrier(2)
    failures: list[BaseException] = []

    async def work(name: str) -> None:
        ready.wait()
        await asyncio.gather(*(Item(id=f"{name}{n}").save() for n in range(200)))
        assert all([(await Item.get(f"{name}{n}")).id == f"{name}{n}" for n in range(200)])
        ready.wait()
        await RedisSource.of(source).channel().close()

    source = RedisSource.of(redis_url)
    from rapyer.traffic.source import use_as_default

    def run(name: str) -> None:
        try:
            asyncio.run(work(name))
        except BaseException as exc:
            failures.append(exc)
            ready.abort()

    use_as_default(source)
    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(teardown_rapyer())
    assert failures == []


async def _flush(url: str) -> None:
    async with Redis.from_url(url) as client:
        await client.flushdb()


async def test_teardown_closes_the_connections_of_other_running_loops(redis_url, connections):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        await init_rapyer(redis_url)
        there = asyncio.run_coroutine_threadsafe(_save_one(), loop)
        await asyncio.wrap_future(there)
        assert await connections(3) == 3
        await teardown_rapyer()
        assert await connections(1) == 1
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _save_one() -> None:
    await Item(id="1").save()


async def _save_in_child(redis_url: str, number: str) -> None:
    if number != "0":  # which uses what the parent has told rapyer
        await init_rapyer(redis_url)
    await Item(id=f"child{number}").save()
    await teardown_rapyer()


def _in_child(*arguments: str) -> None:
    asyncio.run(_save_in_child(*arguments))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
async def test_forks_connect_for_themselves_and_leave_the_parent_s_connections_alone(redis_url):
    context = multiprocessing.get_context("fork")
    async with init_rapyer(redis_url):
        await asyncio.gather(*(Item(id=str(n)).save() for n in range(5)))
        children = [context.Process(target=_in_child, args=(redis_url, n)) for n in "012"]
        for child in children:
            child.start()
        for child in children:
            await asyncio.to_thread(child.join, 60)
        hanging = [child for child in children if child.exitcode is None]
        for child in hanging:
            child.kill()
        assert [child.exitcode for child in children] == [0, 0, 0]
        assert all(await asyncio.gather(*(Item.exists(f"child{n}") for n in "012")))
        assert all(await asyncio.gather(*(Item.exists(str(n)) for n in range(5))))


@pytest.mark.parametrize("keeps", [True, False], ids=["with the server kept", "by itself"])
def test_connections_of_a_loop_that_does_not_run_are_closed_when_it_does(redis_url, keeps):
    """As with fixtures of pytest in one loop, and tests of unittest in another one."""

    async def connect():
        one = init_rapyer(redis_url)
        await one
        return one if keeps else None

    async def count():
        async with Redis.from_url(redis_url) as client:
            return len(await client.client_list())

    async def another():
        async with init_rapyer(redis_url):
            await _save_one()

    with asyncio.Runner() as outer:
        before = outer.run(count())
        kept = outer.run(connect())
        with asyncio.Runner() as inner:
            inner.run(another())
        gc.collect()
        assert outer.run(count()) == before + 1
        outer.run(teardown_rapyer())
        assert outer.run(count()) == before
        del kept


async def test_a_loop_that_waits_for_this_one_is_not_waited_for_without_end(redis_url, connections):
    """As that of an async test which enters the TestClient of Starlette."""
    await init_rapyer(redis_url)
    await _save_one()

    def block_this_loop() -> list[str]:
        async def connect_and_leave() -> None:
            async with init_rapyer(redis_url):
                await _save_one()

        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            thread = threading.Thread(target=asyncio.run, args=(connect_and_leave(),))
            thread.start()
            thread.join(30)
            assert not thread.is_alive()
        return [str(one.message) for one in said if one.category is ResourceWarning]

    (late,) = block_this_loop()

    assert "did not close them within 1 s" in late
    assert "TestClient" in late
    assert await connections(1) == 1  # this loop has closed its own since
    await teardown_rapyer()


def test_a_loop_closed_without_teardown_is_warned_about_by_name(redis_url, monkeypatch):
    monkeypatch.setenv("RAPYER_REDIS_URL", redis_url)
    code = """
import asyncio, warnings
warnings.simplefilter("always")
from rapyer import AtomicRedisModel, teardown_rapyer
class Item(AtomicRedisModel):
    x: int = 1
async def use():
    await Item().save()
async def use_and_close():
    await Item().save()
    await teardown_rapyer()
asyncio.run(use())
asyncio.run(use_and_close())
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert "an event loop was closed while rapyer had open connections to" in run.stderr
    assert "Await teardown_rapyer() before it ends" in run.stderr


async def test_nothing_is_left_open_after_teardown(redis_url, connections):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with init_rapyer(redis_url):
            await asyncio.gather(*(Item(id=str(n)).save() for n in range(20)))
        gc.collect()
    assert await connections(1) == 1


async def test_many_first_callers_ask_the_server_once(redis_url, redis, monkeypatch):
    monkeypatch.setenv("RAPYER_REDIS_URL", redis_url)
    await redis.config_resetstat()
    first = asyncio.create_task(Item(id="0").save())
    others = [asyncio.create_task(Item(id=str(n)).save()) for n in range(1, 20)]
    await asyncio.sleep(0)
    first.cancel()  # the one that asks gives up; the others still get the answer
    results = await asyncio.gather(first, *others, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert all(isinstance(result, Item) for result in results[1:])
    stats = await redis.info("commandstats")
    assert stats["cmdstat_hello"]["calls"] == 1
    await teardown_rapyer()


def test_importing_connects_to_nothing_and_needs_no_server():
    code = "import rapyer; class_ = type('M', (rapyer.AtomicRedisModel,), {'__module__': 'm'})"
    environment = {**os.environ, "RAPYER_REDIS_URL": "redis://127.0.0.1:1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=Path("/"))
