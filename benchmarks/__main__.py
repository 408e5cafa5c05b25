"""`python -m benchmarks core`: each suite prints a table of ratios.

`python -m benchmarks compare` is beside the suites: it has options of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from rapyer_embedded import Server

from benchmarks import (
    aggregates,
    bulk,
    core,
    expressions,
    fulltext,
    indexes,
    lists,
    locks,
    pipeline,
    places,
    query,
    traffic,
    ttl,
    types,
    updates,
    vectors,
)
from benchmarks.compare import command

SUITES: dict[str, Callable[[str], Awaitable[None]]] = {
    "aggregates": aggregates.run,
    "bulk": bulk.run,
    "core": core.run,
    "expressions": expressions.run,
    "fulltext": fulltext.run,
    "indexes": indexes.run,
    "lists": lists.run,
    "locks": locks.run,
    "pipeline": pipeline.run,
    "places": places.run,
    "query": query.run,
    "traffic": traffic.run,
    "ttl": ttl.run,
    "types": types.run,
    "updates": updates.run,
    "vectors": vectors.run,
}


def main() -> None:
    """Run the suites that were named, or the comparison with peers."""
    if sys.argv[1:2] == ["compare"]:
        command.main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="+", choices=sorted(SUITES), metavar="SUITE")
    suites: list[str] = parser.parse_args().suites
    given = os.environ.get("RAPYER_REDIS_URL")
    if given:
        asyncio.run(_run(suites, given))
        return
    with Server() as server:
        asyncio.run(_run(suites, server.url))


async def _run(suites: list[str], url: str) -> None:
    for suite in suites:
        await SUITES[suite](url)


if __name__ == "__main__":
    main()
