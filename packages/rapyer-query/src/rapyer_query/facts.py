"""What the server reports about an index: the reply to `FT.INFO`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rapyer.traffic.channel import Channel
from redis.exceptions import ResponseError

from rapyer_query.names import IndexName, parse_name

#: Words of a definition that do not affect the contents of an index.
_SEPARATOR: Final = "SEPARATOR"
_NOTHING: Final = "N/A"
#: Sizes are unsigned, so that one below zero is shown as almost 2**64.
_LOST_COUNT: Final = 2**63
#: The server's names for the parts of a vector definition.
_VECTOR: Final = {
    "TYPE": "data_type", "DIM": "dim", "DISTANCE_METRIC": "distance_metric",
    "EF_CONSTRUCTION": "ef_construction",
}  # fmt: skip
_GONE: Final = re.compile(r"no such index|unknown index|index not found", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """An attribute of an index, as the server knows it.

    Attributes:
        name: Its name in queries.
        path: The JSONPath of its values.
        type: `NUMERIC`, `TAG`, ...
        options: The other words of its definition, such as `SORTABLE`.
    """

    name: str
    path: str
    type: str
    options: frozenset[str]

    @classmethod
    def of_words(cls, words: Sequence[str]) -> FieldDefinition:
        """Read a definition from its `words` for `FT.CREATE`: path, `AS`, name, type, options."""
        path, _, name, kind, *options = words
        if kind == "VECTOR":  # in the form that the server reports
            algorithm, _, *rest = options
            options = ["algorithm", algorithm]
            options += [_VECTOR.get(word, word) for word in rest]
        return cls(name, path, kind, frozenset(options))

    def to_dict(self) -> dict[str, Any]:
        """Return a form that JSON can represent."""
        return {
            "name": self.name,
            "path": self.path,
            "type": self.type,
            "options": sorted(self.options),
        }

    def __str__(self) -> str:
        return " ".join([self.name, self.path, self.type, *sorted(self.options)])


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What the server reports about an index.

    Attributes:
        name: Its own name, not that of an alias.
        fields: Its attributes.
        is_building: Whether it still lacks some documents.
        progress: How much of the keyspace has been scanned for it, from 0 to 1.
        documents: How many documents it holds.
        memory: How many bytes it takes; None if the server has lost count.
        failures: How many writes of documents it has rejected since it was created.
        last_key: The key of the last rejected write; None if there is none.
        last_reason: Why that write was rejected.
        language: The language of its words.
    """

    name: str
    fields: tuple[FieldDefinition, ...]
    is_building: bool
    progress: float
    documents: int
    memory: int | None
    failures: int
    last_key: str | None
    last_reason: str | None
    language: str = "english"

    @classmethod
    def of_reply(cls, reply: Sequence[Any]) -> IndexFacts:
        """Read the reply to `FT.INFO`."""
        found = {_text(name): value for name, value in _pairs(reply)}
        errors = {_text(name): value for name, value in _pairs(found.get("Index Errors", []))}
        last_key = _text(errors.get("last indexing error key", _NOTHING))
        last_reason = _text(errors.get("last indexing error", _NOTHING))
        made = {_text(name): value for name, value in _pairs(found.get("index_definition", []))}
        has_failed = int(found.get("hash_indexing_failures", 0)) > 0
        return cls(
            _text(found["index_name"]),
            tuple(_field(words) for words in found.get("attributes", [])),
            int(found.get("indexing", 0)) != 0,
            float(_text(found.get("percent_indexed", 1))),
            int(_text(found.get("num_docs", 0))),
            _bytes_of(float(_text(found.get("total_index_memory_sz_mb", 0)))),
            int(found.get("hash_indexing_failures", 0)),
            last_key if has_failed and last_key != _NOTHING else None,
            last_reason if has_failed and last_reason != _NOTHING else None,
            _text(made.get("default_language", "english")),
        )


async def index_names(channel: Channel) -> list[IndexName]:
    """Name the indexes of rapyer on a server, in order. One round trip."""
    parsed = [parse_name(_text(name)) for name in await channel.execute("FT._LIST")]
    return sorted(name for name in parsed if name is not None)


async def facts_of(channel: Channel, name: str) -> IndexFacts | None:
    """Ask for the facts about an index; None if there is no such index. One round trip.

    Args:
        channel: The connections.
        name: The name of the index, or of an alias.
    """
    try:
        return IndexFacts.of_reply(await channel.execute("FT.INFO", name))
    except ResponseError as exc:
        if is_gone(exc):
            return None
        raise


def is_gone(error: ResponseError) -> bool:
    """Return whether the server refused a command because there is no such index."""
    return _GONE.search(str(error)) is not None


def _pairs(flat: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _bytes_of(megabytes: float) -> int | None:
    """Convert a size; None for one that was counted down below zero, which is shown as 2**64."""
    size = round(megabytes * 2**20)
    return size if size < _LOST_COUNT else None


def _text(value: Any) -> str:
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)


def _field(words: Sequence[Any]) -> FieldDefinition:
    texts = [_text(word) for word in words]
    named = dict(zip(texts[:6:2], texts[1:6:2], strict=True))
    options = texts[6:]
    if _SEPARATOR in options:  # every TAG has one, and JSON documents do not use it
        place = options.index(_SEPARATOR)
        del options[place : place + 2]
    return FieldDefinition(
        named["attribute"], named["identifier"], named["type"], frozenset(options)
    )
