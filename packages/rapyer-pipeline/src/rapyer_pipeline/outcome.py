"""What an instance takes over of its document after a program has run."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rapyer.base import BaseRedisModel, locations_of
from rapyer.guards import is_list
from rapyer.types.text import restore_nul
from rapyer.writing import take_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.locations import Location

    from rapyer_pipeline.shapes import Shape


def lengths_of(instance: BaseRedisModel, touched: dict[Shape, str]) -> dict[Shape, int]:
    """Give how many elements the instance has of lists to which a program adds some."""
    lengths: dict[Shape, int] = {}
    for shape, how in touched.items():
        if how == "a":
            value = vars(instance).get(_location(shape).steps[-1].value)
            lengths[shape] = len(value) if is_list(value) else -1
    return lengths


def take_over(instance: BaseRedisModel, shapes: Sequence[Shape], parts: Sequence[bytes]) -> None:
    """Let an instance have what its document has now.

    Args:
        instance: The instance.
        shapes: The fields that the program has touched.
        parts: What each is now, as JSON: in an array of one element, behind a `+` as the elements
            that were added, or empty where it is as before or absent.
    """
    taken: list[tuple[Location, Any]] = []
    texts: list[bytes] = []
    whole: list[tuple[Shape, bytes]] = []
    for shape, part in zip(shapes, parts, strict=True):
        if part.startswith(b"+"):
            location = _location(shape)
            value: list[Any] = vars(instance)[location.steps[-1].value]
            # past what a list of a Redis type notes of its changes
            list[Any].extend(value, location.values.codec.load(part[1:]))
            taken.append((location, value))
            texts.append(location.codec.text(value))
        elif part:
            whole.append((shape, part))
    if whole:
        values = _loaded(instance, whole)
        taken += [
            (_location(shape), value) for (shape, _), value in zip(whole, values, strict=True)
        ]
        texts += [part[1:-1] if part.isascii() else restore_nul(part[1:-1]) for _, part in whole]
    take_fields(instance, taken, texts)


def _loaded(instance: BaseRedisModel, whole: Sequence[tuple[Shape, bytes]]) -> list[Any]:
    """Read the values of several fields, by one call into pydantic-core."""
    paths = [shape.path for shape, _ in whole if shape.path is not None]
    reader = locations_of(type(instance)).reader(paths)
    if len(whole) == 1:
        return reader.load(whole[0][1])[0]
    names = [_name(location.reply_name) for location in reader.locations]
    pairs = [b"%b:%b" % (name, part) for name, (_, part) in zip(names, whole, strict=True)]
    return [matches[0] for matches in reader.load(b"{%b}" % b",".join(pairs))]


@lru_cache(maxsize=4096)
def _name(name: str) -> bytes:
    return json.dumps(name, ensure_ascii=False).encode()


def _location(shape: Shape) -> Location:
    location = shape.location
    if location is None:
        raise TypeError(f"{shape.name} is no field of a document")
    return location
