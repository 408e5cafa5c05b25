"""Stored forms that are made and read by functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic_core import core_schema


def by_functions(
    dump: Callable[[Any], Any], load: Callable[[Any], Any], form: core_schema.CoreSchema
) -> core_schema.CoreSchema:
    """Make the schema of values whose stored form is made and read by functions.

    Args:
        dump: Turns a value into its stored form; a ValueError refuses it.
        load: Turns a stored form, which `form` has validated, into the value; a ValueError
            refuses it.
        form: The schema of the stored form.
    """
    return core_schema.no_info_after_validator_function(
        load,
        form,
        serialization=core_schema.plain_serializer_function_ser_schema(dump, return_schema=form),
    )
