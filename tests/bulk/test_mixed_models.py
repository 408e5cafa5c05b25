"""The functions of `rapyer_bulk`: models of all kinds in one call, each key of its model."""

from __future__ import annotations

import pytest
import rapyer_bulk
from bulk_models import Note, Order, User, is_sent, users
from rapyer import AtomicRedisModel, Key, KeyNotFoundError, WrongModelError, init_rapyer
from rapyer.testing import record_commands
from rapyer_embedded import Server

pytestmark = pytest.mark.usefixtures("server")


async def test_models_of_all_kinds_travel_in_one_command(redis_url):
    async with record_commands(redis_url) as sent:
        result = await rapyer_bulk.bulk_insert([User(id="1"), Order(number=7), User(id="2")])
    assert [entry.key for entry in result] == ["bulk:user:1", "bulk:order:7", "bulk:user:2"]
    assert len([one for one in sent if is_sent(one)]) == 1
    async with record_commands(redis_url) as sent:
        found = await rapyer_bulk.bulk_get(["bulk:order:7", "bulk:user:2", "bulk:order:7"])
    assert [type(one) for one in found] == [Order, User, Order]
    assert found[0].revision == 1
    assert await rapyer_bulk.bulk_exists(["bulk:user:1", "bulk:order:8"]) == [True, False]
    assert [type(one) async for one in rapyer_bulk.bulk_stream(["bulk:user:1"])] == [User]


async def test_models_with_and_without_a_version_share_a_transaction():
    order = await Order(number=1).save()
    stale = await Order.get(1)
    await order.save()
    instances = [*users(3), stale, Note(text="x")]
    result = await rapyer_bulk.bulk_insert(instances, transaction=True, raise_on_error=False)
    assert result.counts == {"failed": 1, "unwritten": 4}
    result = await rapyer_bulk.bulk_insert([*users(3), order], transaction=True)
    assert result.counts == {"inserted": 3, "replaced": 1}


async def test_changes_of_instances_of_all_kinds_are_written():
    note, order = Note(text="a"), Order(number=1)
    await rapyer_bulk.bulk_insert([note, order])
    note.text = "b"
    result = await rapyer_bulk.bulk_update([note, order], raise_on_error=False)
    assert [entry.outcome for entry in result] == ["updated", "failed"]  # orders are not tracked


async def test_keys_and_instances_are_deleted_together(redis):
    created = [*users(2), Order(number=1)]
    await rapyer_bulk.bulk_insert(created)
    result = await rapyer_bulk.bulk_delete([created[0], "bulk:user:1", created[2], "bulk:order:9"])
    assert result.counts == {"deleted": 3, "missing": 1}
    assert await redis.dbsize() == 0


@pytest.mark.parametrize("key", ["nobody:1", "1", 5, ""])
async def test_a_key_of_no_model_is_refused(key):
    for call in (rapyer_bulk.bulk_get, rapyer_bulk.bulk_exists, rapyer_bulk.bulk_delete):
        with pytest.raises(WrongModelError, match="is not the key of any model of this process"):
            await call([key])


async def test_what_is_missing_is_told_as_for_one_model():
    await User(id="1").save()
    keys = ["bulk:user:1", "bulk:order:2"]
    with pytest.raises(KeyNotFoundError, match="bulk:order:2"):
        await rapyer_bulk.bulk_get(keys)
    assert len(await rapyer_bulk.bulk_get(keys, missing="skip")) == 1
    assert (await rapyer_bulk.bulk_get(keys, missing="none"))[1] is None


async def test_models_on_another_server_are_sent_there(redis_url):
    with Server() as other:

        class Abroad(AtomicRedisModel):
            id: Key[str]

            class Config:
                prefix = "bulk:abroad"
                redis = other.url

        instances = [User(id="1"), Abroad(id="1"), User(id="2"), Abroad(id="2")]
        result = await rapyer_bulk.bulk_insert(instances, chunk_size=2)
        assert result.inserted == 4
        found = await rapyer_bulk.bulk_get([one.key for one in reversed(instances)])
        assert found == instances[::-1]
        with pytest.raises(ValueError, match="Abroad is on a different server"):
            await rapyer_bulk.bulk_insert(instances, transaction=True)
        result = await rapyer_bulk.bulk_delete(instances)
        assert result.deleted == 4
        async with init_rapyer(redis_url):  # which closes the connections to the other one
            pass
