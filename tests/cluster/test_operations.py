"""On a cluster all that is about single documents, or many, works as on one server."""

from __future__ import annotations

import asyncio

import pytest
from cluster_nodes import slot_of
from rapyer import (
    AtomicRedisModel,
    ConflictError,
    CrossSlotError,
    Field,
    Key,
    KeyNotFoundError,
    OptionError,
    RedisDict,
    RedisList,
    UnsupportedServerError,
    Version,
    WrongTypeError,
    init_rapyer,
)
from rapyer_bulk import BulkError
from rapyer_pipeline import PipelineError, transaction
from redis.asyncio.cluster import RedisCluster

NUMBER = 300


class Player(AtomicRedisModel):
    id: Key[str]
    name: str = "x"
    score: int = 0
    tags: RedisList[str] = Field(default_factory=list)
    marks: RedisDict[int] = Field(default_factory=dict)

    class Config:
        prefix = "cluster:player"


class Session(AtomicRedisModel):
    id: Key[str]
    number: int = 0

    class Config:
        prefix = "cluster:session"
        ttl = 100
        ttl_postpone_on_access = True


class Account(AtomicRedisModel):
    id: Key[str]
    balance: int = 0
    revision: Version = Field(default=0)

    class Config:
        prefix = "cluster:account"


class InShop(AtomicRedisModel):
    class Config:
        abstract = True
        hash_tag = "shop"


class Customer(InShop):
    id: Key[str]
    orders: int = 0


class Order(InShop):
    id: Key[str]
    paid: bool = False


def players():
    return [Player(id=str(n), score=n, name=f"p{n}") for n in range(NUMBER)]


async def test_the_server_is_told_to_be_a_cluster(info):
    assert info.is_cluster


async def test_a_client_of_redis_py_names_the_cluster(nodes):
    client = RedisCluster.from_url(nodes.url)
    async with init_rapyer(client):
        await Player(id="a").save()
        assert (await Player.get("a")).id == "a"
    await client.aclose()


async def test_a_node_that_is_named_as_a_server_is_refused_with_the_remedy(nodes):
    with pytest.raises(UnsupportedServerError, match=r"redis\+cluster://"):
        await init_rapyer(nodes.url)


async def test_documents_of_all_slots_are_saved_and_gathered_gets_find_each(cluster):
    made = players()
    await asyncio.gather(*(one.save() for one in made))
    found = await asyncio.gather(*(Player.get(one.id) for one in made))
    assert [one.score for one in found] == list(range(NUMBER))
    with pytest.raises(KeyNotFoundError):
        await Player.get("nobody")


async def test_a_gathered_get_of_another_redis_type_is_told_by_itself(cluster):
    await asyncio.gather(*(one.save() for one in players()))
    client = RedisCluster.from_url(cluster.url)
    await client.set("cluster:player:text", "x")
    await client.aclose()
    found = await asyncio.gather(
        Player.get("1"), Player.get("text"), Player.get("2"), return_exceptions=True
    )
    assert isinstance(found[1], WrongTypeError)
    assert [found[0].id, found[2].id] == ["1", "2"]


async def test_parts_are_read_and_written_by_key_and_by_instance(cluster):
    one = Player(id="1", score=5)
    await one.save()
    assert await Player.score.increase("1", 3) == 8
    await Player.aupdate_by_key("1", name="new")
    await one.tags.aappend("a")
    await one.marks.aset_item("x", 2)
    assert await Player.extract_fields(["tags[0]", "marks", "name"], "1") == {
        "tags[0]": "a", "marks": {"x": 2}, "name": "new",
    }  # fmt: skip
    fresh, is_new = await Player.get_or_create(Player(id="1", name="other"))
    assert (fresh.name, is_new) == ("new", False)
    assert await Player.exists("1")
    assert await Player.delete_by_key("1")
    assert not await Player.exists("1")


async def test_a_lock_is_in_the_slot_of_its_document(cluster):
    await asyncio.gather(*(Account(id=str(n)).save() for n in range(10)))

    async def pay(number):
        for _ in range(5):
            one = await Account.get(str(number))
            async with one.lock() as held:
                held.balance += 1

    await asyncio.gather(*(pay(n) for n in range(10) for _ in range(4)))
    found = await asyncio.gather(*(Account.get(str(n)) for n in range(10)))
    assert [one.balance for one in found] == [20] * 10


async def test_versions_are_compared_where_the_document_is(cluster):
    one = Account(id="1")
    await one.save()
    other = await Account.get("1")
    await other.save()
    with pytest.raises(ConflictError):
        await one.save()


async def test_pipelines_and_conditions_run_on_the_node_of_the_document(cluster):
    made = players()
    await asyncio.gather(*(one.save() for one in made))
    for one in made[:20]:
        async with one.pipeline() as p:
            p.score += 100
            (p.score > 105).if_true(lambda p=p: p.name.set("big")).else_(
                lambda p=p: p.name.set("small")
            )
    assert [one.name for one in made[:20]] == ["small"] * 6 + ["big"] * 14


async def test_a_transaction_is_about_one_slot_and_says_so(cluster):
    a, b = Player(id="{x}1"), Player(id="{x}2")
    c = Player(id="3")
    await asyncio.gather(a.save(), b.save(), c.save())
    async with transaction(a, b) as (p, q):
        p.score += 1
        q.score += 2
    assert (a.score, b.score) == (1, 2)

    async def across_slots():
        async with transaction(a, c) as (p, q):
            p.score += 1
            q.score += 1

    with pytest.raises(PipelineError, match="hash_tag"):
        await across_slots()
    assert (await Player.get("{x}1")).score == 1


async def test_a_hash_tag_puts_models_into_one_slot(cluster):
    customer, order = Customer(id="1"), Order(id="2")
    assert (customer.key, order.key) == ("{shop}:customer:1", "{shop}:order:2")
    assert slot_of(customer.key) == slot_of(order.key)
    await asyncio.gather(customer.save(), order.save())
    async with transaction(customer, order) as (p, q):
        p.orders += 1
        q.paid = True
    assert (await Customer.get("1")).orders == 1
    assert (await Order.get("{shop}:order:2")).paid
    assert [one.id for one in await Order.find(Order.paid == True).to_list()] == ["2"]  # noqa: E712


@pytest.mark.parametrize("tag", ["", "{a}", "a}", "\n", 3])
def test_what_can_be_no_hash_tag_is_refused(tag):
    with pytest.raises(OptionError, match="hash_tag"):

        class Tagged(AtomicRedisModel):
            class Config:
                hash_tag = tag


async def test_a_hash_tag_is_set_in_models_alone(nodes):
    with pytest.raises(OptionError, match="single models"):
        init_rapyer(nodes.cluster_url, hash_tag="x")


async def test_ttl_policies_hold_on_each_node(cluster):
    made = [Session(id=str(n), number=n) for n in range(40)]
    await Session.bulk_insert(made)
    await asyncio.gather(*(one.set_ttl(10) for one in made))
    await asyncio.gather(*(Session.get(one.id) for one in made[:20]))
    left = await asyncio.gather(*(one.get_ttl() for one in made))
    assert all(one > 50 for one in left[:20])
    assert all(0 < one <= 10 for one in left[20:])


async def test_bulk_operations_tell_what_became_of_each_key(cluster):
    made = players()
    result = await Player.bulk_insert(made, chunk_size=100)
    assert result.counts == {"inserted": NUMBER}
    assert result.server_lost is None  # several have answered
    keys = [one.id for one in made]
    assert [one.score for one in await Player.bulk_get(keys)] == list(range(NUMBER))
    assert await Player.bulk_exists([*keys, "nobody"]) == [True] * NUMBER + [False]
    found = await Player.bulk_insert(
        [Player(id="1"), Player(id="new")], mode="insert", raise_on_error=False
    )
    assert found.counts == {"failed": 1, "inserted": 1}
    assert (await Player.bulk_update(keys, name="y")).counts == {"updated": NUMBER}
    assert [one.name async for one in Player.bulk_stream(keys)] == ["y"] * NUMBER
    assert (await Player.bulk_delete(made)).counts == {"deleted": NUMBER}


async def test_a_version_counts_each_bulk_write_once(cluster):
    made = [Account(id=str(n)) for n in range(50)]
    await Account.bulk_insert(made)
    await Account.bulk_insert(made)
    assert {one.revision for one in made} == {2}
    assert {one.revision for one in await Account.bulk_get([one.id for one in made])} == {2}


async def test_a_bulk_transaction_is_about_one_slot_and_says_so(cluster):
    with pytest.raises(BulkError, match="hash_tag") as failed:
        await Player.bulk_insert([Player(id="1"), Player(id="2")], transaction=True)
    assert isinstance(failed.value.__cause__, CrossSlotError)
    assert await Player.bulk_exists(["1", "2"]) == [False, False]
    result = await Player.bulk_insert([Player(id="{a}1"), Player(id="{a}2")], transaction=True)
    assert result.counts == {"inserted": 2}
