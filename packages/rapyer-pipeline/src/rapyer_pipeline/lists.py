"""The lists and sets of documents in a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from rapyer.expr import Condition
from rapyer.expr.annotations import element_models
from rapyer.expr.nodes import AnyElement

from rapyer_pipeline.collections import Collection
from rapyer_pipeline.containers import Container, assign, reach
from rapyer_pipeline.leaves import Leaf
from rapyer_pipeline.loops import looping_over
from rapyer_pipeline.natures import is_same_schema
from rapyer_pipeline.predicates import TracedCondition
from rapyer_pipeline.recorded import Recorded, saying_where
from rapyer_pipeline.results import Result
from rapyer_pipeline.spots import Spot


class TracedList(Collection):
    """A list: `p.tags.append("x")`, `p.items[0].price`, `for item in p.items`."""

    __slots__ = ()

    offers_ = (
        "append, extend, insert, remove, pop, clear, sort, reverse, contains, any, indexes, and "
        "loops"
    )

    def _spot(self, index: Any) -> Spot:
        code = self.code_of_index_(index, "i")
        return self.element_spot_(f'["e",{code}]', lambda: f"{self!r}[{index!r}]")

    def __getitem__(self, index: Any) -> Any:
        return reach(self.recorder_, self._spot(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        assign(self.recorder_, self._spot(index), value)

    def __delitem__(self, index: Any) -> None:
        code = self.code_of_index_(index, "i")
        number, reference = self.begin_()
        self.end_(f'["pop",{number},[{reference}],{code},0,0,"j"]')

    def append(self, value: Any) -> None:
        """Add `value` at the end."""
        code = self.code_of_(value)
        self._append(code)

    def _append(self, codes: str) -> None:
        number, reference = self.begin_(is_append=True)
        self.end_(f'["append",{number},[{reference}],[{codes}],{self.shape_.element.type_text}]')

    def extend(self, values: Any) -> None:
        """Append all elements of `values`, which may be a list of the document."""
        if isinstance(values, Container):
            if values.shape_.role != "list" or (
                values.shape_.element.type_text != self.shape_.element.type_text
                or not is_same_schema(
                    values.shape_.element.schema,
                    self.shape_.element.schema,
                    self.shape_.locator,
                )
            ):
                raise self.refuse_(f"{values!r} has elements of a different type than {self!r}")
            other, kind = values.reference_(self.recorder_), self.shape_.element.type_text
            number, reference = self.begin_(is_append=True)
            self.end_(f'["extend",{number},[{reference}],[{other}],{kind}]')
            return
        self._append(",".join([self.code_of_(value) for value in self._known(values)]))

    def _known(self, values: Any) -> Any:
        if isinstance(values, Recorded) or not isinstance(values, Iterable):
            raise self.refuse_(f"{values!r} is not a list")
        known: Any = values  # pyright: ignore[reportUnknownVariableType] - of anything, looked at one by one
        return known

    if not TYPE_CHECKING:  # for type checkers it would have to agree with + and |

        def __iadd__(self, values: Any) -> Any:
            return self.augmented_(self.extend, values)

    def insert(self, index: Any, value: Any) -> None:
        """Add `value` before `index`."""
        place, code = self.code_of_index_(index, "i"), self.code_of_(value)
        number, reference = self.begin_()
        kind = self.shape_.element.type_text
        self.end_(f'["insert",{number},[{reference}],{place},{code},{kind}]')

    def pop(self, index: Any = -1) -> Any:
        """Remove the last element, or the one at `index`, and give it.

        The result's `value` is available after the block.
        """
        code = self.code_of_index_(index, "i")
        number, reference = self.begin_()
        result = Result.of_shape_(
            self.recorder_, self.shape_.element, lambda: f"{self!r}.pop({index!r})"
        )
        self.end_(
            f'["pop",{number},[{reference}],{code},{result.number_},{result.register_},'
            f'"{self.shape_.element.kind}"]'
        )
        return result

    def remove(self, value: Any) -> None:
        """Remove the first element equal to `value`; for an element of a loop, that very one."""
        kind = self.shape_.element.kind
        register = _register_of(value)
        if register:
            number, reference = self.begin_()
            self.end_(f'["remove_this",{number},[{reference}],{register},"{kind}"]')
            return
        if kind == "j" and not self.shape_.element.is_comparable:
            raise self.refuse_(
                f"{self!r}.remove({value!r}): elements that contain Decimals, datetimes or times "
                "cannot be compared in a pipeline. Loop over them and remove the one you mean"
            )
        code = self.code_of_(value)
        number, reference = self.begin_()
        self.end_(f'["remove",{number},[{reference}],{code},"{kind}"]')

    def sort(self, *, key: Any = None, reverse: bool = False) -> None:
        """Sort the elements as Python does, descending with `reverse`; `key` is not supported."""
        element = self.shape_.element
        if key is not None:
            raise self.refuse_(f"{self!r}.sort takes no key in a pipeline")
        if not element.calculates and element.kind not in "tc":
            raise self.refuse_(f"{self!r} has elements that have no order")
        number, reference = self.begin_()
        descending = "true" if reverse else "false"
        self.end_(f'["sort",{number},[{reference}],"{element.kind}",{descending}]')

    def reverse(self) -> None:
        """Reverse the order of the elements."""
        number, reference = self.begin_()
        self.end_(f'["reverse",{number},[{reference}]]')

    def contains(self, operand: Any) -> Condition:
        """Make the condition that `operand` is one of the elements."""
        return self._contains(operand)

    def any(self, condition: Any) -> Condition:
        """Make the condition that one element matches `condition`, a condition on their model."""
        if not isinstance(condition, Condition) or not element_models(self.shape_.annotation):
            raise self.refuse_(
                f"{self!r}.any({condition!r}) needs elements that are models, and a condition on "
                "their model, such as Item.price > 5"
            )
        of_self: Any = self
        return TracedCondition.of_node_(self.recorder_, AnyElement(of_self, condition))

    def __iter__(self) -> Any:
        return looping_over(self)

    def __getattr__(self, name: str) -> Any:
        for model in element_models(self.shape_.annotation):
            if name in model.__pydantic_fields__:
                path: Any = getattr(model, name)
                return EachElement(self, path)
        return super().__getattr__(name)


class EachElement:
    """A field of each element of a list of models: comparing it asks for a matching element."""

    __slots__ = ("_list", "_path")

    def __init__(self, of_list: TracedList, path: Any) -> None:
        self._list = of_list
        self._path = path

    def __repr__(self) -> str:
        return f"{self._list!r}.{self._path!r}"

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> Any:
        return self._ask(lambda path: path == other)

    def __ne__(self, other: object) -> Any:
        recorder = self._list.recorder_
        raise recorder.error(
            f"{self!r} != {other!r} has two readings. Write ~(... == ...) for no element, or "
            f".any({self._path!r} != {other!r}) for some element"
        )

    def __lt__(self, other: Any) -> Any:
        return self._ask(lambda path: path < other)

    def __le__(self, other: Any) -> Any:
        return self._ask(lambda path: path <= other)

    def __gt__(self, other: Any) -> Any:
        return self._ask(lambda path: path > other)

    def __ge__(self, other: Any) -> Any:
        return self._ask(lambda path: path >= other)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._path, name)
        if not callable(found) or name in _NO_CONDITIONS:
            return EachElement(self._list, found)

        def ask(*parts: Any) -> Condition:
            return self._ask(lambda path: getattr(path, name)(*parts))

        return ask

    def _ask(self, condition: Callable[[Any], Any]) -> Condition:
        with saying_where(self._list.recorder_):
            asked = condition(self._path)
        return self._list.any(asked)


_NO_CONDITIONS: Final = frozenset({"get", "set", "asc", "desc"})


def _register_of(value: object) -> str:
    """Return the register of the current element of a loop; empty for anything else."""
    if isinstance(value, Container) and value.is_bound_:
        return value.spot_.reference
    if isinstance(value, Leaf) and not value.spot_.step:
        return value.spot_.above
    return ""


class TracedSet(Collection):
    """A set: `p.roles.add("admin")`."""

    __slots__ = ()

    offers_ = "add, update, discard, remove, clear, contains, and loops"

    def add(self, value: Any) -> None:
        """Add `value` unless it is already there."""
        code = self.code_of_(value)
        number, reference = self.begin_()
        self.end_(f'["add",{number},[{reference}],{code},{self.shape_.element.type_text}]')

    def update(self, values: Iterable[Any]) -> None:
        """Add all of `values`, which have to be known while recording."""
        if isinstance(values, Recorded):
            raise self.refuse_(f"{values!r} is not a set with known elements")
        self.require_()
        for value in values:
            self.add(value)

    def discard(self, value: Any) -> None:
        """Remove `value` if it is there."""
        self._take_out(value, strict="false")

    def remove(self, value: Any) -> None:
        """Remove `value`; the program fails if it is not there."""
        self._take_out(value, strict="true")

    def _take_out(self, value: Any, *, strict: str) -> None:
        code = self.code_of_(value)
        number, reference = self.begin_()
        kind = self.shape_.element.kind
        self.end_(f'["discard",{number},[{reference}],{code},"{kind}",{strict}]')

    if not TYPE_CHECKING:  # for type checkers it would have to agree with + and |

        def __ior__(self, values: Any) -> Any:
            return self.augmented_(self.update, values)

    def contains(self, operand: Any) -> Condition:
        """Make the condition that `operand` is one of the elements."""
        return self._contains(operand)

    def __iter__(self) -> Any:
        return looping_over(self)
