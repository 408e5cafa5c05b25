"""The commands of Search, with everything that they leave out by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from rapyer.traffic.channel import Argument

#: Documents in one reply at most.
PAGE: Final = 1000
#: More rows than can exist. `SORTBY` keeps 10 unless told otherwise.
ALL_ROWS: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Ask:
    """What an index is asked.

    Attributes:
        index: Its name.
        query: The text of the query.
        parameters: The parameters: alternating names and values.
        timeout: Milliseconds; 0 for no limit. Without it the server cuts its answer off after 500.
    """

    index: str
    query: str
    parameters: Sequence[Any]
    timeout: int = 0

    def _options(self, dialect: int = 2) -> list[Argument]:
        sent: list[Argument] = ["TIMEOUT", self.timeout, "DIALECT", dialect]
        if self.parameters:
            sent += ["PARAMS", len(self.parameters), *self.parameters]
        return sent

    def count(self) -> list[Argument]:
        """Ask how many documents there are: `FT.SEARCH ... LIMIT 0 0`."""
        return ["FT.SEARCH", self.index, self.query, "NOCONTENT", "LIMIT", 0, 0, *self._options()]

    def keys(
        self, number: int, among: Sequence[str] = (), *, scored: bool = False
    ) -> list[Argument]:
        """Ask for keys: `FT.SEARCH ... NOCONTENT`.

        Args:
            number: How many at most.
            among: The keys to choose from; all if empty.
            scored: Whether each comes with its score.
        """
        scores = ["WITHSCORES"] if scored else []
        inkeys: list[Argument] = ["INKEYS", len(among), *among] if among else []
        return [
            "FT.SEARCH", self.index, self.query, *inkeys, *scores, "NOCONTENT", "LIMIT", 0, number,
            *self._options(),
        ]  # fmt: skip

    def rows(
        self, load: Load, order: Sequence[str], window: Window,
        options: Sequence[Argument] = (), before: Sequence[Argument] = (),
    ) -> list[Argument]:  # fmt: skip
        """Ask for rows: `FT.AGGREGATE`, which stops counting when it is told to.

        To get all rows, a cursor is requested that has room for all of them in its first reply:
        only then is their number unlimited.

        Args:
            load: What is sent of each document.
            order: Alternating attributes and directions; ties are broken by the key.
            window: Which of the rows.
            options: Options of the query itself.
            before: What computes the attributes.
        """
        command: list[Argument] = ["FT.AGGREGATE", self.index, self.query, *options]
        command += ["LOAD", 1, "@__key", *before]
        if order:
            most = ALL_ROWS if window.limit is None else window.skip + window.limit
            command += ["SORTBY", len(order) + 2, *order, "@__key", "ASC", "MAX", most]
        # the server refuses a LIMIT larger than what it keeps, and silently cuts off after MAX
        if order or window.skip or window.limit is not None:
            number = ALL_ROWS - window.skip if window.limit is None else window.limit
            command += ["LIMIT", window.skip, number]
        # loads after the sort read documents only for the rows that are sent
        command += load.words
        if window.limit is None:
            command += ["WITHCURSOR", "COUNT", ALL_ROWS]
        return [*command, *self._options(load.dialect)]

    def rows_by_value(self, load: Load, order: Sequence[str], number: int) -> list[Argument]:
        """Ask for the first rows by a single attribute whose values are kept beside the index.

        Nothing is read from the other documents, not even their keys.

        Args:
            load: What is sent of each document.
            order: The attribute and its direction.
            number: How many rows at most.
        """
        return [
            "FT.AGGREGATE", self.index, self.query, "SORTBY", 2, *order, "MAX", number,
            "LIMIT", 0, number, "LOAD", 1, "@__key", *load.words, *self._options(load.dialect),
        ]  # fmt: skip

    def groups(self, words: Sequence[Argument], dialect: int) -> list[Argument]:
        """Ask for groups, all of them in one reply.

        Args:
            words: What is loaded, and what is computed from it.
            dialect: 2 for values as texts, 3 for JSON arrays of what paths lead to.
        """
        return [
            "FT.AGGREGATE", self.index, self.query, *words, "WITHCURSOR", "COUNT", ALL_ROWS,
            *self._options(dialect),
        ]  # fmt: skip


class Load(NamedTuple):
    """What is sent of each document.

    Attributes:
        words: `LOAD` with its arguments; empty for the key alone.
        number: How many parts of the document.
        dialect: 2 for the text of the document, 3 for JSON arrays of what paths lead to.
    """

    words: Sequence[Argument]
    number: int
    dialect: int

    @classmethod
    def of_paths(cls, paths: Sequence[str]) -> Load:
        """Load what JSONPaths lead to."""
        parts: list[Argument] = []
        for number, path in enumerate(paths):
            parts += [path, "AS", f"_{number}"]
        return cls(["LOAD", len(parts), *parts], len(paths), 3)


DOCUMENT: Final = Load(("LOAD", 1, "$"), 1, 2)
KEY_ALONE: Final = Load((), 0, 2)


class Window(NamedTuple):
    """Which of the rows.

    Attributes:
        skip: How many are skipped.
        limit: How many at most; None for all.
        page: How many in one reply.
    """

    skip: int = 0
    limit: int | None = None
    page: int = PAGE
