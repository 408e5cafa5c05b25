"""What stands at the places that a program is about, worked out once for each model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from pydantic_core import from_json, to_json
from rapyer.assignments import location_to_write
from rapyer.base import BaseRedisModel, field_types_of, locations_of
from rapyer.errors import ExpressionError
from rapyer.expr.annotations import element_of, fields_of, members_of, value_of
from rapyer.expr.operands import Kind, kinds_of
from rapyer.expr.paths import Path, annotation_of, field_of, item_of
from rapyer.expr.text import stored_text
from rapyer.types.locate import Place
from rapyer.types.text import hide_nul, restore_nul

if TYPE_CHECKING:
    from rapyer.locations import Location
    from rapyer.types.codec import Codec
    from rapyer.types.locate import Locator
    from rapyer.types.places import PlaceValues

Role = Literal["scalar", "list", "set", "dict", "model", "opaque"]
Schema = Mapping[str, Any]

#: The kinds of the interpreter by the names of field types that it calculates with.
_KINDS: Final = {
    "int": "i", "float": "f", "str": "s", "bool": "b", "bytes": "y", "datetime": "d", "date": "D",
    "timedelta": "T", "time": "t",
}  # fmt: skip
_TEXTS: Final = frozenset({"UUID", "BigInt"})
#: Schemas around that of a value which have no say about what it may be.
_AROUND: Final = frozenset({"default", "nullable", "definition-ref", "definitions"})
#: Types whose values JSON holds as they are, by their kinds.
_PLAIN: Final[Mapping[str, type]] = {"i": int, "f": float, "s": str}
_ESCAPED: Final = re.compile(r'["\\\x00-\x1f]').search
#: Schemas of values that may be equal and stored in two ways, and of what may be anything.
_STORED_IN_SEVERAL_WAYS: Final = frozenset(
    {"datetime", "time", "decimal", "any", "is-instance", "function-plain", "dataclass", "call"}
)
_PARTS: Final = frozenset(
    {
        "schema", "items_schema", "values_schema", "keys_schema", "choices", "fields",
        "strict_schema", "json_schema",
    }
)  # fmt: skip
_RULES: Final = frozenset({"function-before", "function-after", "function-wrap", "custom-error"})
_CONTAINERS: Final[Mapping[str, Role]] = {"list": "list", "set": "set", "dict": "dict"}
#: What a schema may say that the interpreter checks, by the kind of its values.
_COMMON: Final = frozenset({"type", "metadata", "ref", "strict", "microseconds_precision"})
_BOUNDS: Final = frozenset({"ge", "gt", "le", "lt"})
_LENGTHS: Final = frozenset({"min_length", "max_length"})
_CHECKED: Final = {
    "i": _BOUNDS | {"multiple_of"}, "f": _BOUNDS | {"allow_inf_nan"}, "s": _LENGTHS, "y": _LENGTHS,
    "b": frozenset[str](), "d": _BOUNDS, "D": _BOUNDS, "T": _BOUNDS, "t": _BOUNDS,
}  # fmt: skip


class Shape:
    """What the values at one place are like.

    Attributes:
        path: A path that leads there; for elements and values of dicts one of many.
        annotation: Their annotation.
        location: Where the path leads; None for elements of sets, which no path leads to.
        kind: The kind of the interpreter; `"j"` for what it does not look into.
        calculates: Whether it is calculated with and ordered, rather than only told apart.
        nullable: Whether None is among them.
        role: What they are.
        rules: What only Python can check about them; empty where the interpreter checks all.
        least: The least number of elements, or None.
        most: The most, or None.
    """

    def __init__(
        self, model: type[BaseRedisModel], annotation: Any, place: Place, values: PlaceValues,
        *, path: Path[Any] | None = None, location: Location | None = None,
    ) -> None:  # fmt: skip
        self.model = model
        self.path = path
        self.annotation = annotation
        self.place = place
        self.values = values
        self.location = location
        self.nullable = False
        self.rules = ""
        self.kind, self.calculates = "j", False
        self.role: Role = "opaque"
        self.least: int | None = None
        self.most: int | None = None
        self.schema = self._unwrap(place.schema)
        self._classify()
        self._children: dict[Any, Shape | None] = {}
        #: Whether it was looked at, and values may be assigned there.
        self.is_writable = False

    def _unwrap(self, schema: Schema) -> Schema:
        """Take away what stands around the schema of the values."""
        while "serialization" not in schema:
            kind = schema["type"]
            if kind == "definition-ref":
                schema = locations_of(self.model).locator.definition(schema)
            elif kind in _AROUND or kind in _RULES:
                if kind == "nullable":
                    self.nullable = True
                elif kind in _RULES:
                    self.rules = "has a validator of its own"
                schema = schema["schema"]
            else:
                break
        return schema

    def _classify(self) -> None:
        schema = self.schema
        kind = schema["type"]
        known = field_types_of(self.model).of_schema(schema)
        if "serialization" in schema and known is None:
            self.rules = "has a serializer of its own"
        elif known is not None and known.name in _KINDS:
            self.role, self.kind = "scalar", _KINDS[known.name]
            self.calculates = self.kind not in "bt"
            self._look_at_constraints(known.stored is not None)
        elif known is not None and known.name in _TEXTS:
            self.role, self.kind = "scalar", "s"
        elif kind in ("enum", "literal"):
            self._classify_members(schema)
        elif kind in _CONTAINERS:
            self.role = _CONTAINERS[kind]
            self.least, self.most = schema.get("min_length"), schema.get("max_length")
        elif kind == "model" and fields_of(annotation_model(self.annotation)):
            self.role = "model"
        if self.role != "scalar":
            self.kind = "j"

    def _classify_members(self, schema: Schema) -> None:
        """Tell of which kind the members of an enum or a literal are, where that is one kind."""
        members = schema["members"] if schema["type"] == "enum" else schema["expected"]
        found: set[type] = {type(getattr(one, "value", one)) for one in members}
        kinds: Mapping[type, str] = {int: "i", str: "s", bool: "b"}
        if len(found) == 1 and (kind := kinds.get(found.pop())) is not None:
            self.role, self.kind = "scalar", kind
            self.calculates = schema["type"] == "literal" and kind != "b"
            self.rules = "has a few members"

    def _look_at_constraints(self, is_stored: bool) -> None:
        unknown = self.schema.keys() - _COMMON - _CHECKED[self.kind]
        if is_stored:
            unknown -= {"serialization"}
        if unknown and not self.rules:
            self.rules = f"has the rule {min(unknown)!r}"

    @cached_property
    def type_text(self) -> str:
        """What the interpreter checks of a result, as a part of a program."""
        if self.role != "scalar":
            return '{"k":"j","n":1}' if self.nullable or self.role == "opaque" else '{"k":"j"}'
        parts: dict[str, Any] = {"k": self.kind}
        if self.nullable:
            parts["n"] = 1
        for name, short in (("min_length", "min"), ("max_length", "max")):
            if self.schema.get(name) is not None and not self.rules:
                parts[short] = self.schema[name]
        for name in ("ge", "gt", "le", "lt", "multiple_of"):
            bound = self.schema.get(name)
            if bound is not None and not self.rules:
                parts["mul" if name == "multiple_of" else name] = self.text_of(bound)
        return json.dumps(parts, separators=(",", ":"))

    @cached_property
    def is_comparable(self) -> bool:
        """Whether equal values of a container have equal JSON, but for the order of keys."""
        return not _has_other_equality(self.place.schema, locations_of(self.model).locator, set())

    @property
    def model_class(self) -> Any:
        """The model that the values are; `object` where they are none."""
        found = annotation_model(self.annotation)
        return found if isinstance(found, type) else object

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """What a value, where it is not None, can be compared with."""
        return kinds_of(self.annotation)

    @cached_property
    def plain(self) -> type | None:
        """The type whose values need no validation here; None where all do."""
        has_rules = self.rules or self.schema.keys() - {"type", "metadata", "ref"}
        return None if has_rules else _PLAIN.get(self.kind if self.calculates else "")

    @cached_property
    def takes(self) -> str:
        """The kind of what is calculated that may be assigned as it is; empty for none."""
        return self.kind if self.calculates and not self.rules else ""

    def plain_text(self, value: Any) -> str | None:
        """Give a value of the plain type as it is stored, in JSON; None where that takes a look."""
        if self.kind == "i" and -(2**63) <= value < 2**63:
            return str(value)
        if self.kind == "s" and value.isascii() and value.isprintable() and not _ESCAPED(value):
            return f'"{value}"'
        if self.kind == "f" and isfinite(value):
            return repr(value)
        return None

    def require_writable(self) -> None:
        """Make sure that values may be assigned there.

        Raises:
            ExpressionError: The field is frozen or the Version.
            InvalidKeyError: It is the primary key.
        """
        if self.path is not None:
            location_to_write(self.model, self.path)
        self.is_writable = True

    def text_of(self, value: Any) -> str:
        """Give a value that is one of these as it is stored, in JSON, without a look at it."""
        return hide_nul(self.values.codec.text(value)).decode()

    def constant(self, value: Any) -> str:
        """Validate a value as its assignment would be, and give it as it is stored, in JSON.

        Raises:
            pydantic.ValidationError: It does not validate.
            UnstorableValueError: JSON or the server cannot hold it exactly.
        """
        valid = self.values.validator.validate_python(value)
        text = self._codec.text(valid, checked=True)
        self._codec.spell(valid, text)  # which refuses what the server would not hold
        return hide_nul(text).decode()

    @cached_property
    def _codec(self) -> Codec:
        levels = 1 if self.location is None else len(self.location.steps)
        return self.values.codec.named(self.name, levels)

    @cached_property
    def type_name(self) -> str:
        """Their annotation as it is written in Python, for messages."""
        kind = self.annotation
        return kind.__name__ if type(kind) is type else repr(kind).replace("typing.", "")

    @cached_property
    def name(self) -> str:
        """The place as it is written in Python, for messages."""
        return repr(self.path) if self.path is not None else f"an element of {self.annotation!r}"

    # -- what is below ----------------------------------------------------------------------------

    def field(self, name: str) -> Shape | None:
        """Give the shape of a field of a model; None where there is none."""
        try:
            return self._children[name]
        except KeyError:
            pass
        shape = None
        if self.role == "model" and self.path is not None:
            path = field_of(self.path, name)
            shape = None if path is None else self._at(path)
        self._children[name] = shape
        return shape

    def _at(self, path: Path[Any]) -> Shape:
        return shape_at(self.model, path)

    @cached_property
    def element(self) -> Shape:
        """The shape of the elements of a list or a set, and of the values of a dict."""
        if self.role == "list" and self.path is not None:
            return self._at(item_of(self.path, 0))
        if self.role == "dict" and self.path is not None:
            return self._at(item_of(self.path, self._any_key))
        if self.location is None:
            raise ExpressionError(f"{self.name} has no elements that are looked at by themselves.")
        schema: Any = self.schema.get("items_schema") or {"type": "any"}
        place = Place(schema, 0, self.place.config)
        annotation: Any = Any
        for member in members_of(self.annotation):
            annotation = element_of(member) or annotation
        return Shape(self.model, annotation, place, self.location.values_of(place))

    @cached_property
    def key_type(self) -> Any:
        """The annotation of the keys of a dict."""
        for member in members_of(self.annotation):
            found = value_of(member)
            if found is not None:
                return found[0]
        return str

    @cached_property
    def _any_key(self) -> Any:
        kinds: Any = members_of(self.key_type)
        if kinds == (int,):
            return 0
        if kinds == (str,) or not kinds:
            return "key"
        (first, *_) = kinds
        try:
            return next(iter(first)) if hasattr(first, "__members__") else first("0")
        except (TypeError, ValueError) as exc:
            raise ExpressionError(
                f"{self.name} has keys of the type {self.key_type!r}, which a pipeline does not "
                "follow. Set the dict as a whole."
            ) from exc

    @cached_property
    def key_kind(self) -> str:
        """The kind that the keys of a dict have in a loop; empty for one that they do not have."""
        return {(str,): "s", (int,): "i"}.get(members_of(self.key_type), "")

    @cached_property
    def key_validator(self) -> Any:
        """What validates the keys of a dict; None for any text and any int."""
        keys = self.schema.get("keys_schema") or {"type": "str"}
        if keys in ({"type": "str"}, {"type": "int"}) or self.location is None:
            return None
        return self.location.values_of(Place(keys, "", self.place.config)).validator

    def read_item(self, text: bytes) -> tuple[Any, Any]:
        """Read a key and its value from their JSON text."""
        name, value = from_json(restore_nul(text))
        loaded = self.values.codec.load(hide_nul(to_json({name: value})))
        ((key, item),) = loaded.items()
        return key, item

    @cached_property
    def step(self) -> str:
        """The step to a field, as a part of a program."""
        name = self.quoted_name
        if not self.place.has_static_default or self.location is None:
            return name
        default = self.text_of(self.location.default(self.place))
        return f'["d",{name},{json.dumps(default, ensure_ascii=False)}]'

    @cached_property
    def quoted_name(self) -> str:
        """The name of a field, or the key, as a part of a program."""
        return json.dumps(self.place.name, ensure_ascii=False)

    @property
    def is_field(self) -> bool:
        """Whether it is a declared field, and no element or key."""
        return self.place.is_field

    @cached_property
    def stored_name(self) -> str:
        """The name of a field as it stands in the document."""
        return stored_text(str(self.place.name))


def _has_other_equality(schema: Any, locator: Locator, seen: set[str]) -> bool:
    """Say whether values of a schema may be equal that are stored in two ways."""
    if isinstance(schema, Mapping):
        kind: Any = cast("Mapping[str, Any]", schema).get("type")
        if kind in _STORED_IN_SEVERAL_WAYS:
            return True
        if kind == "definition-ref":
            reference = cast("Mapping[str, Any]", schema)
            if reference["schema_ref"] in seen:
                return False
            seen.add(reference["schema_ref"])
            return _has_other_equality(locator.definition(reference), locator, seen)
        parts = cast("Mapping[str, Any]", schema)
        return any(
            _has_other_equality(part, locator, seen)
            for name, part in parts.items()
            if name in _PARTS or kind in ("model-fields", None)
        )
    if isinstance(schema, list | tuple):
        return any(_has_other_equality(one, locator, seen) for one in cast("list[Any]", schema))
    return False


def annotation_model(annotation: Any) -> Any:
    """Give the one model, dataclass or typed dict that an annotation is about; None for others."""
    found = members_of(annotation)
    return found[0] if len(found) == 1 else None


def shape_at(model: type[BaseRedisModel], path: Path[Any]) -> Shape:
    """Give the shape of the values that a path leads to."""
    location = locations_of(model).at(path)
    annotation, values = annotation_of(path), location.values
    return Shape(model, annotation, location.place, values, path=path, location=location)


class Shapes:
    """The shapes of the top-level fields of a model, as its annotations are now."""

    def __init__(self, model: type[BaseRedisModel]) -> None:
        self._model = model
        self._fields: dict[str, Shape | None] = {}
        #: What was made of them, by what has made it.
        self.kept: dict[object, Any] = {}

    @classmethod
    def of(cls, model: type[BaseRedisModel]) -> Shapes:
        """Give the shapes of a model."""
        kept = locations_of(model).named  # which is emptied when the annotations are resolved anew
        shapes: Shapes | None = kept.get(cls)
        if shapes is None:
            shapes = kept[cls] = cls(model)
        return shapes

    def field(self, name: str) -> Shape | None:
        """Give the shape of a field; None where there is none."""
        try:
            return self._fields[name]
        except KeyError:
            pass
        path = field_of(locations_of(self._model).root, name)
        shape = None if path is None else shape_at(self._model, path)
        self._fields[name] = shape
        return shape
