"""Places: what they are made of, how they are stored, how far they are apart."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from rapyer import AtomicRedisModel, ExpressionError, Field, GeoPoint, Key, Mapped
from rapyer.expr.geo import LARGEST_LATITUDE, distance_between, on_grid

LONGITUDES = st.floats(-180, 180)
LATITUDES = st.floats(-LARGEST_LATITUDE, LARGEST_LATITUDE - 1e-7)
POINTS = st.builds(GeoPoint, LONGITUDES, LATITUDES)


class Stop(AtomicRedisModel):
    id: Key[int]
    at: Mapped[GeoPoint]
    before: Mapped[GeoPoint | None] = Field(default=None)
    way: Mapped[list[GeoPoint]] = Field(default_factory=list)
    named: Mapped[dict[str, GeoPoint]] = Field(default_factory=dict)

    class Config:
        prefix = "core:stop"


S: Any = Stop
PARIS = GeoPoint(2.3522, 48.8566)


@pytest.mark.parametrize(
    "given",
    [
        GeoPoint(2.3522, 48.8566),
        (2.3522, 48.8566),
        [2.3522, 48.8566],
        {"lon": 2.3522, "lat": 48.8566},
        {"latitude": 48.8566, "longitude": 2.3522},
        "2.3522,48.8566",
        "2.3522, 48.8566",
    ],
)
def test_fields_take_a_place_in_the_usual_forms(given):
    assert Stop(id=1, at=given).at == PARIS


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((2.0, 85.06), r"the latitude is 85\.06, but Redis indexes only places between"),
        ((2.0, LARGEST_LATITUDE), r"the latitude is 85\.05112878"),
        ((2.0, -86), r"the latitude is -86\.0"),
        ((180.1, 0), r"the longitude is 180\.1\. Give degrees from -180 to 180"),
        ((math.nan, 0), r"the longitude is nan"),
        ((0, math.inf), r"the latitude is inf"),
        ((True, 0), r"the longitude is True"),
        ((10**400, 0), r"the longitude is 1000.* Give a number of degrees"),
        ((1, 2, 3), r"\(1, 2, 3\) is not a place\. Give a GeoPoint"),
        ("2.35", r"is not a place"),
        ("east,north", r"could not convert string to float"),
        ({"lon": 1}, r"is not a place"),
        (3, r"is not a place"),
        (None, r"is not a place"),
    ],
)
def test_what_is_no_place_is_refused_with_the_value(given, message):
    with pytest.raises(ValidationError, match=message):
        Stop(id=1, at=given)


def test_the_longitude_of_180_degrees_is_that_of_minus_180():
    assert GeoPoint(180, 3) == GeoPoint(-180, 3)
    assert repr(GeoPoint(180, 3)) == "GeoPoint(lon=-180.0, lat=3.0)"


@given(POINTS)
def test_json_is_a_text_that_gives_the_same_place(point):
    stop = Stop(id=1, at=point, way=[point], named={"a": point})
    text = json.loads(stop.model_dump_json())
    assert text["at"] == text["way"][0] == text["named"]["a"] == f"{point.lon!r},{point.lat!r}"
    assert Stop.model_validate_json(stop.model_dump_json()) == stop
    assert Stop.model_validate(stop.model_dump()) == stop


def test_the_json_schema_is_that_of_the_text():
    schema = TypeAdapter(GeoPoint).json_schema()
    assert (schema["type"], schema["examples"]) == ("string", ["2.3522,48.8566"])


async def test_other_members_of_a_union_are_stored_as_such(server):
    class Either(AtomicRedisModel):
        id: Key[int]
        at: GeoPoint | int = 3

        class Config:
            prefix = "core:either"

    assert json.loads(Either(id=1).model_dump_json())["at"] == 3
    await Either(id=1).save()
    await Either(id=2, at=PARIS).save()
    assert [(await Either.get(pk)).at for pk in (1, 2)] == [3, PARIS]


async def test_places_come_back_as_they_were_saved(server, redis):
    stop = Stop(id=1, at=PARIS, way=[PARIS, GeoPoint(-0.0, 1e-7)], named={"x": GeoPoint(3, 4)})
    await stop.save()
    assert await Stop.get(1) == stop
    stored = json.loads(await redis.execute_command("JSON.GET", stop.key))
    assert stored["at"] == "2.3522,48.8566"
    assert stored["way"][1] == "-0.0,1e-07"
    await Stop.at.set(1, GeoPoint(5, 6))
    await stop.aupdate(before=(7, 8))
    assert await Stop.extract(1, Stop.at, Stop.before) == (GeoPoint(5, 6), GeoPoint(7, 8))


@given(POINTS, POINTS)
def test_a_distance_is_the_same_both_ways_and_nought_to_itself(one, other):
    assert one.distance_to(one) == 0
    assert math.isclose(one.distance_to(other), other.distance_to(one), abs_tol=1e-6)


def test_known_distances():
    london = GeoPoint(-0.1276, 51.5072)
    assert 343_000 < PARIS.distance_to(london) < 345_000
    quarter = GeoPoint(0, 0).distance_to(GeoPoint(90, 0))
    assert math.isclose(quarter, math.pi / 2 * 6_372_797.560856)


@given(POINTS)
def test_a_cell_of_the_grid_is_less_than_a_metre(point):
    assert distance_between(point.lon, point.lat, *on_grid(point.lon, point.lat)) < 0.5


@given(POINTS, POINTS, st.floats(1, 2e7))
def test_within_and_distances_mean_the_same_but_for_the_grid(point, middle, radius):
    stop = Stop(id=1, at=point)
    distance = point.distance_to(middle)
    measured = S.at.distance_to(middle)
    assert (measured <= distance + 0.01).matches(stop)
    assert (measured >= distance - 0.01).matches(stop)
    if abs(distance - radius) > 1:
        assert S.at.within(middle, m=radius).matches(stop) is (distance < radius)
    assert not S.before.within(middle, m=radius).matches(stop)
    assert not (S.before.distance_to(middle) < 1e9).matches(stop)


def test_units_are_those_of_redis():
    stop = Stop(id=1, at=GeoPoint(0, 1))
    assert S.at.within(0, 0, km=112).matches(stop)
    assert not S.at.within(0, 0, km=111).matches(stop)
    assert S.at.within(0, 0, mi=70).matches(stop)
    assert not S.at.within(0, 0, mi=69).matches(stop)
    assert S.at.within(0, 0, ft=365_000).matches(stop)
    assert (S.at.distance_to(0, 0, unit="km") < 112).matches(stop)
    assert repr(S.at.within(0, 1, km=2)) == "Stop.at.within(0.0, 1.0, m=2000.0)"
    assert repr(S.at.distance_to(0, 1, unit="mi")) == "Stop.at.distance_to(0.0, 1.0, unit='mi')"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: S.at.within(0, 0), r"takes one radius: m=, km=, mi= or ft=, and was given none"),
        (lambda: S.at.within(0, 0, m=1, km=1), r"was given m, km"),
        (lambda: S.at.within(0, 0, m=0), r"m=0\. Give a length"),
        (lambda: S.at.within(0, 0, m=-1), r"m=-1"),
        (lambda: S.at.within(0, 0, m="3"), r"m='3'"),
        (lambda: S.at.within(0, 0, m=math.nan), r"m=nan"),
        (lambda: S.at.within(0, m=1), r"within\(0, None\): the latitude is None"),
        (lambda: S.at.within(0, 90, m=1), r"the latitude is 90"),
        (lambda: S.at.within(10**400, 0, m=1), r"the longitude is 1000"),
        (lambda: S.at.within(0, 0, m=10**400), r"Give a length"),
        (lambda: S.at.within(PARIS, 3, m=1), r"was given both .* and a latitude"),
        (lambda: S.at.distance_to(0, 0, unit="yd"), r"unit is 'yd'\. Give one of m, km, mi, ft"),
        (lambda: S.at < PARIS, r"have no order"),
        (lambda: S.at == (1, 2), r"could never hold"),
    ],
)
def test_what_is_no_circle_is_refused_where_it_is_written(make, message):
    with pytest.raises(ExpressionError, match=message):
        make()


def test_the_elements_of_a_list_are_places():
    stop = Stop(id=1, at=PARIS, way=[PARIS, GeoPoint(0, 0)])
    assert S.way[1].within(0, 0, m=5).matches(stop)
    assert not S.way[0].within(0, 0, m=5).matches(stop)
    assert not S.way[7].within(0, 0, m=5).matches(stop)
    assert S.named["x"].within(3, 4, m=5).matches(Stop(id=1, at=PARIS, named={"x": (3, 4)}))
    assert S.way.contains(PARIS).matches(stop)
