"""What a query does, without running it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from rapyer.traffic.channel import Argument

from rapyer_query.search import estimates_of, full_texts_in
from rapyer_query.session import Session, repeated
from rapyer_query.settings import limits_of
from rapyer_query.shards import is_on_nodes, shards_of, wherever
from rapyer_query.sorting import server_order
from rapyer_query.spec import Spec


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a query does.

    Attributes:
        index: The name of the index; empty if all documents are read.
        query: The query text for the index; empty if the index is not queried.
        parameters: The parameters sent along with the text, by name.
        is_exact: Whether the index finds exactly the documents that match.
        checks: What Python checks again on each document found; empty for nothing.
        sorts: What orders the documents: `"server"` or `"python"` for a sort, otherwise `"score"`
            or `"distance"`; empty for no order.
        unindexed: The paths that are not in the index, and why.
        plan: The server's execution plan, as reported by `FT.EXPLAIN`.
        groups: Who groups the documents: `"server"` or `"python"`; empty without groups.
        estimates: Which parts of the answer are estimates, and how good they are.
        nodes: How many nodes of a cluster are queried; everything else describes the first of them.
            1 for a server that is not a cluster.
    """

    index: str
    query: str
    parameters: dict[str, str]
    is_exact: bool
    checks: str
    sorts: str
    unindexed: dict[str, str]
    plan: str
    groups: str = ""
    estimates: tuple[str, ...] = ()
    nodes: int = 1

    def __str__(self) -> str:
        lines = [f"index:   {self.index or 'none: all documents are read'}"]
        if self.nodes > 1:
            lines.append(f"nodes:   {self.nodes}, of which this is the first")
        if self.index:
            lines.append(f"query:   {self.query or 'none: no document can be meant'}")
        lines += [f"         ${name} = {value!r}" for name, value in self.parameters.items()]
        lines.append(f"checked: {self.checks or 'nothing: the index answers exactly'}")
        lines += [f"         {path} {reason}" for path, reason in self.unindexed.items()]
        if self.sorts:
            lines.append(f"sorted:  by {self.sorts}")
        if self.groups:
            lines.append(f"grouped: by {self.groups}")
        lines += [f"roughly: {estimate}" for estimate in self.estimates]
        lines += [f"plan:    {line}" if not number else f"         {line}" for number, line in
                  enumerate(self.plan.splitlines())]  # fmt: skip
        return "\n".join(lines)


async def _on_nodes(spec: Spec) -> Explanation:
    shards = await shards_of(spec)
    return replace(await explain(replace(spec, shard=shards[0])), nodes=len(shards))


async def explain(spec: Spec) -> Explanation:
    """Return what a query does; see `Query.explain`."""
    if is_on_nodes(spec):
        return await wherever(spec.model, partial(_on_nodes, spec))

    async def body(session: Session) -> Explanation:
        compiled, ask, near = session.compiled, session.ask, spec.near
        about: list[str] = []
        if near is not None and not session.is_exact:  # Python finds the nearest
            near = None
        plan, sorts = "", ""
        if session.index is not None and ask.query:
            parameters: list[Argument] = []
            if ask.parameters:
                parameters = ["PARAMS", len(ask.parameters), *ask.parameters]
            command = ["FT.EXPLAIN", ask.index, ask.query, *parameters, "DIALECT", 2]
            (reply,) = await session.send(command)
            plan = reply.decode().strip()
        if spec.orders:
            by_server = session.index is not None and server_order(
                spec.orders, session.index.attributes
            )
            sorts = "server" if by_server else "python"
        elif spec.near is not None:
            sorts = "distance"
        elif spec.ranks:
            sorts = "score"
        is_exact = compiled.is_exact and session.index is not None
        checked = spec.condition if session.index is None else compiled.checked
        if near is not None and near.estimate:
            is_exact, about = False, [near.estimate]
        words = [*full_texts_in(spec.condition)]
        estimates = estimates_of(words, expands_all=(await limits_of(session.channel)).expands_all)
        return Explanation(
            ask.index,
            ask.query if session.index is not None else "",
            {
                name: value if isinstance(value, str) else f"<{len(value)} bytes>"
                for name, value in zip(ask.parameters[::2], ask.parameters[1::2], strict=True)
            },
            is_exact,
            "" if is_exact or checked is None else repr(checked),
            sorts,
            compiled.unindexed,
            plan,
            estimates=(*estimates, *about),
        )

    return await repeated(spec, body)
