"""Places on the earth: `GeoPoint`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticSerializationUnexpectedValue, core_schema

from rapyer.expr.geo import LARGEST_LATITUDE, distance_between
from rapyer.guards import is_list, is_mapping, is_tuple
from rapyer.types.forms import by_functions
from rapyer.types.marking import mark

#: Anything above would fall into the cells after the last one.
_HIGHEST: Final = LARGEST_LATITUDE - 1e-8
_NUMBER: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?"
_PATTERN: Final = rf"^{_NUMBER},{_NUMBER}$"


@dataclass(frozen=True, slots=True)
class GeoPoint:
    """A place on earth, by longitude and latitude in degrees: `GeoPoint(2.3522, 48.8566)`.

    It is stored as Redis indexes places, as a text of both: `"2.3522,48.8566"`. Fields accept a
    `GeoPoint`, a pair `(lon, lat)`, a dict with `lon` and `lat` or with `longitude` and `latitude`,
    and that text; `model_dump_json` gives the text.

    Attributes:
        lon: The longitude in degrees, from -180 to 180; 180 is the same as -180, and becomes that.
        lat: The latitude in degrees, between -85.05112878 and 85.05112878, the range that the
            server indexes.

    Raises:
        ValueError: One of them is not such a number.
    """

    lon: float
    lat: float

    def __post_init__(self) -> None:
        lon, lat = self.lon, self.lat
        are_floats = type(lon) is type(lat) is float
        if not (are_floats and -180 <= lon < 180 and -LARGEST_LATITUDE <= lat <= _HIGHEST):
            self._check()

    def _check(self) -> None:
        lon, lat = _degrees("longitude", self.lon), _degrees("latitude", self.lat)
        if not -180 <= lon <= 180:
            raise ValueError(f"the longitude is {lon!r}. Give degrees from -180 to 180.")
        if not -LARGEST_LATITUDE <= lat <= _HIGHEST:
            raise ValueError(
                f"the latitude is {lat!r}, but Redis indexes only places between "
                f"-{LARGEST_LATITUDE} and {LARGEST_LATITUDE} degrees. Store others in separate "
                "fields."
            )
        object.__setattr__(self, "lon", -180.0 if lon == 180 else lon)
        object.__setattr__(self, "lat", lat)

    @classmethod
    def of(cls, value: object) -> GeoPoint:
        """Make a place of any `value` that fields accept.

        Raises:
            ValueError: It is not a place.
        """
        if isinstance(value, GeoPoint):
            return value
        parts: Any = value
        if isinstance(value, str):
            parts = value.split(",")
        elif is_mapping(value):
            for names in (("lon", "lat"), ("longitude", "latitude")):
                if {*value} == {*names}:
                    parts = [value[name] for name in names]
        if not (is_list(parts) or is_tuple(parts)) or len(parts) != 2:
            raise ValueError(
                f"{value!r} is not a place. Give a GeoPoint(lon, lat), a pair of longitude and "
                'latitude, a dict with "lon" and "lat", or a string "lon,lat".'
            )
        lon, lat = [float(part) if isinstance(part, str) else part for part in parts]
        return cls(lon, lat)

    def distance_to(self, other: GeoPoint) -> float:
        """Return the distance to the `other` place in meters, as the server measures it."""
        return distance_between(self.lon, self.lat, other.lon, other.lat)

    def __str__(self) -> str:
        return f"{self.lon!r},{self.lat!r}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        schema = core_schema.no_info_plain_validator_function(
            cls.of,
            serialization=core_schema.plain_serializer_function_ser_schema(
                _dump, return_schema=core_schema.str_schema(), when_used="json"
            ),
        )
        return mark(schema, "GeoPoint")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        del schema, handler
        return {"type": "string", "pattern": _PATTERN, "examples": ["2.3522,48.8566"]}


def _degrees(name: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not -1e9 < value < 1e9:  # an int may exceed all floats
        raise ValueError(f"the {name} is {repr(value)[:40]}. Give a number of degrees.")
    return float(value)


def _dump(value: object) -> str:
    if type(value) is not GeoPoint:  # another member of a union
        raise PydanticSerializationUnexpectedValue(f"{value!r} is not a GeoPoint")
    return str(value)


def _load(text: str) -> GeoPoint:
    lon, _, lat = text.partition(",")
    return GeoPoint(float(lon), float(lat))


#: How places are stored.
GEO_POINT: Final = by_functions(_dump, _load, core_schema.str_schema(strict=True, pattern=_PATTERN))
