"""`python -m rapyer doctor`: what it says of a server, and by which status it ends."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from rapyer.__main__ import main
from rapyer.commands.checks import CORE_CHECKS
from rapyer.traffic.server import ServerInfo
from rapyer.traffic.source import RedisSource
from redis import Redis
from redis.exceptions import ResponseError

#: What a test may change on the server; it is put back.
SETTINGS = ("maxmemory", "maxmemory-policy", "save", "maxclients")
ORDER = ("ok", "note", "warning", "fault")
Findings = dict[str, list[dict[str, Any]]]


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    """A client that is not asynchronous, since the command runs an event loop of its own."""
    client = Redis.from_url(redis_url, protocol=2, decode_responses=True)
    client.flushdb()
    before = {name: client.config_get(name)[name] for name in SETTINGS}
    yield client
    for name, value in before.items():
        client.config_set(name, value)
    client.acl_deluser("patient")
    client.close()


@pytest.fixture
def doctor(redis_url: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., Findings]:
    """Run it; give its findings by their check."""

    def run(*words: str, redis: str = redis_url) -> Findings:
        status = main(["doctor", *words, "--redis", redis, "--json"])
        told = json.loads(capsys.readouterr().out)
        found: Findings = {}
        for finding in told["findings"]:
            found.setdefault(finding["check"], []).append(finding)
        worst = max((one["state"] for one in told["findings"]), key=ORDER.index)
        assert told["state"] == worst
        assert status == (worst in ("warning", "fault"))
        return found

    return run


def of_user(client: Redis, url: str, *rights: str) -> str:
    """Make a user with these rights alone, and give the URL by which it connects."""
    client.execute_command("ACL", "SETUSER", "patient", "reset", "on", ">x", *rights)
    return f"{url}{'&' if '?' in url else '?'}username=patient&password=x"


def test_a_server_that_is_well_has_no_warning_and_tells_what_it_is(client, doctor):
    began = time.perf_counter()
    found = doctor()
    took = (time.perf_counter() - began) * 1000
    (server,) = found["server"]
    info = client.info("server")
    assert f"Redis {info['redis_version']}, ReJSON 2." in server["text"]
    (trip,) = re.findall(r"a round trip takes (\d+\.\d\d) ms", server["text"])
    assert 0 < float(trip) < took / 5  # the shortest of several, in milliseconds
    for check in ("rights", "memory", "connections", "limits"):
        assert [one["state"] for one in found[check]] == ["ok"], check
    assert "maxmemory" in found["memory"][0]["text"]
    assert "512 MB" in found["limits"][0]["text"]
    assert "5000 ms" in found["limits"][0]["text"]


@pytest.mark.parametrize(
    ("settings", "check", "state", "words"),
    [
        ({"maxmemory": 2**30}, "memory", "ok", "of 1024 MB are used"),
        ({"maxmemory": 2**30, "maxmemory-policy": "allkeys-lru"}, "memory", "warning",
         "Redis silently deletes documents"),
        ({"maxmemory": 2**30, "maxmemory-policy": "volatile-ttl"}, "memory", "note",
         "documents are deleted before they expire"),
        ({"maxmemory": 2**20}, "memory", "warning", "writes will soon be refused"),
        ({"save": ""}, "persistence", "note", "all data is lost when it stops"),
        ({"save": "3600 1"}, "persistence", "note", "lost if it stops without one (save 3600 1)"),
    ],
)  # fmt: skip
def test_a_setting_by_which_documents_may_be_lost_is_told(
    client, doctor, settings, check, state, words
):
    for name, value in settings.items():
        client.config_set(name, value)
    (finding,) = doctor()[check]
    assert finding["state"] == state
    assert words in finding["text"]
    assert (finding["remedy"] is None) == (state == "ok" or "before they expire" in words)


def test_nearly_all_connections_in_use_are_a_warning(client, doctor):
    client.config_set("maxclients", 3)

    (finding,) = doctor()["connections"]

    used, bound = map(int, re.findall(r"\d+", finding["text"])[:2])
    assert (used <= bound, bound) == (True, 3)
    assert finding["state"] == ("warning" if used > 2.4 else "ok")


def test_commands_that_the_user_may_not_run_are_named_with_the_right_to_give(
    client, doctor, redis_url
):
    url = of_user(client, redis_url, "~*", "+@all", "-json.set", "-blpop")
    (finding,) = doctor(redis=url)["rights"]
    assert finding["state"] == "fault"
    assert finding["text"].endswith("may not run: BLPOP, JSON.SET")
    assert finding["remedy"] == "Allow it: ACL SETUSER ... +blpop +json.set."


MODEL_OF_ONE_PREFIX = """
from rapyer import AtomicRedisModel, Key


class Comment(AtomicRedisModel):
    id: Key[str]

    class Config:
        prefix = "doctor:comment"
"""


@pytest.fixture
def comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module with a model, and its name."""
    (tmp_path / "doctor_comments.py").write_text(MODEL_OF_ONE_PREFIX)
    monkeypatch.syspath_prepend(tmp_path)
    yield "doctor_comments"
    sys.modules.pop("doctor_comments", None)


RIGHTS = """
from rapyer.cli import rights_check
from rapyer.plugin import Check, hookimpl
RAPYER_API_VERSION = 1

@hookimpl
def rapyer_register_checks(register):
    register(Check("rights of odd", rights_check("rapyer-odd", ["PERSIST", "UNLINK"])))
"""


def test_a_user_of_some_keys_is_looked_at_with_a_key_of_the_model(
    client, doctor, redis_url, comments, install
):
    install("odd", RIGHTS)
    url = of_user(client, redis_url, "~doctor:comment:*", "+@all", "-set", "-unlink")

    found = doctor(comments, redis=url)

    (finding,) = found["rights"]
    assert finding["text"].endswith("sends commands that the user may not run: SET")
    assert found["rights of odd"][0]["text"].endswith("may not run: UNLINK")


def test_a_user_without_the_keys_of_a_model_is_told_which_to_allow(
    client, doctor, redis_url, comments, install
):
    install("odd", RIGHTS)
    url = of_user(client, redis_url, "~other:*", "+@all")

    (finding,) = doctor(comments, redis=url)["rights of odd"]

    assert finding["state"] == "warning"
    assert "'doctor:comment:rapyer-doctor'" in finding["text"]
    assert finding["remedy"].endswith("ACL SETUSER ... ~doctor:comment:*.")


def test_a_user_of_keys_for_reading_is_told_that_commands_may_not_be_what_it_lacks(
    client, doctor, redis_url, comments
):
    for keys, is_told in (("%R~doctor:comment:*", True), ("~doctor:comment:*", False)):
        url = of_user(client, redis_url, keys, "+@all", "-blpop")
        (finding,) = doctor(comments, redis=url)["rights"]
        assert finding["state"] == "fault"
        assert "+blpop" in finding["remedy"]
        assert ("allow full access: ~doctor:comment:*." in finding["remedy"]) == (is_told)


def test_without_a_model_the_rights_of_a_user_of_some_keys_are_not_known(client, doctor, redis_url):
    url = of_user(client, redis_url, "~other:*", "+@all")

    (finding,) = doctor(redis=url)["rights"]

    assert finding["state"] == "note"
    assert "is unknown" in finding["text"]
    assert "EVALSHA" not in finding["text"]
    assert "JSON.SET" in finding["text"]
    assert "Name models" in finding["remedy"]


def test_a_user_without_scripts_is_told_so(client, doctor, redis_url):
    (finding,) = doctor(redis=of_user(client, redis_url, "~*", "+@all", "-eval"))["rights"]
    assert finding["state"] == "fault"
    assert "scripts cannot be run" in finding["text"]


def test_what_the_user_may_not_read_is_a_note_and_no_fault(client, doctor, redis_url):
    url = of_user(client, redis_url, "~*", "+@all", "-info", "-config")
    found = doctor(redis=url)
    for check in ("memory", "persistence", "connections", "limits"):
        (finding,) = found[check]
        assert (finding["state"], "may not read it" in finding["text"]) == ("note", True), check


def test_a_replica_is_a_fault_since_it_refuses_writes(client, doctor):
    client.replicaof("127.0.0.1", "1")
    try:
        faults = [one for one in doctor()["server"] if one["state"] == "fault"]
    finally:
        client.replicaof("NO", "ONE")
    assert "it is a replica of 127.0.0.1" in faults[0]["text"]
    assert "redis+sentinel://" in faults[0]["remedy"]


def test_a_server_that_cannot_be_reached_is_status_2(capsys):
    assert main(["doctor", "--redis", "redis://127.0.0.1:1"]) == 2
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_nobody_has_said_where_redis_is(capsys):
    assert main(["doctor"]) == 2
    assert "RAPYER_REDIS_URL" in capsys.readouterr().err


def test_models_on_a_server_of_their_own_are_examined_there(
    client, doctor, redis_url, tmp_path, monkeypatch, capsys
):
    (tmp_path / "own_of_doctor.py").write_text(
        "from rapyer import AtomicRedisModel, Key\n"
        "class Own(AtomicRedisModel):\n"
        "    id: Key[str]\n"
        f"    class Config: redis = {redis_url!r}; prefix = 'doctor:own'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["doctor", "own_of_doctor", "--json"]) == 0  # without --redis
    servers = {one["server"] for one in json.loads(capsys.readouterr().out)["findings"]}
    assert len(servers) == 1
    del sys.modules["own_of_doctor"]


@pytest.mark.parametrize("first", ["near", "away"])
def test_a_server_that_cannot_be_reached_does_not_hide_what_is_told_of_others(
    client, redis_url, tmp_path, monkeypatch, capsys, first
):
    servers = {"near": redis_url, "away": "redis://127.0.0.1:1"}
    lines = ["from rapyer import AtomicRedisModel"]
    for name in sorted(servers, key=lambda name: name != first):
        lines += [
            f"class {name.title()}(AtomicRedisModel):",
            f"    class Config: redis = {servers[name]!r}; prefix = 'doctor:{name}'",
        ]
    (tmp_path / "two_of_doctor.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path))

    assert main(["doctor", "two_of_doctor", "--json"]) == 1

    del sys.modules["two_of_doctor"]
    told = json.loads(capsys.readouterr().out)["findings"]
    (away,) = [one for one in told if one["server"] == "redis://127.0.0.1:1"]
    assert (away["check"], away["state"]) == ("server", "fault")
    assert "cannot be reached" in away["text"]
    assert "memory" in {one["check"] for one in told}


def test_a_plugin_that_does_not_work_is_told_where_the_server_is_away(install, capsys):
    install("broken", "import not_there")
    assert main(["doctor", "--redis", "redis://127.0.0.1:1"]) == 1
    out = capsys.readouterr().out
    assert "not_there" in out
    assert "cannot be reached" in " ".join(out.split())


def test_a_plugin_that_does_not_work_is_a_fault_and_the_server_is_examined(client, doctor, install):
    install("broken", "import not_there")
    found = doctor("no_module_of_this_name")
    assert [one["state"] for one in found["plugins"]] == ["fault"]
    assert "not_there" in found["plugins"][0]["text"]
    assert found["memory"]


def test_a_plugin_that_does_not_work_is_told_where_no_server_is_known(install, capsys):
    install("broken", "import not_there")
    assert main(["doctor"]) == 1
    assert "not_there" in capsys.readouterr().out


CHECK = """
from redis.exceptions import ResponseError
from rapyer.plugin import Check, Finding, hookimpl
RAPYER_API_VERSION = 1

async def look(channel, models):
    await channel.execute("NO-SUCH-COMMAND")

@hookimpl
def rapyer_register_checks(register):
    register(Check("{name}", look))
"""


def test_a_check_that_the_server_refuses_is_a_fault_of_its_own(client, doctor, install):
    install("odd", CHECK.format(name="odd"))
    found = doctor()
    assert [one["state"] for one in found["odd"]] == ["fault"]
    assert "unknown command" in found["odd"][0]["text"]
    assert found["memory"]


def test_of_two_checks_of_one_name_the_later_is_refused(client, doctor, install):
    install("odd", CHECK.format(name="memory"))
    found = doctor()
    assert (
        "registers the check 'memory', which already belongs to the plugin 'core'"
        in (found["plugins"][0]["text"])
    )
    assert [one["state"] for one in found["memory"]] == ["ok"]


def test_the_printed_form_has_every_finding_with_its_remedy_and_counts_them(
    client, redis_url, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "200")
    client.config_set("maxmemory", 2**30)
    client.config_set("maxmemory-policy", "allkeys-lru")
    assert main(["doctor", "--redis", redis_url]) == 1
    out = capsys.readouterr().out
    assert re.search(
        r"^warning +memory +.* silently deletes documents\. Set maxmemory-policy", out, re.MULTILINE
    )
    assert re.search(r"^0 faults, 1 warning, \d notes?$", out, re.MULTILINE)


def test_the_page_names_every_check_of_core():
    page = (Path(__file__).parents[2] / "docs/command-line.md").read_text()
    for check in CORE_CHECKS:
        assert f"| `{check.name}` |" in page


SPIN = "while redis.call('GET', KEYS[1]) ~= 'no such' do end"


@pytest.fixture
def blocked(client: Redis, redis_url: str) -> Iterator[None]:
    """A server that a script blocks, which is ended afterwards."""
    before = client.config_get("busy-reply-threshold")["busy-reply-threshold"]
    client.config_set("busy-reply-threshold", 1)
    with Redis.from_url(redis_url, socket_timeout=None) as other:

        def spin() -> None:
            with pytest.raises(ResponseError, match="killed"):
                other.eval(SPIN, 1, "doctor:spin")

        thread = Thread(target=spin)
        thread.start()
        try:
            while not _is_blocked(client):
                pass
            yield
        finally:
            client.script_kill()
            thread.join()
            client.config_set("busy-reply-threshold", before)


def _is_blocked(client: Redis) -> bool:
    try:
        return not client.ping()
    except ResponseError as exc:
        return str(exc).startswith("BUSY")


def test_a_server_that_a_script_blocks_is_told_as_that_and_not_as_a_lack_of_rights(
    blocked, redis_url, capsys
):
    assert main(["doctor", "--redis", redis_url, "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["check"], finding["state"]) == ("server", "fault")
    assert "BUSY" in finding["text"]


@pytest.mark.parametrize("check", CORE_CHECKS, ids=lambda check: check.name)
def test_a_check_of_a_server_that_is_blocked_meanwhile_tells_nothing_of_rights(
    blocked, redis_url, check
):
    async def look() -> None:
        source = RedisSource.of(redis_url)
        try:
            channel = source.channel()
            channel.server = ServerInfo("7", has_json=True)  # it was introduced before
            await check.run(channel, [])
        finally:
            await source.close()

    with pytest.raises(ResponseError, match="BUSY"):
        asyncio.run(look())


def test_what_info_tells_of_writes_is_told_without_the_right_to_settings(client, doctor, redis_url):
    client.config_set("appendonly", "yes")
    try:
        (finding,) = doctor(redis=of_user(client, redis_url, "~*", "+@all", "-config"))[
            "persistence"
        ]
    finally:
        client.config_set("appendonly", "no")
    assert (finding["state"], finding["text"]) == ("ok", "writes are logged (appendonly)")
