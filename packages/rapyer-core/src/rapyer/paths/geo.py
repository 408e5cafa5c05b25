"""The paths of places."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypeVar

from rapyer.errors import ExpressionError
from rapyer.expr.each import split_each
from rapyer.expr.geo import UNITS, DistanceTo, Within
from rapyer.expr.nodes import Condition
from rapyer.expr.values import Value
from rapyer.paths.field import FieldPath, register_kind
from rapyer.types.geo import GeoPoint

T = TypeVar("T", default=Any)


class GeoPath(FieldPath[T]):
    """The path of a place: `City.location`."""

    __slots__ = ()

    def within(
        self, lon: float | GeoPoint, lat: float | None = None, *, m: float | None = None,
        km: float | None = None, mi: float | None = None, ft: float | None = None,
    ) -> Condition:  # fmt: skip
        """Say that a place lies in a circle: `City.location.within(2.35, 48.85, km=50)`.

        The server sees places on a grid with cells of at most 0.6 by 0.3 meters, and so does this
        condition. None lies in no circle.

        Args:
            lon: The longitude of the center in degrees, or a `GeoPoint`.
            lat: Its latitude; omit it for a `GeoPoint`.
            m: The radius in meters.
            km: Or in kilometers.
            mi: Or in miles.
            ft: Or in feet.

        Raises:
            ExpressionError: The center is not a place, or there is not exactly one radius.
        """
        middle = self._middle("within", lon, lat)
        given = {"m": m, "km": km, "mi": mi, "ft": ft}
        radii = [(unit, radius) for unit, radius in given.items() if radius is not None]
        if len(radii) != 1:
            raise ExpressionError(
                f"{self!r}.within takes one radius: m=, km=, mi= or ft=, and was given "
                f"{', '.join(unit for unit, _ in radii) or 'none'}."
            )
        ((unit, radius),) = radii
        number: Any = radius
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if not is_number or not 0 < number < 1e12:
            raise ExpressionError(f"{self!r}.within was given {unit}={radius!r}. Give a length.")
        return self._for_each(Within, middle.lon, middle.lat, float(radius) * UNITS[unit])

    def distance_to(
        self, lon: float | GeoPoint, lat: float | None = None, *, unit: str = "m"
    ) -> Value[float]:
        """Return the distance of a place from another, to the centimeter: to sort by, or to read.

            City.find(...).sort(City.location.distance_to(2.35, 48.85)).limit(10)

        None if there is no place.

        Args:
            lon: The longitude of the other place in degrees, or a `GeoPoint`.
            lat: Its latitude; omit it for a `GeoPoint`.
            unit: The unit of the result: `"m"`, `"km"`, `"mi"` or `"ft"`.

        Raises:
            ExpressionError: The other place is not a place, or the unit is not one of these.
        """
        place = self._middle("distance_to", lon, lat)
        if unit not in UNITS:
            raise ExpressionError(f"unit is {unit!r}. Give one of {', '.join(UNITS)}.")
        if split_each(self) is not None:
            raise ExpressionError(f"{self!r} has many places in a document. Choose one of them.")
        return DistanceTo(self, place.lon, place.lat, unit)

    def _middle(self, method: str, lon: Any, lat: Any) -> GeoPoint:
        if isinstance(lon, GeoPoint):
            if lat is None:
                return lon
            raise ExpressionError(f"{self!r}.{method} was given both {lon!r} and a latitude.")
        try:
            return GeoPoint(lon, lat)
        except ValueError as exc:
            raise ExpressionError(f"{self!r}.{method}({lon!r}, {lat!r}): {exc}") from exc


register_kind("geo", GeoPath)
