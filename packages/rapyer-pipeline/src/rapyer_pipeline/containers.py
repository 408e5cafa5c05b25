"""The containers of documents in a program: models, and what all containers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self

from rapyer.expr import Condition, Value
from rapyer.expr.nodes import Comparison, IsNone
from rapyer.expr.operands import Kind
from rapyer.expr.text import stored_text

from rapyer_pipeline.leaves import Leaf
from rapyer_pipeline.operands import Operand
from rapyer_pipeline.predicates import TracedCondition
from rapyer_pipeline.recorded import Recorded, saying_where
from rapyer_pipeline.recorder import quote
from rapyer_pipeline.spots import Spot

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer_pipeline.recorder import Moment, Recorder
    from rapyer_pipeline.shapes import Shape


class Container(Recorded, Value[Any]):
    """A container in a document.

    You reach its parts through it. As a whole it can be copied, compared with `==`, and assigned.

    Attributes:
        spot_: Where it is; for the current element of a loop, only the register.
        shape_: What its values are like.
    """

    __slots__ = (
        "_kept",
        "_moment",
        "_moves",
        "is_bound_",
        "recorder_",
        "shape_",
        "spot_",
    )  # fmt: skip

    spot_: Spot
    shape_: Shape
    recorder_: Recorder
    is_bound_: bool
    _kept: str
    _moment: Moment
    _moves: int

    @classmethod
    def at_(cls, recorder: Recorder, spot: Spot, *, is_bound: bool = False) -> Self:
        """Return the container at a place, as it is now.

        Args:
            recorder: Records the program.
            spot: The place.
            is_bound: Whether its reference is a register, which stands for the container itself.
        """
        container = object.__new__(cls)
        put = object.__setattr__
        put(container, "recorder_", recorder)
        put(container, "spot_", spot)
        put(container, "shape_", spot.shape)
        put(container, "_moves", recorder.moves)
        put(container, "_kept", spot.reference if is_bound else "")
        put(container, "is_bound_", is_bound)
        put(container, "_moment", recorder.now)
        return container

    def reference_(self, recorder: Recorder) -> str:
        """Return the parts of the reference to the container, as it was when it was read."""
        if self.recorder_ is not recorder:
            raise recorder.error(f"{self!r} is from another pipeline")
        if recorder.broken:
            recorder.begin()
        if self.is_current_():
            return self.spot_.reference
        if self._kept and self._moment[0] in recorder.blocks:
            return self._kept
        register = recorder.register()
        text = f'["bind",0,{register},[{self.spot_.reference}]]'
        recorder.keep(self._moment, text, self)
        object.__setattr__(self, "_kept", str(register))
        return self._kept

    def is_current_(self) -> bool:
        """Return whether its place still holds the container that was read.

        This holds until a container moves; if values of the document lead there, as in
        `p.items[p.number]`, it holds until the next statement.
        """
        recorder = self.recorder_
        if self._kept or self._moves != recorder.moves:
            return False
        return self._moment is recorder.now or not self.spot_.is_calculated

    def augmented_(self, change: Callable[[Any], Any], values: Any) -> Self:
        """Perform `+=` or `|=`, and give what Python then assigns to the same place."""
        is_current = self.is_current_() and not self.spot_.is_calculated
        change(values)
        if not is_current:
            return self
        made = self.recorder_.augmented = type(self).at_(self.recorder_, self.spot_)
        return made

    @property
    def __kinds__(self) -> tuple[Kind, ...]:
        """What it can be compared with."""
        return self.shape_.kinds

    def __repr__(self) -> str:
        return repr(self.spot_)

    def set(self, value: Any) -> None:
        """Assign a value, as `p.field = value` does; for use in lambdas."""
        if self.is_bound_:
            raise self.refuse_(
                f"{self!r} is the current element of a loop. Assign to its place: p.items[0] = "
                "..., or to its fields"
            )
        self.spot_.assign(self.recorder_, value)

    def is_at_(self, spot: Spot) -> bool:
        """Return whether it is already at a place, so that assigning it there changes nothing."""
        is_there = self.shape_ is spot.shape and self.spot_.reference == spot.reference
        return is_there and self.is_current_()

    # -- what is below ----------------------------------------------------------------------------

    def below_(self, shape: Shape, step: str, label: Any) -> Any:
        """Return what is below it, at a step."""
        above = self.reference_(self.recorder_)
        return reach(self.recorder_, Spot(shape, above, step, label=label, top=self.spot_.top))

    def element_at_(self, register: int) -> Any:
        """Return the element that a register stands for."""
        return in_register(self.recorder_, self.shape_.element, register, self, "element")

    def code_of_index_(self, index: Any, kind: str) -> str:
        """Return the expression for an index or a key of a kind."""
        recorder = self.recorder_
        if isinstance(index, Operand):
            if index.kind_ != kind:
                raise self.refuse_(f"{self!r}[{index!r}]: {index!r} is not a valid index or key")
            return index.use_(recorder)
        return self.constant_key_(index, kind)

    def constant_key_(self, key: Any, kind: str) -> str:
        """Return the expression for a known index or key."""
        if kind == "i":
            if isinstance(key, slice):
                raise self.refuse_(f"{self!r}[...]: slices are not supported in a pipeline")
            if type(key) is not int or not -(2**53) < key < 2**53:
                raise self.refuse_(f"{self!r}[{key!r}]: {key!r} is not a list index")
            return self.recorder_.constant(str(key), "i")
        return self.recorder_.constant(quote(stored_text(key)), "s")

    # -- conditions -------------------------------------------------------------------------------

    def _compare(self, operator: str, other: Any) -> Condition:
        if operator != "==":
            raise self.refuse_(
                f"{self!r} {operator} {other!r}: containers have no order in a pipeline"
            )
        if isinstance(other, Recorded):
            return TracedCondition.of_node_(self.recorder_, Comparison("==", self, other))
        return TracedCondition.of_node_(
            self.recorder_, Comparison("==", self, self._operand("==", other))
        )

    def _operand(self, operator: str, other: Any) -> Any:
        with saying_where(self.recorder_):
            return super()._operand(operator, other)

    def _different(self, other: Any) -> Condition:
        return ~self._compare("==", other)

    def is_none(self) -> Condition:
        """Make the condition that it is None, or does not exist."""
        return TracedCondition.of_node_(self.recorder_, IsNone(self))

    def _for_each(self, node: Any, *parts: Any) -> Condition:
        return TracedCondition.of_node_(self.recorder_, node(self, *parts))

    def _calculate(self, operator: str, other: Any, *, reflected: bool = False) -> Value[Any]:
        del reflected
        raise self.refuse_(
            f"{self!r} {operator} {other!r} would create another container, which a pipeline "
            "cannot do. Change the existing one: append, extend, update, add"
        )


class TracedModel(Container):
    """A nested model: `p.address.city`."""

    __slots__ = ()

    def field_(self, name: str) -> Any:
        """Return the value of a field."""
        shape = self.shape_.field(name)
        if shape is None:
            raise self.no_field_(name)
        return self.below_(shape, shape.step, lambda: f"{self!r}.{name}")

    def no_field_(self, name: str) -> Exception:
        """Make the error for a field that does not exist."""
        return self.refuse_(f"{self!r} has no field {name!r}: it is {self.shape_.type_name}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.field_(name)

    def __setattr__(self, name: str, value: Any) -> None:
        shape = self.shape_.field(name)
        if shape is None:
            raise self.no_field_(name)
        recorder = self.recorder_
        above, top = self.reference_(recorder), self.spot_.top
        spot = Spot(shape, above, shape.step, label=lambda: f"{self!r}.{name}", top=top)
        assign(recorder, spot, value)

    def __delattr__(self, name: str) -> None:
        raise self.refuse_(f"the field {self!r}.{name} cannot be deleted. Assign another value")

    def __getitem__(self, name: Any) -> Any:
        return self.field_(name)

    def __setitem__(self, name: Any, value: Any) -> None:
        setattr(self, name, value)


class Opaque(Container):
    """A value whose inside the interpreter cannot see: of a union, a tuple, or any other type."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise self.refuse_(
            f"{self!r} is {self.shape_.type_name}, whose parts a pipeline cannot access: "
            f"{name!r} is not available. Assign it as a whole, or compare it with =="
        )

    def __getitem__(self, item: Any) -> NoReturn:
        raise self.refuse_(
            f"{self!r} is {self.shape_.type_name}, whose parts a pipeline cannot access: "
            f"[{item!r}] is not available. Assign it as a whole, or compare it with =="
        )

    def __setitem__(self, item: Any, value: Any) -> None:
        self[item]

    def __delitem__(self, item: Any) -> None:
        self[item]


def reach(recorder: Recorder, spot: Spot) -> Any:
    """Return what stands in a program for the value at a place."""
    shape = spot.shape
    if shape.role != "scalar":
        return recorder.containers[shape.role].at_(recorder, spot)
    if spot.top is spot:  # a field of the document
        recorder.scalars[spot] = None
        if recorder.refreshes:
            recorder.touch(spot.top, "s")
    elif recorder.columns:
        columns = recorder.columns.get(spot.above)
        if columns is not None and shape.is_field:
            columns[shape.quoted_name] = None
    return Leaf.at_(recorder, spot)


def assign(recorder: Recorder, spot: Spot, value: Any) -> None:
    """Record an assignment, unless it puts a container where it already is, as `+=` does."""
    if value is recorder.augmented and isinstance(value, Container) and value.is_at_(spot):
        return
    spot.assign(recorder, value)


def in_register(
    recorder: Recorder, shape: Shape, register: int, container: Container, label: Any
) -> Any:
    """Return what stands in a program for the element, or dict value, that a loop is at."""
    spot = Spot(shape, str(register), "", label=label, top=container.spot_.top)
    if shape.role != "scalar":
        return recorder.containers[shape.role].at_(recorder, spot, is_bound=True)
    leaf = Leaf.at_(recorder, spot)
    leaf.keep_as_(f'["var",{register}]')
    return leaf
