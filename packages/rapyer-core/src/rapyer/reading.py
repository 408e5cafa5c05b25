"""Reading fields of documents by key, without loading the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from rapyer.errors import CorruptDocumentError, KeyNotFoundError, PathNotFoundError, WrongTypeError
from rapyer.guards import is_list, is_mapping, is_tuple
from rapyer.traffic.reads import nothing_there, read_around, read_values
from rapyer.types.locate import EMPTY_FACTORIES

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.expr.paths import Path
    from rapyer.expr.steps import Step
    from rapyer.keys import RedisKey
    from rapyer.locations import Location, Reader
    from rapyer.traffic.channel import Channel


class Required:
    """Stands for a default that was not given."""


REQUIRED: Final = Required()


async def read_fields(
    model: type[BaseRedisModel],
    channel: Channel,
    keys: Sequence[RedisKey],
    paths: Sequence[Path[Any]],
    default: Any = REQUIRED,
) -> list[list[Any]]:
    """Read the values at some paths of some documents.

    One round trip for every 500 documents; one more for every 500 that lack something along the
    path to a value, to find out what.

    Args:
        model: The model.
        channel: The connections.
        keys: The whole keys of the documents.
        paths: The paths; they may repeat.
        default: Stands in for values of missing documents and at missing paths.

    Returns:
        For each key the values in the order of the paths.

    Raises:
        KeyNotFoundError: There is no document at a key, and no default was given.
        PathNotFoundError: A document has nothing at a path, and no default was given.
        CorruptDocumentError: A value does not validate.
        WrongTypeError: A key holds another Redis type.
        ExpressionError: A path leads to many values, or to nothing that documents have.
    """
    reader = model.__rapyer_locations__.reader(paths)
    replies = await read_values(channel, keys, reader.json_paths, model.__rapyer_read_policies__)
    found: list[list[Any]] = []
    lacking: dict[int, tuple[RedisKey, list[str]]] = {}
    for row, (key, reply) in enumerate(zip(keys, replies, strict=True)):
        if reply is not None:
            matches = _loaded(reader, key, reply)
            if all(matches):
                found.append(_found(reader, key, matches, default))
            else:
                lacking[row] = key, _around(reader, matches)
                found.append([])
        elif default is REQUIRED:
            raise _no_document(model, key)
        else:
            found.append([default] * len(paths))
    if not lacking:
        return found
    looked = await read_around(channel, reader.json_paths, [*lacking.values()])
    for (row, (key, around)), (reply, types) in zip(lacking.items(), looked, strict=True):
        found[row] = _values(reader, key, reply, dict(zip(around, types, strict=True)), default)
    return found


def _loaded(reader: Reader, key: RedisKey, reply: bytes) -> list[list[Any]]:
    try:
        return reader.load(reply)
    except ValidationError as exc:
        names = ", ".join(location.text for location in reader.locations)
        raise CorruptDocumentError(
            f"the document at {str(key)!r} has an invalid value for {names}: {exc}\nCorrect the "
            "document.",
            key=key,
            raw=reply,
        ) from exc


def _found(
    reader: Reader, key: RedisKey, matches: Sequence[Sequence[Any]], default: Any
) -> list[Any]:
    if not reader.goes_on:
        return [match[0] for match in matches]
    return [
        _or_default(default, _navigate, match[0], location.rest, key, location)
        for location, match in zip(reader.locations, matches, strict=True)
    ]


def _or_default(default: Any, find: Callable[..., Any], *args: Any) -> Any:
    try:
        return find(*args)
    except PathNotFoundError:
        if default is REQUIRED:
            raise
        return default


def _around(reader: Reader, matches: Sequence[Sequence[Any]]) -> list[str]:
    """Return the paths of everything along the way to what was not found."""
    locations = zip(reader.locations, matches, strict=True)
    around = (path for location, match in locations if not match for path in location.around)
    return list(dict.fromkeys(around))


def _values(
    reader: Reader,
    key: RedisKey,
    reply: bytes | None,
    type_at: Mapping[str, str | None],
    default: Any,
) -> list[Any]:
    """Return the values of a document that lacked some, from what was read of it again."""
    if reply is None:  # deleted in the meantime
        if default is REQUIRED:
            raise KeyNotFoundError(f"the document at {str(key)!r} no longer exists.", key=key)
        return [default] * len(reader.locations)
    return [
        _or_default(default, _navigate, match[0], location.rest, key, location)
        if match
        else _or_default(default, _static_default, location, key, type_at)
        for location, match in zip(reader.locations, _loaded(reader, key, reply), strict=True)
    ]


def _static_default(location: Location, key: RedisKey, type_at: Mapping[str, str | None]) -> Any:
    """Return the value for a path that leads to nothing: what loading the document gives."""
    above = location.around[0]
    for end, (place, path) in enumerate(
        zip(location.places, location.around[1:], strict=True), start=1
    ):
        if type_at.get(path) is not None:
            above = path
            continue
        parent = type_at.get(above)
        is_wrong = place.is_field and not place.may_lack_object
        if is_wrong and parent not in ("object", "null", None):
            raise WrongTypeError(
                f"the document at {str(key)!r} has {parent} at {above}, where {location.text} "
                "needs an object. Correct the document.",
                key=key,
                redis_type="ReJSON-RL",
                path=above,
                json_type=parent,
            )
        if parent in ("object", None) and place.has_static_default:
            rest = (*location.steps[end:], *location.rest)
            return _navigate(location.default(place), rest, key, location)
        break
    raise nothing_there(key, location.whole_path)


def _navigate(value: Any, steps: Sequence[Step], key: RedisKey, location: Location) -> Any:
    """Continue along a path inside a value that was loaded."""
    for step in steps:
        try:
            value = _below(value, step)
        except (AttributeError, LookupError, TypeError) as exc:
            raise nothing_there(key, location.whole_path) from exc
    return value


def _below(value: Any, step: Step) -> Any:
    if step.kind == "index" and not (is_list(value) or is_tuple(value)):
        raise LookupError(step.value)
    if step.kind != "field" or is_mapping(value):
        return value[step.value]
    if isinstance(value, BaseModel):
        field = type(value).__pydantic_fields__[step.value]
        made = field.default_factory is not None and field.default_factory not in EMPTY_FACTORIES
        if made and step.value not in value.model_fields_set:
            raise LookupError(step.value)
    elif not is_dataclass(value):
        raise LookupError(step.value)
    return getattr(value, step.value)


def _no_document(model: type[BaseRedisModel], key: RedisKey) -> KeyNotFoundError:
    return KeyNotFoundError(
        f"no {model.__name__} is stored at {str(key)!r}. It was never saved, was deleted or has "
        "expired; give default= to return a default instead of raising.",
        key=key,
    )
