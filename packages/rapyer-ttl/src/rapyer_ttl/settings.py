"""The combined meaning of a model's options."""

from __future__ import annotations

from typing import Literal, NamedTuple

from rapyer.base import BaseRedisModel
from rapyer.errors import ModelDefinitionError, OptionError

from rapyer_ttl.options import GRACE, INTERVAL, NO_END, ON_ACCESS, ON_WRITE, TTL


class Expiry(NamedTuple):
    """How the documents of a model expire.

    Attributes:
        life: How many milliseconds they live; None if not configured.
        grace: How many more milliseconds they are kept.
        postponed_by: What restarts their lifetime: any access, writes, nothing.
        interval: How many milliseconds have to pass before it does.
    """

    life: int | None
    grace: int
    postponed_by: Literal["access", "write", "nothing"]
    interval: int


def expiry_of(model: type[BaseRedisModel]) -> Expiry | None:
    """Return how the documents of a model expire; None if no option says that they do.

    Raises:
        ModelDefinitionError: The options contradict each other.
    """
    if TTL.of(model) == NO_END:  # whatever else it inherits
        return None
    postponed_by: Literal["access", "write", "nothing"] = "nothing"
    if ON_ACCESS.of(model):
        postponed_by = "access"
    elif ON_WRITE.of(model):
        postponed_by = "write"
    expiry = Expiry(TTL.of(model), GRACE.of(model), postponed_by, INTERVAL.of(model))
    if expiry.interval and postponed_by == "nothing":
        raise ModelDefinitionError(
            f"{model.__name__}.Config has a ttl_refresh_interval, but nothing that postpones the "
            "expiry: set ttl_postpone_on_access or ttl_postpone_on_write, or leave the interval "
            "out."
        )
    if expiry.life is not None and expiry.interval >= expiry.life:
        raise ModelDefinitionError(
            f"{model.__name__}.Config has a ttl_refresh_interval of {expiry.interval} ms and a "
            f"ttl of {expiry.life} ms: documents would expire before the interval is over. Give "
            "a shorter interval."
        )
    return None if expiry == (None, 0, "nothing", 0) else expiry


def require_life(model: type[BaseRedisModel], expiry: Expiry | None) -> int:
    """Return the lifetime of the documents of a model in milliseconds.

    Raises:
        OptionError: No option configures it.
    """
    if expiry is None or expiry.life is None:
        raise no_life(model)
    return expiry.life


def no_life(model: type[BaseRedisModel]) -> OptionError:
    """Make the error for a model whose documents have no configured lifetime."""
    return OptionError(
        f"no lifetime is configured for {model.__name__}. Set `ttl` in its `class Config`, or for "
        "all models with `init_rapyer(url, ttl=...)`."
    )
