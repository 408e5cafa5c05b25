"""docs/expressions.md, line by line; and what conditions are as objects."""

from __future__ import annotations

import copy
import datetime as dt
import math
import pickle
import tomllib
from importlib.util import find_spec
from typing import Any

import pydantic
import pytest
from pages import Page
from rapyer import AtomicRedisModel, Condition, EmbeddedModel, ExpressionError, FieldPath, col
from rapyer.expr import Value
from rapyer.testing import use_plugins

PAGE = Page("docs/expressions.md")
with use_plugins():  # in a registry of their own
    NAMESPACE = PAGE.run()
User = NAMESPACE["User"]
Item = NAMESPACE["Item"]
CONDITIONS, ERRORS, PATHS = (
    [[cell.strip("`") for cell in row] for row in PAGE.rows(f"| {first} |")]
    for first in ("condition", "written", "path")
)


def evaluated(code: str) -> Any:
    return eval(code, NAMESPACE)


def test_the_page_was_read():
    assert len(CONDITIONS) > 80
    assert len(ERRORS) > 30
    assert len(PATHS) > 5


@pytest.mark.parametrize(
    ("condition", "holds", "fails"), CONDITIONS, ids=[r[0] for r in CONDITIONS]
)
def test_a_condition_holds_for_what_the_page_says_and_for_nothing_else(condition, holds, fails):
    built = evaluated(condition)
    assert isinstance(built, Condition)
    for values, expected in ((holds, True), (fails, False)):
        if values:
            user = evaluated(f"User({values})")
            assert built.matches(user) is expected, values
            assert (~built).matches(user) is not expected


@pytest.mark.parametrize(("written", "because"), ERRORS, ids=[row[0] for row in ERRORS])
def test_what_has_no_meaning_is_an_error_where_it_is_written(written, because):
    with pytest.raises(TypeError) as caught:
        evaluated(written)
    assert because.replace("`", "") in str(caught.value).replace("`", "")


@pytest.mark.parametrize(("written", "text"), PATHS, ids=[row[0] for row in PATHS])
def test_a_path_is_written_as_the_page_says(written, text):
    path = evaluated(written)
    assert isinstance(path, FieldPath)
    assert repr(path) == f"User.{text}"
    assert User.path(text) is path


def test_the_plugins_of_mypy_are_there_under_the_names_of_the_page():
    (settings,) = PAGE.blocks("toml")
    plugins = tomllib.loads(settings.text)["tool"]["mypy"]["plugins"]
    assert plugins == ["rapyer.mypy", "pydantic.mypy"]
    assert all(find_spec(plugin) for plugin in plugins)


# -- as objects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("condition", sorted({row[0] for row in CONDITIONS}))
def test_the_repr_of_a_condition_is_python_that_builds_it_again(condition):
    built = evaluated(condition)
    text = repr(built).replace("datetime.", "dt.")
    if "<Role" not in text:  # the repr of an Enum is no Python
        again = eval(text, {**NAMESPACE, "dt": dt, "inf": math.inf})
        assert again == built
        assert hash(again) == hash(built)


def test_conditions_are_equal_when_they_are_of_one_structure():
    assert (User.age > 3) == (User.age > 3)
    assert (User.age > 3) != (User.age > 4)
    assert (User.age > 3) != (User.age >= 3)
    assert (User.anything == 1) != (User.anything == True)  # noqa: E712
    assert (User.anything == 1) != (User.anything == 1.0)
    assert (User.age == User.limit) == (User.age == User.limit)
    assert (User.age + 1 > 3) == (User.age + 1 > 3)
    assert len({User.age > 3, User.age > 3, ~(User.age > 3)}) == 2
    assert (User.tags == ["a"]) == (User.tags == ["a"])


def test_conjunctions_are_flat():
    joined = (User.age > 1) & ((User.age > 2) & (User.age > 3))
    assert joined == (User.age > 1) & (User.age > 2) & (User.age > 3)
    assert repr(joined) == "(User.age > 1) & (User.age > 2) & (User.age > 3)"
    assert repr(~(User.age > 1) | (User.age > 2)) == "~(User.age > 1) | (User.age > 2)"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_conditions_and_values_can_be_copied(copied):
    for node in ((User.age > 3) & User.items.any(Item.price == 3), User.age + 1 > User.limit):
        assert copied(node) == node


def test_what_is_calculated_can_be_pickled():
    from rapyer.expr.paths import Path
    from rapyer.expr.values import Arithmetic

    user, day = User(), dt.timedelta(days=1)
    for calculated in (User.age + 1, User.seen + day, User.seen - User.naive, User.name + "x"):
        assert isinstance(calculated, Arithmetic)
        kinds = pickle.loads(pickle.dumps(calculated.__kinds__))
        again = Arithmetic(calculated.operator, calculated.left, calculated.right, kinds)
        assert isinstance(again.left, Path)
        assert (again == calculated).matches(user)


def test_paths_and_values_have_no_equality_of_their_own():
    assert isinstance(User.age == User.age, Condition)
    assert isinstance(User.age + 1, Value)
    assert {User.age: 1, User.name: 2}[User.age] == 1


def test_a_condition_of_a_base_is_one_for_its_subclasses():
    class Admin(User):
        level: int = 1

    assert (User.age > 3).matches(Admin(age=4))
    assert ((User.age > 3) & (Admin.level == 1)).matches(Admin(age=4))
    with pytest.raises(ExpressionError, match="is a condition on Admin"):
        (Admin.level == 1).matches(User())


def test_col_gives_paths_back_and_nothing_else():
    assert col(User.age) is User.age
    with pytest.raises(ExpressionError, match="Give a field of a class"):
        col(3)


def test_a_method_of_a_path_hides_a_field_of_that_name_which_is_reached_as_an_item():
    class Car(EmbeddedModel):
        get: int = 1
        model: str = "x"
        steps: int = 2
        contains: int = 3

    class Driver(AtomicRedisModel):
        car: Car = Car()

    assert repr(Driver.car["get"]) == "Driver.car.get"
    assert callable(Driver.car.get)
    assert not isinstance(Driver.car.get, FieldPath)
    assert (Driver.car.model == "x").matches(Driver())
    assert (Driver.car.steps == 2).matches(Driver())
    assert (Driver.car["contains"] == 3).matches(Driver())


def test_with_none_the_result_of_a_calculation_is_none_and_never_compares():
    class Sum(AtomicRedisModel):
        left: int | None = None
        right: int = 1

    for condition in (
        Sum.left + Sum.right > 0,
        Sum.right + Sum.left < 0,
        Sum.left * 2 == 0,
        (Sum.left + 1).between(-5, 5),
    ):
        assert not condition.matches(Sum())
    assert (Sum.left + 1).is_none().matches(Sum())
    assert (Sum.left + 1 == None).matches(Sum())  # noqa: E711
    assert (Sum.left + 1).in_([3, None]).matches(Sum())


def test_a_division_by_zero_is_python_s_own_error():
    for divided in (User.age / 0, User.age // 0, User.age % 0):
        with pytest.raises(ZeroDivisionError):
            (divided == 1).matches(User())


def test_a_named_time_zone_is_the_offset_of_the_moment_also_in_an_hour_that_there_is_twice():
    from zoneinfo import ZoneInfo

    berlin = ZoneInfo("Europe/Berlin")
    twice = dt.datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    as_offset = dt.datetime(2026, 10, 25, 2, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert (User.aware == twice).matches(User(aware=as_offset))
    assert (User.aware == as_offset).matches(User(aware=twice))
    assert not (User.aware == twice.replace(fold=1)).matches(User(aware=as_offset))


def test_a_named_time_zone_is_an_offset_wherever_it_stands_in_a_value():
    from zoneinfo import ZoneInfo

    class StopInAutumn(EmbeddedModel):
        at: dt.datetime

    class TripOverAutumn(AtomicRedisModel):
        start: dt.datetime
        end: dt.datetime
        days: set[dt.datetime] = set()
        by_name: dict[str, dt.datetime] = {}
        pair: tuple[int, dt.datetime] | None = None
        stops: list[StopInAutumn] = []

    early = dt.datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    late = early.replace(fold=1)
    summer, winter = (dt.timezone(dt.timedelta(hours=hours)) for hours in (2, 1))

    def trip(start: Any, end: Any) -> Any:
        pair, stops = (1, start), [StopInAutumn(at=start)]
        return TripOverAutumn(
            start=start, end=end, days={start}, by_name={"a": start}, pair=pair, stops=stops
        )

    unsaved = trip(early, late)
    as_loaded = trip(early.replace(tzinfo=summer), late.replace(tzinfo=winter, fold=0))
    for at, expected in ((early, True), (late, False), (as_loaded.start, True)):
        for condition in (
            TripOverAutumn.start == at,
            TripOverAutumn.start.in_([at]),
            TripOverAutumn.start.between(at, at),
            TripOverAutumn.start - at == dt.timedelta(0),
            TripOverAutumn.days.contains(at),
            TripOverAutumn.days == {at},
            TripOverAutumn.by_name == {"a": at},
            TripOverAutumn.pair == (1, at),
            TripOverAutumn.stops == [StopInAutumn(at=at)],
            TripOverAutumn.stops.contains(StopInAutumn(at=at)),
            TripOverAutumn.stops.any(StopInAutumn.at == at),
        ):
            assert condition.matches(unsaved) is expected, condition
            assert condition.matches(as_loaded) is expected, condition
    for asked in (unsaved, as_loaded):
        assert (TripOverAutumn.start < TripOverAutumn.end).matches(asked)
        assert not (TripOverAutumn.start == TripOverAutumn.end).matches(asked)
        assert (TripOverAutumn.end - TripOverAutumn.start == dt.timedelta(hours=1)).matches(asked)
    assert TripOverAutumn.days.contains(early) != TripOverAutumn.days.contains(late)


def test_no_bool_equals_a_number_within_sets_and_keys_either():
    class BagOfAnything(AtomicRedisModel):
        anything: set[Any] = set()
        by_key: dict[bool | int, int] = {}

    assert (BagOfAnything.anything == {True}).matches(BagOfAnything(anything={True}))
    assert not (BagOfAnything.anything == {True}).matches(BagOfAnything(anything={1}))
    assert not (BagOfAnything.anything == {(1, True)}).matches(BagOfAnything(anything={(1, 1)}))
    assert not (BagOfAnything.anything == {frozenset({True})}).matches(
        BagOfAnything(anything={frozenset({1})})
    )
    assert (BagOfAnything.by_key == {True: 1}).matches(BagOfAnything(by_key={True: 1}))
    assert not (BagOfAnything.by_key == {True: 1}).matches(BagOfAnything(by_key={1: 1}))


def test_neither_bools_nor_lists_of_a_union_have_an_order():
    class LooseOrder(AtomicRedisModel):
        one: bool | int | list[int] = 0
        two: bool | int | list[int] = 0

    assert (LooseOrder.one < LooseOrder.two).matches(LooseOrder(one=1, two=2))
    for one, two in ((False, True), ([1], [2]), (False, 1), (0, [1])):
        assert not (LooseOrder.one < LooseOrder.two).matches(LooseOrder(one=one, two=two))


def test_what_is_read_of_a_union_is_what_the_document_has_and_no_attribute_of_python():
    from dataclasses import dataclass
    from typing import NamedTuple

    from pydantic import ConfigDict
    from typing_extensions import TypedDict

    class Book(EmbeddedModel):
        title: str | None = None
        real: int = 0

    class Film(EmbeddedModel):
        model_config = ConfigDict(extra="allow")
        minutes: int = 0

        @property
        def title(self) -> str:
            return "a property"

    @dataclass
    class Song:
        title: str

    class Poem(TypedDict):
        title: str

    class Pair(NamedTuple):
        title: str
        year: int

    class CornerOfWorks(AtomicRedisModel):
        work: Book | Film | Song | Poem | Pair | int | str = ""
        found: dict[str, str] | Book = {}
        row: list[int] | Pair | bytes | dict[str, int] | int = 0

    titles = {"a": True, "b": False, "c": False}
    for work in (Book(title="a"), Song("a"), {"title": "a"}, Film(title="a")):
        assert (CornerOfWorks.work.title == "a").matches(CornerOfWorks.model_construct(work=work))
    for work in (1, "a", Film(), Book(), titles, ["a"], Pair("b", 1)):
        assert CornerOfWorks.work.title.is_none().matches(
            CornerOfWorks.model_construct(work=work)
        ), work
    assert CornerOfWorks.work.real.is_none().matches(CornerOfWorks(work=1))
    assert (CornerOfWorks.found["title"] == "a").matches(CornerOfWorks(found={"title": "a"}))
    assert (CornerOfWorks.found["title"] == "a").matches(CornerOfWorks(found=Book(title="a")))
    assert CornerOfWorks.found["copy"].is_none().matches(CornerOfWorks(found=Book(title="a")))
    assert (CornerOfWorks.row[0] == 1).matches(CornerOfWorks(row=[1]))
    for row in (b"\x01", {"a": 1}, 1, []):
        shelf = CornerOfWorks.model_construct(row=row)
        assert CornerOfWorks.row[0].is_none().matches(shelf), row
        assert not CornerOfWorks.row.contains(1).matches(shelf), row
    assert CornerOfWorks.row.contains(1).matches(CornerOfWorks.model_construct(row=Pair("a", 1)))


def test_members_of_a_union_that_python_does_not_calculate_with_give_none():
    from decimal import Decimal

    class MixedAccount(AtomicRedisModel):
        share: Decimal | float = 0.5
        rate: float = 0.5
        price: Decimal = Decimal("1.5")

    assert (MixedAccount.share * 0.5 == 0.25).matches(MixedAccount(share=0.5))
    assert (MixedAccount.share * 0.5).is_none().matches(MixedAccount(share=Decimal("0.5")))
    assert (MixedAccount.share * MixedAccount.price == 3).matches(MixedAccount(share=Decimal(2)))
    assert (MixedAccount.share * MixedAccount.price).is_none().matches(MixedAccount(share=2.0))
    assert (MixedAccount.share + MixedAccount.share + MixedAccount.rate == 1).matches(
        MixedAccount(share=0.25)
    )


def test_the_kind_of_a_class_is_that_of_what_it_is_a_subclass_of():
    from rapyer.expr.operands import kinds_of

    class Moment(dt.datetime):
        pass

    class Day(dt.date):
        pass

    assert kinds_of(Moment) == kinds_of(dt.datetime)
    assert kinds_of(Day) == kinds_of(dt.date)
    assert kinds_of(pydantic.FutureDatetime | None) == kinds_of(dt.datetime)
    assert kinds_of(pydantic.EmailStr) == kinds_of(str)


def test_a_class_that_is_ordered_is_compared_by_its_own_order():
    from functools import total_ordering

    from pydantic import ConfigDict

    @total_ordering
    class Rank:
        def __init__(self, n: int) -> None:
            self.n = n

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Rank) and self.n == other.n

        def __lt__(self, other: Rank) -> bool:
            return self.n < other.n

        __hash__ = None

    class Ranked(AtomicRedisModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        rank: Rank

    assert (Ranked.rank > Rank(1)).matches(Ranked(rank=Rank(2)))
    assert (Ranked.rank == Rank(2)).matches(Ranked(rank=Rank(2)))
    assert repr(Ranked.rank == Rank(2)).startswith("Ranked.rank == <")
    with pytest.raises(ExpressionError, match="the value is a Rank"):
        Ranked.rank > 3  # noqa: B015
