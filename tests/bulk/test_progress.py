"""`progress`: a callable that is told how far the call is, or a bar in a terminal."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec

import pytest
from bulk_models import User, users
from rapyer_bulk import result_of

pytestmark = pytest.mark.usefixtures("server")


async def test_a_callable_is_told_how_much_is_done_of_how_much():
    calls = []
    await User.bulk_insert(users(25), chunk_size=10, progress=lambda *call: calls.append(call))
    assert calls[-1] == (25, 25)
    assert len(calls) == 3
    assert calls == sorted(calls)
    calls.clear()
    await User.bulk_delete((str(n) for n in range(25)), progress=lambda *call: calls.append(call))
    assert calls == [(25, None)]
    await User.bulk_update([*"12"], age=1, progress=lambda *call: calls.append(call))
    assert calls[-1] == (2, 2)


async def test_an_error_of_the_callable_ends_the_call_and_says_what_was_done(redis):
    def progress(done, total):
        if done > 10:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough") as caught:
        await User.bulk_insert(users(100), chunk_size=5, progress=progress)
    result = result_of(caught.value)
    assert result.inserted == await redis.dbsize()
    assert result.inserted < 100
    assert not result.is_complete
    assert asyncio.all_tasks() == {asyncio.current_task()}


class Terminal:
    def __init__(self, stream):
        self.stream = stream

    def isatty(self):
        return True

    def __getattr__(self, name):
        return getattr(self.stream, name)


def use_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal(sys.stderr))
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize("absent", [(), ("rich",)])
async def test_true_shows_a_bar_in_a_terminal(capsys, monkeypatch, absent):
    def find(name):
        return None if name in absent else find_spec(name)

    use_terminal(monkeypatch)
    monkeypatch.setattr("rapyer.progress.find_spec", find)
    await User.bulk_insert(users(50), chunk_size=10, progress=True)
    assert "inserting" in capsys.readouterr().err


async def test_without_rich_and_tqdm_a_bar_in_a_terminal_says_what_to_install(monkeypatch, redis):
    use_terminal(monkeypatch)
    monkeypatch.setattr("rapyer.progress.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install rich"):
        await User.bulk_insert(users(3), progress=True)
    assert await redis.dbsize() == 0


async def test_nothing_is_shown_and_nothing_needed_where_nobody_looks(capsys, monkeypatch):
    monkeypatch.setattr("rapyer.progress.find_spec", lambda name: None)
    result = await User.bulk_insert(users(3), progress=True)
    assert result.inserted == 3
    assert capsys.readouterr().err == ""
