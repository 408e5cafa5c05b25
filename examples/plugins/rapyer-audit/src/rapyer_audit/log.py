"""Reading the log: the method that every model has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from rapyer.base import BaseRedisModel, RedisModelMeta, channel_of, key_to_write
from rapyer.plugin import key_beside

from rapyer_audit.actor import Actor
from rapyer_audit.options import AUDIT_STREAM


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A write that was logged.

    Attributes:
        at: When, by the clock of the server, to the millisecond.
        access: What was done.
        actor: Who did it; None for a write outside of any `acting_as`.
    """

    at: datetime
    access: Literal["write", "delete"]
    actor: Actor | None


class AuditMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`audit_log`, on all models."""

    async def audit_log(self, *, limit: int = 100) -> list[AuditEntry]:
        """Read who wrote the document of this instance: `XREVRANGE`. One round trip.

        Args:
            limit: How many entries to read at most.

        Returns:
            The entries, the newest first; none where nothing was logged.
        """
        model = type(self)
        stream = key_beside(f"{AUDIT_STREAM.of(model)}:", key_to_write(self))
        reply = await channel_of(model).execute("XREVRANGE", stream, "+", "-", "COUNT", limit)
        return [_entry(ident, fields) for ident, fields in reply]


def _entry(ident: bytes, fields: list[bytes]) -> AuditEntry:
    milliseconds = int(ident.partition(b"-")[0])
    values: dict[str, Any] = {
        name.decode(): value.decode() for name, value in zip(fields[::2], fields[1::2], strict=True)
    }
    return AuditEntry(
        at=datetime.fromtimestamp(milliseconds / 1000, UTC),
        access=cast("Literal['write', 'delete']", values["access"]),
        actor=Actor.parse(values["actor"]) if values["actor"] else None,
    )
