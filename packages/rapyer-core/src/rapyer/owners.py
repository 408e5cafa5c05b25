"""The owner of a path: the model whose documents it leads into, and the server that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from rapyer.errors import ExpressionError
from rapyer.expr.paths import Path, model_of
from rapyer.traffic.addresses import DocumentAt
from rapyer.traffic.source import default_source
from rapyer.versions import policies_by_key

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.keys import KeyLike
    from rapyer.traffic.channel import Channel


def channel_of(model: type[BaseRedisModel]) -> Channel:
    """Return the connections for the documents of a model in the running event loop.

    Raises:
        NotConnectedError: Neither the model nor `init_rapyer` nor the environment names a server.
    """
    return (model.__rapyer_source__ or default_source()).channel()


def database_of(model: type[BaseRedisModel]) -> int:
    """Return the number of the database that the documents of a model are in.

    Raises:
        NotConnectedError: Neither the model nor `init_rapyer` nor the environment names a server.
    """
    return (model.__rapyer_source__ or default_source()).database


def model_with_documents(path: Path[Any]) -> type[BaseRedisModel]:
    """Return the model that a path starts from, which must have documents."""
    model: Any = model_of(path)
    if not hasattr(model, "__rapyer_locations__"):
        raise ExpressionError(
            f"{path!r} starts from {model.__name__}, which has no documents of its own. Start at "
            "the model whose documents it is part of."
        )
    return cast("type[BaseRedisModel]", model)


def document_at(model: type[BaseRedisModel], key: KeyLike) -> DocumentAt:
    """Return where an operation by key goes: it increments a Version, and compares none.

    Raises:
        InvalidKeyError: It cannot be the key of a document of this model.
        NotConnectedError: No server is named.
    """
    redis_key = model.__rapyer_identity__.resolve(key)
    return DocumentAt(channel_of(model), redis_key, policies_by_key(model))
