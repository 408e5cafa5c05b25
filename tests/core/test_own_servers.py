"""Connections to servers that tests start themselves; without rapyer-embedded this is left out."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess

import pytest
import trustme
from rapyer import (
    AtomicRedisModel,
    Key,
    NotConnectedError,
    UnsupportedServerError,
    init_rapyer,
    teardown_rapyer,
)
from rapyer.__main__ import main
from rapyer_embedded import Server
from rapyer_embedded.binaries import find_binary
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, ConnectionError


class Parcel(AtomicRedisModel):
    id: Key[str]
    text: str = "é"


async def works(where: str | Redis) -> None:
    async with init_rapyer(where):
        parcel = await Parcel(id="1").save()
        assert await Parcel.get("1") == parcel
        assert await parcel.delete()


async def test_a_password_a_port_and_a_database_number_are_taken_from_the_url():
    with Server(port=0, password="s3cret /?#") as server:
        await works(server.url)
        await works(f"{server.url[:-1]}3")
        wrong = server.url.replace("s3cret", "wrong")
        with pytest.raises(AuthenticationError):
            await works(wrong)


async def test_a_tls_url_works(tmp_path, free_port):
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    files = (
        "--tls-cert-file",
        "cert.pem",
        "--tls-key-file",
        "key.pem",
        "--tls-ca-cert-file",
        "ca.pem",
    )
    paths = [str(tmp_path / part) if part.endswith(".pem") else part for part in files]
    with Server(args=["--tls-port", str(free_port), "--tls-auth-clients", "no", *paths]):
        url = f"rediss://127.0.0.1:{free_port}/0?ssl_ca_certs={tmp_path / 'ca.pem'}"
        await works(url)
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await works(f"rediss://127.0.0.1:{free_port}/0")


@pytest.fixture(scope="module")
def tcp_url():
    with Server(port=0) as server:
        yield server.url


@pytest.mark.parametrize("decode_responses", [False, True])
@pytest.mark.parametrize("protocol", [2, 3, None])
@pytest.mark.parametrize("kind", ["unix", "tcp"])
async def test_a_caller_s_client_works_whatever_its_settings(
    redis_url, tcp_url, kind, decode_responses, protocol
):
    settings = {} if protocol is None else {"protocol": protocol}
    client = Redis.from_url(
        redis_url if kind == "unix" else tcp_url,
        decode_responses=decode_responses,
        encoding="latin-1",
        **settings,
    )
    await works(client)
    assert await client.ping(), "the caller's client was closed"
    await client.aclose()


async def test_a_model_can_have_a_server_of_its_own(redis_url):
    with Server() as other:

        class Elsewhere(AtomicRedisModel):
            id: Key[str]

            class Config:
                redis = other.url

        async with init_rapyer(redis_url):
            await Elsewhere(id="1").save()
            await Parcel(id="1").save()
            async with Redis.from_url(other.url) as client:
                assert await client.keys() == [b"elsewhere:1"]


async def test_initialising_again_replaces_the_server(redis_url, connections):
    await init_rapyer(redis_url)
    await Parcel(id="1").save()
    with Server() as other:
        await init_rapyer(other.url)
        assert not await Parcel.exists("1")
        assert await connections(1) == 1, "the connections to the first one stayed open"
        await teardown_rapyer()


async def test_a_server_without_redisjson_is_refused_with_what_to_install(tmp_path, capsys):
    path = tmp_path / "plain.sock"
    plain = subprocess.Popen(
        [find_binary().server, "--port", "0", "--unixsocket", path, "--save", ""],
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    try:
        while not path.exists():
            await asyncio.sleep(0.01)
        for _ in range(2):
            with pytest.raises(
                UnsupportedServerError, match=r"no RedisJSON.*Redis 8 or Redis Stack"
            ):
                await init_rapyer(f"unix://{path}")
        with pytest.raises(NotConnectedError):
            await Parcel.get("1")
        assert await asyncio.to_thread(main, ["doctor", "--redis", f"unix://{path}"]) == 1
        said = " ".join(capsys.readouterr().out.split())
        assert "fault server the Redis" in said
        assert "no RedisJSON" in said
    finally:
        plain.terminate()
        plain.wait()


async def test_the_error_of_a_first_call_is_not_kept_for_the_next(tmp_path, monkeypatch):
    path = tmp_path / "silent.sock"
    writers = []
    silent = await asyncio.start_unix_server(lambda _, writer: writers.append(writer), path)
    monkeypatch.setenv("RAPYER_REDIS_URL", f"unix://{path}")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(Parcel.exists("1"), timeout=0.1)
    silent.close()
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    path.unlink(missing_ok=True)
    with Server() as server:
        path.symlink_to(server.socket)
        await asyncio.sleep(0.05)
        with contextlib.suppress(ConnectionError):  # the connection that was waiting
            await Parcel.exists("1")
        assert not await Parcel.exists("1")
        await teardown_rapyer()


async def test_the_server_may_be_restarted_between_two_calls(tmp_path):
    with Server(directory=tmp_path) as server:
        async with init_rapyer(server.url):
            await asyncio.gather(*(Parcel(id=str(n)).save() for n in range(50)))
            await asyncio.to_thread(server.restart)
            assert await Parcel.get("1") == Parcel(id="1")
            await asyncio.to_thread(server.restart)
            await asyncio.gather(*(Parcel(id=str(n), text="x").save() for n in range(50)))
            assert (await Parcel.get("1")).text == "x"


async def test_a_server_that_comes_back_is_found_again():
    server = Server()
    server.start()
    async with init_rapyer(server.url):
        await Parcel(id="1").save()
        server.process.kill()
        server.process.wait()
        with pytest.raises(ConnectionError):
            await Parcel.get("1")
        await asyncio.to_thread(server.restart)
        await Parcel(id="1").save()
        assert await Parcel.exists("1")
    server.stop()
