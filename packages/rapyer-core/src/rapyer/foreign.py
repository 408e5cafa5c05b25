"""Names from models of other libraries, so that using one says what it is called here."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, NoReturn

from pydantic import AliasChoices, AliasPath
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel

_FIND: Final = "`find(condition)` of rapyer-query"
_SAVE: Final = '`save()` of an instance, and `save(only_if="absent")` if it must not exist yet'
_UPDATE: Final = "`aupdate(name=...)`, which writes only the given fields"

#: How to write here what methods and attributes of redis-om, beanie, SQLAlchemy, Django and
#: Tortoise models do. Names that several of these libraries share mean the same in all of them.
FOREIGN: Final[Mapping[str, str]] = {
    "objects": _FIND,
    "query": _FIND,
    "select": _FIND,
    "filter": _FIND,
    "filter_by": _FIND,
    "where": _FIND,
    "find_many": _FIND,
    "all": "`find().to_list()` of rapyer-query",
    "find_all": "`find().to_list()` of rapyer-query",
    "first": "`find().first()` of rapyer-query",
    "count": "`find().count()` of rapyer-query",
    "aggregate": "`find().group_by(...).aggregate(...)` of rapyer-query",
    "all_pks": "`find().keys()` of rapyer-query",
    "get_or_none": "`get(key, default=None)`",
    "find_by_id": "`get(key)`",
    "create": _SAVE,
    "insert": _SAVE,
    "insert_one": _SAVE,
    "add": _SAVE,
    "insert_many": "`bulk_insert(instances)` of rapyer-bulk",
    "bulk_create": "`bulk_insert(instances)` of rapyer-bulk",
    "delete_all": "`find().delete()` of rapyer-query",
    "delete_many": "`bulk_delete(keys)` of rapyer-bulk, or `find(condition).delete()`",
    "update_many": "`find(condition).update(name=...)` of rapyer-query",
    "update": _UPDATE,
    "set": _UPDATE,
    "replace": "`save()`",
    "upsert": "`save()`",
    "refresh": "`load()`, which reads the document into the instance",
    "refresh_from_db": "`load()`, which reads the document into the instance",
    "expire": "`set_ttl(seconds)` of rapyer-ttl",
    "to_dict": "`model_dump()`",
}


def refuse_foreign(owner: str, name: str) -> None:
    """Raise if a name is one that models of other libraries have.

    Raises:
        AttributeError: It is; the message says what it is here.
    """
    if name in FOREIGN:
        raise AttributeError(f"{owner} has no {name!r}. Write {FOREIGN[name]}.", name=name)


def refuse_unknown(owner: str, name: str, fields: Iterable[str]) -> NoReturn:
    """Raise for a name that a class does not have.

    Args:
        owner: What was asked for it.
        name: The name.
        fields: The fields of the class. Python itself suggests similar names among its methods.

    Raises:
        AttributeError: The message names the nearest field.
    """
    near = get_close_matches(name, fields, n=1)
    remedy = f" Did you mean {near[0]!r}?" if near else ""
    raise AttributeError(f"type object {owner!r} has no attribute {name!r}.{remedy}", name=name)


def refuse_ignored_pk(model: type[BaseRedisModel]) -> None:
    """Refuse a `pk` for a new instance if pydantic would ignore it, as it ignores unknown names.

    Raises:
        TypeError: No field takes it; the message says how to set the primary key.
    """
    taken = {"pk"} & {*_names_of_values(model.__pydantic_fields__.values())}
    if taken or model.model_config.get("extra") in ("allow", "forbid"):
        return
    validators = model.__pydantic_decorators__.model_validators.values()
    if any(validator.info.mode != "after" for validator in validators):  # they may read it
        return
    name, key_field = model.__name__, model.__rapyer_identity__.key_field
    if key_field is not None:
        raise TypeError(
            f"{name}(pk=...) sets nothing: the primary key of {name} is its field {key_field!r}. "
            f"Write {name}({key_field}=...)."
        )
    raise TypeError(
        f"{name}(pk=...) sets nothing: {name} has no field with that name, and rapyer generates "
        "the primary key. Set it afterwards, `instance.pk = ...`, or declare one, such as `id: "
        "Key[str]`."
    )


def _names_of_values(fields: Iterable[FieldInfo]) -> Iterator[object]:
    """Return the names by which fields take their values, if these differ from their own."""
    for field in fields:
        alias = field.validation_alias
        for one in alias.choices if isinstance(alias, AliasChoices) else (alias,):
            yield one.path[0] if isinstance(one, AliasPath) else one


def warn_of_other_instance(model: type[BaseRedisModel]) -> None:
    """Warn as pydantic does if a validator of a model gives a different instance."""
    warnings.warn(
        f"a validator of {model.__name__} returned something other than `self`, which has no "
        "effect on an instance that is created by calling the class. Modify `self` and return it.",
        UserWarning,
        stacklevel=3,
    )
