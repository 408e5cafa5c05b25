"""The index of a model: what it contains, and how it is created."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from rapyer.base import BaseRedisModel, identity_of
from rapyer.expr.nodes import Condition
from rapyer.indexed import index_options_of
from rapyer.traffic.channel import Channel
from rapyer.types.codec import Codec, complete_schema
from rapyer.types.table import FieldType

from rapyer_query.attributes import Attributes
from rapyer_query.clauses import ALL, Clause, depth_of
from rapyer_query.codecs import codec_of
from rapyer_query.compiler import Compilation
from rapyer_query.discovery import discover
from rapyer_query.errors import IndexUnavailableError, NotIndexedError
from rapyer_query.facts import FieldDefinition
from rapyer_query.lifecycle import Lifecycle
from rapyer_query.names import alias_of, registry_of, version_of
from rapyer_query.options import INDEX
from rapyer_query.search import expanded, full_texts_in, split_full_text
from rapyer_query.settings import Limits

#: Conditions per model whose compiled texts are cached.
_KEPT: Final = 512
#: Conditions with more parameters than this take too much memory to be cached.
_LARGE: Final = 200
#: The parser of the server gives up beyond about a hundred.
_DEEPEST: Final = 60
_OF_MODEL: Final = "_query_index"
_PARAMETER: Final = re.compile(r"\$p(\d+)")


class Compiled(NamedTuple):
    """A condition as a query.

    Attributes:
        clause: What the index is asked.
        parameters: The parameters to send along with the text, as `PARAMS` has them.
        is_exact: Whether the documents found are exactly those that match the condition.
        is_helped: Whether the index knows one of the fields in the condition.
        expands: Whether the server looks for parts of texts.
        unindexed: The paths that are not in the index, and why.
        checked: What Python checks again if the query is not exact; None for nothing.
    """

    clause: Clause
    parameters: list[str]
    is_exact: bool
    is_helped: bool
    expands: bool
    unindexed: dict[str, str]
    checked: Condition | None = None


_EVERYTHING: Final = Compiled(Clause(ALL, (), True, ALL), [], True, True, False, {})


@dataclass(slots=True, eq=False)
class ModelIndex:
    """The index of one model.

    Attributes:
        model: The model.
        attributes: What it contains.
        version: Distinguishes this version of the model from others: a hash of what the index
            contains.
        name: The alias of this version, which queries use.
        words: The definition of each attribute as `FT.CREATE` takes it, by name.
        fields: The same as the server knows it.
        life: The index on the servers.
    """

    model: type[BaseRedisModel]
    attributes: Attributes
    version: str = field(init=False)
    name: str = field(init=False)
    words: dict[str, list[str]] = field(init=False)
    fields: tuple[FieldDefinition, ...] = field(init=False)
    life: Lifecycle = field(init=False)
    _compiled: OrderedDict[tuple[Condition, Limits], Compiled] = field(
        default_factory=OrderedDict[tuple[Condition, Limits], Compiled]
    )
    _codecs: dict[str, Codec] = field(default_factory=dict[str, Codec])
    #: On a cluster, puts the index of one node into a slot of that node; else empty.
    tag: str = ""
    _of_nodes: dict[str, ModelIndex] = field(default_factory=dict[str, "ModelIndex"])

    def __post_init__(self) -> None:
        prefix = identity_of(self.model).prefix
        self.words = {one.name: one.definition for one in self.attributes.all}
        self.fields = tuple(map(FieldDefinition.of_words, self.words.values()))
        told = [prefix, sorted(self.words.values())]
        if self.attributes.language != "english":
            told.append(self.attributes.language)
        self.version = version_of(*told)
        self.name = alias_of(prefix, self.version, self.tag)
        self.life = Lifecycle(self)

    @classmethod
    def of(cls, model: type[BaseRedisModel]) -> ModelIndex:
        """Return the index of a model.

        Raises:
            AbstractModelError: The model has no documents.
            ModelDefinitionError: It cannot be indexed as declared.
        """
        by_default, schema = INDEX.of(model), complete_schema(model)
        known: tuple[bool, object, ModelIndex] | None = vars(model).get(_OF_MODEL)
        if known is None or known[0] != by_default or known[1] is not schema:
            identity_of(model).require_keys()
            known = by_default, schema, cls(model, discover(model, by_default=by_default))
            setattr(model, _OF_MODEL, known)  # kept exactly as long as the model
        return known[2]

    def on_node(self, tag: str) -> ModelIndex:
        """Return the index of the documents on one node of a cluster.

        Args:
            tag: Puts it into a slot of the node; empty for a server that is not a cluster.
        """
        if not tag:
            return self
        known = self._of_nodes.get(tag)
        if known is None:
            known = self._of_nodes[tag] = ModelIndex(
                self.model, self.attributes, self._compiled, self._codecs, tag
            )
        return known

    @property
    def registry(self) -> str:
        """The key of the hash in which the versions of the model note that they are alive."""
        return registry_of(identity_of(self.model).prefix, self.tag)

    # -- conditions -------------------------------------------------------------------------------

    def compiled(self, condition: Condition | None, limits: Limits) -> Compiled:
        """Return the query for a condition; results for equal conditions are cached."""
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
        has_words = any(True for _ in full_texts_in(condition))
        if has_words:
            condition = expanded(condition, self.attributes.texts_by_name)
        clause = compilation.clause(condition)
        if depth_of(clause.query) > _DEEPEST:
            clause = Clause(ALL, (), False, ALL)
        checked: Condition | None = condition
        if has_words:
            checked = self._checked(condition, clause, compilation)
        query, sent = clause.query, compilation.parameters
        used = sorted({int(number) for number in _PARAMETER.findall(query)})
        return Compiled(
            clause,
            [part for number in used for part in (f"p{number}", sent[number])],
            clause.is_exact,
            compilation.is_helped,
            compilation.expands and ("*" in query or "%" in query),
            compilation.unindexed,
            checked,
        )

    def _checked(
        self, condition: Condition, clause: Clause, compilation: Compilation
    ) -> Condition | None:
        """Return the part of a condition that Python checks, which words cannot be in.

        Raises:
            NotIndexedError: The index does not answer exactly what only it can answer.
        """
        alone, rest = split_full_text(condition)
        limits, unindexed = compilation.limits, compilation.unindexed
        # a query that is too deep was given up and no longer contains words
        is_answered = not alone or clause.is_exact or not clause.is_all
        for part in alone:
            by_itself = Compilation(self.attributes, limits, self._codec_of)
            is_answered = is_answered and by_itself.clause(part).is_exact
        if not is_answered:
            fields = tuple(unindexed)
            reasons = "; ".join(f"{path} {reason}" for path, reason in unindexed.items())
            reasons = (
                reasons
                or "| or ~ combines them with something that Python checks, such as a phrase"
            )
            raise NotIndexedError(
                f"the index of {self.model.__name__} does not answer {condition!r} exactly, and "
                f"only the index can search for words: {reasons}. Declare the fields that it uses "
                "with Field(text=True) or Field(index=True), and join phrases and other conditions "
                "with &.",
                fields=fields,
            )
        return rest

    def _codec_of(self, field_type: FieldType) -> Codec:
        codec = self._codecs.get(field_type.name)
        if codec is None:
            codec = self._codecs[field_type.name] = codec_of(self.model, field_type)
        return codec

    # -- on the server ----------------------------------------------------------------------------

    async def ensure(self, channel: Channel) -> None:
        """Create the index if there is none, and wait until it holds all documents.

        This happens once per connection to a server, however many callers ask: one round trip if
        the index exists. Warns of documents that it rejected.

        Raises:
            UnsupportedServerError: The server has no Search.
            IndexUnavailableError: The server does not create the index.
        """
        await self.life.ensure(channel)

    def require_attributes(self) -> None:
        """Make sure that there is something to index.

        Raises:
            IndexUnavailableError: There is nothing.
        """
        if not self.attributes.all:
            raise IndexUnavailableError(
                f"{self.model.__name__} has no indexed fields. Declare the fields that you query "
                "with Field(index=True), or use .scan(), which reads all documents."
            )


def demands_index(model: type[BaseRedisModel]) -> bool:
    """Return whether a field of a model itself asks to be indexed."""
    return any(
        index_options_of(info).index or index_options_of(info).keys
        for info in model.__pydantic_fields__.values()
    )
