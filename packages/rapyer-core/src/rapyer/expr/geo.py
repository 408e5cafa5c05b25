"""Distances between places as the server calculates them, and the expressions that use them.

The server indexes a place as one of 2^52 cells, at most 0.6 by 0.3 meters, between the latitudes of
the Mercator projection, and measures on a sphere. Both are done here with the same operations
(`geohash.c` and `geohash_helper.c` of Redis 7.4, of which RediSearch 2.10 has a copy).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeGuard

from rapyer.expr.nodes import Condition
from rapyer.expr.operands import Kind, kinds_of
from rapyer.expr.values import Value

if TYPE_CHECKING:
    from rapyer.expr.paths import Path

#: In meters: the sphere on which the server measures.
EARTH_RADIUS: Final = 6_372_797.560856
#: The largest latitude, in degrees, that the server indexes.
LARGEST_LATITUDE: Final = 85.05112878
#: The units of distance, in meters, as in Redis.
UNITS: Final[Mapping[str, float]] = {"m": 1.0, "km": 1000.0, "mi": 1609.34, "ft": 0.3048}
_CELLS: Final = 1 << 26
_FLOAT: Final = kinds_of(float)


class Position(Protocol):
    """Where something is, in degrees."""

    @property
    def lon(self) -> float:
        """The longitude."""
        ...

    @property
    def lat(self) -> float:
        """The latitude."""
        ...


def distance_between(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Return the distance between two places in meters; everything else is in degrees."""
    one, other = math.radians(lat), math.radians(other_lat)
    v = math.sin((math.radians(other_lon) - math.radians(lon)) / 2)
    if v == 0.0:
        return EARTH_RADIUS * abs(other - one)
    u = math.sin((other - one) / 2)
    return (
        2.0 * EARTH_RADIUS * math.asin(math.sqrt(u * u + math.cos(one) * math.cos(other) * v * v))
    )


def on_grid(lon: float, lat: float) -> tuple[float, float]:
    """Return the center of the cell in which the server indexes a place."""
    column = int((lon + 180.0) / 360.0 * _CELLS)
    row = int((lat + LARGEST_LATITUDE) / (2 * LARGEST_LATITUDE) * _CELLS)
    return _middle(column, 180.0), _middle(row, LARGEST_LATITUDE)


def _middle(cell: int, limit: float) -> float:
    low = -limit + (cell / _CELLS) * (2 * limit)
    high = -limit + ((cell + 1) / _CELLS) * (2 * limit)
    return min(max((low + high) / 2, -limit), limit)


def is_position(value: object) -> TypeGuard[Position]:
    """Return whether a value of a document is a place."""
    return hasattr(value, "lon") and hasattr(value, "lat")


class Within(Condition):
    """A place lies in a circle: `City.location.within(2.35, 48.85, km=50)`.

    Attributes:
        left: The path of the place.
        lon: The longitude of the center of the circle, in degrees.
        lat: Its latitude.
        radius: In meters.
    """

    __slots__ = ("lat", "left", "lon", "radius")
    __parts__ = ("left", "lon", "lat", "radius")

    def __init__(self, left: Path[Any], lon: float, lat: float, radius: float) -> None:
        self.left = left
        self.lon = lon
        self.lat = lat
        self.radius = radius

    def __predicate__(self) -> Callable[[Any], bool]:
        from rapyer.expr.evaluate import getter_of  # noqa: PLC0415 - it knows all nodes

        get, lon, lat, radius = getter_of(self.left), self.lon, self.lat, self.radius

        def predicate(instance: Any) -> bool:
            place = get(instance)
            if not is_position(place):
                return False
            return distance_between(lon, lat, *on_grid(place.lon, place.lat)) <= radius

        return predicate

    def __repr__(self) -> str:
        return f"{self.left!r}.within({self.lon!r}, {self.lat!r}, m={self.radius!r})"


class DistanceTo(Value[float]):
    """How far a place is from another: `City.location.distance_to(2.35, 48.85)`.

    Attributes:
        left: The path of the place.
        lon: The longitude of the other place, in degrees.
        lat: Its latitude.
        unit: The unit of the result: `"m"`, `"km"`, `"mi"` or `"ft"`.
    """

    __slots__ = ("lat", "left", "lon", "unit")
    __parts__ = ("left", "lon", "lat", "unit")

    def __init__(self, left: Path[Any], lon: float, lat: float, unit: str) -> None:
        self.left = left
        self.lon = lon
        self.lat = lat
        self.unit = unit

    @property
    def __kinds__(self) -> tuple[Kind, ...]:
        """What the value, if it is not None, can be compared with."""
        return _FLOAT

    def __getter__(self) -> Callable[[Any], Any]:
        from rapyer.expr.evaluate import getter_of  # noqa: PLC0415 - it knows all nodes

        get, lon, lat, size = getter_of(self.left), self.lon, self.lat, UNITS[self.unit]

        def distance(instance: Any) -> float | None:
            place = get(instance)
            if not is_position(place):
                return None
            # to the centimeter, as the server measures when it sorts
            meters = distance_between(place.lon, place.lat, lon, lat)
            return math.floor(meters * 100 + 0.5) / 100 / size

        return distance

    def __repr__(self) -> str:
        unit = "" if self.unit == "m" else f", unit={self.unit!r}"
        return f"{self.left!r}.distance_to({self.lon!r}, {self.lat!r}{unit})"
