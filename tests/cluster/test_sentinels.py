"""Sentinels name the server that is the master now."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cluster_nodes import port_of
from rapyer import AtomicRedisModel, Key, NotConnectedError, init_rapyer
from rapyer_embedded import Server
from rapyer_embedded.binaries import find_binary
from redis.asyncio.sentinel import Sentinel
from redis.exceptions import RedisError

SERVICE = "mymaster"


class Note(AtomicRedisModel):
    id: Key[str]
    number: int = 0

    class Config:
        prefix = "sentinel:note"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Watched:
    """A master, its replica, and three sentinels that watch them."""

    def __init__(self, master: Server, replica: Server, ports: Sequence[int]) -> None:
        self.master, self.replica, self.ports = master, replica, ports

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return f"redis+sentinel://{hosts}/{SERVICE}"


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    binary = str(find_binary().server)
    options = ("--repl-diskless-sync-delay", "0")
    with (
        Server(port=0, args=options) as master,
        Server(port=0, args=("--replicaof", f"127.0.0.1 {port_of(master)}", *options)) as replica,
    ):
        ports, processes = [free_port() for _ in range(3)], []
        for port in ports:
            path = tmp_path / f"{port}.conf"
            path.write_text(
                f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n"
                f"sentinel monitor {SERVICE} 127.0.0.1 {port_of(master)} 2\n"
                f"sentinel down-after-milliseconds {SERVICE} 300\n"
                f"sentinel failover-timeout {SERVICE} 2000\n"
            )
            command = [binary, str(path), "--sentinel"]
            processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        yield Watched(master, replica, ports)
        for process in processes:
            process.kill()
            process.wait()


async def until(condition, seconds=20.0):
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "not so in time"
        await asyncio.sleep(0.05)


async def test_the_master_is_asked_of_the_sentinels_also_after_a_failover(watched):
    async def watch_one_another():
        reader, writer = await asyncio.open_connection("127.0.0.1", watched.ports[0])
        writer.write(b"SENTINEL CKQUORUM " + SERVICE.encode() + b"\r\nSENTINEL SLAVES mymaster\r\n")
        answer = await reader.readline() + await reader.readline()
        writer.close()
        await writer.wait_closed()
        return answer.startswith(b"+OK 3 usable") and answer.endswith(b"*1\r\n")

    async def is_known():
        try:
            return await watch_one_another()
        except ConnectionError:
            return False

    await until(is_known)
    async with init_rapyer(watched.url):
        await Note(id="1", number=4).save()
        await until(lambda: is_copied(watched))
        watched.master.process.kill()

        async def writes():
            try:
                await Note.number.increase("1", 1)
            except RedisError:
                return False
            return True

        await until(writes)
        assert (await Note.get("1")).number >= 5
    client = Sentinel([("127.0.0.1", port) for port in watched.ports]).master_for(SERVICE)
    async with init_rapyer(client):
        assert (await Note.get("1")).number >= 5


async def is_copied(watched):
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(watched.replica))
    writer.write(b"EXISTS sentinel:note:1\r\n")
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer == b":1\r\n"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis+sentinel://localhost:26379", "names no service"),
        ("redis+sentinel:///mymaster", "names no host"),
        ("redis+cluster://", "names no host"),
        ("redis+cluster://localhost:7000/2", "only database 0"),
    ],
)
def test_a_url_that_leaves_something_out_is_refused(url, said):
    with pytest.raises(ValueError, match=said):
        init_rapyer(url)


def test_a_client_for_replicas_is_refused():
    client = Sentinel([("127.0.0.1", 1)]).slave_for(SERVICE)
    with pytest.raises(ValueError, match="for replicas"):
        init_rapyer(client)


async def test_a_cluster_that_is_not_there_is_a_connection_error():
    with pytest.raises(RedisError):
        await init_rapyer(f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{free_port()}")
    with pytest.raises(NotConnectedError):
        await Note.get("1")
