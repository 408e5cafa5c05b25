"""Circles on the earth, in which the server does not find all places.

The server puts a box around a circle, and searches the cell of a grid that contains the center, and
those of the eight surrounding cells that the box reaches. But at a latitude other than that of its
center, a circle is wider in degrees than the box; what lies there in a cell of its own is left out,
and near the poles that is a lot. So the same calculation is repeated here (`geohash_helper.c` of
Redis, of which RediSearch 2.10 has a copy), to tell whether a circle lies within the searched
cells.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from rapyer.expr.geo import EARTH_RADIUS, LARGEST_LATITUDE, distance_between

#: Half of the equator in meters, from which the server estimates the size of cells.
_HALF: Final = 20_037_726.37
#: Beyond each of these latitudes it takes cells that are one step larger.
_NORTHERN: Final = (66.0, 80.0)
_FINEST: Final = 26
#: In degrees: much more than the error of the calculation, much less than the smallest cell.
_MARGIN: Final = 1e-9


class Box(NamedTuple):
    """A part of the earth between two meridians and two parallels, in degrees.

    The longitudes may go beyond 180 degrees.
    """

    west: float
    east: float
    south: float
    north: float

    def has(self, other: Box) -> bool:
        """Return whether it contains all of another box; neither has a place above the grid."""
        is_high = self.north >= min(other.north, LARGEST_LATITUDE)
        is_low = self.south <= max(other.south, -LARGEST_LATITUDE)
        is_wide = self.west <= other.west and self.east >= other.east
        return is_high and is_low and (is_wide or self.east - self.west >= 360)


def is_found_whole(lon: float, lat: float, radius: float) -> bool:
    """Return whether the server finds all places in a circle."""
    return _looked_into(lon, lat, radius).has(_around(lon, lat, radius))


def wide_enough(lon: float, lat: float, radius: float) -> float | None:
    """Return a radius with which the server finds all places that lie in a circle.

    None if no radius does: near a pole, or around half of the earth.
    """
    wanted = _around(lon, lat, radius)
    for larger in (1.001, 1.01, 1.05, 1.1, 1.2, 1.5, 2):
        if _looked_into(lon, lat, radius * larger).has(wanted):
            return radius * larger
    return None


def _around(lon: float, lat: float, radius: float) -> Box:
    """Return the box around a circle."""
    angle = radius / EARTH_RADIUS
    reach = math.degrees(angle)
    south, north = lat - reach - _MARGIN, lat + reach + _MARGIN
    if angle >= math.pi / 2 or south <= -90 or north >= 90:
        return Box(lon - 180, lon + 180, south, north)
    width = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(lat)))))
    return Box(lon - width - _MARGIN, lon + width + _MARGIN, south, north)


def _looked_into(lon: float, lat: float, radius: float) -> Box:
    """Return what the server searches for a circle."""
    step = _estimated_step(lat, radius)
    cell, size = _cell(lon, lat, step)
    if step > 1 and not _is_reached(lon, lat, radius, cell, size):
        step -= 1
        cell, size = _cell(lon, lat, step)
    west, east, south, north = cell
    angle = math.degrees(radius / EARTH_RADIUS)
    width = math.degrees(radius / EARTH_RADIUS / math.cos(math.radians(lat)))
    is_whole = step < 2  # then no cell is left out
    if is_whole or not west < lon - width:
        west -= size.width
    if is_whole or not east > lon + width:
        east += size.width
    if is_whole or not south < lat - angle:
        south -= size.height
    if is_whole or not north > lat + angle:
        north += size.height
    return Box(west, east, south, north)


class _Size(NamedTuple):
    """The size of cells in degrees."""

    width: float
    height: float


def _estimated_step(lat: float, radius: float) -> int:
    step = 1
    while radius < _HALF:
        radius *= 2
        step += 1
    step -= 2 + sum(abs(lat) > limit for limit in _NORTHERN)
    return max(1, min(_FINEST, step))


def _cell(lon: float, lat: float, step: int) -> tuple[Box, _Size]:
    """Return the cell that contains a place, in a grid of 2^step columns and rows."""
    number = 1 << step
    size = _Size(360.0 / number, 2 * LARGEST_LATITUDE / number)
    west = -180.0 + math.floor((lon + 180.0) / size.width) * size.width
    south = -LARGEST_LATITUDE + math.floor((lat + LARGEST_LATITUDE) / size.height) * size.height
    return Box(west, west + size.width, south, south + size.height), size


def _is_reached(lon: float, lat: float, radius: float, cell: Box, size: _Size) -> bool:
    """Return whether the surrounding cells end beyond the circle, as the server measures it."""
    ends = (
        (lon, cell.north + size.height), (lon, cell.south - size.height),
        (cell.east + size.width, lat), (cell.west - size.width, lat),
    )  # fmt: skip
    return all(distance_between(lon, lat, *end) >= radius for end in ends)
