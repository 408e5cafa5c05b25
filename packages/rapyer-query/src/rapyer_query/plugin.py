"""The hooks of the plugin, as named by its entry point."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rapyer.base import BaseRedisModel, mark_indexed
from rapyer.plugin import (
    RegisterCheck,
    RegisterCommand,
    RegisterMixin,
    RegisterOption,
    Startup,
    hookimpl,
)
from rapyer.traffic.channel import Channel

from rapyer_query.cli import INDEX_COMMAND
from rapyer_query.doctor import QUERY_CHECKS
from rapyer_query.index import ModelIndex, demands_index
from rapyer_query.manager import IndexManager
from rapyer_query.mixin import QueryMixin
from rapyer_query.options import CREATE_INDEX, INDEX, INDEX_RETENTION

RAPYER_API_VERSION = 1


@hookimpl
def rapyer_register_mixins(register: RegisterMixin) -> None:
    """Add `find`, `find_one` and `index`."""
    register(QueryMixin)


@hookimpl
def rapyer_register_options(register: RegisterOption) -> None:
    """Add `index`, `create_index` and `index_retention`."""
    for option in (INDEX, CREATE_INDEX, INDEX_RETENTION):
        register(option)


@hookimpl
def rapyer_register_commands(register: RegisterCommand) -> None:
    """Add `python -m rapyer index`."""
    register(INDEX_COMMAND)


@hookimpl
def rapyer_register_checks(register: RegisterCheck) -> None:
    """Let `python -m rapyer doctor` check Search and the indexes."""
    for check in QUERY_CHECKS:
        register(check)


@hookimpl
def rapyer_startup() -> Startup:
    """Create the indexes of models with `create_index`, all at the same time."""
    return _create_indexes


async def _create_indexes(_: Channel, models: Sequence[type[BaseRedisModel]]) -> None:
    wanted = [
        IndexManager(model)
        for model in models
        if CREATE_INDEX.of(model) and ModelIndex.of(model).fields  # else there is nothing to create
    ]
    made = (manager.ensure() for manager in wanted)
    for outcome in await asyncio.gather(*made, return_exceptions=True):
        if outcome is not None:
            raise outcome


@hookimpl
def rapyer_model_created(model: type[BaseRedisModel]) -> None:
    """Reject a model with a field that asks to be indexed and cannot be."""
    mark_indexed(model)
    if demands_index(model):
        ModelIndex.of(model)
