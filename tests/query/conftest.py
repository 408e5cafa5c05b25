"""Fixtures for the tests of queries."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest


@pytest.fixture
async def _errors_of_the_loop() -> AsyncIterator[None]:
    lost: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
    yield
    gc.collect()
    assert lost == []


@pytest.fixture(autouse=True)
def _no_error_is_lost(request: pytest.FixtureRequest) -> None:
    """No task ends with an error that nobody has seen."""
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("_errors_of_the_loop")
