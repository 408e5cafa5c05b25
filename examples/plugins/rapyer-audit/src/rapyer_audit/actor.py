"""Those who act: as a value that fields can have, and as who is acting now."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from rapyer.plugin import define_field_type


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that acts.

    Attributes:
        kind: What it is, such as `"clerk"`; without a colon.
        name: Which one it is.
    """

    kind: str
    name: str

    def __post_init__(self) -> None:
        if ":" in self.kind:
            raise ValueError(f"the kind {self.kind!r} contains a colon. Leave it out.")

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Actor:
        """Read what `str` gives.

        Raises:
            ValueError: The text has no colon.
        """
        kind, colon, name = text.partition(":")
        if not colon:
            raise ValueError(f"{text!r} is not a kind and a name with a colon between them")
        return cls(kind, name)


ACTOR = define_field_type(
    Actor, stored_as=str, dump=str, load=Actor.parse, form='"clerk:ada"', order="text", index="tag"
)

_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(actor: Actor) -> Generator[None]:
    """Let writes in the block, and in the tasks that it starts, be those of an actor."""
    token = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(token)


def acting() -> Actor | None:
    """Return the actor of the block around the caller; None outside of any."""
    return _acting.get()
