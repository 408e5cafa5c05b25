"""A Version counts every write, and lets what holds an instance notice those of others."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from typing import Any

import pytest
from pydantic import ConfigDict, ValidationError
from rapyer import (
    AtomicRedisModel,
    ConflictError,
    EmbeddedModel,
    ExpressionError,
    Field,
    Key,
    KeyNotFoundError,
    ModelDefinitionError,
    RapyerError,
    UnaddressableKeyError,
    Version,
    WrongTypeError,
)
from rapyer.traffic.policies import AccessPolicy
from redis.exceptions import ResponseError

pytestmark = pytest.mark.usefixtures("server")


class BankAccount(AtomicRedisModel):
    id: Key[str]
    owner: str = ""
    balance: int = 0
    limits: dict[str, int] = {}
    revision: Version = Field(default=0)


class Unversioned(AtomicRedisModel):
    id: Key[str]
    balance: int = 0
    tags: list[str] = []


async def stored(redis, key: str = "bank_account:1") -> Any:
    raw = await redis.execute_command("JSON.GET", key)
    return None if raw is None else json.loads(raw)


# -- counting -------------------------------------------------------------------------------------


async def test_an_instance_that_was_never_saved_has_the_version_0():
    assert BankAccount(id="1").revision == 0
    assert BankAccount.model_fields["revision"].default == 0


async def test_every_write_of_an_instance_counts(redis):
    account = await BankAccount(id="1").save()
    assert account.revision == 1
    await account.save()
    await account.aupdate(balance=5)
    await account.aupdate(balance=6, limits__day=7)
    assert account.revision == 4
    assert (await stored(redis))["revision"] == 4
    assert await BankAccount.get("1") == account


async def test_every_write_by_key_counts_and_compares_nothing():
    account = await BankAccount(id="1").save()
    await BankAccount.aupdate_by_key("1", balance=5)
    await BankAccount.aupdate_by_key("1", balance=6, owner="x")
    await BankAccount.balance.set("1", 7)
    await BankAccount.limits["day"].set("1", 8)
    assert await BankAccount.revision.get("1") == 5
    assert account.revision == 1


async def test_get_or_create_counts_what_it_creates():
    account, created = await BankAccount.get_or_create(BankAccount(id="1"))
    again, created_again = await BankAccount.get_or_create(BankAccount(id="1", balance=5))
    assert (account.revision, created, again.revision, created_again) == (1, True, 1, False)
    await account.aupdate(balance=1)


async def test_writes_that_fail_count_nothing(redis):
    account = await BankAccount(id="1").save()
    before = await stored(redis)
    for call, error in (
        (account.aupdate(limits="x"), ValidationError),
        (account.aupdate({"limits['\\\\']": 1}), UnaddressableKeyError),
        (BankAccount.aupdate_by_key("1", balance="x"), ValidationError),
    ):
        with pytest.raises(error):
            await call
    assert await account.save(only_if="absent") is False
    assert account.revision == 1
    assert await stored(redis) == before


async def test_a_document_of_before_the_field_was_declared_counts_as_0(redis):
    await redis.execute_command("JSON.SET", "bank_account:1", "$", '{"id":"1","balance":3}')
    account = await BankAccount.get("1")
    assert account.revision == 0
    await account.aupdate(balance=4)
    assert (await stored(redis))["revision"] == account.revision == 1
    await redis.execute_command("JSON.DEL", "bank_account:1", "$.revision")
    await BankAccount.aupdate_by_key("1", balance=5)
    assert (await stored(redis))["revision"] == 1


@pytest.mark.parametrize("revision", ['"x"', "null", "1.5", "-1", "1000000000000000000", "[1]"])
async def test_a_version_that_is_no_count_is_an_error_and_nothing_is_written(redis, revision):
    account = await BankAccount(id="1").save()
    await redis.execute_command("JSON.SET", "bank_account:1", "$.revision", revision)
    before = await redis.execute_command("JSON.GET", "bank_account:1")
    for call in (account.save(), account.aupdate(owner="x"), BankAccount.owner.set("1", "x")):
        with pytest.raises(WrongTypeError, match="as its Version"):
            await call
    assert await redis.execute_command("JSON.GET", "bank_account:1") == before


# -- comparing ------------------------------------------------------------------------------------


async def test_a_write_of_what_somebody_else_has_written_meanwhile_is_a_conflict(redis):
    mine = await BankAccount(id="1").save()
    theirs = await BankAccount.get("1")
    await theirs.aupdate(balance=5)
    before, own = await stored(redis), copy.deepcopy(mine)
    for call in (mine.save, lambda: mine.aupdate(balance=6), lambda: mine.aupdate(owner="x")):
        with pytest.raises(ConflictError, match="version 2, but this instance has version 1"):
            await call()
    assert (await stored(redis), mine) == (before, own)


async def test_a_conflict_has_the_key_and_both_versions_and_takes_one_round_trip(redis):
    mine = await BankAccount(id="1").save()
    await BankAccount.aupdate_by_key("1", balance=5)
    await redis.config_resetstat()
    with pytest.raises(ConflictError) as caught:
        await mine.aupdate(balance=6)
    error = caught.value
    assert (error.key, error.expected, error.actual) == ("bank_account:1", 1, 2)
    assert isinstance(error, RapyerError)
    commands = await redis.info("commandstats")
    calls = {name: stat["calls"] for name, stat in commands.items() if "config" not in name}
    assert calls == {"cmdstat_evalsha": 1, "cmdstat_json.get": 1}


async def test_a_new_instance_expects_that_there_is_no_document():
    await BankAccount(id="1", balance=5).save()
    with pytest.raises(ConflictError, match="this instance is new") as caught:
        await BankAccount(id="1").save()
    assert (caught.value.expected, caught.value.actual) == (None, 1)
    with pytest.raises(ConflictError, match="this instance is new"):
        await BankAccount(id="1").aupdate(balance=6)
    assert (await BankAccount.get("1")).balance == 5


async def test_a_loaded_instance_whose_document_is_gone_is_a_conflict(redis):
    account = await BankAccount(id="1").save()
    await redis.delete("bank_account:1")
    for call in (account.save, lambda: account.aupdate(balance=1)):
        with pytest.raises(ConflictError, match="no longer exists") as caught:
            await call()
        assert isinstance(caught.value, KeyNotFoundError)
        assert (caught.value.key, caught.value.expected, caught.value.actual) == (
            "bank_account:1", 1, None,
        )  # fmt: skip
    assert await redis.exists("bank_account:1") == 0
    assert await account.save(only_if="absent") is True


async def test_an_update_of_a_new_instance_without_a_document_finds_no_key():
    with pytest.raises(KeyNotFoundError) as caught:
        await BankAccount(id="1").aupdate(balance=1)
    assert not isinstance(caught.value, ConflictError)


async def test_loading_again_ends_the_conflict():
    mine = await BankAccount(id="1").save()
    await BankAccount.aupdate_by_key("1", balance=5)
    await mine.load()
    await mine.aupdate(owner="me")
    assert (mine.balance, mine.revision) == (5, 3)


async def test_what_a_browser_sends_back_is_compared_by_the_version_that_it_names():
    sent = (await BankAccount(id="1").save()).model_dump_json()
    await BankAccount.model_validate_json(sent).save()
    with pytest.raises(ConflictError):
        await BankAccount.model_validate_json(sent).save()
    with pytest.raises(ConflictError, match="no longer exists"):
        await BankAccount(id="2", revision=4).save()


async def test_a_copy_stands_for_the_same_document_until_its_key_is_another_one():
    account = await BankAccount(id="1").save()
    same = account.model_copy(update={"balance": 5})
    await same.save()
    assert same.revision == 2
    with pytest.raises(ConflictError):
        await copy.deepcopy(account).save()
    other = same.model_copy(update={"id": "2"})
    await other.save()
    with pytest.raises(ConflictError, match="this instance is new"):
        await same.model_copy(update={"id": "2"}).save()
    assert (await BankAccount.get("2")).balance == 5
    moved = pickle.loads(pickle.dumps(same))
    await moved.save()
    assert moved.revision == 3


async def test_a_deleted_instance_is_a_new_one():
    account = await BankAccount(id="1").save()
    await account.delete()
    assert account.revision == 0
    await account.save()
    assert account.revision == 1


async def test_only_if_present_compares_and_only_if_absent_does_not():
    account = await BankAccount(id="1").save()
    await BankAccount.aupdate_by_key("1", balance=5)
    with pytest.raises(ConflictError):
        await account.save(only_if="present")
    assert await account.save(only_if="absent") is False
    await BankAccount.delete_by_key("1")
    assert await account.save(only_if="absent") is True


async def test_of_two_holders_of_one_version_exactly_one_wins_always():
    account = await BankAccount(id="1").save()
    for turn in range(200):
        holders = [await BankAccount.get("1") for _ in range(2)]
        results = await asyncio.gather(
            holders[0].aupdate(balance=turn, owner="first") if turn % 2 else holders[0].save(),
            holders[1].aupdate(balance=-turn, owner="second"),
            return_exceptions=True,
        )
        assert sorted(type(result).__name__ for result in results) == [
            "BankAccount",
            "ConflictError",
        ]
    assert await BankAccount.revision.get("1") == 200 + account.revision


async def test_many_writers_that_repeat_after_conflicts_lose_nothing():
    await BankAccount(id="1").save()

    async def deposit() -> None:
        while True:
            account = await BankAccount.get("1")
            try:
                await account.aupdate(balance=account.balance + 1)
            except ConflictError:
                continue
            return

    await asyncio.gather(*(deposit() for _ in range(60)))
    account = await BankAccount.get("1")
    assert (account.balance, account.revision) == (60, 61)


# -- the field ------------------------------------------------------------------------------------


async def test_the_version_is_set_by_nobody_else():
    account = await BankAccount(id="1").save()
    with pytest.raises(ValidationError, match="frozen"):
        account.revision = 7
    for call in (
        account.aupdate(revision=7),
        BankAccount.aupdate_by_key("1", {BankAccount.revision: 7}),
        BankAccount.revision.set("1", 7),
    ):
        with pytest.raises(ExpressionError, match="rapyer counts it"):
            await call


class Base(AtomicRedisModel):
    version_: Version = Field(alias="the version")

    class Config:
        abstract = True


class Derived(Base):
    model_config = ConfigDict(frozen=True)
    value: int = 0


async def test_it_may_be_inherited_have_an_alias_and_be_frozen(redis):
    derived = await Derived().save()
    await derived.save()
    assert (await stored(redis, derived.key))["the version"] == derived.version_ == 2


@pytest.mark.filterwarnings("ignore:The '.*' attribute with value")  # of pydantic, of the union
def test_there_is_one_of_them_where_it_can_be_counted():
    with pytest.raises(ModelDefinitionError, match="the versions 'a', 'b'"):

        class Two(AtomicRedisModel):
            a: Version
            b: Version

    with pytest.raises(ModelDefinitionError, match="has a Version inside "):

        class Perhaps(AtomicRedisModel):
            a: Version | None

    with pytest.raises(ModelDefinitionError, match="an EmbeddedModel is not written on its own"):

        class Part(EmbeddedModel):
            a: Version

    with pytest.raises(ModelDefinitionError, match="is redeclared without Version"):

        class Other(Base):
            version_: int = 0

    with pytest.raises(ModelDefinitionError, match="no path can address"):

        class Unspelled(AtomicRedisModel):
            a: Version = Field(alias="\\")


# -- what it costs, and what else happens ---------------------------------------------------------


async def test_without_a_version_nothing_is_sent_for_it(redis):
    instance = await Unversioned(id="1", tags=["x"]).save()
    await redis.config_resetstat()
    await instance.save()
    await instance.aupdate(balance=1)
    commands = await redis.info("commandstats")
    assert {name for name in commands if "config" not in name} == {"cmdstat_json.set"}


async def test_access_policies_see_no_write_that_was_a_conflict(redis, monkeypatch):
    audit = AccessPolicy("audit", apply="redis.call('INCR', 'seen:' .. access)")
    monkeypatch.setattr(BankAccount, "__rapyer_policies__", (audit,))
    account = await BankAccount(id="1").save()
    stale = account.model_copy()
    await account.aupdate(balance=1, owner="x")
    for call in (stale.save(), stale.aupdate(balance=2)):
        with pytest.raises(ConflictError):
            await call
    assert await redis.get("seen:write") == b"2"
    assert await redis.exists("seen:read") == 0


async def test_who_may_not_count_may_not_write(redis):
    account = await BankAccount(id="1").save()
    before = await stored(redis)
    await redis.execute_command("ACL", "SETUSER", "default", "-json.numincrby")
    try:
        with pytest.raises(ResponseError, match="which count the version"):
            await account.aupdate(balance=1)
    finally:
        await redis.execute_command("ACL", "SETUSER", "default", "+json.numincrby")
    assert await stored(redis) == before
