"""`python -m rapyer index`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rapyer.__main__ import main
from redis import Redis
from redis.exceptions import ResponseError

MODELS = """
from rapyer import AtomicRedisModel, EmbeddedModel, Field, Key

class Part(EmbeddedModel):
    price: float = 0

class Base(AtomicRedisModel):
    id: Key[int]
    class Config:
        abstract = True

class User(Base):
    age: int = 0
    class Config:
        prefix = "query:cli-user"

class Hidden(Base):
    age: int = 0
    class Config:
        prefix = "query:cli-hidden"
        index = False

class Order(Base):
    total: float = Field(default=0, sortable=True)
    tags: list[str] = Field(default_factory=list)
    class Config:
        prefix = "query:cli-order"
"""


BARE = """
from rapyer import AtomicRedisModel

class Bare(AtomicRedisModel):
    age: int = 0
    class Config:
        prefix = "query:cli-bare"
        index = False
"""


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    redis = Redis.from_url(redis_url, protocol=2)
    redis.flushdb()
    yield redis
    redis.close()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a package with two models, which no other test has imported."""
    (tmp_path / "shop_of_cli").mkdir()
    (tmp_path / "shop_of_cli" / "__init__.py").write_text("from shop_of_cli.models import User\n")
    (tmp_path / "shop_of_cli" / "models.py").write_text(MODELS)
    (tmp_path / "shop_of_cli" / "broken.py").write_text("1 / 0\n")
    (tmp_path / "shop_of_cli" / "bare.py").write_text(BARE)
    (tmp_path / "shop_of_cli" / "lost.py").write_text("import of_nobody\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "shop_of_cli"
    for name in [name for name in sys.modules if name.startswith("shop_of_cli")]:
        del sys.modules[name]


@pytest.fixture
def index(
    redis_url: str, client: Redis, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run `python -m rapyer index` with some words; give its status and what it has printed."""

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["index", *words, "--redis", redis_url])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_indexes_are_made_told_of_and_dropped(index, shop, client):
    client.json().set("query:cli-user:1", "$", {"id": 1, "age": 3})
    both = f"{shop}.models"
    status, out, _ = index("diff", both)
    assert status == 1
    assert "User: there is no index yet\n  + id" in out
    assert index("status", both)[:2][0] == 1
    assert "User: missing" in index("status", both)[1]
    status, out, _ = index("ensure", both)
    assert (status, out.count("has 1 documents"), out.count("has 0 documents")) == (0, 1, 1)
    assert index("diff", both)[0] == 0
    status, out, _ = index("status", f"{both}:Order")
    assert status == 0
    assert "Order: ready" in out
    assert "field      total" in out
    assert "SORTABLE" in out
    status, out, _ = index("list")
    assert status == 0
    assert out.count("query:cli-") == 4  # two rows, each with the prefix and the index
    assert index("rebuild", shop)[0] == 0  # the package has one of them
    status, out, _ = index("drop", both)
    assert (status, out.count("dropped")) == (0, 2)
    assert index("drop", both)[1].count("there was no index") == 2
    assert index("list")[1] == "no indexes\n"


def test_everything_can_be_had_as_json(index, shop, client):
    client.json().set("query:cli-user:1", "$", {"id": 1, "age": 3})
    model = f"{shop}.models:User"
    assert json.loads(index("list", "--json")[1]) == []
    (diff,) = json.loads(index("diff", model, "--json")[1])
    assert (diff["action"], [field["name"] for field in diff["added"]]) == ("create", ["id", "age"])
    (made,) = json.loads(index("ensure", model, "--json")[1])
    assert (made["state"], made["documents"]) == ("ready", 1)
    (row,) = json.loads(index("list", "--json")[1])
    assert (row["prefix"], row["documents"], row["failures"]) == ("query:cli-user", 1, 0)
    assert row["kept_until"] > 1_700_000_000
    assert json.loads(index("drop", model, "--json")[1]) == [{"model": "User", "dropped": True}]


def test_documents_that_are_missing_make_the_status_1(index, shop, client):
    client.json().set("query:cli-user:1", "$", {"id": 1, "age": "old"})
    model = f"{shop}.models:User"
    with pytest.warns(UserWarning, match="rejected 1 write"):
        index("ensure", model)
    status, out, _ = index("status", model, "--scan")
    assert status == 1
    assert "missing    1 documents\n             query:cli-user:1\n" in out
    client.json().set("query:cli-user:1", "$", {"id": 1, "age": 3})
    assert index("status", model)[0] == 1
    assert index("status", model, "--scan")[0] == 0
    assert index("status", model)[0] == 0
    assert "refused    1 writes, 1 of them fixed since" in index("status", model)[1]


def test_a_size_of_which_the_server_has_lost_count_is_told_as_that(index, shop, client):
    index("ensure", f"{shop}.models:Order")
    for number in range(100):  # lists without elements, which the server counts down twice
        client.json().set(f"query:cli-order:{number}", "$", {"id": number, "total": 1, "tags": []})
    client.delete(*client.keys("query:cli-order:*"))
    ((name,),) = [client.execute_command("FT._LIST")]
    try:
        client.execute_command("FT.DEBUG", "GC_FORCEINVOKE", name, 5000)
    except ResponseError:
        client.execute_command("_FT.DEBUG", "GC_FORCEINVOKE", name, 5000)
    told = client.execute_command("FT.INFO", name)
    size = float(told[told.index(b"total_index_memory_sz_mb") + 1])
    if size < 2**40:
        pytest.skip("this server has not lost count")
    (status,) = json.loads(index("status", f"{shop}.models:Order", "--json")[1])
    (row,) = json.loads(index("list", "--json")[1])
    assert (status["documents"], status["memory"], row["memory"]) == (0, None, None)
    text = index("status", f"{shop}.models:Order")[1]
    assert "memory     unknown: the server has lost count\n" in text
    assert "18446744073709551616" not in index("list")[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["status", "no_such_module"], "there is no module 'no_such_module'"),
        (["status", "shop_of_cli.none"], "there is no module 'shop_of_cli.none'"),
        (["status", "shop_of_cli.py"], "Name the module without `.py`: 'shop_of_cli'"),
        (["status", "shop_of_cli.models.User"], "Write 'shop_of_cli.models:User'"),
        (
            ["status", "shop_of_cli.models:Nobody"],
            "has no 'Nobody'. Its models are User, Hidden, Order.",
        ),
        (["status", "shop_of_cli.lost:Nobody"], "importing shop_of_cli.lost failed"),
        (["status", "json:Nobody"], "It has no models"),
        (["status", "shop_of_cli.models:Base"], "which is not a model with documents"),
        (["status", "shop_of_cli.models:Part"], "which is not a model with documents"),
        (["status", "shop_of_cli.models:"], "has no ''. Its models are"),
        (["status", "shop_of_cli.bare"], "defines no models with indexed fields"),
        (["drop", "json"], "'json' defines no models with documents"),
        (["drop", ":User"], "does not name a module"),
        (["drop", ".models"], "does not name a module"),
        (["drop", "shop_of_cli.broken"], "importing shop_of_cli.broken failed with ZeroDivision"),
        (["drop", "shop_of_cli.lost"], "there is no module 'of_nobody'"),
    ],
)
def test_what_names_no_model_is_said(index, shop, words, message):
    status, out, err = index(*words)
    assert (status, out) == (2, "")
    assert message in err


def test_a_server_that_is_none_is_said(shop, capsys):
    assert main(["index", "status", f"{shop}.models"]) == 2
    error = capsys.readouterr().err
    assert "rapyer does not know where Redis is. Give --redis redis://localhost:6379" in error
    assert main(["index", "list", "--redis", "unix:///nowhere/s"]) == 2
    assert "ConnectionError" in capsys.readouterr().err
    assert main(["index", "list", "--redis", "http://a:secret@b"]) == 2
    error = capsys.readouterr().err
    assert "--redis is" in error
    assert "secret" not in error


@pytest.mark.parametrize("words", [[], ["status"], ["list", "x"], ["build", "x"]])
def test_wrong_words_are_refused(words):
    with pytest.raises(SystemExit) as caught:
        main(["index", *words])
    assert caught.value.code == 2


def test_a_pipe_that_closes_is_no_error(shop, tmp_path, redis_url, client):
    command = f"{sys.executable} -W error -m rapyer index list --json | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=tmp_path,
        env={"RAPYER_REDIS_URL": redis_url, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_program_itself(shop, tmp_path, redis_url, client):
    def run(*words: str) -> Any:
        command = [sys.executable, "-W", "error", "-m", "rapyer", "index", *words]
        environment = {"RAPYER_REDIS_URL": redis_url, "PATH": ""}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    done = run("ensure", f"{shop}.models:User")
    assert (done.returncode, done.stderr) == (0, "")
    assert "has 0 documents" in done.stdout
    assert run("list").stdout.startswith("prefix")
    assert "diff" in run("--help").stdout
