"""The place of a value of a Redis type: the model whose document it is part of, and the path there.

A value is bound when it is accessed, not when it is loaded. JSON gives its parts no identity, so an
element of a list is bound to the index by which it was accessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel

from rapyer.baseline import Patch, Splice
from rapyer.errors import DetachedValueError
from rapyer.expr.each import follow
from rapyer.expr.paths import Path
from rapyer.expr.steps import Step
from rapyer.memory import baseline_of, key_to_write, remember_baseline
from rapyer.owners import channel_of
from rapyer.parts import has_part, part_of, set_part
from rapyer.paths import FieldPath
from rapyer.reading import REQUIRED, read_fields
from rapyer.traffic.addresses import DocumentAt

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel
    from rapyer.locations import Location

Made = TypeVar("Made")

#: Stands for a value that an instance no longer has.
GONE: Final = object()


if TYPE_CHECKING:  # a base of its own would be a dataclass to checkers, as in RememberingModel
    PlacedModel = BaseModel
else:

    class PlacedModel(BaseModel):
        """The base of embedded models, which remember their place once it has been determined."""

        __slots__ = ("__rapyer_place__",)


_element: Callable[[Any, Any], Any] = vars(list)["__getitem__"]
_entry: Callable[[Any, Any], Any] = vars(dict)["__getitem__"]
_slot: Any = vars(PlacedModel).get("__rapyer_place__")
_read_slot: Callable[[object], Place] = _slot.__get__
_set_slot: Callable[[object, Place], None] = _slot.__set__


class Place(NamedTuple):
    """Where a value is.

    Attributes:
        root: The instance of a model that has a document; None if it is not known which.
        steps: The steps that lead from there to the value.
    """

    root: BaseRedisModel | None
    steps: tuple[Step, ...]

    def step(self, step: Step) -> Place:
        """Return the place of a part of the value."""
        return Place(self.root, (*self.steps, step))

    @property
    def document(self) -> BaseRedisModel:
        """The instance whose document the value is part of.

        Raises:
            DetachedValueError: It is not known.
        """
        if self.root is None:
            raise DetachedValueError(
                "this value is not part of a known document: it was not accessed through a model "
                "that has one, or it is in a list or dict that is not a RedisList or RedisDict. "
                "Start at the model (`await user.items[0].price.aincrease(1)`), or use the path "
                "and the key (`await User.items[0].price.increase(key, 1)`)."
            )
        return self.root

    @property
    def path(self) -> Path[Any]:
        """The path that leads to the value."""
        return follow(type(self.document), self.steps, FieldPath)

    @property
    def location(self) -> Location:
        """Where the value is in documents."""
        return type(self.document).__rapyer_locations__.behind(self.steps)

    def operations(self, make: Callable[[type[BaseRedisModel], Path[Any]], Made]) -> Made:
        """Return the operations for this place, which are worked out once for each place."""
        kept = self.location.kept
        known: Made | None = kept.get(make)
        if known is None:
            known = kept[make] = make(type(self.document), self.path)
        return known

    def held(self) -> Any:
        """Return what the instance holds there now; GONE for nothing."""
        value: Any = self.document
        for step in self.steps:
            if not has_part(value, step):
                return GONE
            # bypasses the methods that bind the parts of a Redis type
            if isinstance(value, list):
                value = _element(value, step.value)
            elif isinstance(value, dict):
                value = _entry(value, step.value)
            else:
                value = part_of(value, (step,))
        return value

    def put(self, value: Any) -> None:
        """Put a value there in the instance, if the instance still has what is around it."""
        *around, last = self.steps
        holder = Place(self.document, tuple(around)).held() if around else self.document
        if holder is not GONE and not isinstance(holder, tuple):
            set_part(holder, last, value)

    def take_over(self, value: Any) -> None:
        """Let the instance adopt, and remember, the value that its document has there."""
        self.put(value)
        self.remember(lambda: [self.patch(value)])

    def follow(self, read: Any, own: Any = None) -> None:
        """Let the instance adopt what was read there; lists and dicts remain the same objects.

        Args:
            read: What was read.
            own: A list or a dict that was there, and may no longer be.
        """
        held = self.held()
        for one in (own, held):
            take: Callable[[Any], None] | None = getattr(one, "__rapyer_take__", None)
            if take is not None:
                take(read)
        if not hasattr(held, "__rapyer_take__"):
            self.put(read)
        self.remember(lambda: [self.patch(read)])

    def remember(self, patches: Callable[[], Iterable[Patch | Splice]]) -> None:
        """Remember a change of the document, if the instance keeps its loaded or saved state.

        Args:
            patches: Gives the changes.
        """
        root = self.document
        baseline = baseline_of(root)
        if baseline is not None:
            remember_baseline(root, baseline.patched(patches()))

    def patch(self, value: Any) -> Patch:
        """Tell that the document has a value there."""
        location = self.location
        return Patch(location.names, location.codec.text(value))

    async def read(self) -> Any:
        """Read what the document has there. One round trip.

        Raises:
            RapyerError: As `get` of a path.
        """
        model, key = type(self.document), key_to_write(self.document)
        ((value,),) = await read_fields(model, channel_of(model), (key,), (self.path,), REQUIRED)
        return value

    def to_read(self) -> DocumentAt:
        """Return the document and path for reading the value."""
        model, key = type(self.document), key_to_write(self.document)
        return DocumentAt(channel_of(model), key, model.__rapyer_read_policies__)


#: The place of a value that was not reached through a model.
NOWHERE: Final = Place(None, ())


def place_of(model: PlacedModel) -> Place:
    """Return where an embedded model is, as far as that has been determined."""
    try:
        return _read_slot(model)
    except AttributeError:
        return NOWHERE


def placed(model: PlacedModel, place: Place) -> PlacedModel:
    """Tell an embedded model its place, and return it; a copy if it has another place too.

    So the document that an operation goes to never depends on which access came last.
    """
    if stands_elsewhere(model, place_of(model), place):
        model = model.__copy__()
    _set_slot(model, place)
    return model


def is_kept(bound: object) -> bool:
    """Return whether a bound value replaces the one in the instance and is a single object."""
    return isinstance(bound, list | dict | PlacedModel)


def stands_elsewhere(value: object, known: Place, place: Place) -> bool:
    """Return whether a value that is being bound to a place is still at the one it was bound to."""
    if known.root is None or (known.root is place.root and known.steps == place.steps):
        return False
    return known.held() is value
