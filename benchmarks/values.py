"""What the documents of the benchmarks have; it imports nothing, for candidates of `compare` do."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {
    "name": "Ada Lovelace",
    "age": 36,
    "score": 12.5,
    "active": True,
    "tags": ["mathematics", "engines", "poetry"],
    "counts": {"letters": 180, "notes": 7},
    "address": {"street": "St James's Square", "city": "London", "zip": 1815},
}
