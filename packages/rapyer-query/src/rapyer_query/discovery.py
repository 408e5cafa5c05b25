"""Find out which parts of a model's documents can be indexed, and how.

This walks the core schema that pydantic made for the model, which contains the names under which
fields are stored, their types and their defaults. The type of a value determines its form in the
index; a value of another JSON type than the attribute's would take the whole document out of the
index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from rapyer.base import BaseRedisModel, field_types_of
from rapyer.errors import ModelDefinitionError, UnaddressableKeyError
from rapyer.expr.jsonpath import render_path
from rapyer.expr.text import stored_text
from rapyer.guards import is_tuple
from rapyer.indexed import index_options_of
from rapyer.types.codec import complete_schema

from rapyer_query.attributes import (
    EACH,
    VALUE,
    Attribute,
    Attributes,
    Part,
    Way,
    WayStep,
    distinct,
    read_part,
)
from rapyer_query.kinds import Kind, kind_of_literal, kind_of_schema, kind_of_union
from rapyer_query.place import Place
from rapyer_query.schemas import (
    ARRAYS,
    CHOOSERS,
    WRAPPERS,
    Schema,
    default_of,
    fields_of,
    is_fixed,
    item_of,
)
from rapyer_query.searched import NotSearchedError, add_vector, add_words, require_searched

#: This filter separates documents without a value there, and those with null, from the others:
#: RedisJSON has its own interpretation of it, and applies it to the scalar itself.
_NOT_NULL: Final = "[?(@!=null)]"
#: RediSearch refuses more attributes in one index.
MOST_ATTRIBUTES: Final = 1024


def discover(model: type[BaseRedisModel], *, by_default: bool) -> Attributes:
    """Find the attributes of the documents of a model.

    Args:
        model: The model.
        by_default: Whether fields are indexed unless they say otherwise.

    Raises:
        ModelDefinitionError: A field that is to be indexed cannot be; or there are too many.
    """
    walk = _Walk(model)
    walk.below(complete_schema(model), Place(is_wanted=by_default))
    found = walk.found
    if len(found.all) > MOST_ATTRIBUTES:
        raise ModelDefinitionError(
            f"{model.__name__} has {len(found.all)} places that would be indexed, but an index "
            f"holds at most {MOST_ATTRIBUTES}. Declare some of its fields with Field(index=False), "
            "or set `index = False` in its `class Config` and Field(index=True) on those that you "
            "query."
        )
    return found


class _Walk:
    """One pass over a core schema."""

    def __init__(self, model: type[BaseRedisModel]) -> None:
        self.found = Attributes()
        self._model = model
        self._field_types = field_types_of(model)
        self._by_ref: dict[str, Schema] = {}
        self._under_way: set[str] = set()
        self._names: set[str] = set()

    def below(self, schema: Schema, place: Place) -> None:
        """Index what is at a place and below it."""
        before = len(self.found.at)
        try:
            self._walk(schema, place)
            require_searched(self.found, place)
        except NotSearchedError as exc:
            raise ModelDefinitionError(f"{self._model.__name__}{_text(place.way)} {exc}") from exc
        added = [*self.found.at][before:]
        singles = [way for way in added if way == place.way or _is_key_of(way, place.way)]
        if place.is_sortable and not singles:
            raise ModelDefinitionError(
                f"{self._model.__name__}{_text(place.way)} is declared with Field(sortable=True), "
                "but has no single value in an index. Use it on a plain value, or on a dict "
                "together with keys, Field(index_keys=[...])."
            )
        if not added and place.way and place.vector is None:
            self.found.unindexed.setdefault(
                place.way,
                "has no indexable form" if place.is_wanted else "is not indexed",
            )
            if place.is_demanded:
                raise ModelDefinitionError(
                    f"{self._model.__name__}{_text(place.way)} is declared with Field(index=True), "
                    "but has no indexable form: what is below it is not a plain value, is stored "
                    "by a custom serializer, or is of several JSON types. Remove index=True; "
                    ".scan() finds documents by it."
                )

    def _walk(self, schema: Schema, place: Place) -> None:
        kind = kind_of_schema(schema, self._field_types)
        if kind is not None:
            self._add(kind, place)
            return
        name: str = schema["type"]
        if "serialization" in schema:
            return  # what is stored is what the serializer makes of the value
        if name == "definitions":
            self._by_ref = {one["ref"]: one for one in schema["definitions"]}
            self._walk(schema["schema"], place)
        elif name == "definition-ref":
            self._refer(schema["schema_ref"], place)
        elif name == "nullable":
            self._walk(schema["schema"], place.may_be(None))
        elif name == "default":
            self._walk(
                schema["schema"], place.may_be(default_of(schema, validates=place.validates))
            )
        elif name in WRAPPERS:
            self._walk(schema["schema"], place)
        elif name in CHOOSERS:
            self._walk(schema[CHOOSERS[name]], place)
        else:
            self._walk_container(name, schema, place)

    def _walk_container(self, name: str, schema: Schema, place: Place) -> None:
        if name in ("model", "dataclass", "typed-dict"):
            self._object(schema, place)
        elif name in ARRAYS:
            item = item_of(schema)
            if item is not None:
                self._elements(item, schema, place)
        elif name == "dict":
            self._values(schema, place)
        elif name == "union":
            kind = kind_of_union(self._choices(schema), self._field_types)
            if kind is not None:
                self._add(kind, place)
        elif name == "literal":
            self._add(kind_of_literal(schema["expected"]), place)

    def _refer(self, ref: str, place: Place) -> None:
        if ref not in self._under_way:  # a recursive model: documents may have any depth
            self._under_way.add(ref)
            self._walk(self._by_ref[ref], place)
            self._under_way.discard(ref)
        else:
            self.found.unindexed[place.way] = "is in a recursive model, which no index can hold"

    def _choices(self, union: Schema) -> Iterator[Schema]:
        choices: Sequence[Any] = union["choices"]
        for choice in choices:
            member: Schema = choice[0] if is_tuple(choice) else choice
            while member["type"] == "definition-ref":
                member = self._by_ref[member["schema_ref"]]
            yield member

    # -- objects ----------------------------------------------------------------------------------

    def _object(self, schema: Schema, place: Place) -> None:
        infos: Mapping[str, Any] = getattr(schema.get("cls"), "__pydantic_fields__", {})
        config: Mapping[str, Any] = schema.get("config", {})
        for name, stored, field, is_required in fields_of(schema):
            try:
                step = render_path((stored_text(stored),))[1:]
            except UnaddressableKeyError:
                self.found.unindexed[(*place.way, WayStep("field", name))] = (
                    "has no path on the server"
                )
                continue
            options = index_options_of(infos.get(name))
            absent = distinct([read_part(value, name) for value in place.absent])
            below = replace(
                place,
                way=(*place.way, WayStep("field", name)),
                path=place.path + step,
                absent=absent if is_required else distinct([*absent, None]),
                is_wanted=place.is_wanted if options.index is None else options.index,
                is_demanded=options.index is True,
                keys=options.keys,
                is_sortable=options.sortable,
                text=options.text,
                vector=options.vector,
                validates=bool(config.get("validate_default")),
            )
            if not is_required:
                below = replace(below, since=len(below.way))
            self.below(field, below)
        if place.way:
            marker = self._marker(place.way, since=len(place.way))
            self.found.models[place.way] = Part(place.absent, marker)

    # -- lists and dicts --------------------------------------------------------------------------

    def _elements(self, item: Schema, array: Schema, place: Place) -> None:
        if place.vector is not None:  # its numbers are not queried one by one
            kind = self._scalar(item)
            is_of_numbers = kind is not None and kind.family in ("float", "integer")
            is_list = array["type"] == "list" and is_of_numbers and not self._may_be_null(item)
            if is_list and not place.is_many and place.is_wanted:
                add_vector(self.found, place.vector, place, self._name(place.way))
            return
        within = replace(
            place, way=(*place.way, EACH), path=f"{place.path}[*]", absent=(), since=0,
            is_many=True, is_demanded=False, keys=(), is_sortable=False, text=None,
            vector=None,
        )  # fmt: skip
        if self._is_object(item):
            models = self.found.lists[place.way] = Part(place.absent)
            self._walk(item, within)
            models.marker = self._marker(within.way)
            return
        kind = self._scalar(item)
        if kind is not None:
            # a tuple with one type per position may be compared with values of any other type that
            # may have the same text
            if is_fixed(array) and kind.form == "TAG" and kind.family != "custom":
                kind = replace(kind, family="texts", members=())
            # the values of a list in which nothing is indexed, in addition to those of its place
            make = ARRAYS[array["type"]]
            nothing = [make(()), make((None,))] if self._may_be_null(item) else [make(())]
            self._add(kind, replace(within, absent=distinct((*place.absent, *nothing))))

    def _marker(self, way: Way, *, since: int = 0) -> Attribute | None:
        """Find an attribute that has one value for each model at a place."""
        for other, attribute in self.found.at.items():
            below = other[len(way) :]
            is_below = other[: len(way)] == way and all(step.kind == "field" for step in below)
            if is_below and attribute.since <= since and (since or not attribute.absent):
                return attribute
        return None

    def _values(self, schema: Schema, place: Place) -> None:
        values = schema.get("values_schema")
        kind = None if values is None else self._scalar(values)
        if kind is None:
            return
        plain = replace(place, keys=(), is_demanded=False)
        for key in place.keys:
            try:
                step = render_path((stored_text(key),))[1:]
            except UnaddressableKeyError as exc:
                raise ModelDefinitionError(
                    f"{self._model.__name__}{_text(place.way)} has {key!r} among its index_keys: "
                    f"{exc}"
                ) from exc
            absent = distinct([*(read_part(value, key) for value in place.absent), None])
            self._add(
                kind,
                replace(
                    plain,
                    way=(*place.way, WayStep("key", key)),
                    path=place.path + step,
                    absent=absent,
                ),
            )
        if kind.family != "bool":
            self._add(
                kind,
                replace(
                    plain,
                    way=(*place.way, VALUE),
                    path=f"{place.path}.*",
                    is_many=True,
                    is_sortable=False,
                ),
            )

    def _is_object(self, schema: Schema) -> bool:
        schema = self._inner(schema)
        return schema["type"] in ("model", "dataclass", "typed-dict") and (
            "serialization" not in schema and kind_of_schema(schema, self._field_types) is None
        )

    def _scalar(self, schema: Schema) -> Kind | None:
        """Return the kind of the elements of a list, or of the values of a dict."""
        schema = self._inner(schema)
        kind = kind_of_schema(schema, self._field_types)
        if kind is None and "serialization" not in schema:
            if schema["type"] == "literal":
                kind = kind_of_literal(schema["expected"])
            elif schema["type"] == "union":
                kind = kind_of_union(self._choices(schema), self._field_types)
        return kind

    def _may_be_null(self, schema: Schema) -> bool:
        """Return whether elements may be null, which an index does not record."""
        while "serialization" not in schema:
            name = schema["type"]
            if name == "nullable":
                return True
            if name == "definition-ref":
                schema = self._by_ref[schema["schema_ref"]]
            elif name in WRAPPERS or name == "default":
                schema = schema["schema"]
            else:
                return False
        return True

    def _inner(self, schema: Schema) -> Schema:
        while "serialization" not in schema:
            name = schema["type"]
            if name == "definition-ref":
                schema = self._by_ref[schema["schema_ref"]]
            elif name in WRAPPERS or name in ("nullable", "default"):
                schema = schema["schema"]
            elif name in CHOOSERS:
                schema = schema[CHOOSERS[name]]
            else:
                break
        return schema

    # -- attributes -------------------------------------------------------------------------------

    def _add(self, kind: Kind | None, place: Place) -> None:
        if kind is None or not place.is_wanted:
            return
        # two booleans in one attribute take the document out of the index (RediSearch 2.10)
        if place.is_many and kind.family == "bool":
            return
        if place.is_sortable and kind.form == "GEO":
            raise ModelDefinitionError(
                f"{self._model.__name__}{_text(place.way)} is declared with Field(sortable=True), "
                "but places have no order. Remove sortable=True: queries can still be sorted by "
                "distance_to(...)."
            )
        is_each = any(step == EACH for step in place.way)
        path = place.path + render_path(kind.path)[1:]
        has_filter = bool(place.absent) or is_each
        if has_filter and place.way[-1] != EACH and place.way[-1] != VALUE:
            path += _NOT_NULL
        name = self._name(place.way)
        companion = None
        has_missing = has_filter and place.way[-1] != VALUE
        if kind.offset_path and not place.is_many:
            companion = self._name((*place.way, WayStep("field", "off")))
            self.found.companions.append(
                Attribute(
                    companion,
                    place.path + render_path(kind.offset_path)[1:] + _NOT_NULL,
                    "NUMERIC",
                    "integer",
                    has_missing=True,
                )
            )
        self.found.at[place.way] = Attribute(
            name, path, kind.form, kind.family, is_sortable=place.is_sortable,
            has_missing=has_missing, is_many=place.is_many, is_element=place.way[-1] == EACH,
            absent=place.absent, since=place.since, members=kind.members, companion=companion,
            field_type=kind.field_type,
        )  # fmt: skip

        if place.text is not None and kind.family == "text" and not place.is_many:
            name = self._name((*place.way, WayStep("field", "words")))
            add_words(self.found, place.text, replace(place, path=path), name)

    def _name(self, way: Way) -> str:
        """Make a name that no user text can turn into syntax."""
        parts = [part for kind, part in way if kind in ("field", "key")]
        name = re.sub(r"[^a-z0-9_]", "_", "_".join(parts).lower()) or "values"
        if not "a" <= name[0] <= "z":
            name = f"f_{name}"
        if way[-1] == VALUE:
            name += "_values"
        unique, number = name, 1
        while unique in self._names:
            number += 1
            unique = f"{name}_{number}"
        self._names.add(unique)
        return unique


def _is_key_of(way: Way, around: Way) -> bool:
    return way[:-1] == around and way[-1].kind == "key"


def _text(way: Way) -> str:
    return "".join(f".{part}" if kind == "field" else f"[{part!r}]" for kind, part in way)
