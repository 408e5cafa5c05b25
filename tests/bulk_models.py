"""Models that the tests of bulk operations share."""

from __future__ import annotations

from rapyer import AtomicRedisModel, EmbeddedModel, Field, Key, Mapped, Version
from rapyer.testing import SentCommand


class Profile(EmbeddedModel):
    city: Mapped[str] = "Rome"
    tags: Mapped[list[str]] = Field(default_factory=list)
    scores: Mapped[dict[str, float]] = Field(default_factory=dict)


class User(AtomicRedisModel):
    id: Key[str]
    age: Mapped[int] = Field(default=0)
    ratio: Mapped[float] = Field(default=0.5)
    profile: Mapped[Profile] = Field(default_factory=Profile)

    class Config:
        prefix = "bulk:user"


class Order(AtomicRedisModel):
    number: Key[int]
    total: Mapped[int] = Field(default=0)
    revision: Version = Field(default=0)

    class Config:
        prefix = "bulk:order"


class Note(AtomicRedisModel):
    text: Mapped[str] = ""

    class Config:
        prefix = "bulk:note"
        track_changes = True


def users(number: int, **values: object) -> list[User]:
    return [User(id=str(place), **values) for place in range(number)]


def is_sent(command: SentCommand) -> bool:
    """Whether a command was sent for the call itself: no part of a script.

    A server that does not know a script yet is sent its text as well, by EVAL.
    """
    return not command.in_script and command.name != "EVAL"
