"""docs/command-line.md: what it shows is what is printed. With rich, where somebody looks."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import Page
from rapyer.__main__ import main
from redis import Redis

PAGE = Page("docs/command-line.md")
(SHOWN,) = PAGE.blocks("text")
MODELS = """
from rapyer import AtomicRedisModel, EmbeddedModel, Key

class Address(EmbeddedModel):
    city: str

class User(AtomicRedisModel):
    id: Key[str]
    age: int = 0
    address: Address
"""


@pytest.fixture
def shop(tmp_path, redis_url):
    """A folder with the module of the page, and the document that it shows on the server."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "models.py").write_text(MODELS)
    client = Redis.from_url(redis_url, protocol=2)
    client.flushdb()
    client.execute_command("JSON.SET", "user:1", "$", '{"id":"1","age":"old","address":{}}')
    client.pexpire("user:1", 3_599_000)  # in 0:59:.. for a minute
    yield tmp_path
    client.close()


def commands() -> list[list[str]]:
    lines = [line for block in PAGE.blocks("console") for line in block.commands]
    return [line.replace("redis://localhost:6379", "URL").split()[1:] for line in lines]


def run(words: list[str], folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).parent / "rapyer"
    given = [url if word == "URL" else word for word in words]
    environment = {**os.environ, "RAPYER_REDIS_URL": url}
    return subprocess.run(
        [script, *given], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_commands_of_the_page_say_what_it_says(shop, redis_url):
    doctor, inspect = commands()
    done = run(doctor, shop, redis_url)
    assert (done.returncode, done.stderr) == (0, "")
    checks = [row[0].strip("`") for row in PAGE.rows("| check |")]
    assert "server" in checks
    for check in checks:
        assert re.search(rf"^(ok|note) +{check} ", done.stdout, re.MULTILINE), check
    done = run(inspect, shop, redis_url)
    assert (done.returncode, done.stderr) == (1, "")
    measured = r"memory   \d+ bytes|in 0:59:\d\d"
    assert re.sub(measured, "", done.stdout) == re.sub(measured, "", SHOWN.text)


def test_what_python_is_told_to_leave_out_of_its_path_the_script_leaves_out(
    shop, redis_url, monkeypatch
):
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    done = run(["inspect", "user:1", "shop.models"], shop, redis_url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no module 'shop'" in done.stderr


def test_the_page_names_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    there = re.findall(r"^ {4}([a-z-]+)(?: |$)", capsys.readouterr().out, re.MULTILINE)
    named = [row[0].strip("`").split()[0] for row in PAGE.rows("| command |")]
    assert sorted(named) == sorted(there)


@pytest.mark.parametrize("words", [["plugins"], ["doctor"], ["--help"]], ids=lambda words: words[0])
def test_in_a_terminal_it_is_drawn_by_rich_and_elsewhere_it_is_plain_text(shop, redis_url, words):
    plain = run(words, shop, redis_url).stdout
    assert "\x1b[" not in plain
    ours, theirs = pty.openpty()
    script = str(Path(sys.executable).parent / "rapyer")
    environment = {**os.environ, "RAPYER_REDIS_URL": redis_url, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen([script, *words], env=environment, stdout=theirs, stderr=theirs) as one:
        os.close(theirs)
        drawn = b""
        while chunk := _read(ours):
            drawn += chunk
    os.close(ours)
    assert one.returncode == 0
    text = drawn.decode()
    assert "\x1b[" in text
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text)
    for word in ("rapyer-core", "status") if words == ["plugins"] else ("memory", "doctor"):
        assert (word in bare) == (word in plain), word


def _read(end: int) -> bytes:
    try:
        return os.read(end, 65536)
    except OSError:  # the other end is closed
        return b""
