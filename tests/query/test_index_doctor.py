"""What `python -m rapyer doctor` says of queries and indexes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rapyer.__main__ import main
from redis import Redis

MODULE = "models_of_index_doctor"
MODEL = """
from rapyer import AtomicRedisModel, Key

class User(AtomicRedisModel):
    id: Key[int]
    age: int = 0
    class Config:
        prefix = "query:doctor-user"
"""
Findings = dict[str, list[dict[str, Any]]]


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    client = Redis.from_url(redis_url, protocol=2)
    client.flushdb()
    yield client
    client.acl_deluser("asking")
    client.close()


@pytest.fixture
def model(tmp_path, monkeypatch) -> Iterator[str]:
    (tmp_path / f"{MODULE}.py").write_text(MODEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield f"{MODULE}:User"
    sys.modules.pop(MODULE, None)


@pytest.fixture
def doctor(redis_url: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., Findings]:
    """Run it; give its findings by their check."""

    def run(*words: str, redis: str = redis_url) -> Findings:
        main(["doctor", *words, "--redis", redis, "--json"])
        found: Findings = {}
        for finding in json.loads(capsys.readouterr().out)["findings"]:
            found.setdefault(finding["check"], []).append(finding)
        return found

    return run


@pytest.fixture
def made(client: Redis, model: str, redis_url: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The model, of which there is an index."""
    assert main(["index", "ensure", model, "--redis", redis_url]) == 0
    capsys.readouterr()
    return model


def of_user(client: Redis, url: str, *rights: str) -> str:
    """Make a user with these rights alone, and give the URL by which it connects."""
    client.execute_command("ACL", "SETUSER", "asking", "reset", "on", ">x", *rights)
    return f"{url}{'&' if '?' in url else '?'}username=asking&password=x"


def texts(findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["state"], one["text"]) for one in findings]


def test_limits_of_search_that_change_the_way_to_an_answer_are_told(client, doctor):
    ((state, text),) = texts(doctor()["search"])
    assert state == "ok"
    assert "MINPREFIX is 2: shorter parts of texts are looked for in Python" in text


def test_limits_that_the_user_may_not_read_are_a_note(client, doctor, redis_url):
    found = doctor(redis=of_user(client, redis_url, "~*", "+@all", "-ft.config"))["search"]
    assert texts(found) == [("note", "the user may not read its settings (FT.CONFIG)")]


def test_no_index_is_well(client, doctor):
    ((state, text),) = texts(doctor()["indexes"])
    assert (state, text[:14]) == ("ok", "there are none")


def test_a_model_without_its_index_is_a_note(client, doctor, model):
    (finding,) = doctor(model)["indexes"]
    assert texts([finding]) == [("note", "User has none yet")]
    assert finding["remedy"] == "Its first query creates it."


def test_an_index_is_told_with_what_it_has_and_of_its_model(client, doctor, made):
    of_server, of_model = texts(doctor(made)["indexes"])
    assert of_server == ("ok", "'query:doctor-user' has one with 2 fields and 0 documents")
    assert of_model[0] == "ok"
    assert of_model[1].startswith("User uses rapyer:query:doctor-user:")
    assert of_model[1].endswith(", which is ready")


def test_an_index_that_nobody_has_used_since_its_time_is_a_note(client, doctor, made):
    (registry,) = [key for key in client.keys("rapyer:*") if client.type(key) == b"hash"]
    (lease,) = [name for name in client.hkeys(registry) if name.startswith(b"lease:")]
    client.hset(registry, lease, b"1000:" + client.hget(registry, lease).partition(b":")[2])

    ((state, text),) = texts(doctor()["indexes"])

    assert state == "note"
    assert "whose version was last alive" in text


def test_a_document_that_was_not_taken_is_a_warning_of_its_model(client, doctor, made):
    client.execute_command("JSON.SET", "query:doctor-user:7", "$", '{"id": 7, "age": "old"}')

    of_server, of_model = doctor(made)["indexes"]

    assert of_server["state"] == "note"
    assert "1 writes have been rejected" in of_server["text"]
    assert of_model["state"] == "warning"
    assert "'query:doctor-user:7'" in of_model["text"]
    assert f"index status {made} --scan" in of_model["remedy"]


def test_who_may_not_list_indexes_is_told_of_those_of_the_models(client, doctor, made, redis_url):
    url = of_user(client, redis_url, "~*", "+@all", "-ft._list")

    of_server, of_model = texts(doctor(made, redis=url)["indexes"])

    assert of_server[0] == "note"
    assert "cannot be listed" in of_server[1]
    assert "'FT._LIST'" in of_server[1]
    assert of_model[0] == "ok"
