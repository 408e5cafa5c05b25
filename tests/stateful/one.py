"""Rules about one document: saved, loaded, updated, deleted; by instance and by key."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from pydantic import ValidationError
from rapyer import ConflictError, PathNotFoundError, RapyerError, UnstorableValueError
from stateful.world import INTEGERS, NAMES, PKS, SMALL, VALUES, WORDS, Data, Held, World

SLOTS = st.integers(0, 2)

#: Values that no write may take: by names as `aupdate` has them.
INVALID: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"n": 1001}, ValidationError),
    ({"n": "x"}, ValidationError),
    ({"s": "x" * 11}, ValidationError),
    ({"tags": ["x"] * 6}, ValidationError),
    ({"n": 1, "inner": {"zip": "x"}}, ValidationError),
    ({"s": "fine", "f": float("nan")}, UnstorableValueError),
    ({"counts": {"k": 2**63}}, UnstorableValueError),
    ({"n": 1, "nobody": 2}, RapyerError),
    ({"id": "other"}, RapyerError),
    ({"s": "\ud800"}, (UnstorableValueError, ValidationError)),
]
PARTS = st.fixed_dictionaries(
    {}, optional={"n": INTEGERS, "s": WORDS, "city": WORDS, "count": st.tuples(NAMES, SMALL)}
)


class RulesOfOne(World):
    def save(self, held: Held, error: Any) -> None:
        self.do(held.instance.save, error)
        if error is None:
            held.data = copy.deepcopy(self.write(held.data["id"], held.data))

    @initialize(values=st.lists(VALUES, min_size=3, max_size=3))
    def begin(self, values: list[Data]) -> None:
        for slot, pk in enumerate(("a", "b", "*")):
            self.save_new(slot, pk, values[slot])

    @rule(slot=SLOTS, pk=PKS, values=VALUES)
    def save_new(self, slot: int, pk: str, values: Data) -> None:
        held = Held(*self.new(pk, values))
        error = self.conflict_of_new(pk)
        self.save(held, error)
        if error is None:
            self.held[slot] = held

    @rule(pk=PKS, values=VALUES, mode=st.sampled_from(["absent", "present"]))
    def save_only_if(self, pk: str, values: Data, mode: str) -> None:
        instance, data = self.new(pk, values)
        there = pk in self.docs
        if mode == "present" and there and self.counts_writes:
            self.do(lambda: instance.save(only_if=mode), ConflictError)
            return
        written = self.do(lambda: instance.save(only_if=mode))
        assert written is (there if mode == "present" else not there)
        if written:
            self.write(pk, data)

    @rule(slot=SLOTS, pk=PKS, values=VALUES)
    def get_or_create(self, slot: int, pk: str, values: Data) -> None:
        instance, data = self.new(pk, values)
        there = pk in self.docs
        found, created = self.do(lambda: self.model.get_or_create(instance))  # type: ignore[misc]
        assert created is not there
        if created:
            self.write(pk, data)
        self.held[slot] = Held(found, copy.deepcopy(self.docs[pk]))

    @rule(slot=SLOTS, pk=PKS)
    def get(self, slot: int, pk: str) -> None:
        found = self.do(lambda: self.model.get(pk), self.missing(pk))
        if pk in self.docs:
            self.held[slot] = Held(found, copy.deepcopy(self.docs[pk]))
        assert self.do(lambda: self.model.exists(pk)) is (pk in self.docs)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def load(self, data: st.DataObject) -> None:
        _, held = self.some_held(data)
        pk = held.data["id"]
        self.do(held.instance.load, self.missing(pk))
        if pk in self.docs:
            held.data = copy.deepcopy(self.docs[pk])

    def some_held(self, data: st.DataObject) -> tuple[int, Held]:
        slot = data.draw(st.sampled_from(sorted(self.held)))
        return slot, self.held[slot]

    @precondition(lambda self: self.held)
    @rule(data=st.data(), values=VALUES)
    def save_changed(self, data: st.DataObject, values: Data) -> None:
        slot, held = self.some_held(data)
        pk = held.data["id"]
        error = self.refusal(held) if self.counts_writes else None
        for name, value in self.model(id=pk, **copy.deepcopy(values)):
            if name in values:
                setattr(held.instance, name, value)
        held.data |= copy.deepcopy(values)
        self.save(held, error)
        if error is not None:  # its changes are not saved: nobody goes on with it
            del self.held[slot]

    @precondition(lambda self: self.held)
    @rule(data=st.data(), parts=PARTS)
    def save_changes(self, data: st.DataObject, parts: Data) -> None:
        slot, held = self.some_held(data)
        before = copy.deepcopy(held.data)
        self.change_instance(held.instance, parts)
        self.change_data(held.data, parts)
        changed = held.data != before
        error = self.refusal(held) if changed else None
        self.do(held.instance.save_changes, error)
        if error is not None:
            del self.held[slot]
        elif changed:
            pk = held.data["id"]
            document = copy.deepcopy(self.docs[pk])
            real = {
                name: value for name, value in parts.items()
                if (name == "count" and before["counts"].get(value[0]) != value[1])
                or (name == "city" and before["inner"]["city"] != value)
                or (name in ("n", "s") and before[name] != value)
            }  # fmt: skip
            self.change_data(document, real)
            written = self.write(pk, document)
            if self.counts_writes:
                held.data["revision"] = written["revision"]

    @precondition(lambda self: self.held)
    @rule(data=st.data(), parts=PARTS)
    def roll_back(self, data: st.DataObject, parts: Data) -> None:
        _, held = self.some_held(data)
        self.change_instance(held.instance, parts)
        held.instance.rollback()

    @staticmethod
    def change_instance(instance: Any, parts: Data) -> None:
        for name, value in parts.items():
            if name == "city":
                instance.inner.city = value
            elif name == "count":
                instance.counts[value[0]] = value[1]
            else:
                setattr(instance, name, value)

    @staticmethod
    def change_data(data: Data, parts: Data) -> None:
        for name, value in parts.items():
            if name == "city":
                data["inner"]["city"] = value
            elif name == "count":
                data["counts"][value[0]] = value[1]
            else:
                data[name] = value

    def update_of(self, parts: Data, values: Data) -> dict[Any, Any]:
        """The argument of `aupdate` for some parts, and values of fields that are none of them."""
        model, update = self.model, dict[Any, Any]()
        for name, value in values.items():
            if name not in ("n", "s", "inner", "counts"):
                update[name] = copy.deepcopy(value)
        for name, value in parts.items():
            if name == "city":
                update[model.inner.city] = value
            elif name == "count":
                update[model.counts[value[0]]] = value[1]
            else:
                update[name] = value
        return update

    @rule(pk=PKS, parts=PARTS, values=VALUES)
    def update_by_key(self, pk: str, parts: Data, values: Data) -> None:
        update = self.update_of(parts, values)
        if not update:
            return
        self.do(lambda: self.model.aupdate_by_key(pk, update), self.missing(pk))
        if pk in self.docs:
            self.apply(pk, parts, values)

    def apply(self, pk: str, parts: Data, values: Data) -> Data:
        document = copy.deepcopy(self.docs[pk])
        self.update_data(document, parts, values)
        return self.write(pk, document)

    def update_data(self, data: Data, parts: Data, values: Data) -> None:
        for name, value in values.items():
            if name not in ("n", "s", "inner", "counts"):
                data[name] = copy.deepcopy(value)
        self.change_data(data, parts)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), parts=PARTS, values=VALUES)
    def update_instance(self, data: st.DataObject, parts: Data, values: Data) -> None:
        _, held = self.some_held(data)
        update, error = self.update_of(parts, values), self.refusal(held)
        if not update:
            return
        self.do(lambda: held.instance.aupdate(update), error)
        if error is None:
            written = self.apply(held.data["id"], parts, values)
            self.update_data(held.data, parts, values)
            if self.counts_writes:
                held.data["revision"] = written["revision"]

    @rule(pk=PKS, city=WORDS)
    def update_below_what_may_be_none(self, pk: str, city: str) -> None:
        error: Any = self.missing(pk)
        if error is None and self.docs[pk]["maybe"] is None:
            error = PathNotFoundError
        self.do(lambda: self.model.aupdate_by_key(pk, n=5, maybe__city=city), error)
        if error is None:
            document = copy.deepcopy(self.docs[pk])
            document["n"], document["maybe"]["city"] = 5, city
            self.write(pk, document)

    @rule(pk=PKS, invalid=st.sampled_from(INVALID), data=st.data())
    def invalid_values_change_nothing(self, pk: str, invalid: Any, data: st.DataObject) -> None:
        values, error = invalid
        roads = [
            lambda: self.model.aupdate_by_key(pk, values),
            lambda: self.model.bulk_update([pk], values),
        ]
        if self.held:
            _, held = self.some_held(data)
            roads.append(lambda: held.instance.aupdate(values))
        self.do(data.draw(st.sampled_from(roads)), error)

    @rule(pk=PKS)
    def delete(self, pk: str) -> None:
        assert self.do(lambda: self.model.delete_by_key(pk)) is (pk in self.docs)
        if pk in self.docs:
            self.forget(pk)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def delete_instance(self, data: st.DataObject) -> None:
        slot, held = self.some_held(data)
        pk = held.data["id"]
        assert self.do(held.instance.delete) is (pk in self.docs)
        if pk in self.docs:
            self.forget(pk)
        del self.held[slot]
