"""Operations on numbers in documents by key: adding to them, within bounds, exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rapyer.assignments import location_to_write, validated_alone
from rapyer.errors import (
    NumberOverflowError,
    UnstorableValueError,
    WrongTypeError,
)
from rapyer.plain import around_default, not_plain, plain_schema
from rapyer.traffic.values import NumberPlace, OutOfBoundsError, increase

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.traffic.addresses import DocumentAt

_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1


class NumberOperations:
    """The operations on the number that a path leads to.

    Args:
        model: The model.
        path: The path.

    Raises:
        ExpressionError: It is not a number that can be added to, or is frozen.
        InvalidKeyError: The field is the primary key.
    """

    __slots__ = ("_around", "_default", "_is_int", "_least", "_location", "_model", "_most")

    def __init__(self, model: type[BaseRedisModel], path: Any) -> None:
        location = location_to_write(model, path)
        schema = plain_schema(location, "int") or plain_schema(location, "float")
        if schema is None or "multiple_of" in schema:
            raise not_plain(
                model, path, "not an int or float that can be added to: it is of another type"
            )
        self._model, self._location = model, location
        self._is_int = schema["type"] == "int"
        self._least, self._most = _bounds(schema, is_int=self._is_int)
        self._around, self._default = around_default(location)

    async def increase(self, document: DocumentAt, amount: Any) -> Any:
        """Add to the number; return the result."""
        delta = self._text(amount)
        path = self._location.json_path
        place = NumberPlace(path, *self._range(amount), self._around, self._default)
        channel, key, policies = document
        try:
            text = await increase(channel, key, place, delta, policies)
        except OutOfBoundsError as exc:
            raise self._refusal(key, exc.old, amount) from exc
        return int(text) if self._is_int else float(text)

    def _text(self, amount: Any) -> bytes:
        kinds = int if self._is_int else (int, float)
        if not isinstance(amount, kinds) or isinstance(amount, bool):
            name = "an integer" if self._is_int else "a number"
            raise TypeError(f"{amount!r} cannot be added to {self._location.text}. Give {name}.")
        if not self._is_int:
            return self._text_of_float(amount)
        if not _LEAST <= amount <= _MOST:
            raise NumberOverflowError(
                f"{int(amount)} does not fit in 64 bits. Nothing was changed.",
                path=self._location.text,
            )
        return b"%d" % amount  # not str(): it may be an enum member

    def _text_of_float(self, amount: float) -> bytes:
        try:
            amount = float(amount)
        except OverflowError as exc:
            raise NumberOverflowError(
                f"{amount} is out of range for a double. Nothing was changed.",
                path=self._location.text,
            ) from exc
        if not math.isfinite(amount):
            raise UnstorableValueError(
                f"{amount!r} cannot be added to {self._location.text}: JSON cannot represent it.",
                path=self._location.text,
                value=amount,
            )
        text, corrections = self._location.codec.spell(amount, repr(amount).encode())
        if corrections:
            raise UnstorableValueError(
                f"the server cannot add exactly {amount!r} to {self._location.text}: it cannot "
                "represent that number. Round it to 15 digits, or add it under a lock.",
                path=self._location.text,
                value=amount,
            )
        return text

    def _range(self, amount: Any) -> tuple[str, str]:
        """Return the bounds as the script takes them; for integers, those before the addition."""
        if not self._is_int:
            return (
                "" if self._least is None else repr(float(self._least)),
                "" if self._most is None else repr(float(self._most)),
            )
        least = _LEAST if self._least is None else self._least
        most = _MOST if self._most is None else self._most
        return str(least - amount), str(most - amount)

    def _refusal(self, key: str, old: str, amount: Any) -> Exception:
        """Make the error for a number that would leave its bounds."""
        if self._is_int and not old.removeprefix("-").isdigit():
            return WrongTypeError(
                f"the value at {self._location.json_path} of {key!r} is {old}, which is not an "
                "integer. Correct the document.",
                key=key,
                redis_type="ReJSON-RL",
                path=self._location.json_path,
                json_type="number",
            )
        new: Any = int(old) + amount if self._is_int else float(old) + amount
        if self._is_int and not _LEAST <= new <= _MOST:
            return NumberOverflowError(
                f"adding {amount} to {self._location.text} of {key!r}, which is {old}, exceeds the "
                "range of 64 bits. It was not changed.",
                key=key,
                path=self._location.text,
            )
        try:
            validated_alone(self._model, self._location, new)
        except ValueError as exc:  # pydantic's ValidationError, with what the field says about it
            return exc
        return UnstorableValueError(
            f"{self._location.text} of {key!r} is {old}, and is not allowed to become {new!r}. It "
            "was not changed.",
            path=self._location.text,
            value=new,
        )


def _bounds(schema: Mapping[str, Any], *, is_int: bool) -> tuple[Any, Any]:
    """Return the least and the greatest value that a field may have; None for no bound."""
    above, below = schema.get("gt"), schema.get("lt")
    least, most = schema.get("ge"), schema.get("le")
    if above is not None:
        next_one = above + 1 if is_int else math.nextafter(above, math.inf)
        least = next_one if least is None else max(least, next_one)
    if below is not None:
        next_one = below - 1 if is_int else math.nextafter(below, -math.inf)
        most = next_one if most is None else min(most, next_one)
    return least, most
