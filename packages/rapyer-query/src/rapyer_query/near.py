"""The documents whose vectors are near a given one: by the index, and in plain Python."""

from __future__ import annotations

import math
import struct
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rapyer.errors import ExpressionError
from rapyer.expr.evaluate import getter_of
from rapyer.expr.paths import is_path
from rapyer.indexed import Vector, listed

from rapyer_query.attributes import Attribute
from rapyer_query.clauses import ALL, NOTHING
from rapyer_query.sorting import ServerOrder, way_of_single

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.expr.paths import Path

    from rapyer_query.merged import Found

#: The largest number of nearest documents that can be requested.
MOST_NEAR: Final = 1_000_000
#: The name under which the server returns distances.
DISTANCE: Final = "_distance"
BY_DISTANCE: Final = ServerOrder((f"@{DISTANCE}", "ASC"), NOTHING)
_FORMATS: Final = {"float32": "f", "float64": "d"}


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """What documents are near to.

    Attributes:
        path: The path of their vectors.
        vector: The given vector.
        number: How many documents are wanted; None for all within a distance.
        distance: That distance.
        how: How vectors are indexed.
        attribute: The attribute of the index.
    """

    path: Path[Any]
    vector: Sequence[float]
    number: int | None
    distance: float
    how: Vector
    attribute: Attribute

    @classmethod
    def of(
        cls, model: type[BaseRedisModel], path: object, vector: object, number: int | None,
        distance: float,
    ) -> Near:  # fmt: skip
        """Check the arguments, and make the object.

        Raises:
            ExpressionError: The path does not lead to a vector of the model, or the given vector
                could not be in its index.
        """
        from rapyer_query.checks import check_root  # noqa: PLC0415 - it knows queries
        from rapyer_query.index import ModelIndex  # noqa: PLC0415 - it knows the compiler

        found = None
        if is_path(path):
            check_root(model, path)
            found = ModelIndex.of(model).attributes.vectors.get(way_of_single(path))
        if not is_path(path) or found is None or found.vector is None:
            raise ExpressionError(
                f"{path!r} is not a vector of {model.__name__}. Declare one: "
                "Annotated[list[float], Vector(dim=...)], or Field(vector=Vector(dim=...))."
            )
        numbers: Any = listed(vector)
        try:
            checked = [float(one) for one in found.vector.check([*numbers])]
        except (TypeError, ValueError) as exc:
            raise ExpressionError(f"{path!r} cannot be compared with {vector!r}: {exc}.") from exc
        return cls(path, checked, number, distance, found.vector, found)

    def __repr__(self) -> str:
        what = f"distance={self.distance!r}" if self.number is None else f"k={self.number}"
        name = "within_distance" if self.number is None else "nearest"
        return f"{name}({self.path!r}, <{len(self.vector)} numbers>, {what})"

    # -- by the server ----------------------------------------------------------------------------

    def query(self, text: str) -> str:
        """Return the query for the near ones among the documents of another query."""
        name = self.attribute.name
        if self.number is not None:
            return f"({text})=>[KNN {self.number} @{name} $near AS {DISTANCE}]"
        near = f"(@{name}:[VECTOR_RANGE $radius $near]=>{{$YIELD_DISTANCE_AS:{DISTANCE}}})"
        return near if text == ALL else f"{text} {near}"

    @property
    def parameters(self) -> list[Any]:
        """The parameters to send along with it."""
        form = f"<{self.how.dim}{_FORMATS[self.how.precision]}"
        sent: list[Any] = ["near", struct.pack(form, *self.vector)]
        return sent if self.number is not None else [*sent, "radius", repr(self.distance)]

    @property
    def estimate(self) -> str:
        """What of the answer is an estimate; empty for nothing."""
        if self.how.algorithm == "flat":
            return ""
        return f"{self!r} searches along a graph (HNSW), which may miss near documents"

    # -- in Python --------------------------------------------------------------------------------

    async def among(self, pages: AsyncGenerator[Found]) -> list[tuple[float, bytes, Any]]:
        """Return those of some documents that are near: their distances, keys and instances."""
        get, measure = getter_of(self.path), _MEASURES[self.how.metric]
        found: list[tuple[float, bytes, Any]] = []
        async with aclosing(pages) as reading:
            async for keys, instances in reading:
                for key, instance in zip(keys, instances, strict=True):
                    vector = get(instance)
                    if vector is not None:
                        found.append((measure(vector, self.vector), key, instance))
        found = [one for one in found if not math.isnan(one[0])]
        found.sort(key=lambda one: one[:2])
        if self.number is not None:
            return found[: self.number]
        return [one for one in found if one[0] <= self.distance]


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(map(float.__mul__, map(float, one), other))


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = math.hypot(*one) * math.hypot(*other)
    return 1 - _dot(one, other) / lengths if lengths else math.nan


def _l2(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum((mine - theirs) ** 2 for mine, theirs in zip(one, other, strict=True))


def _ip(one: Sequence[float], other: Sequence[float]) -> float:
    return 1 - _dot(one, other)


_MEASURES: Final[Mapping[str, Callable[[Sequence[float], Sequence[float]], float]]] = {
    "cosine": _cosine,
    "l2": _l2,
    "ip": _ip,
}
