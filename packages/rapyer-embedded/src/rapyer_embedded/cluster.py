"""`Cluster`: several redis-servers that form one cluster, as a context manager."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from rapyer_embedded.errors import ServerStartError, ServerStateError
from rapyer_embedded.server import Server
from rapyer_embedded.startable import Startable
from rapyer_embedded.wire import ask

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

__all__ = ["Cluster"]

_SLOTS: Final = 16384
#: Seconds between two checks whether the servers know one another.
_PAUSE: Final = 0.02


class Cluster(Startable):
    """A real Redis Cluster with RedisJSON and RediSearch, for development and tests.

    It is a synchronous and an asynchronous context manager, which calls `start` and `stop`::

        with Cluster(primaries=3) as cluster:
            client = redis.RedisCluster.from_url(cluster.url)

    Each node is a `Server` on a port of 127.0.0.1, with the guarantees of `Server`: all nodes end
    with the process that started them. The slots are distributed evenly. A start takes about two
    seconds, because Redis nodes do not answer earlier.

    Args:
        primaries: How many nodes have slots: at least 3, as fewer cannot agree on a failover.
        replicas: How many copies each primary has, each on a node of its own.
        password: The password for clients, and for the nodes among one another.
        node_timeout: Seconds after which a node that does not answer counts as lost.
        args: Further arguments of each redis-server.
        startup_timeout: How long all nodes together may take to form a cluster, in seconds.

    Raises:
        ValueError: An argument is invalid.
    """

    def __init__(
        self,
        primaries: int = 3,
        *,
        replicas: int = 0,
        password: str | None = None,
        node_timeout: float = 2.0,
        args: Iterable[str] = (),
        startup_timeout: float = 60.0,
    ) -> None:
        if primaries < 3:
            raise ValueError(f"primaries is {primaries!r}. Give 3 or more, as Redis requires.")
        if replicas < 0:
            raise ValueError(
                f"replicas is {replicas!r}. Give the number of copies of each primary."
            )
        if node_timeout <= 0:
            raise ValueError(
                f"node_timeout is {node_timeout!r}. Give a number of seconds greater than 0."
            )
        self._primaries = primaries
        self._timeout = startup_timeout
        self._password = password
        own = [
            "--cluster-enabled", "yes",
            "--cluster-node-timeout", str(round(node_timeout * 1000)),
            "--repl-diskless-sync-delay", "0",
            *(() if password is None else ("--masterauth", password)), *args,
        ]  # fmt: skip
        self._buses = _free_ports(primaries * (1 + replicas))
        self._servers = tuple(
            Server(
                port=0, password=password, startup_timeout=startup_timeout,
                args=(*own, "--cluster-port", str(bus)),
            )
            for bus in self._buses
        )  # fmt: skip
        self._running: ExitStack | None = None

    def __repr__(self) -> str:
        state = self.url if self._running is not None else "not running"
        return f"<rapyer_embedded.Cluster of {len(self._servers)} nodes: {state}>"

    @property
    def url(self) -> str:
        """The URL of the first node, from which redis-py's `RedisCluster` discovers the others.

        Raises:
            ServerStateError: The cluster is not running.
        """
        return self._servers[0].url

    @property
    def cluster_url(self) -> str:
        """The URL of the cluster, `redis+cluster://...`, for `init_rapyer`.

        Raises:
            ServerStateError: The cluster is not running.
        """
        return f"redis+cluster{self.url.removeprefix('redis')}"

    @property
    def servers(self) -> Sequence[Server]:
        """The nodes as of the start: the primaries, followed by the replicas."""
        return self._servers

    @property
    def primaries(self) -> Sequence[Server]:
        """The nodes that had slots at the start, each the same number of them."""
        return self._servers[: self._primaries]

    def replicas_of(self, number: int) -> Sequence[Server]:
        """Return the nodes started as copies of the primary with a `number`, from 0 on."""
        return self._servers[self._primaries + number :: self._primaries]

    def start(self) -> None:
        """Start the nodes, and return when they form a cluster that answers.

        Raises:
            ServerStateError: It is already running.
            BinaryNotFoundError: As for `Server.start`.
            ServerStartError: A node did not start, or they did not form a cluster in time.
        """
        if self._running is not None:
            raise ServerStateError(f"{self!r} has already been started. Call stop() first.")
        with ExitStack() as running:
            for server in self._servers:
                running.enter_context(server)
            self._join()
            self._running = running.pop_all()

    def stop(self) -> None:
        """Stop all nodes; do nothing if it is not running."""
        running, self._running = self._running, None
        if running is not None:
            running.close()

    # -- becoming a cluster -----------------------------------------------------------------------

    def ask(self, server: Server, *words: str) -> str:
        """Send a command to one node over a separate connection, and give its reply as text.

        Args:
            server: The node.
            words: The name of the command and its arguments.

        Raises:
            ServerStateError: The reply is an error.
            OSError: The node does not answer.
        """
        with self._talking_to(server) as connection:
            return _asked(connection, *words)

    def _join(self) -> None:
        deadline = time.monotonic() + self._timeout
        first = self._servers[0]
        bounds = [_SLOTS * place // self._primaries for place in range(self._primaries + 1)]
        for place, server in enumerate(self._servers):
            with self._talking_to(server) as connection:
                _asked(connection, "CLUSTER", "SET-CONFIG-EPOCH", str(place + 1))
                if place < self._primaries:
                    slots = str(bounds[place]), str(bounds[place + 1] - 1)
                    _asked(connection, "CLUSTER", "ADDSLOTSRANGE", *slots)
                if place:
                    address = "127.0.0.1", _port_of(first), str(self._buses[0])
                    _asked(connection, "CLUSTER", "MEET", *address)
        number, copies = len(self._servers), len(self._servers) - self._primaries
        self._wait(deadline, "INFO", {f"cluster_known_nodes:{number}\r": 1})
        for place, server in enumerate(self._servers[self._primaries :]):
            primary = self.ask(self._servers[place % self._primaries], "CLUSTER", "MYID")
            self.ask(server, "CLUSTER", "REPLICATE", primary)
        self._wait(deadline, "INFO", {f"cluster_size:{self._primaries}\r": 1, "state:ok": 1})
        # all nodes have to know about the copies, and the copies have to hold the data
        self._wait(deadline, "NODES", {"slave": copies})
        for server in self._servers[self._primaries :]:
            self._wait_for(deadline, server, ("INFO", "replication"), {"master_link_status:up": 1})

    def _wait(self, deadline: float, about: str, texts: Mapping[str, int]) -> None:
        for server in self._servers:
            self._wait_for(deadline, server, ("CLUSTER", about), texts)

    def _wait_for(
        self, deadline: float, server: Server, question: Sequence[str], texts: Mapping[str, int]
    ) -> None:
        """Ask a node until its answer contains certain texts, each at least a number of times."""
        while True:
            answer = self.ask(server, *question)
            if all(answer.count(text) >= number for text, number in texts.items()):
                return
            if time.monotonic() >= deadline:
                raise ServerStartError(
                    f"The nodes did not form a cluster within {self._timeout:g} seconds: "
                    f"{server!r} answered {answer!r}. Give a longer startup_timeout.",
                    log=server.log,
                )
            time.sleep(_PAUSE)

    @contextmanager
    def _talking_to(self, server: Server) -> Generator[socket.socket]:
        address = "127.0.0.1", int(_port_of(server))
        with socket.create_connection(address, timeout=self._timeout) as connection:
            if self._password is not None:
                _asked(connection, "AUTH", self._password)
            yield connection


def _asked(connection: socket.socket, *words: str) -> str:
    reply = ask(connection, *words)
    if reply.startswith("-"):
        raise ServerStateError(
            f"A node answered {' '.join(words[:2])} with {reply[1:]!r}. See its log."
        )
    return reply


def _port_of(server: Server) -> str:
    return server.url.rpartition(":")[2].partition("/")[0]


def _free_ports(number: int) -> list[int]:
    """Return free ports, all of them different."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        ports: list[int] = [probe.getsockname()[1] for probe in probes]
    return ports
