"""The parts of a document that are in its index: the attributes, as RediSearch calls them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from rapyer.guards import is_mapping
from rapyer.indexed import Text as IndexedText
from rapyer.indexed import Vector
from rapyer.types.table import FieldType


class WayStep(NamedTuple):
    """One step of a way.

    Attributes:
        kind: What it leads to.
        name: The name of the field, or the key; empty for what all elements or values have.
    """

    kind: Literal["field", "each", "value", "key"]
    name: str = ""


Way: TypeAlias = tuple[WayStep, ...]

EACH = WayStep("each")
VALUE = WayStep("value")

#: How the values of an attribute are compared with operands; see `rapyer_query.bounds`.
Family: TypeAlias = Literal[
    "integer", "float", "days", "span", "decimal", "instant", "clock", "bool", "text", "choice",
    "token", "texts", "place", "words", "vector", "custom",
]  # fmt: skip
Form: TypeAlias = Literal["NUMERIC", "TAG", "GEO", "TEXT", "VECTOR"]


class Unknown:
    """Stands for the value of a field that a document lacks, where only loading it would tell."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True, eq=False)  # each is distinct, whatever its defaults are
class Attribute:
    """An attribute of an index.

    Attributes:
        name: Its name in queries: lower-case letters, digits and underscores.
        path: The JSONPath of its values.
        form: Its type on the server.
        family: How its values are compared with operands.
        is_sortable: Whether the server keeps the values beside the index, to sort by them.
        has_missing: Whether the server can tell which documents have no value there.
        is_many: Whether a document may have several values there.
        is_element: Whether its values are the elements of a list of scalars.
        absent: The values, in Python, that a document may have although nothing is indexed: None,
            the default of a field that the document lacks; `UNKNOWN` if only loading it would tell.
        since: After how many steps of the way to it the last of these was added.
        members: The possible values, as the index has them; empty for any.
        companion: The attribute with the offsets of datetimes and times; None if their values alone
            do not say whether they have one.
        field_type: The type of the values, if it comes from a plugin.
        text: How the words of a text are indexed.
        vector: How a list of numbers is indexed as a vector.
    """

    name: str
    path: str
    form: Form
    family: Family
    is_sortable: bool = False
    has_missing: bool = False
    is_many: bool = False
    is_element: bool = False
    absent: tuple[Any, ...] = ()
    since: int = 0
    members: tuple[Any, ...] = ()
    companion: str | None = None
    field_type: FieldType | None = None
    text: IndexedText | None = None
    vector: Vector | None = None

    @property
    def definition(self) -> list[str]:
        """The attribute as `FT.CREATE` takes it."""
        words = [self.path, "AS", self.name, self.form]
        if self.form == "TAG":
            words += ["CASESENSITIVE", "INDEXEMPTY"]
        if self.text is not None:
            words += ["WEIGHT", f"{self.text.weight:g}"]
            if not self.text.stem:
                words.append("NOSTEM")
        if self.vector is not None:
            words += _vector_words(self.vector)
        if self.has_missing:
            words.append("INDEXMISSING")
        if self.is_sortable:
            words += ["SORTABLE", "UNF"]  # as they are: otherwise the server folds case
        return words


def _vector_words(vector: Vector) -> list[str]:
    words = [
        "TYPE", vector.precision.upper(), "DIM", str(vector.dim), "DISTANCE_METRIC",
        vector.metric.upper(),
    ]  # fmt: skip
    if vector.algorithm == "hnsw":
        words += ["M", str(vector.m), "EF_CONSTRUCTION", str(vector.ef_construction)]
    return [vector.algorithm.upper(), str(len(words)), *words]


@dataclass(slots=True)
class Part:
    """A model, or a list of models, in a document.

    Attributes:
        absent: The values that a document may have although nothing is indexed.
        marker: An attribute that has a value for each model; None if there is none.
    """

    absent: tuple[Any, ...] = ()
    marker: Attribute | None = None


@dataclass(slots=True)
class Attributes:
    """The attributes of the documents of one model.

    Attributes:
        at: The attributes, by the way to them.
        lists: The lists of models, by the way to them.
        models: The nested models, by the way to them.
        unindexed: Why a place has no attribute, by the way to it.
        companions: The attributes that accompany others: offsets.
        texts: The attributes with the words of texts, by the way to them.
        language: The language of the words.
        vectors: The attributes with vectors, by the way to them.
    """

    at: dict[Way, Attribute] = field(default_factory=dict[Way, Attribute])
    lists: dict[Way, Part] = field(default_factory=dict[Way, Part])
    models: dict[Way, Part] = field(default_factory=dict[Way, Part])
    unindexed: dict[Way, str] = field(default_factory=dict[Way, str])
    companions: list[Attribute] = field(default_factory=list[Attribute])
    texts: dict[Way, Attribute] = field(default_factory=dict[Way, Attribute])
    language: str = "english"
    vectors: dict[Way, Attribute] = field(default_factory=dict[Way, Attribute])

    @property
    def all(self) -> Sequence[Attribute]:
        """All attributes, in the order of the fields."""
        return [*self.at.values(), *self.companions, *self.texts.values(), *self.vectors.values()]

    @property
    def texts_by_name(self) -> tuple[tuple[str, ...], ...]:
        """The names of the fields on the way to each text whose words are indexed."""
        return tuple([tuple([step.name for step in way]) for way in self.texts])

    def reason(self, way: Way) -> str:
        """Return why there is no attribute at the end of a way."""
        for end in range(len(way), 0, -1):
            if way[:end] in self.unindexed:
                return self.unindexed[way[:end]]
        return "has no indexable form"


def read_part(value: Any, name: str) -> Any:
    """Return a field of a default as a condition would see it: None if there is none."""
    if isinstance(value, Unknown):
        return value
    if is_mapping(value):
        return value.get(name)
    fields: Any = getattr(value, "__pydantic_fields__", None)
    if fields is None:
        fields = getattr(value, "__dataclass_fields__", ())
    return getattr(value, name, None) if name in fields else None


def distinct(values: Sequence[Any]) -> tuple[Any, ...]:
    """Return values without those that are the same object as an earlier one."""
    found: dict[int, Any] = {}
    for value in values:
        found.setdefault(id(value), value)
    return tuple(found.values())
