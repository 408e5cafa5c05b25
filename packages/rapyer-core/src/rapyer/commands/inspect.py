"""`python -m rapyer inspect KEY`: a document, its time to live, and its model's view of it."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from pydantic import ValidationError

from rapyer.base import BaseRedisModel, channel_of, identity_of, read_policies_of
from rapyer.cli import (
    WELL,
    WRONG,
    Outcome,
    UsageError,
    add_connection,
    add_models,
    models_of,
    run_connected,
)
from rapyer.differences import MISSING
from rapyer.errors import CorruptDocumentError, RapyerError
from rapyer.guards import is_plain_dict
from rapyer.keys import RedisKey
from rapyer.loading import loaded
from rapyer.plugin import Command
from rapyer.traffic.channel import Channel
from rapyer.traffic.documents import document_exists
from rapyer.traffic.source import default_source
from rapyer.types.values import path_text

_JSON_TYPE: Final = "ReJSON-RL"
#: Everything is from the same moment, and no expiry is postponed.
_LOOK: Final = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return {kind} end
local size = redis.pcall('MEMORY', 'USAGE', KEYS[1])
if type(size) == 'table' then size = false end
local document = kind == 'ReJSON-RL' and redis.call('JSON.GET', KEYS[1])
return {kind, redis.call('PTTL', KEYS[1]), size, document}
"""


@dataclass(slots=True)
class _Inspection:
    """What was found at a key; see `_as_json` for the meaning of each."""

    key: str
    kind: str
    expires_in: float | None = None
    memory: int | None = None
    raw: bytes | None = None
    model: type[BaseRedisModel] | None = None
    is_expired: bool = False
    faults: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    changes: list[tuple[str, Any, Any]] = field(default_factory=list[tuple[str, Any, Any]])


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="the whole Redis key, such as user:123")
    add_models(parser, required=False)
    add_connection(parser)


def _run(arguments: Namespace) -> int:
    return run_connected(_inspect, arguments)


INSPECT_COMMAND = Command(
    "inspect",
    "show a document, its expiry, and how it fits its model",
    _run,
    _add_arguments,
)


async def _inspect(arguments: Namespace) -> Outcome:
    models_of(arguments.models)
    key = _key_of(arguments.key)
    model = _model_of(key, arguments.models)
    channel = default_source().channel() if model is None else channel_of(model)
    found = await _look(channel, key)
    if model is not None and found.raw is not None:
        found.model = model
        found.is_expired = not await document_exists(
            channel, RedisKey(key), read_policies_of(model)
        )
        _validate(found, model, found.raw)
    is_well = found.raw is not None and not found.faults
    return Outcome(_shown(found), _as_json(found), WELL if is_well else WRONG)


def _key_of(written: str) -> str:
    """Return the key that a word means, with surrogates where the locale could not decode it."""
    try:
        written.encode()
    except UnicodeEncodeError:
        try:
            return os.fsencode(written).decode()
        except UnicodeError:
            raise UsageError(
                f"{written!r} is not valid UTF-8, but keys of documents are. Write it in UTF-8."
            ) from None
    return written


def _model_of(key: str, targets: Sequence[str]) -> type[BaseRedisModel] | None:
    from rapyer.host import current_host  # noqa: PLC0415 - the host has core, and so this command

    if not targets:
        return None
    models = current_host().models
    model = models.model_of_key(key)
    if model is None:
        prefixes = ", ".join(f"{one.__name__} {identity_of(one).prefix}:..." for one in models)
        raise UsageError(
            f"{key!r} is not the key of any of the models ({prefixes}). Give a whole key of one of "
            "them, or give only the key."
        )
    return model


async def _look(channel: Channel, key: str) -> _Inspection:
    kind, *rest = await channel.execute("EVAL", _LOOK, 1, key)
    found = _Inspection(key, kind.decode())
    if rest:
        left, found.memory, found.raw = rest
        found.expires_in = left / 1000 if left >= 0 else None
    return found


def _validate(found: _Inspection, model: type[BaseRedisModel], raw: bytes) -> None:
    try:
        instance = loaded(model, RedisKey(found.key), raw)
        saved = json.loads(model.__rapyer_codec__.text(instance))
        found.changes += _differences(json.loads(raw), saved)
    except CorruptDocumentError as exc:
        cause = exc.__cause__
        if not isinstance(cause, ValidationError):
            found.faults.append(("", str(exc)))
            return
        for error in cause.errors(include_url=False):
            given = "" if error["type"] == "missing" else f" (it is {_json(error['input'])})"
            found.faults.append((path_text(error["loc"]), f"{error['msg']}{given}"))
    except RapyerError as exc:
        found.faults.append(("", str(exc)))
    except Exception as exc:  # noqa: BLE001 - of a validator of the model; the rest is told anyway
        found.faults.append(("", f"validating it raised {exc!r}"))


def _differences(
    old: object, new: object, steps: tuple[str, ...] = ()
) -> Iterator[tuple[str, Any, Any]]:
    """Return the paths at which two documents differ, and what each has there."""
    if not (is_plain_dict(old) and is_plain_dict(new)):
        if old != new:
            yield path_text(steps), old, new
        return
    for name in dict.fromkeys([*old, *new]):
        yield from _differences(old.get(name, MISSING), new.get(name, MISSING), (*steps, name))


# -- reporting --------------------------------------------------------------------------------


def _as_json(found: _Inspection) -> dict[str, Any]:
    model = found.model
    return {
        "key": found.key,
        "type": found.kind,
        "expires_in": found.expires_in,
        "memory": found.memory,
        "model": None if model is None else _name(model),
        "expired": found.is_expired,
        "valid": None if model is None else not found.faults,
        "faults": [{"path": path, "message": message} for path, message in found.faults],
        "saving_changes": [
            {"path": path, "from": _or_none(old), "to": _or_none(new)}
            for path, old, new in found.changes
        ],
        "document": None if found.raw is None else json.loads(found.raw),
    }


def _shown(found: _Inspection) -> str:
    return "\n".join(_lines(found))


def _lines(found: _Inspection) -> Iterator[str]:
    yield found.key
    if found.kind == "none":
        yield "  no such key: it was never saved, was deleted, or has expired"
        return
    if found.raw is None:
        yield f"  type     {found.kind}, which is not a document of rapyer"
    else:
        yield f"  type     {found.kind}, a JSON document"
    yield f"  expires  {_expiry(found)}"
    yield f"  memory   {'unknown' if found.memory is None else f'{found.memory} bytes'}"
    if found.raw is None:
        return
    if found.model is None:
        yield "  model    not checked: name models or modules after the key"
    else:
        yield f"  model    {_name(found.model)}"
        yield f"  valid    {'no' if found.faults else 'yes'}"
        yield from (f"           {path or 'as a whole'}: {text}" for path, text in found.faults)
        for path, old, new in found.changes:
            yield f"  saving   {path or 'as a whole'}: {_or_absent(old)} becomes {_or_absent(new)}"
    yield json.dumps(json.loads(found.raw), indent=2, ensure_ascii=False)


def _expiry(found: _Inspection) -> str:
    if found.expires_in is None:
        return "never"
    left = f"in {timedelta(seconds=round(found.expires_in))}"
    return f"{left}; it already counts as missing" if found.is_expired else left


def _name(model: type[BaseRedisModel]) -> str:
    return f"{model.__module__}:{model.__qualname__}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=repr)


def _or_none(value: object) -> object:
    return None if value is MISSING else value


def _or_absent(value: object) -> str:
    return "nothing" if value is MISSING else _json(value)
