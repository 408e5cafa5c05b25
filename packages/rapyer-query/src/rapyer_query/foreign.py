"""Query methods of other libraries: using one of their names tells what it is called here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_CONDITIONS: Final = "`.where(condition)`"
_ORDER: Final = '`.sort("-age", "name")`, or `.sort(User.age.desc())`'
_ALL: Final = "`await query.to_list()`"
_FIRST: Final = "`await query.first()`, which returns None if there is no result"

#: The counterparts of query methods of redis-om, beanie, SQLAlchemy, Django and Tortoise.
FOREIGN: Final[Mapping[str, str]] = {
    "all": _ALL,
    "fetch": _ALL,
    "fetch_all": _ALL,
    "scalars": _ALL,
    "to_set": _ALL,
    "execute": _ALL,
    "filter": _CONDITIONS,
    "filter_by": _CONDITIONS,
    "find": _CONDITIONS,
    "find_many": _CONDITIONS,
    "sort_by": _ORDER,
    "order_by": _ORDER,
    "offset": "`.skip(n)`",
    "page": "`.skip(offset).limit(limit)`",
    "paginate": "`.skip(offset).limit(limit)`",
    "first_or_none": _FIRST,
    "one_or_none": _FIRST,
    "get_or_none": _FIRST,
    "find_one": _FIRST,
    "scalar_one": "`await query.one()`",
    "get": "`await query.one()`",
    "set": "`await query.update(name=...)`",
    "delete_all": "`await query.delete()`",
    "delete_many": "`await query.delete()`",
    "all_pks": "`await query.keys()`",
    "values_list": "`.values(User.name, ...)`",
    "only": "`.values(User.name, ...)`, or `.project(View)`",
    "aggregate": "`.group_by(...).aggregate(...)`",
}


def refuse_foreign(query: object, name: str) -> None:
    """Raise an error if a name is a query method of another library.

    Raises:
        AttributeError: It is; the message tells its name here.
    """
    if name in FOREIGN:
        raise AttributeError(f"{query!r} has no {name!r}. Write {FOREIGN[name]}.", name=name)
