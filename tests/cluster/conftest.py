"""A real cluster of three nodes, emptied before each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from rapyer import ServerInfo, init_rapyer
from rapyer_embedded import Cluster


@pytest.fixture(scope="session")
def nodes() -> Iterator[Cluster]:
    """A cluster for all tests that leave it as it was."""
    with Cluster(primaries=3) as cluster:
        yield cluster


@pytest_asyncio.fixture
async def cluster(nodes: Cluster) -> AsyncIterator[Cluster]:
    """rapyer connected to the cluster, which is empty."""
    for server in nodes.primaries:
        nodes.ask(server, "FLUSHALL")
    async with init_rapyer(nodes.cluster_url):
        yield nodes


@pytest_asyncio.fixture
async def info(nodes: Cluster) -> AsyncIterator[ServerInfo]:
    """What the cluster is."""
    async with init_rapyer(nodes.cluster_url) as known:
        yield known
