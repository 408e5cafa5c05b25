"""Starts that fail or are made difficult, and what is left of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import redis
from rapyer_embedded import Server, ServerStartError

Ask = Callable[..., Any]


def test_a_long_tmpdir_is_replaced_by_tmp(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    long = temporary / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with Server() as server:
        assert str(server.socket).startswith("/tmp/rapyer-")
        assert ask(server.url, "PING") is True
    assert server.process.returncode is not None
    assert list(long.iterdir()) == []


def test_a_tmpdir_with_odd_characters_does_no_harm(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    odd = temporary / 'a b"é%#?$(x)'
    odd.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(odd))
    with Server() as server:
        assert server.socket is not None
        assert server.socket.is_relative_to(odd)
        assert ask(server.url, "PING") is True
    assert list(odd.iterdir()) == []


def test_an_impossible_tmpdir_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    with pytest.raises(ServerStartError, match=r"created in '/nonexistent'.*Set TMPDIR"):
        Server().start()


def test_a_failing_start_shows_the_log_and_leaves_nothing(temporary: Path) -> None:
    server = Server(args=("--no-such-option",))
    with pytest.raises(ServerStartError, match="exited with status 1 before") as caught:
        server.start()
    assert "Bad directive or wrong number of arguments" in str(caught.value)
    assert "FATAL CONFIG FILE ERROR" in caught.value.log
    assert server.log == caught.value.log
    assert list(temporary.iterdir()) == []


def test_a_start_that_takes_too_long_is_given_up(temporary: Path, tmp_path: Path) -> None:
    # it loads its data for ten seconds
    slow = ("--key-load-delay", "10000000", "--loading-process-events-interval-bytes", "1024")
    _fill(tmp_path / "data")
    with pytest.raises(ServerStartError, match=r"within 0.3 seconds. .*longer startup_timeout"):
        Server(directory=tmp_path / "data", startup_timeout=0.3, args=slow).start()
    assert list(temporary.iterdir()) == []


def _fill(data: Path) -> None:
    with Server(directory=data) as server:
        client: Any = cast("Any", redis.Redis).from_url(server.url)
        with client:
            client.mset({f"k{n}": "x" * 1000 for n in range(100)})


def test_a_server_whose_default_user_is_locked_is_given_up_at_once(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(
        ServerStartError, match=r"answered PING with 'NOAUTH.*Allow the default user"
    ):
        Server(args=("--user", "default", "off")).start()
    assert time.monotonic() - begun < 5
