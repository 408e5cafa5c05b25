"""What pydantic's core schemas say, as far as it matters to an index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rapyer.guards import is_class, is_list, is_mapping
from rapyer.types.locate import EMPTY_FACTORIES

from rapyer_query.attributes import UNKNOWN

Schema: TypeAlias = Mapping[str, Any]

#: Schemas that wrap the schema of the values, which is under "schema".
WRAPPERS = frozenset({"function-before", "function-after", "function-wrap", "custom-error"})
#: Other wrappers, with the name under which they have the schema that documents follow.
CHOOSERS = {"lax-or-strict": "strict_schema", "json-or-python": "json_schema"}
#: Schemas with fields.
FIELDS = frozenset({"model-fields", "dataclass-args", "typed-dict"})
#: Schemas of arrays, with constructors of their values.
ARRAYS: Mapping[str, Callable[[Iterable[Any]], Any]] = {
    "list": list, "set": set, "frozenset": frozenset, "tuple": tuple,
}  # fmt: skip


def default_of(schema: Schema, *, validates: bool) -> Any:
    """Return the value that a field gets if a document lacks it.

    Args:
        schema: The schema of the field.
        validates: Whether the model is configured to validate defaults, if the field does not say.
    """
    if schema.get("validate_default", validates):
        return UNKNOWN
    if "default" in schema:
        return schema["default"]
    factory: Any = schema.get("default_factory")
    return factory() if _is_static(factory) else UNKNOWN


def _is_static(factory: Any) -> bool:
    """Return whether a factory always makes the same: a container, or a model with only defaults.

    A model that runs any other code when it is made may differ each time.
    """
    if factory in EMPTY_FACTORIES:
        return True
    return (
        is_class(factory)
        and issubclass(factory, BaseModel)
        and not _runs_code(factory)
        and all(_has_static_default(field) for field in factory.__pydantic_fields__.values())
    )


def _runs_code(model: type[BaseModel]) -> bool:
    """Return whether a model runs code of its own when it is made."""
    own: Any = model.__pydantic_decorators__
    return bool(
        own.model_validators
        or own.field_validators
        or own.validators
        or own.root_validators
        or model.__init__ is not BaseModel.__init__
        or model.model_post_init is not BaseModel.model_post_init
    )


def _has_static_default(field: FieldInfo) -> bool:
    if field.validate_default or field.is_required():
        return False
    return field.default_factory is None or _is_static(field.default_factory)


def fields_of(schema: Schema) -> Iterator[tuple[str, str, Schema, bool]]:
    """Yield the fields of a model: name, stored name, schema, whether it is always present."""
    inner: Schema = schema
    while inner["type"] not in FIELDS:
        if "schema" not in inner or (inner is not schema and "serialization" in inner):
            return
        inner = inner["schema"]
    fields: Any = inner["fields"]
    by_name: Mapping[str, Schema] = (
        fields if is_mapping(fields) else {one["name"]: one for one in fields}
    )
    is_total = inner["type"] != "typed-dict" or cast("bool", inner.get("total", True))
    for name, one in by_name.items():
        is_required = inner["type"] != "typed-dict" or one.get("required", is_total)
        yield name, one.get("serialization_alias", name), one["schema"], is_required


def item_of(schema: Schema) -> Schema | None:
    """Return the schema of the elements of an array, if they all have the same."""
    items: Any = schema.get("items_schema")
    if not is_list(items):
        return cast("Schema | None", items)
    return items[0] if items and all(part == items[0] for part in items) else None


def is_fixed(array: Schema) -> bool:
    """Return whether an array has a schema for each of its positions."""
    return is_list(array.get("items_schema")) and "variadic_item_index" not in array
