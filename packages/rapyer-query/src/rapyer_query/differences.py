"""The differences between the index that this version of a model needs and the latest one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rapyer.base import identity_of
from rapyer.traffic.channel import Channel

from rapyer_query.facts import FieldDefinition, IndexFacts, facts_of, index_names
from rapyer_query.index import ModelIndex
from rapyer_query.lifecycle_scripts import ABANDONED
from rapyer_query.migration import find_alteration

#: What is done: nothing, creating an index where there is none, adding attributes to the index of a
#: version that no process is alive for, or building an index beside that of another version.
Action: TypeAlias = Literal["none", "create", "alter", "build"]


@dataclass(frozen=True, slots=True)
class IndexDiff:
    """What `ensure` would do.

    Attributes:
        model: The name of the model.
        action: `"none"`; `"create"` if there is no index; `"alter"` if attributes are added to the
            index of a version that no process is alive for; `"build"` if a second index is built
            beside that of another version.
        index: The index that this one is compared with; None if there is none.
        added: The attributes that only this version has.
        removed: The attributes that only the compared index has.
        changed: The attributes that differ under the same name: as they are, and as they will be.
    """

    model: str
    action: Action
    index: str | None
    added: tuple[FieldDefinition, ...] = ()
    removed: tuple[FieldDefinition, ...] = ()
    changed: tuple[tuple[FieldDefinition, FieldDefinition], ...] = ()

    def __str__(self) -> str:
        said = _SAID[self.action].format(self.index)
        if self.action == "none" and self.index is None:
            said = "it has no indexed fields"
        lines = [f"{self.model}: {said}"]
        lines += [f"  + {field}" for field in self.added]
        lines += [f"  - {field}" for field in self.removed]
        for before, after in self.changed:
            lines += [f"  - {before}", f"  + {after}"]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return a form that JSON can represent."""
        return {
            "model": self.model,
            "action": self.action,
            "index": self.index,
            "added": [field.to_dict() for field in self.added],
            "removed": [field.to_dict() for field in self.removed],
            "changed": [[before.to_dict(), after.to_dict()] for before, after in self.changed],
        }


_SAID = {
    "none": "the index is {} and is complete",
    "create": "there is no index yet",
    "alter": "will be added to {}, the index of a version that no process uses",
    "build": "will be built next to {}, the index of another version",
}


async def difference(index: ModelIndex, channel: Channel) -> IndexDiff:
    """Compute what `ensure` would do; see `IndexManager.diff`."""
    name = index.model.__name__
    if not index.fields:
        return IndexDiff(name, "none", None)
    own = await facts_of(channel, index.name)
    if own is not None:
        return IndexDiff(name, "none", own.name)
    prefix = identity_of(index.model).prefix
    found = [
        one for one in await index_names(channel) if one.prefix == prefix and one.tag == index.tag
    ]
    if any(one.version == index.version for one in found):
        return IndexDiff(name, "create", None)  # it is being built
    names = [one.decode() for one in await index.life.run(channel, ABANDONED)]
    alteration = await find_alteration(channel, index.fields, index.attributes.language, names)
    # otherwise the latest one: names with the same prefix differ by the time at their end
    last = max((one.name for one in found), key=lambda one: one.rpartition(".")[2], default=None)
    other = last if alteration is None else alteration.index
    facts = None if other is None else await facts_of(channel, other)
    if facts is None:
        return IndexDiff(name, "create", None, added=index.fields)
    return _compared(index, facts, "build" if alteration is None else "alter")


def _compared(index: ModelIndex, facts: IndexFacts, action: Action) -> IndexDiff:
    before = {field.name: field for field in facts.fields}
    after = {field.name: field for field in index.fields}
    return IndexDiff(
        index.model.__name__,
        action,
        facts.name,
        tuple(field for name, field in after.items() if name not in before),
        tuple(field for name, field in before.items() if name not in after),
        tuple(
            (before[name], field)
            for name, field in after.items()
            if name in before and before[name] != field
        ),
    )
