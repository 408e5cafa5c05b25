"""Queries as objects: what can be put together, and what is refused at once."""

from __future__ import annotations

import inspect
import re
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel
from rapyer import AtomicRedisModel, EmbeddedModel, ExpressionError, Field, Key, Mapped
from rapyer.errors import InvalidPathError, ModelDefinitionError
from rapyer_query import Query
from rapyer_query.foreign import FOREIGN


class Item(EmbeddedModel):
    price: Mapped[float]


class Person(AtomicRedisModel):
    id: Key[int]
    name: Mapped[str]
    age: Mapped[int] = Field(default=0)
    active: Mapped[bool] = Field(default=True)
    tags: Mapped[list[str]] = Field(default_factory=list)
    items: Mapped[list[Item]] = Field(default_factory=list)
    meta: Mapped[dict[str, int]] = Field(default_factory=dict)
    anything: Any = None
    either: Mapped[int | str] = Field(default=0)

    class Config:
        prefix = "query:building"


class Employee(Person):
    salary: Mapped[Decimal] = Field(default=Decimal(0))

    class Config(Person.Config):
        prefix = "query:building-employee"


class Other(AtomicRedisModel):
    name: Mapped[str]

    class Config:
        prefix = "query:building-other"


class View(BaseModel):
    name: str
    tags: list[str]


def test_a_query_is_immutable_and_shows_what_it_asks_for():
    query: Any = Person.find(Person.age > 3)
    narrowed = query.where(Person.name == "x").sort(Person.age.desc(), "name").skip(2).limit(5)
    assert repr(query) == "Person.find(Person.age > 3)"
    assert repr(narrowed) == (
        "Person.find((Person.age > 3) & (Person.name == 'x'))"
        ".sort(Person.age.desc(), Person.name.asc()).skip(2).limit(5)"
    )
    assert isinstance(narrowed, Query)
    assert repr(narrowed.limit(None).skip(0).where()) == repr(narrowed).partition(".skip")[0]
    assert repr(Person.find()) == "Person.find()"


def test_a_query_that_was_not_asked_has_no_truth_value():
    with pytest.raises(
        TypeError, match=r"has not been run yet\. Await \.exists\(\) or \.to_list\(\)"
    ):
        bool(Person.find())
    assert not inspect.isawaitable(Person.find())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("x", r"find was given 'x', which is not a condition on Person\..*Person\.get\(key\)"),
        (True, r"A bool results from `is`, `in`, `not`.*start at the class"),
        (None, "which is not a condition on Person"),
        ("field", r"A field alone is not a condition: write Person\.active == True\."),
        ("text", r"A field alone is not a condition: write Person\.name == \.\.\."),
        (
            "other",
            r"is a condition on Other, but the query is for documents of Person\. Start it at",
        ),
        ("sub", r"is a condition on Employee, but the query is for documents of Person"),
    ],
)
def test_what_is_no_condition_on_the_model_is_refused_with_the_remedy(given, message):
    others = {
        "field": Person.active,
        "text": Person.name,
        "other": Other.name == "x",
        "sub": Employee.salary > 3,
    }
    condition: Any = others.get(given, given)
    with pytest.raises(ExpressionError, match=message):
        Person.find(condition)
    with pytest.raises(ExpressionError, match=message):
        Person.find().where(condition)


def test_a_condition_on_a_model_as_it_was_defined_before_is_told_from_one_on_another():
    def define() -> Any:
        class Cell(AtomicRedisModel):
            age: int = 0

            class Config:
                prefix = "query:building-cell"

        return Cell

    before, now = define(), define()
    with pytest.raises(ExpressionError, match=r"Cell as previously defined, .*Rewrite it from C"):
        now.find(before.age > 3)


@pytest.mark.parametrize("name", FOREIGN)
def test_a_name_of_other_libraries_says_what_it_is_here(name):
    query: Any = Person.find(Person.age > 3)
    methods = re.findall(r"\.([a-z]\w*)\(", FOREIGN[name])
    assert methods, "it names no method"
    assert set(methods) <= {*dir(Query), *dir(query.group_by()), *dir(Person.age)}
    assert not hasattr(query, name)
    said = rf"Person\.find\(Person\.age > 3\) has no {name!r}\. Write `"
    with pytest.raises(AttributeError, match=said) as caught:
        getattr(query, name)
    assert caught.value.name == name


def test_any_other_name_is_an_error_as_ever():
    query: Any = Person.find()
    with pytest.raises(AttributeError, match="'Query' object has no attribute 'whatever'"):
        _ = query.whatever


@pytest.mark.parametrize(
    "write",
    [
        lambda: Person.find(Person.age > 3 and Person.age < 5),
        lambda: Person.find(not Person.active),
        lambda: Person.find(1 < Person.age < 5),
        lambda: Person.find(Person.age in [1, 2]),
        lambda: Person.find(Person.age.startswith("3")),
        lambda: Person.find(Person.name > 3),
    ],
)
def test_what_python_would_decide_at_once_is_refused(write):
    with pytest.raises(TypeError):
        write()


def test_a_condition_of_a_base_is_one_on_the_model():
    assert repr(Employee.find(Person.age > 3)) == "Employee.find(Person.age > 3)"


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (Person.tags, "documents cannot be ordered by Person.tags"),
        (Person.meta, "documents cannot be ordered by Person.meta"),
        (Person.anything, "cannot be ordered by Person.anything"),
        (Person.either, r"cannot be ordered by Person\.either.*plain values of one kind"),
        (Person.items.price, "has many values in a document"),
        (Other.name, "is of Other, but the query is for documents of Person"),
        (3, "3 is not a field of Person"),
        (Person.age > 3, "is not a field of Person"),
    ],
)
def test_what_documents_have_no_order_by_is_refused(order, message):
    with pytest.raises(ExpressionError, match=message):
        Person.find().sort(order)


def test_an_order_may_be_given_as_text():
    query = Person.find().sort("-age", "name", "meta['a']")
    assert repr(query).endswith(
        ".sort(Person.age.desc(), Person.name.asc(), Person.meta['a'].asc())"
    )
    with pytest.raises(InvalidPathError, match="'agee' is not a valid path"):
        Person.find().sort("agee")


@pytest.mark.parametrize("number", [-1, 1.5, True, "3"])
def test_what_is_no_number_of_documents_is_refused(number):
    with pytest.raises(ValueError, match=r"skip is .* Give a whole number, 0 or more"):
        Person.find().skip(number)
    with pytest.raises(ValueError, match=r"limit is .* Give a whole number, 0 or more"):
        Person.find().limit(number)


def test_other_arguments_are_looked_at_as_well():
    wrong: Any = "sometimes"
    with pytest.raises(ValueError, match=r"on_corrupt is 'sometimes'\. Give 'raise' or 'skip'"):
        Person.find().on_corrupt(wrong)
    wrong_numbers: list[Any] = [0, -1, True, "3", None, float("inf"), float("nan"), 1e9]
    for seconds in wrong_numbers:
        with pytest.raises(
            ValueError, match=r"timeout is .* Give a number of seconds greater than 0"
        ):
            Person.find().timeout(seconds)
    with pytest.raises(TypeError, match="values was given nothing"):
        Person.find().values()
    with pytest.raises(ExpressionError, match="stands for the values of all elements"):
        Person.find().values(Person.items.price)
    with pytest.raises(ExpressionError, match="is not a path of Person"):
        Person.find().values(Other.name)


def test_a_view_has_fields_of_the_model():
    class Wrong(BaseModel):
        nam: str

    class Empty(BaseModel):
        pass

    assert isinstance(Person.find().project(View), Query)
    with pytest.raises(
        ExpressionError, match=r"Wrong\.nam is not a field of Person, which has id, na"
    ):
        Person.find().project(Wrong)
    with pytest.raises(ExpressionError, match=r"Empty has no fields\. Use \.keys\(\) instead"):
        Person.find().project(Empty)
    anything: Any = dict
    with pytest.raises(TypeError, match=r"project was given .*Give a pydantic model"):
        Person.find().project(anything)


def test_what_is_to_be_indexed_and_cannot_be_is_refused_with_the_model():
    message = r"Wrong\.flags is declared with Field\(index=True\), but has no indexable form"
    with pytest.raises(ModelDefinitionError, match=message):

        class Wrong(AtomicRedisModel):
            flags: list[bool] = Field(index=True)

            class Config:
                prefix = "query:building-wrong"

    with pytest.raises(TypeError, match=r"index_keys is 'ab'\. Give a list of keys"):
        Field(index_keys="ab")
    wrong: Any = [3]
    with pytest.raises(TypeError, match=r"index_keys has 3, which is not a string"):
        Field(index_keys=wrong)
