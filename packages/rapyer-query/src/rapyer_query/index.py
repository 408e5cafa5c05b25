"""The index of a model: what is in it, and how it comes to be there."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from rapyer.base import BaseRedisModel, identity_of
from rapyer.errors import UnsupportedServerError
from rapyer.expr.nodes import Condition
from rapyer.fields import index_options_of
from rapyer.traffic.channel import Channel
from rapyer.types.codec import Codec, complete_schema
from rapyer.types.table import FieldType
from redis.exceptions import ResponseError

from rapyer_query.attributes import Attributes
from rapyer_query.clauses import ALL, Clause, depth_of
from rapyer_query.codecs import codec_of
from rapyer_query.compiler import Compilation
from rapyer_query.discovery import discover
from rapyer_query.errors import IndexUnavailableError
from rapyer_query.options import INDEX
from rapyer_query.settings import Limits

#: Conditions whose texts are kept for a model.
_KEPT: Final = 512
#: Those with more parameters take too much memory to be kept.
_LARGE: Final = 200
#: The parser of the server gives up beyond some hundred.
_DEEPEST: Final = 60
#: How long to wait between questions whether an index is built: it is built more slowly for each.
_PAUSES: Final = (0.002, 0.005, 0.01, 0.02, 0.05)
_EXISTS: Final = re.compile(r"index already exists", re.IGNORECASE)
_GONE: Final = re.compile(r"no such index|unknown index|index not found", re.IGNORECASE)
_PARAMETER: Final = re.compile(r"\$p(\d+)")


class Compiled(NamedTuple):
    """A condition as a query.

    Attributes:
        clause: What the index is asked.
        parameters: What is sent beside the text, as `PARAMS` has it.
        is_exact: Whether the documents that are found are those that fulfil the condition.
        is_helped: Whether the index knows one of the fields that are asked for.
        expands: Whether the server looks for parts of texts.
        unindexed: The paths that the index does not know, and why.
    """

    clause: Clause
    parameters: list[str]
    is_exact: bool
    is_helped: bool
    expands: bool
    unindexed: dict[str, str]


_EVERYTHING: Final = Compiled(Clause(ALL, (), True, ALL), [], True, True, False, {})


@dataclass(slots=True, eq=False)
class ModelIndex:
    """The index of one model.

    Attributes:
        model: The model.
        attributes: What is in it.
        name: Its name on the server, which has a hash of what is in it.
    """

    model: type[BaseRedisModel]
    attributes: Attributes
    name: str
    _compiled: OrderedDict[tuple[Condition, Limits], Compiled] = field(
        default_factory=OrderedDict[tuple[Condition, Limits], Compiled]
    )
    _codecs: dict[str, Codec] = field(default_factory=dict[str, Codec])
    _ready: WeakKeyDictionary[Channel, asyncio.Task[None]] = field(
        default_factory=WeakKeyDictionary[Channel, "asyncio.Task[None]"]
    )

    @classmethod
    def of(cls, model: type[BaseRedisModel]) -> ModelIndex:
        """Give the index of a model.

        Raises:
            AbstractModelError: The model has no documents.
            ModelDefinitionError: It cannot be indexed as it says.
        """
        state = (INDEX.of(model), id(complete_schema(model)))
        known = _indexes.get(model)
        if known is None or known[0] != state:
            identity_of(model).require_keys()
            attributes = discover(model, by_default=state[0])
            known = _indexes[model] = state, cls(model, attributes, _name(model, attributes))
        return known[1]

    @property
    def definition(self) -> list[str]:
        """The arguments of `FT.CREATE`."""
        return [self.name, *_definition(self.model, self.attributes)]

    # -- conditions -------------------------------------------------------------------------------

    def compiled(self, condition: Condition | None, limits: Limits) -> Compiled:
        """Give the query for a condition; what equal conditions gave is kept."""
        if condition is None:
            return _EVERYTHING
        key = (condition, limits)
        known = self._compiled.get(key)
        if known is None:
            known = self._compile(condition, limits)
            if len(known.parameters) < _LARGE:
                self._compiled[key] = known
                if len(self._compiled) > _KEPT:
                    self._compiled.popitem(last=False)
        return known

    def _compile(self, condition: Condition, limits: Limits) -> Compiled:
        compilation = Compilation(self.attributes, limits, self._codec_of)
        clause = compilation.clause(condition)
        if depth_of(clause.query) > _DEEPEST:
            clause = Clause(ALL, (), False, ALL)
        query, sent = clause.query, compilation.parameters
        used = sorted({int(number) for number in _PARAMETER.findall(query)})
        return Compiled(
            clause,
            [part for number in used for part in (f"p{number}", sent[number])],
            clause.is_exact,
            compilation.is_helped,
            compilation.expands and "*" in query,
            compilation.unindexed,
        )

    def _codec_of(self, field_type: FieldType) -> Codec:
        codec = self._codecs.get(field_type.name)
        if codec is None:
            codec = self._codecs[field_type.name] = codec_of(self.model, field_type)
        return codec

    # -- on the server ----------------------------------------------------------------------------

    async def ensure(self, channel: Channel) -> None:
        """Make the index where there is none, and wait until it has all documents.

        Once for each connection to a server, however many callers ask.

        Raises:
            UnsupportedServerError: The server has no Search.
            IndexUnavailableError: The server makes none.
        """
        task = self._ready.get(channel)
        if task is None:
            task = self._ready[channel] = asyncio.create_task(self._make(channel))
            task.add_done_callback(partial(self._made, channel))
        elif task.done():
            return
        await asyncio.shield(task)

    def forget(self, channel: Channel) -> None:
        """Take note that the index is gone: it is made again when it is asked for."""
        self._ready.pop(channel, None)

    def _made(self, channel: Channel, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is not None:  # the next caller tries again
            self.forget(channel)

    async def _make(self, channel: Channel) -> None:
        server = await channel.introduce()
        if not server.has_search:
            raise UnsupportedServerError(
                f"the Redis {server.version} has no Search, by which documents of "
                f"{self.model.__name__} are found. Use Redis 8 or Redis Stack, or ask for "
                ".scan(), which reads all documents."
            )
        self._require_attributes()
        try:
            await channel.execute("FT.CREATE", *self.definition, writes=True)
        except ResponseError as exc:
            if not _EXISTS.search(str(exc)):
                await self._require_known(channel, exc)
        await self._built(channel)

    async def _require_known(self, channel: Channel, error: ResponseError) -> None:
        """Make sure that there is an index, where it cannot be made by this user."""
        try:
            await channel.execute("FT.INFO", self.name)
        except ResponseError:
            raise IndexUnavailableError(
                f"the index {self.name!r} of {self.model.__name__} cannot be made: {error}. "
                "Indexes are in database 0 alone, and the user needs FT.CREATE, FT.INFO, "
                "FT.SEARCH and FT.AGGREGATE; .scan() reads all documents instead."
            ) from error

    async def _built(self, channel: Channel) -> None:
        pauses = iter(_PAUSES)
        while True:
            flat: list[Any] = await channel.execute("FT.INFO", self.name)
            info = dict(zip(flat[::2], flat[1::2], strict=True))
            if int(info.get(b"indexing", 0)) == 0:
                return
            await asyncio.sleep(next(pauses, _PAUSES[-1]))

    def _require_attributes(self) -> None:
        if not self.attributes.at:
            raise IndexUnavailableError(
                f"{self.model.__name__} has nothing that is indexed. Declare the fields that you "
                "ask for with Field(index=True), or ask for .scan(), which reads all documents."
            )


_indexes: WeakKeyDictionary[type[BaseRedisModel], tuple[tuple[bool, int], ModelIndex]] = (
    WeakKeyDictionary()
)


def is_gone(error: ResponseError) -> bool:
    """Say whether the server refused a query because it has no such index."""
    return _GONE.search(str(error)) is not None


def demands_index(model: type[BaseRedisModel]) -> bool:
    """Say whether a field of a model says itself that it is indexed."""
    return any(
        index_options_of(info).index or index_options_of(info).keys
        for info in model.__pydantic_fields__.values()
    )


def _definition(model: type[BaseRedisModel], attributes: Attributes) -> list[str]:
    words = ["ON", "JSON", "PREFIX", "1", f"{identity_of(model).prefix}:", "SCHEMA"]
    for attribute in attributes.all:
        words += attribute.definition
    return words


def _name(model: type[BaseRedisModel], attributes: Attributes) -> str:
    text = json.dumps(_definition(model, attributes))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"rapyer:{identity_of(model).prefix}:{digest}"
