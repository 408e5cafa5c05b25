"""What of documents is in a command that groups them, and what is made of it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from pydantic_core import to_json
from rapyer.base import locations_of
from rapyer.errors import UnaddressableKeyError
from rapyer.expr.annotations import is_literal, members_of
from rapyer.expr.jsonpath import render_path
from rapyer.expr.paths import Path, annotation_of, is_path
from rapyer.expr.values import Value
from rapyer.rows import load_values

from rapyer_query.bounds import any_number
from rapyer_query.clauses import NOTHING, Text, any_of
from rapyer_query.session import DoubtError
from rapyer_query.sorting import ALIKE, doubt_about, way_of_single

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.locations import Location

    from rapyer_query.attributes import Attribute, Attributes

#: Families of numbers that are calculated with.
NUMBERS: Final = frozenset({"integer", "span", "float"})
#: Those whose values the server sends as they are, also those that it keeps beside the index.
_PLAIN: Final = frozenset({"integer", "days", "span", "text", "token"})
#: Those of which two values are equal where they have the same JSON.
TOLD_APART: Final = frozenset({"integer", "days", "span", "bool", "text", "choice", "token"})
#: Those of values that are stored as an object, one part of which is in the index.
OF_PARTS: Final = frozenset({"instant", "clock"})
#: Behind the path of a scalar: a null is no value then.
_NOT_NULL: Final = "[?(@!=null)]"


class Unplanned(Exception):  # noqa: N818 - no error: Python makes the aggregate
    """The server cannot make an aggregate, or not exactly."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A value of each document, as the server has it in a command.

    Attributes:
        name: Its name there, with `@`.
        attribute: The attribute of the index with the same values.
        location: Where documents have the value.
        is_kept: Whether it is what the index keeps, rather than what is in the document.
        plan: The command.
    """

    name: str
    attribute: Attribute
    location: Location
    is_kept: bool
    plan: Plan

    @property
    def sent(self) -> bytes:
        """Its name in the rows of a reply."""
        return self.name[1:].encode()

    @property
    def family(self) -> str:
        """How values are compared."""
        return self.attribute.family

    @property
    def may_be_none(self) -> bool:
        """Whether None is among the values; where another default is meant there is doubt."""
        return any(value is None for value in self.attribute.absent)

    def read(self, texts: Sequence[bytes | None]) -> list[Any]:
        """Read values that the server has sent; None for those that it has not.

        Raises:
            pydantic.ValidationError: One does not validate.
        """
        sent = [text for text in texts if text is not None]
        return _in_place(load_values(self.location, self._as_json(sent)), texts)

    def read_whole(self, texts: Sequence[bytes | None]) -> list[Any]:
        """Read whole numbers that the server has made of values; see `read`."""
        sent = [text for text in texts if text is not None]
        return _in_place(load_values(self.location, b"[" + b",".join(sent) + b"]"), texts)

    def _as_json(self, sent: Sequence[bytes]) -> bytes:
        """Give values as a JSON array."""
        if not (self.is_kept or self.plan.is_plain):
            # each is an array of what the path leads to, which is one value
            return b"[" + b",".join([text[1:-1] for text in sent]) + b"]"
        if self.attribute.form == "NUMERIC":
            return b"[" + b",".join(sent) + b"]"
        return to_json([text.decode() for text in sent])


def _in_place(loaded: Sequence[Any], texts: Sequence[bytes | None]) -> list[Any]:
    """Give values where there are texts of them, else None.

    Raises:
        DoubtError: There are others than those.
    """
    if len(loaded) == len(texts):
        return [*loaded]
    if len(loaded) + texts.count(None) != len(texts):
        raise DoubtError
    values = iter(loaded)
    return [None if text is None else next(values) for text in texts]


@dataclass(slots=True, eq=False)
class Plan:
    """The groups of a query as one command.

    Args:
        model: The model.
        attributes: What its index has.

    Attributes:
        is_plain: Whether texts and whole numbers alone are sent, which need not be JSON.
        present: What all documents have to be of, unless some lack a field that they need.
    """

    model: type[BaseRedisModel]
    attributes: Attributes
    doubts: list[Text] = field(default_factory=list[Text])
    loads: dict[str, str] = field(default_factory=dict[str, str])
    applied: dict[str, str] = field(default_factory=dict[str, str])
    reducers: dict[tuple[Any, ...], str] = field(default_factory=dict[tuple[Any, ...], str])
    after: list[str] = field(default_factory=list[str])
    is_plain: bool = True
    present: list[Text] = field(default_factory=list[Text])
    columns: dict[tuple[int, bool, bool], Column] = field(
        default_factory=dict[tuple[int, bool, bool], Column]
    )

    # -- what is read of documents ----------------------------------------------------------------

    def column(
        self,
        value: Value[Any],
        *,
        is_key: bool = False,
        is_number: bool = False,
        is_bounded: bool = False,
    ) -> Column:
        """Have a value in the command.

        Args:
            value: The value.
            is_key: Whether documents with and without it are told apart: null is a value then.
            is_number: Whether it is calculated with, and not sent itself.
            is_bounded: Whether what is made of it tells that a number was too large to be exact.

        Raises:
            Unplanned: It is not one that the index has of each document.
        """
        column = self.columns.get((id(value), is_key, is_number))
        if column is None:
            column = self._column(value, is_key=is_key, is_number=is_number)
            self.columns[id(value), is_key, is_number] = column
        doubt = doubt_about(column.attribute, is_bounded=is_bounded)
        if doubt != NOTHING:
            self.doubts.append(doubt)
        return column

    def _column(self, value: Value[Any], *, is_key: bool, is_number: bool) -> Column:
        attribute = self.attributes.at.get(way_of_single(value)) if is_path(value) else None
        if not is_path(value) or attribute is None or attribute.is_many:
            raise Unplanned
        if attribute.family not in ALIKE and attribute.family != "token":
            raise Unplanned
        location = locations_of(self.model).at(value)
        is_plain = attribute.family in _PLAIN or _is_of_texts(value, attribute)
        if not (is_plain or is_number):
            self.is_plain = False
        is_kept = attribute.is_sortable and (
            is_plain or (is_number and attribute.family in NUMBERS)
        )
        name = f"@{attribute.name}" if is_kept else self._load(location, attribute, is_key=is_key)
        return Column(name, attribute, location, is_kept, self)

    def load_part(self, value: Value[Any], name: str) -> str:
        """Have a part of a value that is stored as an object; give its name, with `@`."""
        path = _path_of(locations_of(self.model).at(cast("Path[Any]", value)))
        return self._load_path(path + render_path((name,))[1:])

    def _load(self, location: Location, attribute: Attribute, *, is_key: bool) -> str:
        path = _path_of(location)
        if attribute.absent and not (is_key or attribute.family in OF_PARTS):
            path += _NOT_NULL
        return self._load_path(path)

    def _load_path(self, path: str) -> str:
        return f"@{self.loads.setdefault(path, f'_v{len(self.loads)}')}"

    # -- what is made of them ---------------------------------------------------------------------

    def reduce(self, function: str, *arguments: object) -> bytes:
        """Have something made of each group; give its name."""
        words = (function, len(arguments), *arguments)
        return self.reducers.setdefault(words, f"_r{len(self.reducers)}").encode()

    def apply(self, expression: str) -> str:
        """Have something calculated for each document; give its name, with `@`."""
        return f"@{self.applied.setdefault(expression, f'_e{len(self.applied)}')}"

    def calculate(self, expression: str) -> bytes:
        """Have something calculated for each group; give its name."""
        if expression not in self.after:
            self.after.append(expression)
        return f"_a{self.after.index(expression)}".encode()

    def number_of(self, column: Column, *, is_sure: bool) -> bytes:
        """Have counted how many documents of a group have a value; give the name.

        Args:
            column: The value.
            is_sure: Whether it matters that no document lacks one that it needs.
        """
        if not column.may_be_none:
            if is_sure:
                self.require(column)
            return self.reduce("COUNT")
        return self.reduce("SUM", self.apply(f"exists({column.name})"))

    def require(self, column: Column) -> None:
        """Have it asked whether all documents have a number that they need."""
        if column.attribute.form == "NUMERIC" and not column.may_be_none:
            self.present.append(any_number(column.attribute))

    def words(self, keys: Sequence[Column]) -> list[Any]:
        """Give the command behind the query."""
        sent: list[Any] = []
        if self.loads:
            parts = [word for path, name in self.loads.items() for word in (path, "AS", name)]
            # documents that expired a moment ago are rows without anything
            sent += ["LOAD", 1, "@__key", "LOAD", len(parts), *parts, "FILTER", "exists(@__key)"]
        names = [*dict.fromkeys(key.name for key in keys)]
        for place in range(len(names) - 1, 0, -1):
            # the server hashes all keys as if they were one text: "a", "b" would be "ab", "". The
            # bytes of a number from 1 to 2 are in no text in UTF-8; each has another name
            names.insert(place, self.apply(repr(1 + place / 1024)))
        for expression, name in self.applied.items():
            sent += ["APPLY", expression, "AS", name]
        sent += ["GROUPBY", len(names), *names]
        for reducer, name in self.reducers.items():
            sent += ["REDUCE", *reducer, "AS", name]
        for place, expression in enumerate(self.after):
            sent += ["APPLY", expression, "AS", f"_a{place}"]
        return sent

    @property
    def doubt(self) -> Text:
        """Find documents of which the index does not tell a value exactly."""
        return any_of([*dict.fromkeys(self.doubts)])


def _is_of_texts(path: Path[Any], attribute: Attribute) -> bool:
    """Say whether the values are some that are known, all of them texts."""
    if attribute.family != "choice":
        return False
    for member in members_of(annotation_of(path)):
        values: Any = get_args(member) if is_literal(member) else member
        for value in values:
            stored = value.value if isinstance(value, Enum) else value
            if not isinstance(stored, str | None):
                return False
    return True


def _path_of(location: Location) -> str:
    try:
        path = location.json_path
    except UnaddressableKeyError:
        raise Unplanned from None
    if location.rest:
        raise Unplanned
    return path
