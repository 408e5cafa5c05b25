"""What is at the places that a program is about, computed once per model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json, to_json
from rapyer.assignments import location_to_write
from rapyer.base import BaseRedisModel, field_types_of, locations_of
from rapyer.errors import ExpressionError
from rapyer.expr.annotations import element_of, members_of, value_of
from rapyer.expr.operands import Kind, kinds_of
from rapyer.expr.paths import Path, annotation_of, field_of, item_of
from rapyer.expr.text import stored_text
from rapyer.types.locate import Place
from rapyer.types.text import hide_nul, restore_nul

from rapyer_pipeline.natures import Nature, has_other_equality

if TYPE_CHECKING:
    from rapyer.locations import Location
    from rapyer.types.codec import Codec
    from rapyer.types.locate import Locator
    from rapyer.types.places import PlaceValues

    from rapyer_pipeline.spots import Spot

#: Types whose values are stored unchanged in JSON, by their kinds.
_PLAIN: Final[Mapping[str, type]] = {"i": int, "f": float, "s": str}
_ESCAPED: Final = re.compile(r'["\\\x00-\x1f]').search


class Shape:
    """What the values at one place are like.

    Attributes:
        path: A path that leads there; for elements and dict values, one of many.
        annotation: Their annotation.
        location: Where the path leads; None for elements of sets, which have no path.
        nature: What they may be; its attributes are also those of the shape.
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
        nature = Nature(place, locations_of(model).locator, field_types_of(model))
        self.nature = nature
        self.kind, self.calculates, self.role = nature.kind, nature.calculates, nature.role
        self.nullable, self.rules, self.schema = nature.nullable, nature.rules, nature.schema
        self.least, self.most = nature.least, nature.most
        self._children: dict[Any, Shape | None] = {}
        #: Whether the place was found to accept assignments.
        self.is_writable = False

    @cached_property
    def type_text(self) -> str:
        """What the interpreter checks about a result, as a part of a program."""
        return self.nature.type_text(self.text_of)

    @cached_property
    def is_comparable(self) -> bool:
        """Whether equal values of a container have equal JSON, apart from the order of keys."""
        return not has_other_equality(self.place.schema, self.locator, set())

    @property
    def model_class(self) -> Any:
        """The model that the values are instances of; `object` if they are not models."""
        found = annotation_model(self.annotation)
        return found if isinstance(found, type) else object

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """What a value can be compared with when it is not None."""
        return kinds_of(self.annotation)

    @cached_property
    def plain(self) -> type | None:
        """The type whose values need no validation here; None if all values do."""
        has_rules = self.rules or self.schema.keys() - {"type", "metadata", "ref"}
        return None if has_rules else _PLAIN.get(self.kind if self.calculates else "")

    @cached_property
    def takes(self) -> str:
        """The kind of calculated values that may be assigned unchanged; empty for none."""
        return self.kind if self.calculates and not self.rules else ""

    def plain_text(self, value: Any) -> str | None:
        """Return a value of the plain type as stored JSON; None if that takes a closer look."""
        if self.kind == "i" and -(2**63) <= value < 2**63:
            return str(value)
        if self.kind == "s" and value.isascii() and value.isprintable() and not _ESCAPED(value):
            return f'"{value}"'
        if self.kind == "f" and isfinite(value):
            return repr(value)
        return None

    def require_writable(self) -> None:
        """Make sure that the place accepts assignments.

        Raises:
            ExpressionError: The field is frozen or the Version.
            InvalidKeyError: It is the primary key.
        """
        if self.path is not None:
            location_to_write(self.model, self.path)
        self.is_writable = True

    def text_of(self, value: Any) -> str:
        """Return a valid value as stored JSON, without checking it."""
        return hide_nul(self.values.codec.text(value)).decode()

    def constant(self, value: Any) -> str:
        """Validate a value as an assignment would, and return it as stored JSON.

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
        """Their annotation as written in Python, for messages."""
        kind = self.annotation
        return kind.__name__ if type(kind) is type else repr(kind).replace("typing.", "")

    @cached_property
    def name(self) -> str:
        """The place as written in Python, for messages."""
        return repr(self.path) if self.path is not None else f"an element of {self.annotation!r}"

    # -- what is below ----------------------------------------------------------------------------

    def field(self, name: str) -> Shape | None:
        """Return the shape of a field of a model; None if there is no such field."""
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
        """The shape of the elements of a list or a set, or of the values of a dict."""
        if self.role == "list" and self.path is not None:
            return self._at(item_of(self.path, 0))
        if self.role == "dict" and self.path is not None:
            return self._at(item_of(self.path, self._any_key))
        if self.location is None:
            raise ExpressionError(f"{self.name} has no elements that can be accessed individually.")
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
                f"{self.name} has keys of type {self.key_type!r}, which a pipeline does not "
                "support. Set the dict as a whole."
            ) from exc

    @cached_property
    def key_kind(self) -> str:
        """The kind of a dict's keys in a loop; empty if they have none."""
        return {(str,): "s", (int,): "i"}.get(members_of(self.key_type), "")

    @cached_property
    def key_validator(self) -> Any:
        """Validates the keys of a dict; None if any text or any int is valid."""
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
    def locator(self) -> Locator:
        """Resolves the schema of the model."""
        return locations_of(self.model).locator

    @property
    def is_field(self) -> bool:
        """Whether it is a declared field, rather than an element or a key."""
        return self.place.is_field

    @cached_property
    def stored_name(self) -> str:
        """The name of a field as stored in the document."""
        return stored_text(str(self.place.name))


def annotation_model(annotation: Any) -> Any:
    """Return the only model, dataclass or typed dict in an annotation; None for others."""
    found = members_of(annotation)
    return found[0] if len(found) == 1 else None


def shape_at(model: type[BaseRedisModel], path: Path[Any]) -> Shape:
    """Return the shape of the values that a path leads to."""
    location = locations_of(model).at(path)
    annotation, values = annotation_of(path), location.values
    return Shape(model, annotation, location.place, values, path=path, location=location)


class Shapes:
    """The shapes of the top-level fields of a model, as currently annotated."""

    def __init__(self, model: type[BaseRedisModel]) -> None:
        self._model = model
        self._fields: dict[str, Shape | None] = {}
        #: Objects made from them, by what made them.
        self.kept: dict[object, Any] = {}
        #: Readers of several fields, by their shapes.
        self.readers: dict[tuple[Shape, ...], Any] = {}

    @classmethod
    def of(cls, model: type[BaseRedisModel]) -> Shapes:
        """Return the shapes of a model."""
        kept = locations_of(model).named  # which is emptied when the annotations are resolved again
        shapes: Shapes | None = kept.get(cls)
        if shapes is None:
            shapes = kept[cls] = cls(model)
        return shapes

    def spots_of(self, base: int, label: str) -> dict[str, Spot]:
        """Return the places of the fields of one of the documents of programs, by name."""
        spots: dict[str, Spot] = self.kept.setdefault(("spots", base, label), {})
        return spots

    def field(self, name: str) -> Shape | None:
        """Return the shape of a field; None if there is no such field."""
        try:
            return self._fields[name]
        except KeyError:
            pass
        path = field_of(locations_of(self._model).root, name)
        shape = None if path is None else shape_at(self._model, path)
        self._fields[name] = shape
        return shape
