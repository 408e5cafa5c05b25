"""The groups of a query, computed by the server if that is exact, otherwise in Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from rapyer.expr.evaluate import getter_of
from rapyer.expr.paths import is_path
from rapyer.expr.values import Value

from rapyer_query.aggregates import Aggregate
from rapyer_query.answers import all_results
from rapyer_query.clauses import NOTHING, all_of
from rapyer_query.commands import DOCUMENT, Load
from rapyer_query.explain import Explanation, explain
from rapyer_query.plans import Column, Plan, Unplanned
from rapyer_query.reducers import Sent, maker_of
from rapyer_query.reducing import groups_of, key_of, merge_of, nothing_of, reduced
from rapyer_query.session import DoubtError, Session, repeated
from rapyer_query.shapes import ValuesShape
from rapyer_query.shards import is_on_nodes, of_shards, shards_of, wherever

if TYPE_CHECKING:
    from rapyer_query.reducers import Maker
    from rapyer_query.spec import Spec


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """What is computed from the documents of a query.

    Attributes:
        spec: The query.
        keys: What the documents of a group have in common; empty for all of them as one group.
        aggregates: What is computed for each group.
    """

    spec: Spec
    keys: tuple[Value[Any], ...]
    aggregates: tuple[Aggregate[Any], ...]

    async def groups(self) -> list[tuple[Any, ...]]:
        """Return the values of the keys and of the aggregates of each group.

        One round trip if the server computes them. Without keys there is always one group.

        Raises:
            NotIndexedError, IndexUnavailableError, CorruptDocumentError, ...: As for queries.
        """
        if is_on_nodes(self.spec):
            found = await self._of_nodes()
        else:
            found = await repeated(self.spec, self._by_server)
        if found is None:
            found = await self._in_python()
        if not (found or self.keys):
            return [tuple([nothing_of(one) for one in self.aggregates])]
        return found

    def by_structure(self, group: Sequence[Any]) -> dict[Any, Any]:
        """Return the aggregates of a group by their structure."""
        structures = [one.__structure__() for one in self.aggregates]
        return dict(zip(structures, group[len(self.keys) :], strict=True))

    # -- by the server ----------------------------------------------------------------------------

    def plan(self, session: Session) -> tuple[Plan, list[Column], list[Maker]] | None:
        """Return the command for the server, and what reads its reply; None if there is none."""
        spec, index = self.spec, session.index
        is_part = spec.is_windowed or spec.near is not None
        if index is None or not session.is_exact or session.hides or is_part:
            return None
        plan = Plan(spec.model, index.attributes)
        try:
            keys = [plan.column(key, is_key=True) for key in self.keys]
            return plan, keys, [maker_of(plan, one) for one in self.aggregates]
        except Unplanned:
            return None

    async def _by_server(self, session: Session) -> list[tuple[Any, ...]] | None:
        if session.is_empty:
            return []
        planned = self.plan(session)
        if planned is None or (session.spec.shard is not None and planned[0].loads):
            return None  # on a cluster, commands of Search cannot read documents
        try:
            return _read(await _rows(session, planned[0], planned[1]), planned)
        except (DoubtError, ValidationError):  # Python reports which document is corrupt
            return None

    async def _of_nodes(self) -> list[tuple[Any, ...]] | None:
        """Combine the groups of all nodes; None if they do not determine the overall groups."""
        number, spec = len(self.keys), self.spec
        if spec.is_windowed or spec.near is not None:
            return None
        merges = [merge_of(one) for one in self.aggregates]
        if None in merges:
            return None

        async def ask(part: Spec) -> list[tuple[Any, ...]] | None:
            return await repeated(part, replace(self, spec=part)._by_server)

        parts, is_settled = await of_shards(spec, ask)
        if not is_settled or None in parts:
            return None
        together = groups_of((row for part in parts for row in part or ()), number)
        return [
            (
                *rows[0][:number],
                *(
                    merge([row[number + place] for row in rows])
                    for place, merge in enumerate(merges)
                    if merge is not None
                ),
            )
            for rows in together.values()
        ]

    async def explain(self) -> Explanation:
        """Return what is asked, and who makes the groups; see `Query.explain`."""

        async def body(session: Session) -> str:
            return "python" if self.plan(session) is None else "server"

        if is_on_nodes(self.spec):
            return await wherever(self.spec.model, self._explained_of_nodes)
        groups, found = await repeated(self.spec, body), await explain(self.spec)
        estimates: list[str] = []
        if groups == "server":
            estimates = [
                f"{one!r} has a rank that is off by about a hundredth of the number of values"
                for one in self.aggregates
                if one.is_estimated
            ]
        return replace(found, groups=groups, estimates=(*found.estimates, *estimates))

    async def _explained_of_nodes(self) -> Explanation:
        shards = await shards_of(self.spec)
        found = await replace(self, spec=replace(self.spec, shard=shards[0])).explain()
        is_merged = None not in map(merge_of, self.aggregates)
        return replace(found, groups=found.groups if is_merged else "python", nodes=len(shards))

    # -- in Python --------------------------------------------------------------------------------

    async def _in_python(self) -> list[tuple[Any, ...]]:
        wanted = [*self.keys]
        places = [(_place(wanted, one.value), _place(wanted, one.by)) for one in self.aggregates]
        shape = _shape_of(self.spec, wanted)
        rows = await all_results(replace(self.spec, shape=shape, touches=False, scored=False))
        number = len(self.keys)
        return [
            (
                *group[0][:number],
                *(
                    reduced(one, group, *place)
                    for one, place in zip(self.aggregates, places, strict=True)
                ),
            )
            for group in groups_of(rows, number).values()
        ]


async def _rows(session: Session, plan: Plan, keys: Sequence[Column]) -> Sequence[Sequence[Any]]:
    """Ask for the groups, and whether there are documents about which the server is in doubt.

    Raises:
        DoubtError: There are.
    """
    sent = [session.ask.groups(plan.words(keys), 2 if plan.is_plain else 3)]
    if plan.doubt != NOTHING:
        clause = session.compiled.clause
        text = all_of((clause.text, plan.doubt))
        sent.append(session.ask_for(clause._replace(text=text).query).count())
    if plan.present:
        clause = session.compiled.clause
        text = all_of((clause.text, *plan.present))
        sent += [session.ask.count(), session.ask_for(clause._replace(text=text).query).count()]
    reply, *counted = await session.send(*sent)
    if plan.present:
        *counted, (every, *_), (known, *_) = counted
        if every != known:
            raise DoubtError
    if any(found[0] for found in counted):
        raise DoubtError
    rows: Sequence[Sequence[Any]] = reply[0][1:]
    return rows


def _read(
    rows: Sequence[Sequence[Any]], planned: tuple[Plan, list[Column], list[Maker]]
) -> list[tuple[Any, ...]] | None:
    """Read groups; None if the server's groups are not the intended ones.

    Raises:
        DoubtError, pydantic.ValidationError: They may be wrong, or a document is corrupt.
    """
    if not rows:
        return []
    _, keys, makers = planned
    # all rows have the same names in the same order, including names without a value
    sent = Sent(zip(rows[0][::2], zip(*[row[1::2] for row in rows], strict=True), strict=True))
    found = [key.read(sent[key.sent]) for key in keys]
    if any(None in one and not key.may_be_none for key, one in zip(keys, found, strict=True)):
        return None
    groups = [*zip(*found, *(make(sent) for make in makers), strict=True)]
    # equal values may be written differently, such as 0.0 and -0.0; identical values are always
    # equal, so it is enough that no groups are equal
    if not keys or len({*zip(*found, strict=True)}) == len(groups):
        return groups
    names = {key_of(group[: len(keys)]) for group in groups}
    return groups if len(names) == len(groups) else None


def _place(wanted: list[Value[Any]], value: Value[Any] | None) -> int:
    """Return the position of a value among the requested ones, appending it if it is new."""
    if value is None:
        return -1
    for place, other in enumerate(wanted):
        if other is value:
            return place
    wanted.append(value)
    return len(wanted) - 1


class _CalculatedShape:
    """Documents as tuples of values calculated from each."""

    load: Load = DOCUMENT

    def __init__(self, values: Sequence[Value[Any]]) -> None:
        self._getters = [getter_of(value) for value in values]

    def of_instance(self, instance: Any, /) -> Any:
        """Compute the values of one instance."""
        return tuple([get(instance) for get in self._getters])


def _shape_of(spec: Spec, wanted: Sequence[Value[Any]]) -> Any:
    paths = [value for value in wanted if is_path(value)]
    if len(paths) < len(wanted) or not paths:
        return _CalculatedShape(wanted)
    return ValuesShape(spec.model, paths)
