"""Containers in documents as a program has them: models, and what all containers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.expr import Condition, Value
from rapyer.expr.nodes import Comparison, IsNone
from rapyer.expr.operands import Kind

from rapyer_pipeline.operands import Operand
from rapyer_pipeline.places import Leaf, Place
from rapyer_pipeline.predicates import TracedCondition
from rapyer_pipeline.recorded import Recorded
from rapyer_pipeline.recorder import quote

if TYPE_CHECKING:
    from rapyer_pipeline.recorder import Moment, Recorder
    from rapyer_pipeline.shapes import Shape


class Container(Recorded, Value[Any]):
    """A container in a document.

    What it is made of is reached through it; what it has as a whole is copied, compared with `==`,
    and assigned.

    Attributes:
        place_: Where it stands; for an element that a loop is at, the register alone.
        shape_: What it is like.
    """

    __slots__ = (
        "_kept", "_moment", "_moves", "is_bound_", "place_", "recorder_", "shape_",
    )  # fmt: skip

    place_: Place
    shape_: Shape
    recorder_: Recorder
    is_bound_: bool
    _kept: str
    _moment: Moment
    _moves: int

    @classmethod
    def at(cls, place: Place, *, is_bound: bool = False) -> Container:
        """Give the container at a place, as it is now.

        Args:
            place: The place.
            is_bound: Whether its reference is a register, which stands for the container itself.
        """
        container = object.__new__(cls)
        put = object.__setattr__
        recorder = place.recorder
        put(container, "recorder_", recorder)
        put(container, "place_", place)
        put(container, "shape_", place.shape)
        put(container, "_moves", recorder.moves)
        put(container, "_kept", place.reference if is_bound else "")
        put(container, "is_bound_", is_bound)
        put(container, "_moment", recorder.now)
        return container

    def reference_(self, recorder: Recorder) -> str:
        """Give the parts of the reference to the container, as it was when it was asked for."""
        if self.recorder_ is not recorder:
            raise recorder.error(f"{self!r} is of another pipeline")
        if recorder.broken:
            recorder.begin()
        if not self._kept and self._moves == recorder.moves:
            return self.place_.reference
        block, place, seen = self._moment
        if block not in recorder.blocks:
            raise self._ended()
        if self._kept:
            return self._kept
        register = recorder.register()
        block.insert(place, seen, f'["bind",0,{register},[{self.place_.reference}]]')
        object.__setattr__(self, "_kept", str(register))
        return self._kept

    def _ended(self) -> Exception:
        return self.refuse_(
            f"{self!r} was reached inside of a block or a loop that has ended. Reach it again"
        )

    @property
    def __kinds__(self) -> tuple[Kind, ...]:
        """What it can be compared with."""
        return self.shape_.kinds

    def __repr__(self) -> str:
        return repr(self.place_)

    def set(self, value: Any) -> None:
        """Assign a value, as `p.field = value` does; for lambdas."""
        if self.is_bound_:
            raise self.refuse_(
                f"{self!r} is what a loop is at. Assign to a place: p.items[0] = ..., or its fields"
            )
        self.place_.assign(value)

    def is_at_(self, place: Place) -> bool:
        """Say whether it is what stands at a place: to assign it there changes nothing."""
        return self.shape_ is place.shape and self.place_.reference == place.reference

    # -- what is below ----------------------------------------------------------------------------

    def below_(self, shape: Shape, step: str, label: Any) -> Any:
        """Give what stands below, at a step."""
        above = self.reference_(self.recorder_)
        return at_place(Place(self.recorder_, shape, above, step, label=label, top=self.place_.top))

    def element_at_(self, register: int) -> Any:
        """Give the element that a register stands for."""
        return in_register(self.recorder_, self.shape_.element, register, self, "element")

    def code_of_index_(self, index: Any, kind: str) -> str:
        """Give the expression of an index or a key of a kind."""
        recorder = self.recorder_
        if isinstance(index, Operand):
            if index.kind_ != kind:
                raise self.refuse_(f"{self!r}[{index!r}]: that is no index, or no key, of it")
            return index.use_(recorder)
        return self.constant_key_(index, kind)

    def constant_key_(self, key: Any, kind: str) -> str:
        """Give the expression of an index or a key that is known."""
        if kind == "i":
            if isinstance(key, slice):
                raise self.refuse_(f"{self!r}[...]: slices are not taken in a pipeline")
            if type(key) is not int or not -(2**53) < key < 2**53:
                raise self.refuse_(f"{self!r}[{key!r}]: {key!r} is no index of a list")
            return self.recorder_.constant(str(key), "i")
        return self.recorder_.constant(quote(key), "s")

    # -- conditions -------------------------------------------------------------------------------

    def _compare(self, operator: str, other: Any) -> Condition:
        if operator != "==":
            raise self.refuse_(f"{self!r} {operator} {other!r}: containers have no order here")
        if isinstance(other, Recorded):
            return TracedCondition.of_node(self.recorder_, Comparison("==", self, other))
        return TracedCondition.of_node(
            self.recorder_, Comparison("==", self, self._operand("==", other))
        )

    def _different(self, other: Any) -> Condition:
        return ~self._compare("==", other)

    def is_none(self) -> Condition:
        """Say that it is None, or not there."""
        return TracedCondition.of_node(self.recorder_, IsNone(self))

    def _for_each(self, node: Any, *parts: Any) -> Condition:
        return TracedCondition.of_node(self.recorder_, node(self, *parts))

    def _calculate(self, operator: str, other: Any, *, reflected: bool = False) -> Value[Any]:
        del reflected
        raise self.refuse_(
            f"{self!r} {operator} {other!r} would make another container, which is not done in a "
            "pipeline. Change the one that there is: append, extend, update, add"
        )


class TracedModel(Container):
    """A nested model: `p.address.city`."""

    __slots__ = ()

    def field_(self, name: str) -> Any:
        """Give what a field has."""
        shape = self.shape_.field(name)
        if shape is None:
            raise self.no_field_(name)
        return self.below_(shape, shape.step, lambda: f"{self!r}.{name}")

    def no_field_(self, name: str) -> Exception:
        """Make the error about a field that there is not."""
        return self.refuse_(f"{self!r} has no field {name!r}: it is {self.shape_.annotation!r}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.field_(name)

    def __setattr__(self, name: str, value: Any) -> None:
        shape = self.shape_.field(name)
        if shape is None:
            raise self.no_field_(name)
        recorder = self.recorder_
        above = self.reference_(recorder)
        place = Place(
            recorder,
            shape,
            above,
            shape.step,
            label=lambda: f"{self!r}.{name}",
            top=self.place_.top,
        )
        if not (isinstance(value, Container) and value.is_at_(place)):
            place.assign(value)

    def __getitem__(self, name: Any) -> Any:
        return self.field_(name)

    def __setitem__(self, name: Any, value: Any) -> None:
        setattr(self, name, value)


class Opaque(Container):
    """A value that the interpreter does not look into: of a union, a tuple, any other type."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise self.refuse_(
            f"{self!r} is {self.shape_.annotation!r}, of which a pipeline has no parts: {name!r} "
            "is not reached. Assign it as a whole, compare it with =="
        )


def at_place(place: Place) -> Any:
    """Give what a program has for the value at a place."""
    role = place.shape.role
    return _leaf(place) if role == "scalar" else place.recorder.containers[role].at(place)


def _leaf(place: Place) -> Leaf:
    recorder = place.recorder
    if place.above == "0":  # a field of the document
        if place.shape.kind != "j":
            recorder.scalars[place.shape.stored_name] = None
            if recorder.refreshes:
                recorder.touch(place.top, "s")
    elif recorder.columns:
        columns = recorder.columns.get(place.above)
        if columns is not None and place.step.startswith('"'):
            columns[place.step] = None
    return Leaf.at(place)


def in_register(
    recorder: Recorder, shape: Shape, register: int, container: Container, label: Any
) -> Any:
    """Give what a program has for an element, or a value of a dict, that a loop is at."""
    place = Place(recorder, shape, str(register), "", label=label, top=container.place_.top)
    if shape.role == "scalar":
        leaf = Leaf.at(place)
        leaf.keep_as_(f'["var",{register}]')
        return leaf
    return recorder.containers[shape.role].at(place, is_bound=True)
