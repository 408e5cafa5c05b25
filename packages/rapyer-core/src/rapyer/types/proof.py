"""Which values are certain to be read back as they are, without reading them back.

For a text, an integer, a finite double, a bool or None, it is known what pydantic-core writes, and
that it reads exactly that again. The same holds for lists, dicts with text keys and models of
these, unless a validator, serializer or setting intervenes. All that remains to be checked is
whether the values have exactly the types of their fields. For most documents that costs far less
than loading them.

The schema of the stored document is read once, and turned into these checks. Whatever is unknown
here means that nothing is proven about a schema, or a value; the document is then read back as
usual.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from types import NoneType
from typing import Any, NamedTuple

from rapyer._pydantic import has_own_post_init
from rapyer.guards import PLAIN_TYPES
from rapyer.types.looks import (
    Check,
    Elements,
    Fetch,
    Layout,
    Node,
    cautious,
    every,
    fetch_fields,
    of_model,
)
from rapyer.types.marking import CHECKS_ONLY
from rapyer.types.scalars import (
    COMMON,
    KEYS,
    Schema,
    UnprovableError,
    form_node,
    has_null,
    is_plain,
    lengths_of,
    scalar_node,
)
from rapyer.types.spelling import SHAPE

#: How NaN begins, and how it is written; NaN is equal to nothing, not even to itself.
NAN_START = ord("N")
NAN = b"NaN"
#: A text shorter than this has neither too many levels for a reader nor too long an integer.
SHORT = 256
#: Readers refuse integers with more digits.
_DIGITS = 4300
#: Upper bound of the levels in what nests without limit; readers accept a few more.
_LEVELS = 127
#: How deeply schemas may be nested: less than the levels that a reader accepts.
_DEPTH = 100
#: How many values of the models in it are checked together with those of one model.
_TOGETHER = 64
#: Settings that do not change how the values above are written and read.
_HARMLESS = frozenset(
    {
        "title", "frozen", "strict", "from_attributes", "revalidate_instances", "loc_by_alias",
        "validate_default", "hide_input_in_errors", "cache_strings", "ser_json_timedelta",
        "ser_json_temporal", "ser_json_bytes", "val_json_bytes", "val_temporal_unit",
        "ser_json_inf_nan", "serialize_by_alias", "validate_by_alias", "validate_by_name",
        "extra_fields_behavior",
    }
)  # fmt: skip


class Proof(NamedTuple):
    """What is known about the values of one schema.

    Attributes:
        holds: Says whether a value is certain to be read back as it is, provided that its text is
            not `is_doubtful` and contains no NaN.
        nests: Whether documents may have any number of levels.
    """

    holds: Check
    nests: bool


def _nothing(_value: Any) -> bool:
    return False


#: The proof for a schema about which nothing is known.
NO_PROOF = Proof(_nothing, nests=False)


def proof_of(schema: Schema, config: Schema) -> Proof:
    """Work out what is known about the values of a schema.

    Args:
        schema: The schema of the stored document, or of a part of it.
        config: The settings around it.
    """
    reading = _Reading()
    try:
        _require_harmless(config)
        node = reading.node(schema)
    except (UnprovableError, RecursionError):
        return NO_PROOF
    checks = [check for checks in node.values() for check in checks]
    if len(node) == 1 and len(checks) == 1 and checks[0] in reading.layouts:
        return Proof(checks[0], reading.nests)
    look = every(node)
    return Proof(cautious(lambda value: look((value,))), reading.nests)


def is_doubtful(document: bytes, *, nests: bool) -> bool:
    """Return whether readers may refuse a text because of its levels or the length of an integer.

    Args:
        document: The JSON text of a value.
        nests: As in `Proof`.
    """
    if nests and document.count(b"[") + document.count(b"{") > _LEVELS:
        return True
    return len(document) > _DIGITS and b"0" * _DIGITS in document.translate(SHAPE)


# -- from the schema to the checks ----------------------------------------------------------------


class _Reading:
    """One reading of a schema.

    Attributes:
        layouts: The layout of each model, by the check of its instances.
        nests: Whether a model was found inside itself.
    """

    def __init__(self) -> None:
        self.layouts: dict[Check, Layout] = {}
        self.nests = False
        self._definitions: dict[str, Schema] = {}
        self._known: dict[str, Node] = {}
        self._open: set[str] = set()
        self._depth = self._deepest = 0
        self._heights: dict[str, int] = {}

    def node(self, schema: Schema) -> Node:
        """Read a schema.

        Raises:
            UnprovableError: Nothing is known about its values.
        """
        self._depth += 1
        self._reach(0)
        node = self._node(schema)
        self._depth -= 1
        return node

    def _reach(self, height: int) -> None:
        """Refuse what is nested so deeply that readers might refuse the document for it."""
        self._deepest = max(self._deepest, self._depth + height)
        if self._deepest > _DEPTH:
            raise UnprovableError

    def _node(self, schema: Schema) -> Node:
        kind: str = schema["type"]
        if kind in ("custom-error", "function-after"):
            return self._stored(schema)
        if not schema.keys() <= KEYS.get(kind, frozenset()):
            raise UnprovableError
        readers: dict[str, Callable[[Schema], Node]] = {
            "nullable": self._nullable,
            "default": self._default,
            "list": self._list,
            "dict": self._dict,
            "model": self._model,
            "definitions": self._defining,
            "definition-ref": self._referred,
        }
        return readers[kind](schema) if kind in readers else scalar_node(schema)

    def _nullable(self, schema: Schema) -> Node:
        node = self.node(schema["schema"])
        if any(issubclass(kind, Enum) and has_null(kind) for kind in node):
            raise UnprovableError  # its null would be read back as None
        return {**node, NoneType: ()}

    def _default(self, schema: Schema) -> Node:
        return self.node(schema["schema"])

    def _stored(self, schema: Schema) -> Node:
        """Read the schema of a stored form, or of what one of our functions checks."""
        form = form_node(schema)
        if form is not None:
            return form
        metadata: Schema = schema.get("metadata") or {}
        if metadata.get(CHECKS_ONLY) is not True or not schema.keys() <= COMMON | {
            "schema",
            "function",
        }:
            raise UnprovableError
        check: Check = schema["function"]["function"]
        return {kind: (*checks, check) for kind, checks in self.node(schema["schema"]).items()}

    def _list(self, schema: Schema) -> Node:
        items, lengths = self.node(schema["items_schema"]), lengths_of(schema)
        return _of(list, (*lengths, Elements(*items) if is_plain(items) else every(items)))

    def _dict(self, schema: Schema) -> Node:
        if self.node(schema["keys_schema"]) != {str: ()}:
            raise UnprovableError
        values, lengths = self.node(schema["values_schema"]), lengths_of(schema)
        keys = Elements(str)
        if is_plain(values):
            return _of(dict, (*lengths, keys, Elements(*values, of_values=True)))
        look = every(values)
        return _of(dict, (*lengths, keys, lambda value: look(value.values())))

    def _defining(self, schema: Schema) -> Node:
        self._definitions.update((part["ref"], part) for part in schema["definitions"])
        return self.node(schema["schema"])

    def _referred(self, reference: Schema) -> Node:
        ref: str = reference["schema_ref"]
        if ref in self._known:
            self._reach(self._heights[ref])
            return self._known[ref]
        schema = self._definitions.get(ref)
        if schema is None:
            raise UnprovableError
        if ref not in self._open:
            self._open.add(ref)
            around, self._deepest = self._deepest, self._depth
            node = self._known[ref] = self.node(schema)
            self._heights[ref] = self._deepest - self._depth
            self._deepest = max(around, self._deepest)
            self._open.discard(ref)
            return node
        if schema["type"] != "model":
            raise UnprovableError
        self.nests = True
        known = self._known

        def later(value: Any) -> bool:
            (check,) = known[ref][type(value)]
            return check(value)

        return {schema["cls"]: (later,)}

    def _model(self, schema: Schema) -> Node:
        _require_harmless(schema.get("config") or {})
        fields: Schema = schema["schema"]
        if (
            schema.get("root_model")
            or schema.get("custom_init")
            or not _is_left_alone(schema)
            or fields["type"] != "model-fields"
            or not fields.keys() <= KEYS["model-fields"]
        ):
            raise UnprovableError
        nodes: list[Node] = []
        for field in fields["fields"].values():
            if not field.keys() <= KEYS["model-field"]:
                raise UnprovableError
            nodes.append(self.node(field["schema"]))
        layout = self._layout(tuple(fields["fields"]), nodes)
        check = of_model(schema["cls"], layout)
        self.layouts[check] = layout
        return {schema["cls"]: (check,)}

    def _layout(self, names: tuple[str, ...], nodes: list[Node]) -> Layout:
        inner: list[tuple[int, Fetch]] = []
        for index in range(len(names)):
            if len(nodes[index]) != 1:
                continue
            ((cls, checks),) = nodes[index].items()
            layout = self.layouts.get(checks[0]) if len(checks) == 1 else None
            if layout is not None and len(nodes) + len(layout.nodes) <= _TOGETHER:
                start = len(nodes)
                inner.append((index, layout.fetch))
                inner += [(start + place, fetch) for place, fetch in layout.inner]
                nodes[index] = {cls: ()}
                nodes += layout.nodes
        return Layout(fetch_fields(names), tuple(inner), tuple(nodes))


def _is_left_alone(model: Schema) -> bool:
    """Return whether neither code of its own nor a factory runs when an instance is made."""
    cls: Any = model["cls"]
    if "post_init" not in model:
        return True
    return model["post_init"] == "model_post_init" and not (
        has_own_post_init(cls)
        or any(private.default_factory for private in cls.__private_attributes__.values())
    )


def _require_harmless(config: Schema) -> None:
    if config.get("extra_fields_behavior") == "allow" or not config.keys() <= _HARMLESS:
        raise UnprovableError


def _of(plain: type[Any], checks: tuple[Check, ...]) -> Node:
    """Make the node of containers, which may also be of a Redis type."""

    def as_plain(check: Check) -> Check:
        return lambda value: check(plain.copy(value))

    node: Node = {plain: checks}
    for kind, its_plain in PLAIN_TYPES.items():
        if its_plain is plain:
            # a container that gives other elements than it holds is checked by what it holds
            gives_others = any(
                getattr(kind, name, None) is not getattr(plain, name, None)
                for name in ("__iter__", "values")
            )
            node[kind] = tuple(map(as_plain, checks)) if gives_others else checks
    return node
