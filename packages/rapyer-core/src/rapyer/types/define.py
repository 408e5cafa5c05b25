"""Making field types for classes that rapyer does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast, get_args

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationUnexpectedValue, core_schema

from rapyer.types.forms import by_functions
from rapyer.types.marking import copy_schema, mark
from rapyer.types.registry import FieldTypes
from rapyer.types.schema import storage_schema
from rapyer.types.table import FieldType, Index, Operation, Order

T = TypeVar("T")


def define_field_type(
    kind: type[T],
    *,
    stored_as: Any,
    dump: Callable[[T], Any],
    load: Callable[[Any], T],
    form: str,
    name: str | None = None,
    order: Order = None,
    index: Index = None,
    index_path: Iterable[str] = (),
    operations: Iterable[Operation] = (),
) -> FieldType:
    """Make the field type of a class.

        define_field_type(
            numpy.float32, stored_as=float, dump=float, load=numpy.float32, form="0.5",
            order="number", index="numeric", operations={"increase"},
        )

    The first document pins the stored form: a later version of the plugin can change neither the
    form nor its meaning. If pydantic knows the class itself (because it is a model or a
    dataclass, for example), pydantic still validates and dumps it for purposes other than Redis.
    Otherwise, a field accepts an instance or the stored form, and `model_dump_json` gives the
    stored form.

    Args:
        kind: The class of the values. Subclasses of it are different types.
        stored_as: The type of the stored form, made of what JSON has: `float`, `list[float]`, a
            `TypedDict`.
        dump: Turns a value into its stored form; a ValueError refuses it.
        load: Turns a stored form, which is of the type `stored_as`, into the value; a ValueError
            refuses it. `load(dump(value)) == value` must hold for every value.
        form: An example of the stored form as JSON, for messages and documentation.
        name: The name of the field type; by default, that of the class.
        order: How values are ordered: `"number"`, `"text"` or `"instant"`; None if they are only
            told apart.
        index: How the server indexes them: `"numeric"` or `"tag"`; None for not at all.
        index_path: Where in the stored form the indexed value is; empty for the whole form.
        operations: What the server can do to the stored form in place: `"increase"` a number,
            `"append"` to a text, `"shift"` a number of days or microseconds.

    Raises:
        ValueError: The stored form is not JSON, or refers to itself; or `order`, `index` or
            `operations` is not one of those above.
        TypeError: `index_path` is a text.
    """
    name = kind.__name__ if name is None else name
    for what, known, given in (
        ("order", Order, (order,)),
        ("index", Index, (index,)),
        ("operations", Operation, operations),
    ):
        _check_names(name, what, known, given)
    if isinstance(index_path, str):
        raise TypeError(f"the index_path of {name} is {index_path!r}. Give a list of keys.")
    form_schema = _form_schema(name, stored_as)
    dump = _only_of(kind, dump)
    return FieldType(
        name,
        form,
        order,
        index,
        tuple(index_path),
        by_functions(dump, load, form_schema),
        frozenset(operations),
        validation=mark(_validation(kind, form_schema, dump, load), name),
    )


def _only_of(kind: type[T], dump: Callable[[T], Any]) -> Callable[[T], Any]:
    """Make a function dump values of one class only: other union members are not meant for it."""

    def dump_own(value: T) -> Any:
        if type(value) is not kind:
            raise PydanticSerializationUnexpectedValue(f"{value!r} is not a {kind.__name__}")
        return dump(value)

    return dump_own


def _check_names(name: str, what: str, known: Any, given: Any) -> None:
    """Refuse unknown names, which would otherwise be ignored."""
    names = {option for member in (known, *get_args(known)) for option in get_args(member)}
    allowed = {option for option in names if isinstance(option, str)}
    if isinstance(given, str) or not {one for one in given if one is not None} <= allowed:
        raise ValueError(
            f"the {what} of {name} is {given!r}. Use only {', '.join(sorted(allowed))}."
        )


def _validation(
    kind: type[T],
    form: core_schema.CoreSchema,
    dump: Callable[[T], Any],
    load: Callable[[Any], T],
) -> core_schema.CoreSchema:
    """Make the schema of instances of a class that pydantic does not know."""
    instance = core_schema.is_instance_schema(kind)
    loader = core_schema.no_info_after_validator_function(load, form)
    return core_schema.json_or_python_schema(
        json_schema=loader,
        # applications that parse JSON themselves, such as FastAPI ones, pass in the stored form
        python_schema=core_schema.union_schema([instance, loader], mode="left_to_right"),
        serialization=core_schema.plain_serializer_function_ser_schema(
            dump, return_schema=form, when_used="json"
        ),
    )


def _form_schema(name: str, stored_as: Any) -> core_schema.CoreSchema:
    schema = TypeAdapter(stored_as).core_schema
    if schema["type"] == "definitions":
        raise ValueError(
            f"the stored form {stored_as!r} of {name} names a type twice, or itself. Use only "
            "lists, dicts and scalars."
        )
    stored = storage_schema(schema, FieldTypes())
    unknown = stored.kinds - _JSON_KINDS
    if unknown:
        raise ValueError(
            f"the stored form {stored_as!r} of {name} has parts of the kind "
            f"{', '.join(sorted(unknown))}, which JSON does not have. Use only str, numbers, bool, "
            "None, lists, tuples, TypedDicts and dicts with str keys."
        )
    # a form is not a class of the user's model, so nothing refers to it by name
    return cast("core_schema.CoreSchema", copy_schema(stored.schema, without_refs=True))


#: The types of core schemas whose values are JSON as they are.
_JSON_KINDS = frozenset(
    {
        "str", "int", "float", "bool", "none", "nullable", "list", "tuple", "dict", "typed-dict",
        "typed-dict-field", "union", "literal", "any", "default",
    }
)  # fmt: skip
