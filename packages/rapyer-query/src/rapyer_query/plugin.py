"""The hooks of the plugin: what its entry point names."""

from __future__ import annotations

from rapyer.base import BaseRedisModel
from rapyer.plugin import RegisterMixin, RegisterOption, hookimpl

from rapyer_query.index import ModelIndex, demands_index
from rapyer_query.mixin import QueryMixin
from rapyer_query.options import INDEX

RAPYER_API_VERSION = 1


@hookimpl
def rapyer_register_mixins(register: RegisterMixin) -> None:
    """Add `find` and `find_one`."""
    register(QueryMixin)


@hookimpl
def rapyer_register_options(register: RegisterOption) -> None:
    """Add `index`: whether fields are indexed of which nothing else is said."""
    register(INDEX)


@hookimpl
def rapyer_model_created(model: type[BaseRedisModel]) -> None:
    """Refuse a model with a field that is to be indexed and cannot be."""
    if demands_index(model):
        ModelIndex.of(model)
