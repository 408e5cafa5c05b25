"""A server ends with the process that started it, however that ends."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rapyer_embedded import Server
from rapyer_embedded.launch import Binary, Options, Run
from rapyer_embedded.watch import PID_FILE, Watcher

Ask = Callable[..., Any]
Wait = Callable[..., None]
Python = Callable[..., "subprocess.Popen[str]"]
IsRunning = Callable[[int], bool]

STARTED = """
import json, os, sys, threading, time
from rapyer_embedded import Server

def start(**options):
    server = Server(**options)
    server.start()
    print(json.dumps([server.process.pid, str(server.socket.parent)]), flush=True)
    return server
"""


def _started(process: subprocess.Popen[str]) -> tuple[int, Path]:
    assert process.stdout is not None
    pid, directory = json.loads(process.stdout.readline())
    assert Path(directory).is_dir()
    return pid, Path(directory)


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("server = start(); time.sleep(60)", id="main-thread"),
        pytest.param(
            "kept = []\n"
            "thread = threading.Thread(target=lambda: kept.append(start()))\n"
            "thread.start(); thread.join(); time.sleep(60)",
            id="worker-thread-that-ended",
        ),
        pytest.param("server = start(directory=os.environ['DATA']); time.sleep(60)", id="data"),
    ],
)
def test_killing_the_parent_ends_the_server_and_removes_its_directory(
    program: str, python: Python, is_running: IsRunning, wait_until: Wait, tmp_path: Path
) -> None:
    parent = python("-c", STARTED + program, DATA=str(tmp_path / "data"))
    pid, directory = _started(parent)
    assert is_running(pid)
    parent.kill()
    wait_until(lambda: not is_running(pid))
    wait_until(lambda: not directory.exists())


def test_killing_the_parent_loses_no_data_that_was_acknowledged(
    python: Python, wait_until: Wait, ask: Ask, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    parent = python("-c", f"{STARTED}server = start(directory={str(data)!r}); time.sleep(60)")
    _, directory = _started(parent)
    ask(f"unix://{directory}/redis.sock", "SET", "k", "v")
    parent.kill()
    wait_until(lambda: not directory.exists())
    with Server(directory=data) as server:
        assert ask(server.url, "GET", "k") == "v"


def test_a_server_that_a_script_runs_is_ended_with_it(
    python: Python,
    is_running: IsRunning,
    wait_until: Wait,
    ask: Ask,
    real: Binary,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = tmp_path / "redis-server"
    modules = f"--loadmodule {real.search} --loadmodule {real.json}"
    script.write_text(f'#!/bin/sh\n{real.server} "$1" {modules}\nexit 0\n')
    script.chmod(0o755)
    monkeypatch.setenv("RAPYER_REDIS_SERVER", str(script))
    with Server() as server:
        pid = ask(server.url, "INFO", "server")["process_id"]
        assert pid != server.process.pid
    wait_until(lambda: not is_running(pid))

    parent = python("-c", STARTED + "server = start(); time.sleep(60)")
    _, directory = _started(parent)
    pid = ask(f"unix://{directory}/redis.sock", "INFO", "server")["process_id"]
    parent.kill()
    wait_until(lambda: not directory.exists())
    wait_until(lambda: not is_running(pid))


def test_a_forked_child_neither_stops_the_server_nor_keeps_it_alive(
    python: Python, is_running: IsRunning, wait_until: Wait, ask: Ask
) -> None:
    program = """
import warnings
warnings.simplefilter("default")  # of Python 3.12: fork is risky with threads
server = start()
if os.fork() == 0:
    sys.exit()  # with everything that Python does at its end
os.wait()
if os.fork() == 0:
    time.sleep(60)
print("forked", flush=True)
time.sleep(60)
"""
    parent = python("-c", STARTED + program)
    pid, directory = _started(parent)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "forked\n"
    assert ask(f"unix://{directory}/redis.sock", "PING") is True
    listing = subprocess.run(
        ["ps", "-A", "-o", "ppid=,pid="], capture_output=True, text=True, check=True
    )
    pairs = [line.split() for line in listing.stdout.splitlines()]
    children = [int(child) for of, child in pairs if int(of) == parent.pid]
    parent.kill()
    wait_until(lambda: not is_running(pid))
    wait_until(lambda: not directory.exists())
    (sleeping,) = filter(is_running, children)
    os.kill(sleeping, signal.SIGKILL)


def test_ctrl_c_in_the_terminal_reaches_the_parent_and_not_the_server() -> None:
    with Server() as server:
        assert os.getsid(server.process.pid) != os.getsid(0)


def test_a_parent_that_ends_without_stop_leaves_nothing_but_a_warning(
    python: Python, is_running: IsRunning
) -> None:
    parent = python(
        "-W", "always::ResourceWarning", "-c", STARTED + "server = start(); time.sleep(0.5)"
    )
    pid, directory = _started(parent)
    _, errors = parent.communicate(timeout=10)
    assert f"ResourceWarning: <rapyer_embedded.Server at {directory}/redis.sock" in errors
    assert not is_running(pid)
    assert not directory.exists()


def test_a_dropped_server_is_stopped_with_a_warning_that_names_it() -> None:
    server = Server()
    server.start()
    process, place = server.process, server.socket
    assert place is not None
    kept = [server]
    del server
    with pytest.warns(ResourceWarning, match=rf"{place}, process {process.pid}> was not stopped"):
        kept.clear()
    assert process.returncode is not None
    assert not place.parent.exists()


def test_a_stopped_server_is_collected_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    server = Server()
    server.start()
    server.stop()
    del server
    gc.collect()
    assert not recwarn.list


def test_reading_the_parents_output_to_its_end_does_not_wait_for_the_server(
    python: Python,
) -> None:
    parent = python("-c", STARTED + "server = start(); time.sleep(0.5); os.kill(os.getpid(), 9)")
    output, errors = parent.communicate(timeout=2)
    assert json.loads(output)
    assert errors == ""


def _end(watcher: Watcher) -> None:
    """What happens when the parent is killed: the pipe is closed without a word."""
    watcher.forget()
    watcher.process.wait(timeout=10)


def test_the_watcher_does_not_end_a_stranger_with_the_servers_number(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    directory.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    ) as stranger:
        (directory / PID_FILE).write_text(f"{stranger.pid}\n")
        _end(Watcher(directory))
        assert not directory.exists()
        assert stranger.poll() is None
        stranger.communicate(b"\n")
    assert stranger.returncode == 0


def test_the_watcher_ends_a_server_that_does_not_listen_to_signals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapyer_embedded.watch._PATIENCE", 2)
    directory = tmp_path / "run"
    directory.mkdir()
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program, f"{directory}/redis.conf"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as server:
        assert server.stdout is not None
        server.stdout.readline()
        (directory / PID_FILE).write_text(f"{server.pid}\n")
        _end(Watcher(directory))
        assert server.wait(timeout=5) == -signal.SIGKILL
    assert not directory.exists()


def test_the_watcher_removes_the_directory_of_a_server_that_was_not_started_yet(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "run"
    directory.mkdir()
    _end(Watcher(directory))
    assert not directory.exists()


def test_a_dismissed_watcher_ends_and_touches_nothing(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    watcher.dismiss()
    watcher.dismiss()
    assert watcher.process.returncode == 0
    assert tmp_path.exists()


def test_stopping_works_when_somebody_has_ended_the_watcher(temporary: Path, real: Binary) -> None:
    run = Run(real, Options())
    run.start()
    run.watcher.process.kill()
    run.watcher.process.wait()
    run.close()
    assert list(temporary.iterdir()) == []
