"""The plugin as it is installed: nothing here registers it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import rapyer_audit.plugin
from rapyer import AtomicRedisModel, Key, ModelDefinitionError, OptionError, init_rapyer
from rapyer.testing import check_plugin, check_plugin_with_server, record_commands
from rapyer_audit import Actor, AuditMixin, acting_as
from rapyer_embedded import Cluster
from redis.asyncio import Redis
from redis.exceptions import ResponseError

ADA, BOB = Actor("clerk", "ada"), Actor("customer", "bob")


class AppModel(AtomicRedisModel, AuditMixin):
    class Config:
        abstract = True
        audit = True


class Account(AppModel):
    id: Key[str]
    owner: Actor = BOB
    balance: int = 0


class Quiet(AtomicRedisModel):
    id: Key[str]


async def test_every_write_is_logged_with_its_actor(redis):
    account = Account(id="1")
    with acting_as(ADA):
        await account.save()
    with acting_as(BOB):
        account.balance = 5
        await account.save()
        await Account.get("1")
    await account.delete()
    log = await account.audit_log()
    assert [(entry.access, entry.actor) for entry in log] == [
        ("delete", None), ("write", BOB), ("write", ADA),
    ]  # fmt: skip
    assert all(abs(entry.at - datetime.now(UTC)) < timedelta(seconds=5) for entry in log)
    assert len(await account.audit_log(limit=1)) == 1


async def test_the_entry_is_made_in_the_same_script_as_the_write(redis, redis_url):
    await Account(id="1").save()
    async with record_commands(redis_url) as sent:
        await Account(id="1").save()
    assert [(command.name, command.in_script) for command in sent] == [
        ("EVALSHA", False), ("TYPE", True), ("JSON.SET", True), ("XADD", True),
    ]  # fmt: skip


async def test_a_write_that_changes_nothing_is_not_logged(redis):
    account = await Account(id="1").save()
    assert not await Account(id="1").save(only_if="absent")
    assert not await Account.delete_by_key("2")
    assert len(await account.audit_log()) == 1


async def test_a_write_that_cannot_be_logged_is_not_made(redis):
    await redis.set("audit:{account:1}", "text")
    with pytest.raises(ResponseError, match=r"the audit log audit:\{account:1\} is a string"):
        await Account(id="1").save()
    assert not await redis.exists("account:1")


async def test_a_user_who_may_not_log_writes_nothing(redis, redis_url):
    await redis.acl_setuser(
        "mute", enabled=True, nopass=True, commands=["+@all", "-xadd"], keys=["*"], channels=["*"]
    )
    mute = Redis.from_url(redis_url, username="mute", password="x")
    try:
        async with init_rapyer(mute):
            with pytest.raises(ResponseError, match="may not be written"):
                await Account(id="1").save()
    finally:
        await mute.aclose()
        await redis.acl_deluser("mute")
    assert not await redis.exists("account:1")


async def test_many_writers_leave_an_entry_for_each_write(redis):
    async def write(number: int) -> None:
        with acting_as(Actor("clerk", str(number % 7))):
            await Account(id="1", balance=number).save()

    await asyncio.gather(*map(write, range(100)))
    log = await Account(id="1").audit_log(limit=1000)
    names = [entry.actor.name for entry in log if entry.actor is not None]
    assert sorted(names) == sorted(str(number % 7) for number in range(100))


async def test_the_log_is_beside_its_document_on_a_cluster():
    with Cluster() as cluster:
        async with init_rapyer(cluster.cluster_url):
            for number in range(20):
                account = await Account(id=str(number)).save()
                assert [entry.access for entry in await account.audit_log()] == ["write"]


async def test_a_model_that_does_not_ask_for_it_sends_native_commands(redis, redis_url):
    quiet = Quiet(id="1")
    async with record_commands(redis_url) as sent:
        await quiet.save()
    assert [command.name for command in sent] == ["JSON.SET"]
    assert await quiet.audit_log() == []


async def test_an_option_of_init_rapyer_holds_for_models_that_do_not_set_it(redis, redis_url):
    async with init_rapyer(redis_url, audit=True, audit_stream="log"):
        await Quiet(id="1").save()
        assert len(await Quiet(id="1").audit_log()) == 1
    assert await redis.xlen("log:{quiet:1}") == 1


async def test_an_actor_is_stored_as_text(redis):
    await Account(id="1", owner=ADA).save()
    assert json.loads(await redis.execute_command("JSON.GET", "account:1"))["owner"] == "clerk:ada"
    assert (await Account.get("1")).owner == ADA


def test_options_are_checked_when_the_class_is_made():
    with pytest.raises(OptionError, match="audit: 'yes' is not a valid value for this option"):

        class Wrong(AtomicRedisModel):
            class Config:
                audit = "yes"

    for start in ("", "log:", "{log}"):
        with pytest.raises(OptionError, match=f"audit_stream: {start!r} is not a key prefix"):

            class Wrong(AtomicRedisModel):
                class Config:
                    audit_stream = start


def test_a_field_cannot_hide_the_log():
    with pytest.raises(
        ModelDefinitionError, match=r"AuditMixin\.audit_log of the plugin 'audit' \("
    ):

        class Wrong(AtomicRedisModel):
            audit_log: str


def test_it_is_listed_as_it_is_installed():
    run = subprocess.run(
        [sys.executable, "-m", "rapyer", "plugins", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    (listed,) = (one for one in json.loads(run.stdout)["plugins"] if one["name"] == "audit")
    assert listed["distribution"] == "rapyer-audit"
    assert listed["methods"] == ["audit_log"]
    assert listed["options"] == ["audit", "audit_stream"]
    assert listed["field types"] == ["Actor"]


async def test_it_keeps_the_contract_of_plugins(redis_url):
    audited = {"audit": True}
    check_plugin(rapyer_audit.plugin, audited)
    await check_plugin_with_server(rapyer_audit.plugin, redis_url, audited)
