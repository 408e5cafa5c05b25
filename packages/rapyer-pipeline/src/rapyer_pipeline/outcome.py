"""What an instance takes over from its document after a program has run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from rapyer.base import BaseRedisModel, locations_of
from rapyer.guards import is_list
from rapyer.writing import is_tracked, take_fields

from rapyer_pipeline.shapes import Shape, Shapes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rapyer.locations import Location, Reader

#: How many readers of several fields are kept per model.
_KEPT: Final = 1024


def length_of(instance: BaseRedisModel, shape: Shape) -> int:
    """Return how many elements of a list an instance has; -1 if the list is read again as a whole.

    This is the case if the instance has no list, or has unsaved changes: an element that was
    replaced would stay, and be taken for a saved one.
    """
    if is_tracked(instance):
        return -1
    value = vars(instance).get(_location(shape).steps[-1].value)
    return len(value) if is_list(value) else -1


def require_path(shape: Shape) -> None:
    """Make sure that a field can be read after the program has run.

    Raises:
        UnaddressableKeyError: Its name cannot be written as a path on the server.
    """
    _ = _location(shape).json_path


def take_over(instance: BaseRedisModel, shapes: Sequence[Shape], parts: Sequence[bytes]) -> None:
    """Update an instance with what its document has now.

    Args:
        instance: The instance.
        shapes: The fields that the program has touched.
        parts: The new value of each, as JSON: in an array of one element; or after a `+`, the
            elements that were appended; or empty if it is unchanged or absent.
    """
    taken: list[tuple[Location, Any]] = []
    whole: list[Shape] = []
    texts: list[bytes] = []
    for shape, part in zip(shapes, parts, strict=True):
        if part.startswith(b"+"):
            location = _location(shape)
            value: list[Any] = vars(instance)[location.steps[-1].value]
            # bypasses the change tracking of lists of Redis types
            list[Any].extend(value, location.values.codec.load(part[1:]))
            taken.append((location, value))
        elif part:
            whole.append(shape)
            texts.append(part)
    if whole:
        taken += _loaded(type(instance), tuple(whole), texts)
    take_fields(instance, taken)


def _loaded(
    model: type[BaseRedisModel], whole: tuple[Shape, ...], texts: Sequence[bytes]
) -> Iterable[tuple[Location, Any]]:
    """Read the values of several fields with one call into pydantic-core."""
    kept = Shapes.of(model).readers
    known: tuple[Reader, list[bytes]] | None = kept.get(whole)
    if known is None:
        reader = locations_of(model).reader([one.path for one in whole if one.path is not None])
        names = [json.dumps(one.reply_name, ensure_ascii=False) for one in reader.locations]
        if len(kept) >= _KEPT:
            kept.clear()
        known = kept[whole] = reader, [name.encode() for name in names]
    reader, encoded = known
    if len(texts) == 1:
        reply = texts[0]
    else:
        pairs = [b"%b:%b" % (name, text) for name, text in zip(encoded, texts, strict=True)]
        reply = b"{%b}" % b",".join(pairs)
    values = [matches[0] for matches in reader.load(reply)]
    return zip(reader.locations, values, strict=True)


def _location(shape: Shape) -> Location:
    location = shape.location
    if location is None:
        raise TypeError(f"{shape.name} is not a field of a document")
    return location
