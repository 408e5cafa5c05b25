"""Rules about parts of documents: operations by path and key, and those of Redis types."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from pydantic import ValidationError
from rapyer import UnstorableValueError
from stateful.one import RulesOfOne
from stateful.world import BOUND, INTEGERS, LONGEST, MOST_TAGS, NAMES, PKS, SMALL, WORDS, Data

SPANS = st.timedeltas(timedelta(-1000), timedelta(1000))
INDEXES = st.integers(-3, 3)
STEPS = st.sampled_from([0.5, -0.1, 1e-3, 2.0])
#: A name, the arguments.
NUMBERS = st.one_of(
    st.tuples(st.just("n.increase"), INTEGERS),
    st.tuples(st.just("s.append"), WORDS),
)
LISTS = st.one_of(
    st.tuples(st.just("tags.append"), WORDS),
    st.tuples(st.just("tags.extend"), st.lists(WORDS, min_size=1, max_size=3)),
    st.tuples(st.just("tags.insert"), INDEXES, WORDS),
    st.tuples(st.just("tags.pop"), INDEXES),
    st.tuples(st.just("tags.remove"), WORDS),
    st.tuples(st.just("tags.set_item"), INDEXES, WORDS),
    st.tuples(st.just("tags.clear")),
)
DICTS = st.one_of(
    st.tuples(st.just("counts.set_item"), NAMES, SMALL),
    st.tuples(st.just("counts.update"), st.dictionaries(NAMES, SMALL, min_size=1, max_size=3)),
    st.tuples(st.just("counts.pop"), NAMES),
    st.tuples(st.just("counts.del_item"), NAMES),
    st.tuples(st.just("counts.clear")),
)
#: Those of paths alone.
BY_PATH = st.one_of(
    st.tuples(st.just("f.increase"), STEPS),
    st.tuples(st.just("at.shift"), SPANS),
    st.tuples(st.just("inner.city.set"), WORDS),
    st.tuples(st.just("tags.remove_range"), INDEXES, INDEXES),
)


class Refused(Exception):
    """What an operation raises instead of being done."""


def applied(data: Data, name: str, arguments: tuple[Any, ...]) -> Any:
    """Do an operation to plain data, as Python does it; give its result.

    Raises:
        Refused: It is not done, for this error.
    """
    of, _, operation = name.rpartition(".")
    try:
        return _DONE[operation if of in ("inner.city", "f", "at") else name](data, *arguments)
    except (IndexError, KeyError, ValueError) as exc:
        raise Refused(type(exc)) from exc


def _number(data: Data, amount: int) -> int:
    if abs(data["n"] + amount) > BOUND:
        raise Refused(ValidationError)
    data["n"] += amount
    return data["n"]


def _float(data: Data, amount: float) -> float:
    data["f"] += amount
    return data["f"]


def _text(data: Data, text: str) -> None:
    if len(data["s"]) + len(text) > LONGEST:
        raise Refused(UnstorableValueError)
    data["s"] += text


def _room(data: Data, number: int) -> list[str]:
    if len(data["tags"]) + number > MOST_TAGS:
        raise Refused(UnstorableValueError)
    return data["tags"]


def _set(data: Data, index: int, text: str) -> None:
    data["tags"][index] = text


def _shift(data: Data, span: timedelta) -> None:
    data["at"] += span


def _cut(data: Data, start: int, stop: int) -> None:
    del data["tags"][start:stop]


def _city(data: Data, city: str) -> None:
    data["inner"]["city"] = city


_DONE: dict[str, Callable[..., Any]] = {
    "n.increase": _number,
    "increase": _float,
    "shift": _shift,
    "set": _city,
    "s.append": _text,
    "tags.append": lambda data, text: _room(data, 1).append(text),
    "tags.extend": lambda data, texts: _room(data, len(texts)).extend(texts),
    "tags.insert": lambda data, index, text: _room(data, 1).insert(index, text),
    "tags.pop": lambda data, index: data["tags"].pop(index),
    "tags.remove": lambda data, text: data["tags"].remove(text),
    "tags.remove_range": _cut,
    "tags.set_item": _set,
    "tags.clear": lambda data: data["tags"].clear(),
    "counts.set_item": lambda data, name, number: data["counts"].__setitem__(name, number),
    "counts.update": lambda data, entries: data["counts"].update(entries),
    "counts.pop": lambda data, name: data["counts"].pop(name),
    "counts.del_item": lambda data, name: data["counts"].__delitem__(name),
    "counts.clear": lambda data: data["counts"].clear(),
}
#: What changes nothing where there is nothing, and then is no write.
NO_WRITE_IF_SAME = {"tags.remove_range", "tags.clear", "counts.clear"}
#: Operations whose result is compared: others give a number, or nothing.
TELLING = {"n.increase", "tags.pop", "counts.pop", "f.increase"}


class RulesOfParts(RulesOfOne):
    def operate(self, pk: str, call: Callable[[], Any], operation: tuple[Any, ...]) -> bool:
        """Do an operation to a document that is there, and give whether it was done."""
        name, *arguments = operation
        document = copy.deepcopy(self.docs[pk])
        try:
            result = applied(document, name, tuple(arguments))
        except Refused as refused:
            self.do(call, refused.args[0])
            return False
        found = self.do(call)
        assert name not in TELLING or found == result
        if document != self.docs[pk] or name not in NO_WRITE_IF_SAME:
            self.write(pk, document)
        return True

    @rule(pk=PKS, operation=NUMBERS | BY_PATH)
    def numbers_by_path(self, pk: str, operation: tuple[Any, ...]) -> None:
        self.operate_by_path(pk, operation)

    @rule(pk=PKS, operation=LISTS)
    def lists_by_path(self, pk: str, operation: tuple[Any, ...]) -> None:
        self.operate_by_path(pk, operation)

    @rule(pk=PKS, operation=DICTS)
    def dicts_by_path(self, pk: str, operation: tuple[Any, ...]) -> None:
        self.operate_by_path(pk, operation)

    def operate_by_path(self, pk: str, operation: tuple[Any, ...]) -> None:
        path, _, method = operation[0].rpartition(".")

        def call() -> Any:
            return getattr(self.model.path(path), method)(pk, *operation[1:])

        if pk in self.docs:
            self.operate(pk, call, operation)
        else:
            self.do(call, self.missing(pk))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), operation=NUMBERS)
    def numbers_by_value(self, data: st.DataObject, operation: tuple[Any, ...]) -> None:
        self.operate_by_value(data, operation)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), operation=LISTS)
    def lists_by_value(self, data: st.DataObject, operation: tuple[Any, ...]) -> None:
        self.operate_by_value(data, operation)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), operation=DICTS)
    def dicts_by_value(self, data: st.DataObject, operation: tuple[Any, ...]) -> None:
        self.operate_by_value(data, operation)

    def operate_by_value(self, data: st.DataObject, operation: tuple[Any, ...]) -> None:
        _, held = self.some_held(data)
        pk = held.data["id"]
        name, _, method = operation[0].partition(".")

        def call() -> Any:
            return getattr(getattr(held.instance, name), f"a{method}")(*operation[1:])

        refusal = self.refusal(held)
        if refusal is not None:
            self.do(call, (refusal, IndexError, KeyError, ValueError, LookupError))
            return
        before = copy.deepcopy(self.docs[pk])
        if not self.operate(pk, call, operation):
            return
        after = self.docs[pk]
        if name in ("n", "s") or (name == "tags" and len(held.data["tags"]) != len(before["tags"])):
            held.data[name] = copy.deepcopy(after[name])
        elif name == "tags" and held.data["tags"] != before["tags"]:
            held.data["tags"] = list(held.instance.tags)  # others have put in other elements
        elif name == "counts" and method in ("pop", "del_item"):
            held.data["counts"].pop(operation[1], None)
        else:
            applied(held.data, operation[0], operation[1:])
        if self.counts_writes:
            held.data["revision"] = after["revision"]

    @rule(pk=PKS)
    def read_parts(self, pk: str) -> None:
        model = self.model
        paths = (model.n, model.tags, model.inner.city, model.at)
        found = self.do(lambda: model.extract(pk, *paths), self.missing(pk))
        if pk in self.docs:
            data = self.docs[pk]
            assert found == (data["n"], data["tags"], data["inner"]["city"], data["at"])
            assert self.do(lambda: model.counts.len(pk)) == len(data["counts"])
