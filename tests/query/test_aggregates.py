"""Groups of documents and what is made of them, beside plain Python."""

from __future__ import annotations

import asyncio
import math
import pickle
import statistics
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from random import Random
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
import pytest_asyncio
from pydantic import BaseModel, StringConstraints
from rapyer import (
    AtomicRedisModel,
    CorruptDocumentError,
    EmbeddedModel,
    ExpressionError,
    Field,
    Key,
    init_rapyer,
)
from rapyer.base import channel_of
from rapyer.expr.evaluate import getter_of
from rapyer_embedded import Server
from rapyer_query import (
    Aggregate,
    avg,
    count,
    count_distinct,
    first_value,
    max_,
    min_,
    quantile,
    stddev,
    sum_,
    to_list,
)
from rapyer_query.sorting import comparable
from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("server")


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Colour(Enum):
    RED = "red"
    GREEN = "a|b"


class Place(EmbeddedModel):
    city: str
    zip: int | None = None


class Sale(AtomicRedisModel):
    id: Key[int]
    shop: str
    oshop: str | None = None
    dshop: str = "here"
    kept: str = Field(sortable=True)
    okept: str | None = Field(default=None, sortable=True)
    number: int
    onumber: int | None = None
    dnumber: int = 3
    rank: int = Field(sortable=True)
    orank: int | None = Field(default=None, sortable=True)
    price: float
    oprice: float | None = None
    rate: float = Field(sortable=True)
    paid: bool
    opaid: bool | None = None
    colour: Colour
    size: Literal["s", "m"] | None = None
    code: UUID
    exact: Decimal
    day: date
    oday: date | None = None
    moment: datetime
    omoment: datetime | None = None
    clock: time
    span: timedelta
    ospan: timedelta | None = None
    place: Place
    oplace: Place | None = None
    hidden: int = Field(default=0, index=False)
    counts: dict[str, int] = Field(default_factory=dict, index_keys=["a"])
    tags: list[str] = Field(default_factory=list)
    places: list[Place] = Field(default_factory=list)

    class Config:
        prefix = "query:sale"


S: Any = Sale
TEXTS = ["a", "b", "", "null", "A", 'a"b', "[1]", "é", "a\0", "12", "x" * 300]
INTEGERS = [0, 1, -1, 7, 12, 10**6, -(10**9), 123456789012]
RARE_INTEGERS = [2**53, 2**53 + 1, -(2**60), 2**52]
FLOATS = [0.0, -0.0, 1.0, 0.1, 0.5, 1e-9, -2.5, 12345678901.25, 1e16, 1 / 3]
RARE_FLOATS = [1e308, 1.7e308, -1e308, 5e-324, -1e16]
ZONES = [None, UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-11, minutes=-30))]


def a_sale(random: Random, number: int, *, rarely: bool) -> Sale:
    """Draw a document; `rarely` says whether there are numbers that the server has not exactly."""
    pick = random.choice

    def maybe(make: Callable[[], Any]) -> Any:
        return None if random.random() < 0.3 else make()

    def integer() -> int:
        return pick(RARE_INTEGERS) if rarely and random.random() < 0.05 else pick(INTEGERS)

    def real() -> float:
        if rarely and random.random() < 0.05:
            return pick(RARE_FLOATS)
        return pick(FLOATS) if random.random() < 0.5 else random.uniform(-1000, 1000)

    def moment() -> datetime:
        zone = pick(ZONES)
        return datetime(2020, 1, 1, tzinfo=zone) + timedelta(hours=random.randrange(30))

    return Sale(
        id=number, shop=pick(TEXTS), oshop=maybe(lambda: pick(TEXTS)), dshop=pick(TEXTS),
        kept=pick(TEXTS), okept=maybe(lambda: pick(TEXTS)), number=integer(),
        onumber=maybe(integer), dnumber=integer(), rank=pick(INTEGERS),
        orank=maybe(lambda: pick(INTEGERS)), price=real(), oprice=maybe(real), rate=real(),
        paid=pick([True, False]), opaid=pick([True, False, None]), colour=pick([*Colour]),
        size=pick(["s", "m", None]), code=UUID(int=random.randrange(5)),
        exact=Decimal(random.randrange(1000)) / 10, day=date(2020, 1, 1 + random.randrange(9)),
        oday=maybe(lambda: date(1960, 1, 1 + random.randrange(9))), moment=moment(),
        omoment=maybe(moment), clock=time(random.randrange(24), tzinfo=pick([None, UTC])),
        span=timedelta(minutes=random.randrange(-99, 99)),
        ospan=maybe(lambda: timedelta(days=random.randrange(9))),
        place=Place(city=pick(TEXTS), zip=maybe(integer)),
        oplace=maybe(lambda: Place(city=pick(TEXTS))), hidden=random.randrange(4),
        counts=random.choice([{}, {"a": 1}, {"a": 3, "b": 2}]),
    )  # fmt: skip


async def stored(random: Random, number: int, *, rarely: bool) -> list[Sale]:
    """Store documents, some of which lack fields, and load them as anyone would."""
    channel = channel_of(Sale)
    for place in range(number):
        sale = await a_sale(random, place, rarely=rarely).save()
        for name in ("oshop", "dshop", "onumber", "dnumber", "okept", "orank", "oprice"):
            if random.random() < (0.02 if name.startswith("d") and rarely else 0.15):
                if name.startswith("d") and not rarely:
                    continue
                await channel.execute("JSON.DEL", sale.key, f"$.{name}")
    return [await Sale.get(place) for place in range(number)]


KEYS = [
    S.shop, S.oshop, S.dshop, S.kept, S.okept, S.number, S.onumber, S.orank, S.price, S.paid,
    S.opaid, S.colour, S.size, S.code, S.exact, S.day, S.oday, S.moment, S.span, S.place.city,
    S.place.zip, S.oplace.city, S.hidden, S.counts["a"], S.counts["z"],
]  # fmt: skip
NUMBERS = [
    S.number, S.onumber, S.dnumber, S.rank, S.orank, S.price, S.oprice, S.rate, S.place.zip,
    S.hidden, S.counts["a"], S.number * 2, S.oprice + S.number,
]  # fmt: skip
ORDERED = [*NUMBERS, S.shop, S.oshop, S.kept, S.day, S.oday, S.moment, S.omoment, S.clock, S.span,
           S.ospan, S.exact, S.oplace.city]  # fmt: skip
PLAIN = [*ORDERED, S.paid, S.opaid, S.colour, S.size, S.code]


def an_aggregate(random: Random) -> Aggregate[Any]:
    return random.choice(
        [
            count,
            lambda: sum_(random.choice([*NUMBERS, S.span, S.ospan, S.exact])),
            lambda: avg(random.choice([*NUMBERS, S.span, S.ospan, S.exact])),
            lambda: min_(random.choice(ORDERED)),
            lambda: max_(random.choice(ORDERED)),
            lambda: stddev(random.choice(NUMBERS)),
            lambda: quantile(random.choice(ORDERED), random.choice([0, 0.25, 0.5, 1])),
            lambda: count_distinct(random.choice(PLAIN)),
            lambda: first_value(random.choice(PLAIN), by=random.choice(ORDERED)),
            lambda: first_value(random.choice(PLAIN), by=random.choice(ORDERED).desc()),
            lambda: to_list(random.choice(PLAIN)),
            lambda: to_list(random.choice(PLAIN), distinct=True),
        ]
    )()


def _exactly(values: list[Any]) -> Any:
    if isinstance(values[0], timedelta | Decimal):
        return sum(values[1:], values[0])
    return sum(map(Fraction, values))


def require(aggregate: Aggregate[Any], found: Any, documents: list[Sale]) -> None:
    """Make sure that an aggregate is what plain Python makes of the documents."""
    name, value = aggregate.function, aggregate.value
    values: list[Any] = []
    if value is not None:
        values = [one for one in map(getter_of(value), documents) if one is not None]
    if name == "count":
        assert found == len(documents)
    elif name == "count_distinct":
        assert found == len(set(values))
    elif name == "to_list":
        assert Counter(found) == Counter(set(values) if aggregate.option else values)
    elif name == "first_value":
        get, by = getter_of(value), getter_of(aggregate.by)
        keys = [comparable(by(one)) for one in documents if by(one) is not None]
        best = None if not keys else max(keys) if aggregate.descending else min(keys)
        at_best = [one for one in documents if (by(one) is None) is (best is None)]
        assert found in [get(one) for one in at_best if best in (None, comparable(by(one)))]
    elif name in ("min", "max"):
        best = max if name == "max" else min
        least = best(map(comparable, values), default=None)
        assert found in values if values else found is None
        assert found is None or comparable(found) == least
    elif name == "quantile":
        ranked = sorted(map(comparable, values))
        place = max(0, math.ceil(aggregate.part * len(ranked)) - 1)
        assert (found is None) if not ranked else comparable(found) == ranked[place]
    elif name == "stddev":
        assert (found is None) is (len(values) < 2)
        if found is not None:
            assert math.isclose(found, statistics.stdev(map(Fraction, values)), rel_tol=1e-9)
    else:
        require_sum(found, values, is_mean=name == "avg", nothing=aggregate)


def require_sum(found: Any, values: list[Any], *, is_mean: bool, nothing: Any) -> None:
    if not values:
        is_span = {kind.family for kind in nothing.__kinds__} == {"span"}
        assert found == (None if is_mean else timedelta() if is_span else 0)
        return
    exact = _exactly(values)
    if is_mean:
        exact = exact / len(values)
    if isinstance(exact, Fraction):
        is_whole = not is_mean and all(isinstance(value, int) for value in values)
        largest = Fraction(1.7976931348623157e308)
        if abs(exact) > largest:
            assert math.isinf(found)
        elif is_whole:
            assert found == exact
        else:
            assert math.isclose(found, exact, rel_tol=1e-9), (found, float(exact))
    else:
        assert found == exact


async def check(random: Random, documents: list[Sale]) -> str:
    keys = random.sample(KEYS, random.choice([0, 1, 1, 2, 3, 4]))
    made = [an_aggregate(random) for _ in range(random.randint(1, 3))]
    condition = random.choice([S.id >= 0, S.id < 20, S.number > 0, S.shop == "a", S.shop < "b"])
    query = Sale.find(condition).group_by(*keys).aggregate(*made)
    rows = await query.to_list()
    groups: dict[Any, list[Sale]] = defaultdict(list)
    getters = [getter_of(key) for key in keys]
    for document in documents:
        if condition.matches(document):
            groups[tuple(get(document) for get in getters)].append(document)
    if not keys and not groups:
        groups[()] = []
    assert Counter(row[: len(keys)] for row in rows) == Counter(dict.fromkeys(groups, 1))
    for row in rows:
        for aggregate, found in zip(made, row[len(keys) :], strict=True):
            require(aggregate, found, groups[row[: len(keys)]])
    return (await query.explain()).groups


@pytest.mark.parametrize("seed", range(4))
async def test_groups_are_those_of_plain_python(seed):
    random = Random(seed)
    documents = await stored(random, 60, rarely=seed % 2 == 1)
    made_by = Counter([await check(random, documents) for _ in range(150)])
    assert min(made_by["server"], made_by["python"]) > 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
async def test_groups_are_those_of_plain_python_in_tens_of_thousands_of_cases(seed):
    random = Random(seed)
    documents = await stored(random, 100, rarely=seed % 2 == 1)
    for _ in range(1000):
        await check(random, documents)


# -- what is put together -------------------------------------------------------------------------


async def sales(how_many: int, /, **fields: Any) -> None:
    random = Random(3)
    for place in range(how_many):
        sale = a_sale(random, place, rarely=False)
        changed = {name: make(place) for name, make in fields.items()}
        await sale.model_copy(update=changed).save()


class Shop(BaseModel):
    shop: str
    n: int
    total: int = 0


async def test_rows_have_the_names_that_were_asked_for_and_a_view_is_validated():
    await sales(6, shop="aabbbc".__getitem__, number=lambda place: place)
    query = Sale.find(S.id < 6).group_by(S.shop).aggregate(n=count(), total=sum_(S.number))
    rows = await query.sort("-total").to_list()
    assert [tuple(row) for row in rows] == [("b", 3, 9), ("c", 1, 5), ("a", 2, 1)]
    assert (rows[0].shop, rows[0].n, rows[0].total) == ("b", 3, 9)
    assert repr(rows[0]) == "Row(shop='b', n=3, total=9)"
    assert await query.sort("shop").limit(1).project(Shop).to_list() == [
        Shop(shop="a", n=2, total=1)
    ]
    with pytest.raises(
        ExpressionError, match=r"Shop\.n is not among the values of the groups, which are shop, m"
    ):
        Sale.find().group_by(S.shop).aggregate(m=count()).project(Shop)


async def test_groups_are_chosen_sorted_and_cut_by_what_is_made_of_them():
    await sales(10, shop="aabbbccccd".__getitem__, number=lambda place: place)
    query = Sale.find(S.id < 10).group_by(S.shop).aggregate(count())
    assert await query.having(count() > 1, sum_(S.number) < 10).sort(S.shop).to_list() == [
        ("a", 2), ("b", 3),
    ]  # fmt: skip
    assert await query.having((sum_(S.number) / count()) > 6).sort("-shop").to_list() == [
        ("d", 1), ("c", 4),
    ]  # fmt: skip
    by_sum = query.sort(sum_(S.number).desc())
    assert [shop for shop, _ in await by_sum.limit(1).to_list()] == ["c"]
    assert [shop for shop, _ in await by_sum.skip(3).to_list()] == ["a"]
    assert await query.sort(count().desc()).first() == ("c", 4)
    assert await query.having(count() > 99).first() is None
    assert [row async for row in query.sort(S.shop.desc()).limit(1)] == [("d", 1)]


async def test_without_keys_all_documents_are_one_group_that_is_always_there():
    await sales(4, number=lambda place: place)
    everything = Sale.find(S.id < 4).group_by()
    assert await everything.aggregate(n=count(), top=max_(S.number)).to_list() == [(4, 3)]
    nothing = Sale.find(S.id < 0)
    made = (
        count(), sum_(S.number), sum_(S.span), avg(S.price), min_(S.day), to_list(S.shop),
        count_distinct(S.shop), stddev(S.rate), quantile(S.rate, 0.5, approximate=True),
    )  # fmt: skip
    (row,) = await nothing.group_by().aggregate(*made).to_list()
    assert row == (0, 0, timedelta(), None, None, [], 0, None, None)
    assert await nothing.group_by(S.shop).aggregate(count()).to_list() == []


async def test_a_query_gives_single_values_at_once():
    await sales(4, number=lambda place: place, onumber=[None, 1, 2, None].__getitem__)
    query = Sale.find(S.id < 4)
    assert (await query.sum(S.number), await query.avg(S.number)) == (6, 1.5)
    assert (await query.min(S.number), await query.max(S.onumber)) == (0, 2)
    assert (await query.avg(S.onumber), await query.sum(S.number * 2)) == (1.5, 12)
    none = Sale.find(S.id < 0)
    assert (await none.sum(S.number), await none.avg(S.number)) == (0, None)
    assert (await none.min(S.shop), await none.max(S.shop)) == (None, None)


async def test_a_window_of_documents_is_grouped_as_such():
    await sales(9, shop="aaabbbccc".__getitem__, number=lambda place: place)
    query = Sale.find(S.id < 9).sort(S.number.desc()).skip(1).limit(5)
    rows = await query.group_by(S.shop).aggregate(count(), sum_(S.number)).sort("shop").to_list()
    assert rows == [("b", 3, 12), ("c", 2, 13)]


async def test_what_the_server_makes_and_what_python_makes_is_told():
    await sales(1)
    by_server = Sale.find(S.id < 5).group_by(S.shop, S.okept)
    told = await by_server.aggregate(count(), sum_(S.number), max_(S.shop)).explain()
    assert (told.groups, told.estimates, "grouped: by server" in str(told)) == ("server", (), True)
    for made in (to_list(S.shop), quantile(S.rate, 0.5), sum_(S.exact), max_(S.omoment)):
        assert (await by_server.aggregate(made).explain()).groups == "python"
    checked = Sale.find(S.shop < "b").group_by(S.shop).aggregate(count())
    assert (await checked.explain()).groups == "python"
    roughly = await by_server.aggregate(quantile(S.rate, 0.5, approximate=True)).explain()
    assert len(roughly.estimates) == 1
    assert "hundredth" in roughly.estimates[0]


# -- limits of the server -------------------------------------------------------------------------


async def test_all_groups_come_back_however_many(server):
    channel = channel_of(Sale)
    await a_sale(Random(1), 0, rarely=False).save()
    raw: bytes = await channel.execute("JSON.GET", "query:sale:0")
    commands = [
        ("JSON.SET", f"query:sale:{n}", "$", raw.replace(b'"id":0', b'"id":%d' % n))
        for n in range(12_000)
    ]
    await channel.execute_many(commands)
    rows = await Sale.find().group_by(S.id).aggregate(count()).to_list()
    assert sorted(rows) == [(n, 1) for n in range(12_000)]


async def test_keys_that_are_written_alike_one_after_the_other_are_told_apart():
    pairs = [("a", "b"), ("ab", ""), ("", "ab"), ("1", "2"), ("12", ""), ("", "12")]
    await sales(
        6,
        shop=lambda place: pairs[place][0], dshop=lambda place: pairs[place][1],
        kept=lambda place: pairs[place][0], okept=lambda place: pairs[place][1],
    )  # fmt: skip
    for keys in ((S.shop, S.dshop), (S.kept, S.okept), (S.shop, S.okept)):
        rows = await Sale.find(S.id < 6).group_by(*keys).aggregate(count()).to_list()
        assert sorted(rows) == sorted((*pair, 1) for pair in pairs)


async def test_numbers_that_the_server_has_not_exactly_are_added_in_python():
    numbers = [2**53 - 1, 2**53 - 1, 1, 3]
    await sales(4, number=numbers.__getitem__, price=[1e16, 1.0, -1e16, 1e-3].__getitem__)
    query = Sale.find(S.id < 4)
    assert await query.sum(S.number) == sum(numbers)
    assert await query.avg(S.number) == sum(numbers) / 4
    assert await query.sum(S.price) == 1.001


@pytest.mark.parametrize("number", [2**53 - 1, 2**53, 2**53 + 1, 2**60 + 1, 10**16])
async def test_numbers_beyond_those_of_the_server_are_seen_in_what_is_made_of_them(number):
    numbers = [number, 3, -number, 4, -number, -number]
    await sales(
        6, shop="aabbcc".__getitem__, number=numbers.__getitem__, rank=numbers.__getitem__,
        onumber=numbers.__getitem__,
    )  # fmt: skip
    for field in (S.number, S.rank, S.onumber):
        query = Sale.find(S.id < 6).group_by(S.shop)
        rows = await query.aggregate(sum_(field), min_(field), max_(field)).to_list()
        assert sorted(rows) == [
            ("a", number + 3, 3, number),
            ("b", 4 - number, -number, 4),
            ("c", -2 * number, -number, -number),
        ]
        assert sorted(await query.aggregate(max_(field)).to_list()) == [
            ("a", number), ("b", 4), ("c", -number),
        ]  # fmt: skip


async def test_products_beyond_all_floats_are_infinite():
    await sales(3, price=[1e200, -1e200, 1e200].__getitem__)
    query = Sale.find(S.id < 3)
    assert math.isnan(await query.sum(S.price * 1e200))
    assert math.isnan(await query.avg(S.price * 1e200))
    ((found,),) = await query.group_by().aggregate(stddev(S.price * 1e200)).to_list()
    assert math.isnan(found)
    await sales(2, price=[1.7e308, -1.7e308].__getitem__)
    ((found,),) = await Sale.find(S.id < 2).group_by().aggregate(stddev(S.price)).to_list()
    assert math.isinf(found)


async def test_sums_of_floats_have_all_digits_in_front_of_the_point():
    await sales(3, price=[98765432101.25, 1234567.5, 0.25].__getitem__)
    assert await Sale.find(S.id < 3).sum(S.price) == 98766666669.0
    assert await Sale.find(S.id < 2).sum(S.price) == 98766666668.75


async def test_an_estimated_quantile_has_nearly_the_rank_that_was_asked_for():
    await sales(400, price=lambda place: float((place * 7919) % 400))
    for part in (0.1, 0.5, 0.9):
        query = Sale.find(S.id < 400).group_by()
        ((found,),) = await query.aggregate(quantile(S.price, part, approximate=True)).to_list()
        assert abs(found - 400 * part) <= 400 * 0.03


@pytest_asyncio.fixture
async def expiring() -> AsyncIterator[Redis]:
    """A client of a server that forgets nothing by itself."""
    with Server(args=["--enable-debug-command", "yes"]) as other:
        redis = Redis.from_url(other.url, protocol=2)
        await redis.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        async with init_rapyer(other.url):
            yield redis
        await redis.aclose()


async def test_documents_that_expired_a_moment_ago_are_in_no_group(expiring):
    await sales(10, shop="aaaaabbbbb".__getitem__, number=lambda place: place)
    query = Sale.find().group_by(S.shop).aggregate(count(), sum_(S.number))
    assert sorted(await query.to_list()) == [("a", 5, 10), ("b", 5, 35)]
    for n in (0, 1, 5, 6, 7, 8, 9):
        await expiring.pexpire(f"query:sale:{n}", 1)
    await asyncio.sleep(0.02)
    assert await query.to_list() == [("a", 3, 9)]


@pytest.mark.parametrize(
    ("path", "keys", "made"),
    [
        ("$.number", [S.paid], avg(S.number)),
        ("$.number", [], stddev(S.number)),
        ("$.number", [S.id], max_(S.number)),
        ("$.price", [S.id], min_(S.price)),
        ("$.price", [S.id], first_value(S.id, by=S.price)),
        ("$.number", [S.shop], first_value(S.number, by=S.id.desc())),
        ("$.rank", [S.id], min_(S.rank)),
        ("$.shop", [S.shop], count()),
        ("$.kept", [S.kept], count()),
    ],
    ids=str,
)
async def test_documents_that_lack_what_they_need_are_corrupt_in_groups_as_well(path, keys, made):
    await sales(3, number=lambda place: place)
    channel, key = channel_of(Sale), "query:sale:1"
    await channel.execute("JSON.DEL", key, path)
    query = Sale.find().group_by(*keys).aggregate(made)
    assert (await query.explain()).groups == "server"
    with pytest.raises(CorruptDocumentError, match=key):
        await query.to_list()


async def test_values_that_do_not_validate_are_corrupt_in_groups_as_well():
    await sales(3)
    channel, key = channel_of(Sale), "query:sale:1"
    await channel.execute("JSON.SET", key, "$.size", '"xl"')
    sizes = Sale.find().group_by(S.size).aggregate(count())
    with pytest.raises(CorruptDocumentError, match=key):
        await sizes.to_list()
    skipping = Sale.find().on_corrupt("skip").group_by(S.size).aggregate(count())
    assert sum(number for _, number in await skipping.to_list()) == 2


async def test_one_field_may_be_several_keys():
    await sales(4, shop="aabb".__getitem__)
    rows = await Sale.find(S.id < 4).group_by(S.shop, again=S.shop).aggregate(n=count()).to_list()
    assert sorted(rows) == [("a", "a", 2), ("b", "b", 2)]


async def test_rows_can_be_pickled():
    await sales(1)
    (row,) = await Sale.find(S.id == 0).group_by(S.id).aggregate(n=count()).to_list()
    copied = pickle.loads(pickle.dumps(row))
    assert (copied, copied.n) == (row, 1)


async def test_values_that_a_validator_makes_equal_are_one_group():
    class Loud(AtomicRedisModel):
        id: Key[int]
        name: Annotated[str, StringConstraints(to_lower=True)]
        level: Level = Level.LOW

        class Config:
            prefix = "query:loud"

    loud: Any = Loud
    for number in range(3):
        await Loud(id=number, name="a", level=Level.HIGH).save()
    await channel_of(Loud).execute("JSON.SET", "query:loud:1", "$.name", '"A"')
    assert await Loud.find().group_by(loud.name).aggregate(count()).to_list() == [("a", 3)]
    top = await Loud.find().max(loud.level)
    assert (top, type(top)) == (Level.HIGH, Level)


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: sum_(S.shop),
            r"sum_\(Sale\.shop\) takes numbers or timedeltas, but this is a str",
        ),
        (lambda: sum_(S.paid), r"sum_\(Sale\.paid\) takes .* a bool\. .*find\(\.\.\.\)\.count"),
        (lambda: avg(S.day), r"avg\(Sale\.day\) takes numbers"),
        (lambda: stddev(S.span), r"stddev\(Sale\.span\) takes numbers"),
        (lambda: min_(S.tags), r"cannot be ordered by Sale\.tags"),
        (lambda: max_(S.place), r"cannot be ordered by Sale\.place"),
        (lambda: sum_(S.places.zip), r"has many values in one document"),
        (lambda: sum_(count()), r"sum_ was given count\(\)"),
        (lambda: sum_("number"), r"sum_ was given 'number'\. Give a value that each document has"),
        (lambda: quantile(S.price, 2), r"q=2\. Give a number from 0 to 1"),
        (lambda: quantile(S.price, True), r"q=True"),
        (lambda: quantile(S.shop, 0.5, approximate=True), r"takes numbers, but"),
        (lambda: count_distinct(S.tags), r"takes plain values"),
        (lambda: to_list(S.place), r"takes plain values"),
        (lambda: first_value(S.shop, by=S.tags), r"cannot be ordered by Sale\.tags"),
        (lambda: first_value(S.shop, by="number"), r"first_value was given 'number'"),
    ],
)
def test_an_aggregate_of_other_values_is_refused_where_it_is_written(make, message):
    with pytest.raises(ExpressionError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda q: q.group_by(S.tags), r"group_by\(Sale\.tags\) takes plain values"),
        (lambda q: q.group_by(S.place), r"group_by\(Sale\.place\) takes plain values"),
        (lambda q: q.group_by(S.number * 2), r"has no name\. Give it one: group_by\(name="),
        (lambda q: q.group_by(S.shop, S.shop), r"keys named shop, shop\. Give each key once"),
        (lambda q: q.group_by("shop"), r"group_by was given 'shop'"),
        (
            lambda q: q.group_by(Other.name),
            r"Other\.name is of Other, but the query is for documents of Sale",
        ),
        (
            lambda q: q.group_by(S.shop).aggregate(),
            r"aggregate takes values computed from each group",
        ),
        (lambda q: q.group_by(S.shop).aggregate(count(), n=count()), r"all of them with names, or"),
        (
            lambda q: q.group_by(S.shop).aggregate(n=S.number),
            r"n=Sale\.number, which is not computed",
        ),
        (lambda q: q.group_by(S.shop).aggregate(n=3), r"n=3, which is not computed"),
        (
            lambda q: q.group_by(S.shop).aggregate(n=count() + S.number),
            r"which is not computed from",
        ),
        (lambda q: q.group_by(S.shop).aggregate(shop=count()), r"'shop' is a key of the groups"),
        (lambda q: q.group_by(S.shop).aggregate(_n=count()), r"'_n' is not a valid name in a row"),
        (
            lambda q: q.group_by(S.shop).aggregate(**{"class": count()}),
            r"'class' is not a valid name in",
        ),
        (
            lambda q: q.group_by(S.shop).aggregate(n=to_list(S.id)).sort("n"),
            r"cannot be ordered by to_list",
        ),
        (lambda q: q.group_by(S.shop).aggregate(n=max_(Other.size)), r"is of Other"),
        (
            lambda q: q.group_by(S.shop).aggregate(n=count()).sort("m"),
            r"'m'\. Give one of the names",
        ),
        (
            lambda q: q.group_by(S.shop).aggregate(n=count()).sort(S.number),
            r"cannot be ordered by Sale\.n",
        ),
        (lambda q: q.group_by(S.shop).aggregate(n=count()).having(S.number > 3), r"belong in find"),
        (lambda q: q.group_by(S.shop).aggregate(n=count()).having(True), r"having was given True"),
        (lambda q: q.group_by(S.shop).aggregate(n=count()).limit(-1), r"limit is -1"),
    ],
)
def test_groups_that_cannot_be_are_refused_where_they_are_written(make, message):
    with pytest.raises((ExpressionError, ValueError), match=message):
        make(Sale.find())


class Other(AtomicRedisModel):
    name: str
    size: int = 0

    class Config:
        prefix = "query:other-sale"


async def test_groups_have_no_truth_value_before_they_are_asked_for():
    with pytest.raises(TypeError, match=r"has not been run yet\. Await \.to_list\(\)"):
        bool(Sale.find().group_by(S.shop).aggregate(n=count()))
    assert "group_by(Sale.shop).aggregate(n=count())" in repr(
        Sale.find().group_by(S.shop).aggregate(n=count())
    )
    assert repr(Sale.find().group_by(S.shop)) == "group_by(Sale.shop)"
    assert repr(quantile(S.price, 0.5, approximate=True)) == (
        "quantile(Sale.price, 0.5, approximate=True)"
    )
    assert repr(first_value(S.shop, by=S.number.desc())) == (
        "first_value(Sale.shop, by=Sale.number.desc())"
    )
    assert repr(to_list(S.shop, distinct=True)) == "to_list(Sale.shop, distinct=True)"
    assert repr(sum_(S.number) / count()) == "sum_(Sale.number) / count()"
