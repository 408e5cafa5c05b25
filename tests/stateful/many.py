"""Rules about many documents: in bulk, and by queries."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from rapyer import KeyNotFoundError
from stateful.parts import RulesOfParts
from stateful.world import NAMES, PKS, SMALL, VALUES, WORDS, Data, Inner

SOME = st.lists(PKS, max_size=4, unique=True)
LEAVES = st.one_of(
    st.tuples(st.sampled_from(["==", "!=", "<", ">="]), st.just("n"), SMALL),
    st.tuples(st.sampled_from(["==", "!=", "starts", "contains"]), st.just("s"), WORDS),
    st.tuples(st.sampled_from(["==", "!="]), st.just("city"), WORDS),
    st.tuples(st.just("tag"), st.just("tags"), WORDS),
    st.tuples(st.sampled_from(["none", "some"]), st.just("maybe"), st.none()),
    st.tuples(st.just("count"), NAMES, SMALL),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(st.sampled_from(["&", "|"]), inner, inner) | st.tuples(st.just("~"), inner)
    ),
    max_leaves=4,
)


def condition_of(model: Any, tree: Any) -> Any:
    """The condition that a tree stands for."""
    kind, *rest = tree
    if kind in ("&", "|"):
        one, other = (condition_of(model, part) for part in rest)
        return one & other if kind == "&" else one | other
    if kind == "~":
        return ~condition_of(model, rest[0])
    name, operand = rest
    if kind == "count":
        return model.counts[name] > operand
    path = model.inner.city if name == "city" else getattr(model, name)
    make = {
        "==": lambda: path == operand, "!=": lambda: path != operand,
        "<": lambda: path < operand, ">=": lambda: path >= operand,
        "starts": lambda: path.startswith(operand), "contains": lambda: path.contains(operand),
        "tag": lambda: path.contains(operand), "none": lambda: path.is_none(),
        "some": lambda: ~path.is_none(),
    }  # fmt: skip
    return make[kind]()


class RulesOfMany(RulesOfParts):
    def instance_of(self, data: Data) -> Any:
        """An instance with some data that nobody else has."""
        fields = copy.deepcopy(data)
        for name in ("inner", "maybe"):
            fields[name] = None if fields[name] is None else Inner(**fields[name])
        return self.model(**fields)

    def matching(self, condition: Any) -> list[str]:
        return sorted(
            pk for pk, data in self.docs.items() if condition.matches(self.instance_of(data))
        )

    @rule(pks=SOME, values=VALUES, mode=st.sampled_from(["replace", "insert", "skip"]))
    def insert(self, pks: list[str], values: Data, mode: Any) -> None:
        new = [self.new(pk, values) for pk in pks]
        instances = [instance for instance, _ in new]
        result: Any = self.do(
            lambda: self.model.bulk_insert(instances, mode=mode, raise_on_error=False)
        )
        outcomes = {outcome.key: outcome.outcome for outcome in result}
        for instance, data in new:
            pk = data["id"]
            expected = {"insert": "failed", "skip": "skipped", "replace": "replaced"}[mode]
            if pk not in self.docs:
                expected = "inserted"
            elif mode == "replace" and self.counts_writes:
                expected = "failed"
            assert outcomes[instance.key] == expected
            if expected in ("inserted", "replaced"):
                self.write(pk, data)

    @rule(pks=SOME, values=VALUES)
    def insert_all_or_none(self, pks: list[str], values: Data) -> None:
        new = [self.new(pk, values) for pk in pks]
        result: Any = self.do(
            lambda: self.model.bulk_insert(
                [instance for instance, _ in new],
                mode="insert", transaction=True, raise_on_error=False,
            )
        )  # fmt: skip
        if any(pk in self.docs for pk in pks):
            assert result.inserted == 0
            return
        for pk, (_, data) in zip(pks, new, strict=True):
            self.write(pk, data)

    @rule(pks=SOME, n=SMALL, city=WORDS)
    def update_many(self, pks: list[str], n: int, city: str) -> None:
        result: Any = self.do(lambda: self.model.bulk_update(pks, n=n, inner__city=city))
        assert result.updated == len([pk for pk in pks if pk in self.docs])
        for pk in pks:
            if pk in self.docs:
                document = copy.deepcopy(self.docs[pk])
                document["n"], document["inner"]["city"] = n, city
                self.write(pk, document)

    @rule(pks=SOME)
    def delete_many(self, pks: list[str]) -> None:
        result: Any = self.do(lambda: self.model.bulk_delete(pks))
        there = [pk for pk in pks if pk in self.docs]
        assert result.deleted == len(there)
        for pk in there:
            self.forget(pk)

    @rule(pks=SOME)
    def get_many(self, pks: list[str]) -> None:
        missing = [pk for pk in pks if pk not in self.docs]
        error = KeyNotFoundError if missing else None
        found: Any = self.do(lambda: self.model.bulk_get(pks), error)
        if error is None:
            assert [one.model_dump() for one in found] == [self.docs[pk] for pk in pks]

    @rule(tree=CONDITIONS)
    def find(self, tree: Any) -> None:
        condition = condition_of(self.model, tree)
        expected = self.matching(condition)
        query = self.model.find(condition).scan()
        found: Any = self.do(query.to_list)
        assert sorted(one.id for one in found) == expected
        for one in found:
            assert one.model_dump() == self.docs[one.id]
        assert self.do(query.count) == len(expected)

    @rule(descending=st.booleans(), number=st.integers(0, 3))
    def sort(self, descending: bool, number: int) -> None:
        order = "-n" if descending else "n"
        found: Any = self.do(self.model.find().sort(order).limit(number).to_list)
        numbers = sorted((data["n"] for data in self.docs.values()), reverse=descending)
        assert [one.n for one in found] == numbers[:number]

    @rule(tree=CONDITIONS, n=SMALL)
    def update_found(self, tree: Any, n: int) -> None:
        condition = condition_of(self.model, tree)
        expected = self.matching(condition)
        query = self.model.find(condition).scan()
        assert self.do(lambda: query.update(n=n)) == len(expected)
        for pk in expected:
            self.write(pk, self.docs[pk] | {"n": n})

    @precondition(lambda self: len(self.docs) > 1)
    @rule(tree=CONDITIONS)
    def delete_found(self, tree: Any) -> None:
        condition = condition_of(self.model, tree)
        expected = self.matching(condition)
        assert self.do(self.model.find(condition).scan().delete) == len(expected)
        for pk in expected:
            self.forget(pk)
