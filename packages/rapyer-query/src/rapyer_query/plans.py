"""What a command that groups documents loads from them, and what it computes."""

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

#: Families of numbers that can be calculated with.
NUMBERS: Final = frozenset({"integer", "span", "float"})
#: Families whose values the server sends unchanged, including those kept beside the index.
_PLAIN: Final = frozenset({"integer", "days", "span", "text", "token"})
#: Families in which two values are equal when they have the same JSON.
TOLD_APART: Final = frozenset({"integer", "days", "span", "bool", "text", "choice", "token"})
#: Families of values that are stored as an object, one part of which is indexed.
OF_PARTS: Final = frozenset({"instant", "clock"})
#: Appended to the path of a scalar, so that null does not count as a value.
_NOT_NULL: Final = "[?(@!=null)]"


class Unplanned(Exception):  # noqa: N818 - not an error: Python computes the aggregate
    """The server cannot compute an aggregate, or not exactly."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A value of each document, as the server has it in a command.

    Attributes:
        name: Its name there, with `@`.
        attribute: The attribute of the index with the same values.
        location: Where documents have the value.
        is_kept: Whether it is the value kept beside the index, rather than that of the document.
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
        """Whether None is one of the values; if another default is possible, there is doubt."""
        return any(value is None for value in self.attribute.absent)

    def read(self, texts: Sequence[bytes | None]) -> list[Any]:
        """Read values that the server has sent; None for missing ones.

        Raises:
            pydantic.ValidationError: A value does not validate.
        """
        sent = [text for text in texts if text is not None]
        return _in_place(load_values(self.location, self._as_json(sent)), texts)

    def read_whole(self, texts: Sequence[bytes | None]) -> list[Any]:
        """Read whole numbers that the server has computed from values; see `read`."""
        sent = [text for text in texts if text is not None]
        return _in_place(load_values(self.location, b"[" + b",".join(sent) + b"]"), texts)

    def _as_json(self, sent: Sequence[bytes]) -> bytes:
        """Return values as a JSON array."""
        if not (self.is_kept or self.plan.is_plain):
            # each is the array of what the path leads to, which is one value
            return b"[" + b",".join([text[1:-1] for text in sent]) + b"]"
        if self.attribute.form == "NUMERIC":
            return b"[" + b",".join(sent) + b"]"
        return to_json([text.decode() for text in sent])


def _in_place(loaded: Sequence[Any], texts: Sequence[bytes | None]) -> list[Any]:
    """Return values at the positions that have texts, else None.

    Raises:
        DoubtError: The numbers of values and texts differ.
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
        attributes: What its index contains.

    Attributes:
        is_plain: Whether only texts and whole numbers are sent, which need not be JSON.
        present: Texts that match all documents, unless some lack a field that they need.
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

    # -- what is loaded from documents ------------------------------------------------------------

    def column(
        self,
        value: Value[Any],
        *,
        is_key: bool = False,
        is_number: bool = False,
        is_bounded: bool = False,
    ) -> Column:
        """Add a value to the command.

        Args:
            value: The value.
            is_key: Whether documents with and without it are told apart: then null is a value.
            is_number: Whether it is calculated with, and not sent itself.
            is_bounded: Whether what is computed from it reveals that a number was too large to be
                exact.

        Raises:
            Unplanned: The index does not have exactly one such value per document.
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
        """Load a part of a value that is stored as an object; return its name, with `@`."""
        path = _path_of(locations_of(self.model).at(cast("Path[Any]", value)))
        return self._load_path(path + render_path((name,))[1:])

    def _load(self, location: Location, attribute: Attribute, *, is_key: bool) -> str:
        path = _path_of(location)
        if attribute.absent and not (is_key or attribute.family in OF_PARTS):
            path += _NOT_NULL
        return self._load_path(path)

    def _load_path(self, path: str) -> str:
        return f"@{self.loads.setdefault(path, f'_v{len(self.loads)}')}"

    # -- what is computed from it -----------------------------------------------------------------

    def reduce(self, function: str, *arguments: object) -> bytes:
        """Add a reducer for each group; return its name."""
        words = (function, len(arguments), *arguments)
        return self.reducers.setdefault(words, f"_r{len(self.reducers)}").encode()

    def apply(self, expression: str) -> str:
        """Add an expression for each document; return its name, with `@`."""
        return f"@{self.applied.setdefault(expression, f'_e{len(self.applied)}')}"

    def calculate(self, expression: str) -> bytes:
        """Add an expression for each group; return its name."""
        if expression not in self.after:
            self.after.append(expression)
        return f"_a{self.after.index(expression)}".encode()

    def number_of(self, column: Column, *, is_sure: bool) -> bytes:
        """Add a count of the documents of a group that have a value; return its name.

        Args:
            column: The value.
            is_sure: Whether it matters that no document lacks a value that it needs.
        """
        if not column.may_be_none:
            if is_sure:
                self.require(column)
            return self.reduce("COUNT")
        return self.reduce("SUM", self.apply(f"exists({column.name})"))

    def require(self, column: Column) -> None:
        """Add a check that all documents have a number that they need."""
        if column.attribute.form == "NUMERIC" and not column.may_be_none:
            self.present.append(any_number(column.attribute))

    def words(self, keys: Sequence[Column]) -> list[Any]:
        """Return the command that follows the query."""
        sent: list[Any] = []
        if self.loads:
            parts = [word for path, name in self.loads.items() for word in (path, "AS", name)]
            # documents that have just expired are rows without anything
            sent += ["LOAD", 1, "@__key", "LOAD", len(parts), *parts, "FILTER", "exists(@__key)"]
        names = [*dict.fromkeys(key.name for key in keys)]
        for place in range(len(names) - 1, 0, -1):
            # the server hashes all keys as if they were one text: "a", "b" would be the same as
            # "ab", "". The bytes of a number from 1 to 2 occur in no UTF-8 text, and each of these
            # names differs
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
        """Find documents for which the index does not have the exact value."""
        return any_of([*dict.fromkeys(self.doubts)])


def _is_of_texts(path: Path[Any], attribute: Attribute) -> bool:
    """Return whether all possible values are known and are texts."""
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
