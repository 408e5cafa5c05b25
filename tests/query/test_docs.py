"""docs/query.md: what its tables say of conditions, round trips and errors is asked of a server."""

from __future__ import annotations

import re
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
import rapyer_query
from pages import Page
from rapyer import BigInt, ExpressionError, Field, GeoPoint, Mapped, errors, init_rapyer
from rapyer.testing import use_plugins
from rapyer.traffic.channel import Channel
from rapyer_query import NotIndexedError

PAGE = Page("docs/query.md")
README = Page("packages/rapyer-query/README.md")
CONDITIONS = [(row[0].strip("`"), row[1]) for row in PAGE.rows("| condition | answered |")]
TYPES = {row[0].strip("`"): row[1:5] for row in PAGE.rows("| type | `==` `!=` `in_` |")}
TRIPS = PAGE.rows("| | gives | round trips |")
ERRORS = PAGE.rows("| error | when |")


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


#: The types of the page, each with two values.
VALUES: dict[str, tuple[Any, Any, Any]] = {
    "int": (int, 3, 7),
    "float": (float, 0.5, 7),
    "bool": (bool, True, False),
    "str": (str, "ab", "é"),
    'Literal["s", "m"]': (Literal["ss", "mm"], "ss", "mm"),
    "Enum": (Size, Size.SMALL, Size.LARGE),
    "UUID": (UUID, UUID(int=1), UUID(int=2)),
    "bytes": (bytes, b"a", b"b"),
    "BigInt": (BigInt, 1, 10**30),
    "Decimal": (Decimal, Decimal("0.1"), 3),
    "date": (date, date(2020, 1, 1), date(2021, 1, 1)),
    "datetime": (datetime, datetime(2020, 1, 1), datetime(2021, 1, 1)),
    "time": (time, time(8), time(9)),
    "timedelta": (timedelta, timedelta(1), timedelta(2)),
    "GeoPoint": (GeoPoint, GeoPoint(1, 2), GeoPoint(3, 4)),
    "int | float": (int | float, 0.5, 3),
    "UUID | str": (UUID | str, "ab", "b"),
    "int | str": (int | str, 3, 7),
    "Any": (Any, 3, 7),
}


@pytest.fixture
async def users(page):
    for n, name, age in ((1, "Ada", 36), (2, "Bob", 20), (3, "Cy", 7)):
        await page["User"](id=n, name=name, age=age, tags=["x"]).save()


@pytest.mark.usefixtures("users")
async def test_the_examples_print_what_they_say(page, capsys):
    (shown,) = PAGE.blocks("text")
    code, _, explanation = shown.text.removeprefix(">>> ").partition("\n")
    await eval(compile(code, PAGE.path, "eval", PyCF_ALLOW_TOP_LEVEL_AWAIT), page)
    assert capsys.readouterr().out == explanation
    await page["ask"]()
    PAGE.check_printed(capsys.readouterr().out)


@pytest.mark.usefixtures("users")
async def test_the_example_of_the_readme_prints_what_it_says(page, capsys):
    names = await README.run_async(README.names(User=page["User"]))
    README.check_printed(capsys.readouterr().out)
    assert names["admin"].id == 1


async def test_a_model_indexes_what_the_page_says(page):
    Log = page["Log"]
    await Log(text="x", level=1).save()
    assert await Log.find(Log.level == 1).count() == 1
    assert [field.name for field in Log.index.fields] == ["level"]


async def answered(query: Any) -> str:
    try:
        explanation = await query.explain()
    except NotIndexedError:
        return "scan"
    return "exact" if explanation.is_exact else "checked"


@pytest.mark.parametrize(("condition", "said"), CONDITIONS, ids=[row[0] for row in CONDITIONS])
async def test_a_condition_is_answered_as_the_page_says(page, condition, said):
    query = page["User"].find(eval(condition, page))
    assert await answered(query) == said
    await query.scan().to_list()


def asked(path: Any, one: Any, other: Any) -> list[list[Any]]:
    """The conditions of each column, as callables: some have no meaning for a type."""
    return [
        [lambda: path == one, lambda: path != one, lambda: path.in_([one, other])],
        [
            lambda: path < one, lambda: path <= one, lambda: path > one, lambda: path >= one,
            lambda: path.between(one, other),
        ],
        [
            lambda: path.startswith("ab"), lambda: path.endswith("ab"), lambda: path.contains("ab"),
        ],
        [path.is_none, lambda: path == None],  # noqa: E711
    ]  # fmt: skip


def test_the_page_has_all_types_that_are_tried():
    assert TYPES.keys() == VALUES.keys()


@pytest.mark.parametrize("name", VALUES)
async def test_operators_are_answered_for_a_type_as_the_page_says(redis_url, redis, name):
    annotation, one, other = VALUES[name]
    with use_plugins(installed=True) as host:

        class Typed(host.AtomicRedisModel):
            number: int = 0
            value: Mapped[annotation]  # type: ignore[valid-type]
            maybe: Mapped[annotation | None] = None  # type: ignore[valid-type]

        saved = [Typed(value=one), Typed(value=other, maybe=one)]
        async with init_rapyer(redis_url):
            for document in saved:
                await document.save()
            for path in (Typed.value, Typed.maybe):
                for said, conditions in zip(TYPES[name], asked(path, one, other), strict=True):
                    for make in conditions:
                        if not said:
                            with pytest.raises(ExpressionError):
                                make()
                            continue
                        condition = make()
                        for wanted in (condition, ~condition):
                            query = Typed.find(wanted)
                            assert await answered(query) == said, wanted
                            keys = {user.key for user in saved if wanted.matches(user)}
                            assert {*await query.scan().keys()} == keys, wanted


NAMES = {"datetime": datetime, "time": time, "timezone": timezone}
#: Conditions that are checked although the page says that their operators are exact.
CHECKED = [
    "User.age == 2**53",
    "User.age > 2**60",
    'User.name.startswith("a")',
    'User.name.contains("1")',
    'User.name.contains("x" * 1001)',
    'User.name.endswith(chr(0) + "a")',
    'User.name.contains("\ufdd0a")',
    'User.name == "x" * 65_536',
    "User.seen > datetime(1684, 1, 1)",
    "User.seen < datetime(2256, 1, 1)",
    "User.alarm == time(8, tzinfo=timezone.utc)",
]
EXACT = [
    "User.age == 2**53 - 1",
    'User.name.startswith("ab")',
    'User.name.startswith("é")',
    'User.name.contains("")',
    'User.name.contains("x" * 1000)',
    "User.name.startswith(chr(0))",
    'User.name == "x" * 65_535',
    "User.seen > datetime(1685, 1, 1)",
    "User.seen < datetime(2255, 1, 1, tzinfo=timezone.utc)",
    "User.alarm == time(8)",
]


@pytest.mark.parametrize("condition", CHECKED + EXACT)
async def test_operands_of_which_the_index_is_not_exact_are_those_that_the_page_names(
    redis_url, redis, condition
):
    with use_plugins(installed=True) as host:

        class User(host.AtomicRedisModel):
            age: Mapped[int] = 0
            name: Mapped[str] = ""
            seen: Mapped[datetime] = datetime(2020, 1, 1)
            alarm: Mapped[time] = time(8)

        async with init_rapyer(redis_url):
            said = "checked" if condition in CHECKED else "exact"
            assert await answered(User.find(eval(condition, NAMES | {"User": User}))) == said


async def test_documents_are_put_in_order_by_whom_the_page_says(page):
    class Priced(page["User"]):
        token: UUID = UUID(int=1)
        price: Decimal = Decimal(0)
        raw: bytes = b""
        text: str = Field(default="", index=False)

    by_server = ["age", "-name", "status", "active", "id", "address.city", "counts['likes']"]
    by_python = ["tags[0]", "counts['views']", "-token", "price", "raw", "text"]
    cases = [(by_server, "server"), ([*by_server, "-age"], "python")]
    cases += [([order], "server") for order in by_server]
    cases += [([order], "python") for order in by_python]
    for orders, sorts in cases:
        query = Priced.find().sort(*orders)
        assert (await query.explain()).sorts == sorts, orders
        assert await query.to_list() == []


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Count the round trips of channels."""
    trips: list[object] = []
    real_send, real_many = Channel._send, Channel.execute_many

    async def send(self: Channel, *command: Any, writes: bool) -> Any:
        trips.append(command)
        return await real_send(self, *command, writes=writes)

    async def many(self: Channel, commands: Any, *, writes: bool = False) -> Any:
        trips.append(commands)
        return await real_many(self, commands, writes=writes)

    with monkeypatch.context() as patched:
        patched.setattr(Channel, "_send", send)
        patched.setattr(Channel, "execute_many", many)
        yield trips


@pytest.mark.parametrize("row", TRIPS, ids=[row[0] for row in TRIPS])
async def test_what_asks_takes_one_round_trip_for_few_documents(page, monkeypatch, row):
    User = page["User"]
    await User(id=1, name="Ada", age=36).save()
    query = User.find(User.age > 18, User.name.startswith("Ad")).sort(User.age)
    writes = "delete" in row[0] or "update" in row[0]
    await query.explain()  # makes the index, and asks for the settings of the server
    await User.find(User.age > 99).delete()  # the server has the scripts
    await User.find(User.age > 99).update(status="x")
    with counted(monkeypatch) as trips:
        if row[0].startswith("`async for"):
            async for _ in query:
                pass
        else:
            code = row[0].split("`")[1].removeprefix("await ")
            of = User.find(User.age > 18) if writes else query
            await eval(f"of{code}", {"of": of, "User": User})
    assert len(trips) == 1, trips


async def test_the_errors_of_the_page_exist_and_are_what_it_says_they_are():
    named = {name for row in ERRORS for name in re.findall(r"`(\w+Error)`", row[0])}
    of_queries = {
        name
        for name, cls in vars(rapyer_query).items()
        if isinstance(cls, type) and issubclass(cls, rapyer_query.QueryError)
    }
    assert of_queries - {"QueryError"} <= named
    for name in named - of_queries:
        assert hasattr(errors, name) or issubclass(eval(name), Exception)
    assert issubclass(rapyer_query.QueryTimeoutError, TimeoutError)
    assert issubclass(rapyer_query.NoResultError, LookupError)
