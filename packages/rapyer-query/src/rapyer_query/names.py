"""The names of indexes: an alias for each version of a model, and what is behind it.

A version of a model is identified by the contents of its index. It has an alias, which its queries
use, and which points to an index from the moment that index holds all documents. An index has a
name of its own that was never used before: one that is dropped and created again gets another name,
so that nobody takes it for the previous one. Both names, and the key of the registry, start with
`rapyer:`, which no model's keys do. On a cluster a hash tag follows: each node has an index of its
own documents, in one of its own slots.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from typing import Final, NamedTuple

_INDEX: Final = re.compile(
    r"rapyer:(?P<tag>\{\d+\})?(?P<prefix>.+):(?P<version>[0-9a-f]{16})\.[0-9a-f]{16}", re.DOTALL
)


class IndexName(NamedTuple):
    """The name of an index of rapyer, parsed.

    Attributes:
        name: The whole name.
        prefix: The prefix of the model.
        version: The version that it was created for.
        tag: On a cluster, puts it into a slot of its node; else empty.
    """

    name: str
    prefix: str
    version: str
    tag: str = ""

    @property
    def alias(self) -> str:
        """The alias of the version that it was created for."""
        return alias_of(self.prefix, self.version, self.tag)


def version_of(*told: object) -> str:
    """Return an identifier of a version: 16 hexadecimal digits from values that JSON can hold."""
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def alias_of(prefix: str, version: str, tag: str = "") -> str:
    """Return the alias of a version of the model with a prefix."""
    return f"rapyer:{tag}{prefix}:{version}"


def registry_of(prefix: str, tag: str = "") -> str:
    """Return the key of the hash in which the versions of a model note that they are alive."""
    return f"rapyer:{tag}{prefix}:versions"


def new_name(alias: str) -> str:
    """Return a unique name for an index; later names sort after earlier ones."""
    return f"{alias}.{time.time_ns() // 1_000_000:011x}{secrets.token_hex(3)[:5]}"


def parse_name(name: str) -> IndexName | None:
    """Parse a name; None if it is not the name of an index of rapyer."""
    found = _INDEX.fullmatch(name)
    if found is None:
        return None
    return IndexName(name, found["prefix"], found["version"], found["tag"] or "")
