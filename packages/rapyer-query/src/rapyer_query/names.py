"""The names of indexes: an alias for each version of a model, and what stands behind it.

A version of a model is told by what is in its index. It has an alias, by which its queries ask, and
which leads to an index from the moment on in which that has all documents. An index has a name of
its own that was never used before: one that is dropped and made again has another name, so that
nobody takes it for the one of before. Both names, and the key of the registry, start with
`rapyer:`, which no model's keys do. On a cluster they go on with a hash tag: each node has an index
of its own documents, in one of its own slots.
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
    """The name of an index of rapyer, taken apart.

    Attributes:
        name: The whole name.
        prefix: The prefix of the model.
        version: The version that it was made for.
        tag: On a cluster what puts it into a slot of its node; else empty.
    """

    name: str
    prefix: str
    version: str
    tag: str = ""

    @property
    def alias(self) -> str:
        """The alias of the version that it was made for."""
        return alias_of(self.prefix, self.version, self.tag)


def version_of(*told: object) -> str:
    """Give what tells a version from others: 16 hexadecimal digits of what JSON can hold."""
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def alias_of(prefix: str, version: str, tag: str = "") -> str:
    """Give the alias of a version of the model with a prefix."""
    return f"rapyer:{tag}{prefix}:{version}"


def registry_of(prefix: str, tag: str = "") -> str:
    """Give the key of the hash in which the versions of a model note that they are alive."""
    return f"rapyer:{tag}{prefix}:versions"


def new_name(alias: str) -> str:
    """Give a name for an index that no other one has; later names sort behind earlier ones."""
    return f"{alias}.{time.time_ns() // 1_000_000:011x}{secrets.token_hex(3)[:5]}"


def parse_name(name: str) -> IndexName | None:
    """Take a name apart; None where it is of no index of rapyer."""
    found = _INDEX.fullmatch(name)
    if found is None:
        return None
    return IndexName(name, found["prefix"], found["version"], found["tag"] or "")
