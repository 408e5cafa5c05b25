"""`Server`: what it starts, what it says about it and what it leaves behind."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rapyer_embedded
import redis
import trustme
from rapyer_embedded import Server, ServerStartError, ServerStateError

Ask = Callable[..., Any]
Wait = Callable[..., None]


@pytest.fixture(scope="module")
def server() -> Any:
    with Server() as started:
        yield started


def test_the_package_offers_its_public_names() -> None:
    assert set(rapyer_embedded.__all__) <= set(dir(rapyer_embedded))
    assert all(getattr(rapyer_embedded, name) for name in rapyer_embedded.__all__)
    with pytest.raises(AttributeError, match="'rapyer_embedded' has no attribute 'Sever'"):
        _ = rapyer_embedded.Sever


def test_json_and_search_are_present_and_usable(server: Server, ask: Ask) -> None:
    url = server.url
    ask(
        url,
        "FT.CREATE",
        "people",
        *["ON", "JSON", "PREFIX", "1", "p:", "SCHEMA", "$.name", "AS", "name", "TAG"],
    )
    assert ask(url, "JSON.SET", "p:1", "$", '{"name": "Ada", "n": 9007199254740993}') == "OK"
    assert ask(url, "JSON.GET", "p:1", "$.n") == "[9007199254740993]"
    count, key, _ = ask(url, "FT.SEARCH", "people", "@name:{Ada}")
    assert (count, key) == (1, "p:1")


def test_search_returns_any_number_of_rows(server: Server, ask: Ask) -> None:
    assert ask(server.url, "FT.CONFIG", "GET", "MAXSEARCHRESULTS") == [
        ["MAXSEARCHRESULTS", "unlimited"]
    ]


def test_nothing_is_persisted_by_default(server: Server, ask: Ask) -> None:
    assert ask(server.url, "CONFIG", "GET", "save") == ["save", ""]
    assert ask(server.url, "CONFIG", "GET", "appendonly") == ["appendonly", "no"]


def test_by_default_no_port_is_open(server: Server, ask: Ask) -> None:
    assert ask(server.url, "CONFIG", "GET", "port") == ["port", "0"]
    assert server.url == f"unix://{server.socket}"


def test_only_this_user_can_enter_the_socket_directory(server: Server) -> None:
    assert server.socket is not None
    assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
    assert server.socket.is_socket()


def test_process_is_redis_server_itself(server: Server, ask: Ask) -> None:
    assert ask(server.url, "INFO", "server")["process_id"] == server.process.pid


def test_log_is_what_the_server_wrote(server: Server) -> None:
    assert "Ready to accept connections" in server.log


def test_repr_names_place_and_process_and_no_password() -> None:
    with Server(password="hunter2") as server:
        assert repr(server) == (
            f"<rapyer_embedded.Server at {server.socket}, process {server.process.pid}>"
        )
    assert repr(server) == "<rapyer_embedded.Server not running>"


def test_nothing_is_left_after_stop(temporary: Path) -> None:
    with Server() as server:
        process = server.process
        assert len(list(temporary.iterdir())) == 1
    assert process.returncode is not None
    assert list(temporary.iterdir()) == []


def test_process_and_log_can_be_read_after_stop() -> None:
    with Server() as server:
        process = server.process
    assert server.process is process
    assert "Ready to accept connections" in server.log


def test_stop_may_be_called_again_and_the_server_started_again(ask: Ask) -> None:
    server = Server()
    server.stop()
    for _ in range(2):
        server.start()
        assert ask(server.url, "PING") is True
        server.stop()
        server.stop()


def test_stop_ends_a_server_that_does_not_listen_to_signals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapyer_embedded.launch._STOP_TIMEOUT", 0.2)
    with Server(directory=tmp_path / "data") as server:
        server.process.send_signal(signal.SIGSTOP)
    assert server.process.returncode == -signal.SIGKILL


def test_misuse_is_told_in_a_sentence() -> None:
    server = Server()
    assert server.log == ""
    with pytest.raises(ServerStateError, match=r"^url needs a running server.*Call start\(\)"):
        _ = server.url
    with pytest.raises(ServerStateError, match=r"^socket needs a running server"):
        _ = server.socket
    with pytest.raises(ServerStateError, match=r"has no process yet. Call start\(\)"):
        _ = server.process
    with pytest.raises(ServerStateError, match=r"^restart\(\) needs a running server"):
        server.restart()
    with (
        server,
        pytest.raises(ServerStateError, match=r"has already been started. Call stop\(\) first"),
    ):
        server.start()


def test_arguments_without_meaning_are_refused() -> None:
    with pytest.raises(TypeError, match="args is the string '--save 60'"):
        Server(args="--save 60")
    with pytest.raises(ValueError, match=r"port is 70000\. Give 1 to 65535"):
        Server(port=70000)
    with pytest.raises(
        ValueError, match=r"startup_timeout is 0\. Give a number of seconds greater than 0"
    ):
        Server(startup_timeout=0)
    with pytest.raises(ValueError, match="password is empty"):
        Server(password="")
    with pytest.raises(ValueError, match="so is --requirepass in args"):
        Server(password="a", args=("--requirepass", "b"))


def test_two_servers_at_once_do_not_share_anything(ask: Ask) -> None:
    with Server() as one, Server() as two:
        assert one.url != two.url
        ask(one.url, "SET", "k", "one")
        assert ask(two.url, "EXISTS", "k") == 0


def test_port_zero_gives_a_free_port_of_the_loopback_interface(ask: Ask) -> None:
    with Server(port=0) as one, Server(port=0) as two:
        assert one.url.startswith("redis://127.0.0.1:")
        assert one.url.endswith("/0")
        assert one.url != two.url
        assert one.socket is None
        assert ask(two.url, "CONFIG", "GET", "bind") == ["bind", "127.0.0.1"]


def test_a_port_that_somebody_takes_meanwhile_is_replaced_by_another(
    monkeypatch: pytest.MonkeyPatch, temporary: Path, ask: Ask
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as later:
        later.bind(("127.0.0.1", 0))
        free = later.getsockname()[1]
        later.close()
        ports = iter([taken.getsockname()[1], free])
        monkeypatch.setattr("rapyer_embedded.server._free_port", lambda: next(ports))
        with Server(port=0) as server:
            assert server.url == f"redis://127.0.0.1:{free}/0"
            assert ask(server.url, "PING") is True
            assert len(list(temporary.iterdir())) == 1


def test_a_busy_port_that_was_asked_for_is_an_error(temporary: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerStartError, match=f"cannot listen on port {port} of 127.0.0.1"):
            Server(port=port).start()
    assert list(temporary.iterdir()) == []


def test_another_server_on_the_port_is_not_taken_for_ours() -> None:
    with Server(port=0) as other:
        port = int(other.url.rpartition(":")[2].removesuffix("/0"))
        with pytest.raises(ServerStartError, match="Give another port"):
            Server(port=port).start()


@pytest.mark.parametrize("password", ["hunter2", "a b/c:@?#%é\"'\\\n"])
@pytest.mark.parametrize("port", [None, 0])
def test_password_is_asked_for_and_stands_in_the_url(
    password: str, port: int | None, ask: Ask
) -> None:
    with Server(password=password, port=port) as server:
        assert ask(server.url, "PING") is True
        start, _, rest = server.url.rpartition("@")
        with pytest.raises(redis.AuthenticationError):
            ask(f"{start.partition('://')[0]}://{rest}", "PING")


def test_password_is_not_on_the_command_line() -> None:
    with Server(password="hunter2") as server:
        listing = Path(f"/proc/{server.process.pid}/cmdline")
        if not listing.exists():
            pytest.skip("needs /proc")
        assert b"hunter2" not in listing.read_bytes()


def test_a_password_among_the_args_stands_in_the_url_too(ask: Ask) -> None:
    with Server(args=("--requirepass", "hunter2")) as server:
        assert ":hunter2@" in server.url
        assert ask(server.url, "PING") is True


def test_args_can_open_a_tls_port(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    files = {"cert-file": "cert.pem", "key-file": "key.pem", "ca-cert-file": "ca.pem"}
    words = [
        word for name, file in files.items() for word in (f"--tls-{name}", str(tmp_path / file))
    ]
    with Server(args=("--tls-port", port, "--tls-auth-clients", "no", *words)):
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        with (
            socket.create_connection(("127.0.0.1", int(port))) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            secure.sendall(b"PING\r\n")
            assert secure.recv(16) == b"+PONG\r\n"


@pytest.mark.parametrize("port", [None, 0])
def test_restart_keeps_the_url_and_loses_the_data(port: int | None, ask: Ask) -> None:
    with Server(port=port) as server:
        url, process = server.url, server.process
        ask(url, "SET", "k", "v")
        server.restart()
        assert server.url == url
        assert server.process is not process
        assert ask(url, "EXISTS", "k") == 0


def test_restart_revives_a_server_that_has_died(ask: Ask) -> None:
    with Server() as server:
        server.process.kill()
        server.process.wait()
        server.restart()
        assert ask(server.url, "PING") is True


def test_a_restart_that_fails_leaves_nothing_behind(tmp_path: Path, temporary: Path) -> None:
    users = tmp_path / "users.acl"
    users.write_text("")
    server = Server(args=("--aclfile", str(users)))
    server.start()
    users.write_text("nonsense")
    with pytest.raises(ServerStartError, match="exited with status 1"):
        server.restart()
    assert list(temporary.iterdir()) == []
    assert "nonsense" in server.log or "ACL" in server.log
    with pytest.raises(ServerStateError):
        _ = server.url


def test_with_a_directory_documents_and_indexes_survive(tmp_path: Path, ask: Ask) -> None:
    data = tmp_path / "new" / "data"
    with Server(directory=data) as server:
        ask(server.url, "FT.CREATE", "i", *["ON", "JSON", "SCHEMA", "$.n", "AS", "n", "NUMERIC"])
        ask(server.url, "JSON.SET", "k", "$", '{"n": 1}')
        server.restart()
        assert ask(server.url, "JSON.GET", "k") == '{"n":1}'
    with Server(directory=str(data)) as server:
        assert ask(server.url, "JSON.GET", "k") == '{"n":1}'
        assert ask(server.url, "FT._LIST") == ["i"]


def test_two_servers_cannot_use_one_directory(tmp_path: Path, temporary: Path) -> None:
    with Server(directory=tmp_path / "data"):
        with pytest.raises(ServerStartError, match=r"data' is in use by another server. Stop"):
            Server(directory=tmp_path / "data").start()
        assert len(list(temporary.iterdir())) == 1


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerStartError, match="file' cannot be used for the server's data"):
        Server(directory=tmp_path / "file").start()
    assert list(temporary.iterdir()) == []


async def test_async_with_starts_and_stops(ask: Ask) -> None:
    async with Server() as server:
        assert ask(server.url, "PING") is True
        process = server.process
    assert process.returncode is not None


async def test_async_with_does_not_block_the_event_loop() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    await asyncio.sleep(0)
    async with Server():
        while_starting, turns = turns, 0
    while_stopping = turns
    counting.cancel()
    # a loop that is blocked has a turn at most; how many it has otherwise is up to the machine
    assert while_starting > 2
    assert while_stopping > 2


def _entries(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def test_a_cancelled_async_with_leaves_nothing_behind(temporary: Path) -> None:
    async def use() -> None:
        async with Server():
            pytest.fail("was entered")

    task = asyncio.create_task(use())
    for _ in range(3):  # until the thread has begun, which takes ten milliseconds
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _entries(temporary) == []
