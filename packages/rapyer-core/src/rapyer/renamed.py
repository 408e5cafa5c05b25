"""Names that users of rapyer 1.x know, so that using one says what it is called now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: How to write now what methods and attributes of rapyer 1.x models did.
RENAMED: Final[Mapping[str, str]] = {
    "asave": "`save()`",
    "aload": "`load()`, which loads into the instance",
    "aget": "`get(key)`",
    "adelete": "`delete()`",
    "adelete_by_key": "`delete_by_key(key)`",
    "aexists": "`exists()` of an instance and `exists(key)` of the class",
    "aget_or_create": "`get_or_create(instance)`, which gives (instance, created)",
    "ainsert": "`bulk_insert(models, transaction=True)` of rapyer-bulk",
    "adelete_many": "`bulk_delete(keys)` of rapyer-bulk, `find(...).delete()` of rapyer-query",
    "afind": "`find(condition).to_list()` of rapyer-query, or `bulk_get(keys)` of rapyer-bulk",
    "afind_one": "`find_one(condition)` of rapyer-query, or `get(key, None)`",
    "afind_keys": "`find(condition).keys()` of rapyer-query",
    "alock": "`lock(name)`, whose block writes its changes",
    "alock_from_key": "`lock_by_key(key, name)`",
    "lock_from_key": "`lock_by_key(key, name)`",
    "apipeline": "`pipeline()` of rapyer-pipeline",
    "aset_ttl": "`set_ttl(seconds)` of rapyer-ttl",
    "refresh_ttl": "`postpone_ttl()` of rapyer-ttl",
    "aduplicate": "`model_copy()` with another key, and `save()`",
    "duplicate": "`model_copy()` with another key, and `save()`",
    "class_key_initials": "the option `prefix` of `class Config`",
    "key_initials": "the option `prefix` of `class Config`",
    "redis_dump": "`model_dump()`",
    "redis_dump_json": "`model_dump_json()`",
}


def refuse_renamed(owner: str, name: str) -> None:
    """Raise if a name is one of rapyer 1.x.

    Raises:
        AttributeError: It is; the message says what replaces it now.
    """
    if name in RENAMED:
        raise AttributeError(
            f"{owner} has no {name!r}, a name from rapyer 1.x. It is now {RENAMED[name]}; see "
            "docs/from-rapyer-1.md.",
            name=name,
        )
