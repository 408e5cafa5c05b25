"""`python -m rapyer inspect KEY`: a document, and what its model says of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rapyer.__main__ import main
from redis import Redis

MODULE = "models_of_inspect"
MODELS = """
from pydantic import Field
from rapyer import AtomicRedisModel, EmbeddedModel, Key

class Place(EmbeddedModel):
    city: str

class User(AtomicRedisModel):
    id: Key[int]
    age: int = 0
    place: Place | None = None
    name: str = Field(default="", alias="fullName")
    class Config:
        prefix = "inspect:user"
"""
Inspect = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    """A client that is not asynchronous, since the command runs an event loop of its own."""
    client = Redis.from_url(redis_url, protocol=2, decode_responses=True)
    client.flushdb()
    yield client
    client.close()


@pytest.fixture
def module(tmp_path, monkeypatch) -> Iterator[str]:
    (tmp_path / f"{MODULE}.py").write_text(MODELS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield MODULE
    sys.modules.pop(MODULE, None)


@pytest.fixture
def inspect(redis_url: str, capsys: pytest.CaptureFixture[str]) -> Inspect:
    def run(*words: str) -> tuple[int, dict[str, Any]]:
        status = main(["inspect", *words, "--redis", redis_url, "--json"])
        return status, json.loads(capsys.readouterr().out)

    return run


def put(client: Redis, key: str, document: str) -> None:
    client.execute_command("JSON.SET", key, "$", document)


def test_a_document_is_shown_with_its_expiry_its_memory_and_its_model(client, inspect, module):
    put(client, "inspect:user:1", '{"id":1,"age":3,"place":{"city":"Ålesund"},"fullName":"x"}')
    client.expire("inspect:user:1", 100)
    status, told = inspect("inspect:user:1", module)
    assert status == 0
    assert 50 < told.pop("expires_in") <= 100
    assert told.pop("memory") == client.memory_usage("inspect:user:1")
    assert told == {
        "key": "inspect:user:1",
        "type": "ReJSON-RL",
        "model": f"{MODULE}:User",
        "expired": False,
        "valid": True,
        "faults": [],
        "saving_changes": [],
        "document": {"id": 1, "age": 3, "place": {"city": "Ålesund"}, "fullName": "x"},
    }


def test_without_a_model_the_document_is_shown_and_nothing_is_judged(client, inspect):
    put(client, "anything", "[1]")
    status, told = inspect("anything")
    assert (status, told["document"], told["valid"], told["model"]) == (0, [1], None, None)


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        ('{"id":1,"age":"old","place":{}}', {
            "age": 'Input should be a valid integer (it is "old")',
            "place.city": "Field required",
        }),
        ('{"id":2}', {"": "the document at 'inspect:user:1' says that it belongs at"}),
        ("[1]", {"": "Input should be"}),
        ("null", {"": "Input should be"}),
    ],
)  # fmt: skip
def test_what_does_not_validate_is_named_with_its_path_and_value(
    client, inspect, module, document, faults
):
    put(client, "inspect:user:1", document)
    status, told = inspect("inspect:user:1", f"{module}:User")
    assert (status, told["valid"]) == (1, False)
    found = {fault["path"]: fault["message"] for fault in told["faults"]}
    assert found.keys() == faults.keys()
    for path, message in faults.items():
        assert found[path].startswith(message), found[path]


def test_what_saving_it_would_change_is_named(client, inspect, module):
    put(client, "inspect:user:1", '{"id":1,"place":{"city":"Oslo","zip":7}}')
    status, told = inspect("inspect:user:1", module)
    assert status == 0
    assert told["saving_changes"] == [
        {"path": "place.zip", "from": 7, "to": None},
        {"path": "age", "from": None, "to": 0},
        {"path": "fullName", "from": None, "to": ""},
    ]


@pytest.mark.parametrize("make", ["set", "rpush", "sadd"])
def test_a_key_of_another_type_is_status_1_and_left_alone(client, inspect, make):
    getattr(client, make)("plain", "x")
    status, told = inspect("plain")
    assert (status, told["type"], told["document"]) == (1, client.type("plain"), None)


def test_a_key_that_is_not_there_is_status_1(client, inspect, capsys, redis_url):
    status, told = inspect("nobody")
    assert (status, told["type"]) == (1, "none")
    assert main(["inspect", "nobody", "--redis", redis_url]) == 1
    assert "no such key" in capsys.readouterr().out


def test_models_need_not_be_named(capsys):
    with pytest.raises(SystemExit):
        main(["inspect"])
    assert capsys.readouterr().err.endswith("the following arguments are required: KEY\n")


def test_a_key_of_none_of_the_models_is_status_2_and_names_them(client, module, redis_url, capsys):
    assert main(["inspect", "other:1", module, "--redis", redis_url]) == 2
    assert "User inspect:user:..." in capsys.readouterr().err


def test_looking_changes_neither_the_document_nor_its_expiry(client, inspect, module):
    put(client, "inspect:user:1", '{"id":1,"age":"old"}')
    client.pexpire("inspect:user:1", 100_000)
    before = client.execute_command("JSON.GET", "inspect:user:1")
    at = client.execute_command("PEXPIRETIME", "inspect:user:1")
    inspect("inspect:user:1", module)
    assert client.execute_command("JSON.GET", "inspect:user:1") == before
    assert client.execute_command("PEXPIRETIME", "inspect:user:1") == at


def test_the_printed_form_tells_the_same(client, module, redis_url, capsys):
    put(client, "inspect:user:1", '{"id":1,"age":"old","place":{"city":"Ålesund"}}')
    client.expire("inspect:user:1", 3700)
    assert main(["inspect", "inspect:user:1", module, "--redis", redis_url]) == 1
    out = capsys.readouterr().out
    assert out.startswith(
        "inspect:user:1\n  type     ReJSON-RL, a JSON document\n  expires  in 1:01:"
    )
    assert "  valid    no\n           age: Input should be a valid integer" in out
    assert '"city": "Ålesund"' in out
    assert out.rstrip().endswith("}")


def test_a_key_that_is_no_utf_8_is_status_2_and_told(redis_url, capsys):
    assert main(["inspect", os.fsdecode(b"\xff"), "--redis", redis_url]) == 2
    assert r"'\udcff' is not valid UTF-8" in capsys.readouterr().err


def test_a_key_is_found_where_the_locale_has_not_its_letters(client, redis_url):
    put(client, "inspect:\u2603", "{}")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    words = [sys.executable, "-m", "rapyer", "inspect", "inspect:\u2603".encode()]

    ended = subprocess.run(
        [*words, "--redis", redis_url], check=False, env=environment, capture_output=True
    )

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"\\u2603" in ended.stdout


FAILING = """
from pydantic import field_validator
from rapyer import AtomicRedisModel

class Failing(AtomicRedisModel):
    age: int = 0
    class Config:
        prefix = "inspect:failing"

    @field_validator("age")
    @classmethod
    def check(cls, value):
        raise RuntimeError("no rates today")
"""


def test_a_validator_that_fails_is_told_beside_the_document(client, inspect, tmp_path, monkeypatch):
    (tmp_path / "failing_of_inspect.py").write_text(FAILING)
    monkeypatch.syspath_prepend(str(tmp_path))
    put(client, "inspect:failing:1", '{"age": 3}')

    status, told = inspect("inspect:failing:1", "failing_of_inspect")

    del sys.modules["failing_of_inspect"]
    assert (status, told["valid"], told["document"]) == (1, False, {"age": 3})
    assert told["faults"] == [
        {"path": "", "message": "validating it raised RuntimeError('no rates today')"}
    ]
