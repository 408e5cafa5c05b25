"""How fields are indexed, beyond what their types say: `Text`, `Vector`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

#: The name under which the metadata of a core schema says that a value is written as a whole, so
#: that nothing below it counts on its own.
WHOLE: Final = "rapyer_whole"
#: How the distance of two vectors is measured.
Metric: TypeAlias = Literal["cosine", "l2", "ip"]
#: How the nearest vectors are searched for: among all of them, or along a graph.
Algorithm: TypeAlias = Literal["flat", "hnsw"]
#: The type of the numbers in the index.
Precision: TypeAlias = Literal["float32", "float64"]
#: How large numbers may be, and how short a vector may be, so that their products are still
#: numbers.
_LARGEST: Final[Mapping[str, float]] = {"float32": 1e18, "float64": 1e150}
_SMALLEST: Final[Mapping[str, float]] = {"float32": 1e-18, "float64": 1e-150}
_NUMBERS: Final = frozenset({float, int})
#: The server crashes on a graph with one neighbor for each vector (RediSearch 2.10.5).
_BETWEEN: Final[Mapping[str, tuple[int, int]]] = {
    "dim": (1, 32_768), "m": (2, 512), "ef_construction": (1, 4096),
}  # fmt: skip
#: The RediSearch languages whose words are separated by spaces.
_LANGUAGES: Final = frozenset(
    {
        "arabic", "armenian", "basque", "catalan", "danish", "dutch", "english", "finnish",
        "french", "german", "greek", "hindi", "hungarian", "indonesian", "irish", "italian",
        "lithuanian", "nepali", "norwegian", "portuguese", "romanian", "russian", "serbian",
        "spanish", "swedish", "tamil", "turkish", "yiddish",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """How the words of a text are indexed, for full-text search.

        bio: Mapped[str] = Field(text=Text(weight=2))
        bio: Mapped[Annotated[str, Text(language="german")]]

    Attributes:
        weight: How much the field counts when results are ordered by score.
        language: The language of the text, one of RediSearch's; English if not given. All texts
            of a model share one language.
        stem: Whether a word is also found by its other forms, such as plurals.

    Raises:
        ValueError: The weight is not a number above 0, or RediSearch does not know the language.
        TypeError: `stem` is not a bool.
    """

    weight: float = 1.0
    language: str | None = None
    stem: bool = True

    def __post_init__(self) -> None:
        given: Any = self.weight
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        if not is_number or not 0 < given < 1e6:
            raise ValueError(f"the weight of a Text is {given!r}. Give a number above 0.")
        if self.language is not None and self.language not in _LANGUAGES:
            raise ValueError(
                f"the language of a Text is {self.language!r}. Give one of "
                f"{', '.join(sorted(_LANGUAGES))}."
            )
        stem: Any = self.stem
        if not isinstance(stem, bool):
            raise TypeError(f"stem of a Text is {stem!r}. Give True or False.")


@dataclass(frozen=True, slots=True)
class Vector:
    """How a list of numbers is indexed as a vector, for `nearest` and `within_distance`.

        embedding: Mapped[Annotated[list[float], Vector(dim=384)]]
        embedding: Mapped[list[float]] = Field(vector=Vector(dim=384, algorithm="flat"))

    The field takes lists of `dim` numbers, and objects with `tolist()`, such as NumPy arrays. A
    vector that the index could not hold is refused when the field is validated.

    Attributes:
        dim: How many numbers a vector has.
        metric: How distances are measured: `"cosine"`, 1 minus the cosine of the angle; `"l2"`, the
            square of the length of the difference; `"ip"`, 1 minus the inner product.
        algorithm: `"flat"` looks at all vectors and is certain to find the nearest; `"hnsw"` looks
            at some of them along a graph, which is fast but may miss near ones.
        precision: The type of the numbers in the index; documents keep what was given.
        m: For `"hnsw"`, how many neighbors a vector has in the graph.
        ef_construction: For `"hnsw"`, how many candidates these neighbors are chosen from.

    Raises:
        ValueError: One of them has a value that is not allowed.
    """

    dim: int
    metric: Metric = "cosine"
    algorithm: Algorithm = "hnsw"
    precision: Precision = "float32"
    m: int = 16
    ef_construction: int = 200

    def __post_init__(self) -> None:
        for name in ("dim", "m", "ef_construction"):
            number: Any = getattr(self, name)
            least, most = _BETWEEN[name]
            is_number = isinstance(number, int) and not isinstance(number, bool)
            if not is_number or not least <= number <= most:
                raise ValueError(
                    f"the {name} of a Vector is {number!r}. Give a number from {least} to {most}."
                )
        for name, known in (("metric", Metric), ("algorithm", Algorithm), ("precision", Precision)):
            if getattr(self, name) not in get_args(known):
                raise ValueError(
                    f"the {name} of a Vector is {getattr(self, name)!r}. Give one of "
                    f"{', '.join(map(repr, get_args(known)))}."
                )

    def check(self, vector: Any) -> Any:
        """Check that the index can hold a `vector`, a list of numbers or None, and return it.

        Raises:
            ValueError: It cannot.
        """
        if vector is None:
            return None
        if len(vector) != self.dim:
            raise ValueError(f"the vector has {len(vector)} numbers, but must have {self.dim}")
        length = self._length_of(vector)
        if self.metric == "cosine" and length < _SMALLEST[self.precision]:
            raise ValueError(
                "all numbers are 0: such a vector has no direction, so its cosine is undefined"
            )
        return vector

    def _length_of(self, vector: Sequence[Any]) -> float:
        """Return the length of a vector.

        Raises:
            ValueError: It contains something that is not a number, or a number that the index does
                not calculate with.
        """
        largest = _LARGEST[self.precision]
        if _NUMBERS.issuperset(map(type, vector)):
            try:
                length = math.hypot(*vector)
            except OverflowError:  # an int beyond the range of floats
                length = math.inf
            if length <= largest:  # then so is each number; NaN is not
                return length
        for number in vector:
            is_number = isinstance(number, int | float) and not isinstance(number, bool)
            if not is_number or not -largest <= number <= largest:
                raise ValueError(
                    f"{repr(number)[:40]} is not a number from {-largest} to {largest}, the range "
                    f"of an index of {self.precision}"
                )
        return math.hypot(*vector)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        checked = core_schema.no_info_after_validator_function(self.check, handler(source))
        return core_schema.no_info_before_validator_function(
            listed, checked, metadata={WHOLE: True}
        )


def _of_members(annotation: Any) -> Iterator[Any]:
    """Return the annotations on the members of a union: `Annotated[str, Text()] | None`."""
    if get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            if get_origin(member) is Annotated:
                yield from member.__metadata__


def listed(value: Any) -> Any:
    """Return a NumPy array, or something like one, as a list; anything else as it is."""
    convert: Callable[[], Any] | None = getattr(value, "tolist", None)
    return value if convert is None else convert()


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """What `Field` was told about the index: the metadata that it leaves.

    Attributes:
        index: Whether the field is indexed; None if not specified.
        keys: Keys of a dict that are indexed individually.
        sortable: Whether the index keeps the values for sorting.
        text: How the words of the text are indexed; None if they are not.
        vector: How the list of numbers is indexed as a vector; None if it is not.
    """

    index: bool | None = None
    keys: tuple[str, ...] = ()
    sortable: bool = False
    text: Text | None = None
    vector: Vector | None = None


def index_options_of(field: FieldInfo | None) -> IndexOptions:
    """Return what was specified about the index of a field."""
    options = IndexOptions()
    for part in () if field is None else (*field.metadata, *_of_members(field.annotation)):
        if isinstance(part, IndexOptions):
            options = replace(part, text=part.text or options.text, vector=options.vector)
        elif isinstance(part, Text):
            options = replace(options, index=True, text=part)
        elif isinstance(part, Vector):
            options = replace(options, index=True, vector=part)
    return options
