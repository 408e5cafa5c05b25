"""The way from a model to a value inside its documents. Pure: nothing here uses Redis."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any, Self, TypeAlias, overload
from weakref import WeakKeyDictionary, WeakValueDictionary

from pydantic import BaseModel
from typing_extensions import TypeIs, TypeVar

from rapyer.errors import ExpressionError
from rapyer.expr.annotations import element_models, is_same, members_of
from rapyer.expr.each import follow, refuse_each, split_each
from rapyer.expr.nodes import (
    AnyElement,
    Condition,
    Contains,
    EndsWith,
    StartsWith,
    roots_of,
)
from rapyer.expr.operands import Kind, kinds_of
from rapyer.expr.search import Matches
from rapyer.expr.steps import EACH, Step, field_step, item_step, nearest_field
from rapyer.expr.values import Value, is_value
from rapyer.guards import is_class

T = TypeVar("T", default=Any)
E = TypeVar("E")
_Text: TypeAlias = "Path[str] | Path[str | None]"


#: Paths are interned: as dict keys they are found by identity, because == builds a condition.
_interned: WeakKeyDictionary[type[BaseModel], WeakValueDictionary[tuple[Step, ...], Path[Any]]] = (
    WeakKeyDictionary()
)
_interning = Lock()


class Path(Value[T]):
    """A place in the documents of a model: `User.age`, `User.address.city`, `User.tags[0]`.

    Accessing a field on the class of a model makes a path. Paths are immutable and hashable, so
    `{User.age: 3}` is a dict: two paths from the same model to the same place are one object.

    Functions of this module give the parts of a path: `model_of`, `steps_of` and `annotation_of`.
    An attribute name on a path is that of a field, except for the few methods of paths.
    """

    __slots__ = (
        "__annotation__",
        "__fields__",
        "__made_kinds__",
        "__model__",
        "__steps__",
        "__weakref__",
    )

    __model__: type[BaseModel]
    __steps__: tuple[Step, ...]
    __annotation__: Any
    __fields__: dict[str, Path[Any]]

    @classmethod
    def __of__(cls, model: type[BaseModel], steps: tuple[Step, ...], annotation: Any) -> Path[Any]:
        """Return the path with these steps; the existing one, if there is one."""
        paths = _interned.get(model)
        path = None if paths is None else paths.get(steps)
        if path is None or not is_same(path.__annotation__, annotation):
            with _interning:
                paths = _interned.setdefault(model, WeakValueDictionary())
                path = paths.get(steps)
                if path is None or not is_same(path.__annotation__, annotation):
                    path = object.__new__(cls._class_for(annotation))
                    path.__model__, path.__steps__, path.__annotation__ = model, steps, annotation
                    path.__fields__ = {}
                    paths[steps] = path
        return path

    @classmethod
    def _class_for(cls, annotation: Any) -> type[Path[Any]]:  # noqa: ARG003 - subclasses look at it
        return cls

    @property
    def __kinds__(self) -> tuple[Kind, ...]:
        """What the value, if it is not None, can be compared with."""
        try:
            return self.__made_kinds__
        except AttributeError:
            self.__made_kinds__: tuple[Kind, ...] = kinds_of(self.__annotation__)
            return self.__made_kinds__

    def __root__(self) -> type[BaseModel]:
        return self.__model__

    def __structure__(self) -> tuple[Hashable, ...]:
        """Return what the path consists of, in a form that is equal for equal paths."""
        return Path, self.__model__, self.__steps__

    def __hash__(self) -> int:
        # of the object: two paths with the same hash would be compared, and == builds a condition.
        # CPython gives -1 and -2 the same hash, so the hashes of their steps would be equal too.
        return object.__hash__(self)

    def __repr__(self) -> str:
        return self.__model__.__name__ + "".join(map(str, self.__steps__))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return follow, (self.__model__, self.__steps__, type(self))

    # -- descending -------------------------------------------------------------------------------

    def __step__(self, step: Step, annotation: Any) -> Path[Any]:
        """Return the path that goes one step further."""
        return self.__of__(self.__model__, (*self.__steps__, step), annotation)

    def __field__(self, name: str) -> Path[Any] | None:
        """Return the path to a field of what the path leads to; None if there is none.

        On a list of models it leads to that field of each element.
        """
        path: Path[Any] | None = self.__fields__.get(name)
        if path is None:
            found = field_step(self.__annotation__, name)
            if found is not None:
                each, annotation = found
                start = self if each is None else self.__step__(EACH, each)
                path = self.__fields__[name] = start.__step__(Step("field", name), annotation)
        return path

    if not TYPE_CHECKING:  # hidden from checkers, so that a misspelled field stays an error there

        def __getattr__(self, name: str) -> Path[Any]:
            if name.startswith("_"):  # unset slots, and attributes that copy and others look for
                raise AttributeError(name)
            path = self.__field__(name)
            if path is None:
                kind = self.__annotation__
                raise AttributeError(
                    f"{self!r} has no field or operation {name!r}: it points to "
                    f"{kind.__name__ if is_class(kind) else repr(kind)}."
                    f"{nearest_field(kind, name)}",
                    name=name,
                    obj=self,
                )
            return path

        def __getitem__(self, item: Any) -> Path[Any]:
            return self.__item__(item)

    def __item__(self, item: Any) -> Path[Any]:
        """Return the path to an element of a list, to the value of a key, or to a field."""
        for annotation in members_of(self.__annotation__):
            step = item_step(annotation, item)
            if step is not None:
                return self.__step__(*step)
        raise ExpressionError(
            f"{self!r}[{item!r}] does not exist: {self!r} points to {self.__annotation__!r}. A "
            "list takes an index, a dict a key of its type, a model the name of a field."
        )

    # -- conditions -------------------------------------------------------------------------------

    def any(self, condition: Condition | bool) -> Condition:
        """Say that a list of models has one element that fulfills a whole condition.

        Args:
            condition: A condition that starts at the element: `Item.price > 5`.

        Raises:
            ExpressionError: It is not a condition on the elements, or this is not a list of models.
        """
        models = element_models(self.__annotation__)
        if not models:
            raise ExpressionError(
                f"{self!r}.any(...) is for lists of models, but this is {self.__annotation__!r}. "
                "Write .contains(value) for a list of plain values."
            )
        if not isinstance(condition, Condition):
            raise ExpressionError(
                f"{self!r}.any was given {condition!r}, which is not a condition. Give one on "
                f"{models[0].__name__}, such as {models[0].__name__}.<field> == ..."
            )
        for root in roots_of(condition):
            if not any(issubclass(model, root) for model in models):
                names = " or ".join(model.__name__ for model in models)
                raise ExpressionError(
                    f"{self!r}.any was given {condition!r}, a condition on {root.__name__}, but "
                    f"the elements are {names}. Start it at {names}."
                )
        return self._for_each(AnyElement, condition)

    @overload
    def contains(self: _Text, operand: str) -> Condition: ...
    @overload
    def contains(self: Path[list[E]], operand: E) -> Condition: ...
    @overload
    def contains(self: Path[list[E] | None], operand: E) -> Condition: ...
    @overload
    def contains(self: Path[set[E]], operand: E) -> Condition: ...
    @overload
    def contains(self: Path[set[E] | None], operand: E) -> Condition: ...
    @overload
    def contains(self: Path[frozenset[E]], operand: E) -> Condition: ...
    @overload
    def contains(self: Path[tuple[E, ...]], operand: E) -> Condition: ...
    def contains(self, operand: Any) -> Condition:
        """Say that a list, set or tuple contains `operand`, or that a text does.

        Raises:
            ExpressionError: It is of another type, or the path leads to neither.
        """
        if any(kind.elements is not None for kind in self.__kinds__):
            return self._for_each(Contains, self._element(operand))
        return self._for_each(Contains, self._text("contains", operand))

    def startswith(self: _Text, operand: str) -> Condition:
        """Say that a text starts with `operand`.

        Raises:
            ExpressionError: One of them is not a text.
        """
        return self._for_each(StartsWith, self._text("startswith", operand))

    def endswith(self: _Text, operand: str) -> Condition:
        """Say that a text ends with `operand`.

        Raises:
            ExpressionError: One of them is not a text.
        """
        return self._for_each(EndsWith, self._text("endswith", operand))

    def matches(self: _Text, text: str, *, fuzzy: int = 0) -> Condition:
        """Say that a text has some words, by full-text search: `User.bio.matches("redis -cache")`.

        The field is declared with `Field(text=True)`; rapyer-query asks its index. See
        docs/fulltext.md for what counts as a word. `"two words"` must follow each other, `pre*` is
        the start of a word, `-not` excludes documents with the word, `(one | other)` is one of
        several; everything else is text.

        Args:
            text: The words, all of which are required.
            fuzzy: By how many letters each of them may differ, up to 3.

        Raises:
            ExpressionError: This is not a text, or no words were given.
        """
        given: object = fuzzy
        if isinstance(given, bool) or given not in (0, 1, 2, 3):
            raise ExpressionError(f"fuzzy is {fuzzy!r}. Give 0, 1, 2 or 3.")
        return self._for_each(Matches, self._text("matches", text), fuzzy)

    def in_(self, operands: Iterable[T | None]) -> Condition:
        """Say that the value is one of several `operands`; a None among them stands for None.

        Raises:
            ExpressionError: One of them is of another type, they are not a list of values, or the
                path leads to a list.
        """
        if any(kind.elements is not None for kind in self.__kinds__):
            raise ExpressionError(
                f"{self!r} is a list. Write {self!r}.contains(value) for one of its elements, or "
                "== for the whole list."
            )
        return super().in_(operands)

    def _compare(self, operator: str, other: Any) -> Condition:
        split = split_each(self)
        if split is None:
            return super()._compare(operator, other)
        return AnyElement(split[0], split[1]._compare(operator, other))

    def _different(self, other: Any) -> Condition:
        split = split_each(self)
        if split is not None:
            raise ExpressionError(
                f"{self!r} != {other!r} has two readings. Write ~({self!r} == {other!r}) for no "
                f"element, or {split[0]!r}.any({split[1]!r} != {other!r}) for some element."
            )
        return super()._different(other)

    def _for_each(self, node: Any, *parts: Any) -> Condition:
        """Build a condition; below each element of a list, it says that one element fulfills it."""
        split = split_each(self)
        if split is None:
            return super()._for_each(node, *parts)
        return AnyElement(split[0], split[1]._for_each(node, *parts))

    def _other_value(self, operator: str, other: Value[Any]) -> Value[Any]:
        refuse_each(self, other)
        return super()._other_value(operator, other)

    def _calculate(self, operator: str, other: Any, *, reflected: bool = False) -> Value[Any]:
        refuse_each(self, other)
        return super()._calculate(operator, other, reflected=reflected)

    def _element(self, operand: Any) -> Any:
        if is_value(operand):
            raise ExpressionError(
                f"{self!r}.contains was given {operand!r}, which has a different value in each "
                "document. Give a plain value; whether a list contains the value of another field "
                "cannot be checked."
            )
        for kind in self.__kinds__:
            for element in kind.elements or ():
                if operand is None or element.accepts(operand):
                    return operand
        raise ExpressionError(
            f"{self!r}.contains({operand!r}) could never hold: {operand!r} is a "
            f"{type(operand).__name__}, but this points to {self.__annotation__!r}."
        )

    def _text(self, method: str, operand: Any) -> str:
        if not any(kind.family == "text" for kind in self.__kinds__):
            raise ExpressionError(
                f"{self!r}.{method}({operand!r}) has no meaning: it is for strings, but this "
                f"points to {self.__annotation__!r}."
            )
        if not isinstance(operand, str):
            raise ExpressionError(
                f"{self!r}.{method} was given {operand!r}, a {type(operand).__name__}. Give a str."
            )
        return operand


def is_path(part: object) -> TypeIs[Path[Any]]:
    """Return whether a part of an expression is a path."""
    return isinstance(part, Path)


def model_of(path: Path[Any]) -> type[BaseModel]:
    """Return the model that a path starts from."""
    return path.__model__


def steps_of(path: Path[Any]) -> tuple[Step, ...]:
    """Return the steps of a path."""
    return path.__steps__


def annotation_of(path: Path[Any]) -> Any:
    """Return the annotation of the value that a path leads to."""
    return path.__annotation__


def field_of(path: Path[Any], name: str) -> Path[Any] | None:
    """Return the path to a field of what a path leads to; None if there is none."""
    return path.__field__(name)


def forget_fields(path: Path[Any]) -> None:
    """Make a path look up the annotations of its fields again."""
    path.__fields__.clear()


def item_of(path: Path[Any], item: Any) -> Path[Any]:
    """Return the path to an element of what a path leads to: `path[item]`.

    Raises:
        ExpressionError: It leads nowhere.
    """
    return path.__item__(item)


def path_of(
    kind: type[Path[Any]], model: type[BaseModel], steps: tuple[Step, ...], annotation: Any
) -> Path[Any]:
    """Return the path of a kind with these steps; the existing one, if there is one."""
    return kind.__of__(model, steps, annotation)
