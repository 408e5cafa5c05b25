"""The documents that the roads of the table write and read.

Each attempt has documents of its own, prepared with nothing done to them, so that whatever an
attempt has done shows in its documents alone, and how often.
"""

from __future__ import annotations

from rapyer import (
    AtomicRedisModel,
    Field,
    Key,
    Mapped,
    RedisDict,
    RedisInt,
    RedisList,
    Version,
)


class Doc(AtomicRedisModel):
    """Without policies: its operations are native commands where that is exact."""

    id: Key[str]
    batch: Mapped[str] = Field(default="")
    count: RedisInt = 0
    name: Mapped[str] = Field(default="")
    tags: RedisList[str] = Field(default_factory=list)
    marks: RedisDict[int] = Field(default_factory=dict)
    note: Mapped[str] = Field(default="", index=False)

    class Config:
        prefix = "faults:doc"


class Counted(AtomicRedisModel):
    """With a Version, which counts every write: its operations are scripts."""

    id: Key[str]
    batch: Mapped[str] = Field(default="")
    count: RedisInt = 0
    name: Mapped[str] = Field(default="")
    tags: RedisList[str] = Field(default_factory=list)
    revision: Version = Field(default=0)

    class Config:
        prefix = "faults:counted"
        track_changes = True


class Lived(AtomicRedisModel):
    """With an expiry, which every access sets anew."""

    id: Key[str]
    batch: Mapped[str] = Field(default="")
    count: RedisInt = 0
    name: Mapped[str] = Field(default="")
    tags: RedisList[str] = Field(default_factory=list)

    class Config:
        prefix = "faults:lived"
        ttl = 3600
        ttl_postpone_on_access = True
