"""What an index of this version of a model has, and that of the last one has not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rapyer.base import identity_of
from rapyer.traffic.channel import Channel

from rapyer_query.facts import FieldDefinition, IndexFacts, facts_of
from rapyer_query.index import ModelIndex
from rapyer_query.migration import find_alteration
from rapyer_query.names import parse_name

#: What is done: nothing, an index is made where there is none, attributes are added to that of
#: another version, or an index is built beside it.
Action: TypeAlias = Literal["none", "create", "alter", "build"]


@dataclass(frozen=True, slots=True)
class IndexDiff:
    """What `ensure` would do.

    Attributes:
        model: The name of the model.
        action: `"none"`; `"create"` where there is no index; `"alter"` where attributes are added
            to the index of another version; `"build"` where a second one is built beside it.
        index: The index that this one is compared with; None where there is none.
        added: What that has not.
        removed: What that alone has.
        changed: What is of the same name in both, and otherwise: as it is, and as it will be.
    """

    model: str
    action: Action
    index: str | None
    added: tuple[FieldDefinition, ...] = ()
    removed: tuple[FieldDefinition, ...] = ()
    changed: tuple[tuple[FieldDefinition, FieldDefinition], ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.model}: {_SAID[self.action].format(self.index)}"]
        lines += [f"  + {field}" for field in self.added]
        lines += [f"  - {field}" for field in self.removed]
        for before, after in self.changed:
            lines += [f"  - {before}", f"  + {after}"]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold."""
        return {
            "model": self.model,
            "action": self.action,
            "index": self.index,
            "added": [field.to_dict() for field in self.added],
            "removed": [field.to_dict() for field in self.removed],
            "changed": [[before.to_dict(), after.to_dict()] for before, after in self.changed],
        }


_SAID = {
    "none": "the index is {} and has all that it should have",
    "create": "there is no index yet",
    "alter": "is added to {}, the index of another version",
    "build": "is built beside {}, the index of another version",
}


async def difference(index: ModelIndex, channel: Channel) -> IndexDiff:
    """Tell what `ensure` would do; see `IndexManager.diff`."""
    name = index.model.__name__
    own = await facts_of(channel, index.name)
    if own is not None:
        return IndexDiff(name, "none", own.name)
    prefix = identity_of(index.model).prefix
    parsed = [parse_name(one.decode()) for one in await channel.execute("FT._LIST")]
    found = [one for one in parsed if one is not None and one.prefix == prefix]
    # the last that was made: names of one prefix differ by their version and then by their time
    found.sort(key=lambda one: one.name.rpartition(".")[2])
    if any(one.version == index.version for one in found):
        return IndexDiff(name, "create", None)  # it is being built
    names = [one.name for one in found]
    alteration = await find_alteration(channel, prefix, index.version, index.fields, names)
    other = alteration.index if alteration is not None else next(reversed(names), None)
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
