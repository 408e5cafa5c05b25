"""Prepared writes: what is sent, and what an instance remembers once that is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from rapyer.assignments import guarded, make_write, places_of, validated
from rapyer.base import BaseRedisModel, key_to_write, mark_stored
from rapyer.baseline import Baseline, Patch
from rapyer.differences import MISSING, Difference, compare
from rapyer.errors import ChangesNotTrackedError, ExpressionError, UnstorableValueError
from rapyer.keys import RedisKey
from rapyer.locations import Location
from rapyer.memory import (
    NotedChanges,
    baseline_of,
    keeps_baseline,
    mark_saved,
    origin_of,
    remember_baseline,
)
from rapyer.parts import part_of
from rapyer.traffic.policies import Policies
from rapyer.traffic.updates import Write
from rapyer.types.text import hide_nul
from rapyer.versions import WriteOfInstance


class InstanceWrite:
    """A write of an instance to its own document.

    Args:
        instance: The instance.
        compares: Whether a stored Version must be the instance's.

    Attributes:
        instance: The instance.
        key: Its key.
        version: Its Version in this write; None if the model has none.

    Raises:
        KeyChangedError: Its primary key differs from when it was loaded or saved.
        UnstorableValueError: Its Version is not a valid version.
    """

    __slots__ = ("_last_change", "instance", "key", "version")

    def __init__(self, instance: BaseRedisModel, *, compares: bool = True) -> None:
        self.instance = instance
        self._last_change = NotedChanges.last
        self.key = key_to_write(instance)
        self.version: WriteOfInstance | None = None
        if instance.__rapyer_version__ is not None:
            self.version = WriteOfInstance(instance, self.key, compares=compares)

    @property
    def expected(self) -> str:
        """What the Version of the document has to be; empty if the model has none."""
        return self.version.expected if self.version is not None else ""

    @property
    def policies(self) -> Policies:
        """What happens in the same step."""
        if self.version is None:
            return self.instance.__rapyer_policies__
        return self.version.policies

    def text(self) -> bytes:
        """Return the document that the instance stands for, in its stored form.

        Raises:
            UnstorableValueError: It could not be read back, or JSON cannot hold a value exactly.
        """
        return hide_nul(self.instance.__rapyer_codec__.text(self.instance, checked=True))

    def done(self) -> None:
        """Tell the instance that its document was written."""
        mark_saved(self.instance, self._last_change)
        if self.version is not None:
            self.version.done()


class DocumentWrite(InstanceWrite):
    """A write of a whole document.

    Args:
        instance: The instance.
        compares: Whether a stored Version must be the instance's.

    Attributes:
        dump: The text of the document, as the server takes it, and what is added to its numbers.

    Raises:
        UnstorableValueError: The document could not be read back, or JSON or the server cannot
            hold a value exactly.
    """

    __slots__ = ("_text", "dump")

    def __init__(self, instance: BaseRedisModel, *, compares: bool = True) -> None:
        super().__init__(instance, compares=compares)
        codec = instance.__rapyer_codec__
        self._text = codec.text(instance, checked=True)
        self.dump = codec.spell(instance, self._text)

    def fault(self) -> UnstorableValueError | None:
        """Find out why the server has refused the document; None if it is fine on its own."""
        return self.instance.__rapyer_codec__.fault_of(self.instance)

    def done(self) -> None:
        """Tell the instance that its document is what it is now."""
        keeps = keeps_baseline(self.instance)
        mark_stored(self.instance, self.key)
        super().done()
        if keeps:
            remember_baseline(self.instance, Baseline(self._text))


class DocumentWrites:
    """Writes of the documents of several instances of one model, made together.

    That takes half the time of making them one by one. The documents already have their next
    Version, so the server need not count it.

    Args:
        keys: The keys of the instances: what `key_to_write` gives.
        instances: The instances.
        compares: Whether a stored Version must be the instance's.

    Attributes:
        keys: The keys of the instances.
        dumps: The documents, and why some cannot be stored.
        version_path: The JSONPath of the Version; empty if the model has none.
        expected: For each document, what it has to be; empty if the model has no Version.
    """

    __slots__ = (
        "_instances", "_last_change", "_versions", "dumps", "expected", "keys", "version_path",
    )  # fmt: skip

    def __init__(
        self,
        keys: Sequence[RedisKey],
        instances: Sequence[BaseRedisModel],
        *,
        compares: bool = True,
    ) -> None:
        model = type(instances[0])
        version = model.__rapyer_version__
        self.keys = keys
        self._instances = instances
        self._last_change = NotedChanges.last
        self.version_path = version_path_of(model)
        failures: dict[int, Exception] = {}
        self._versions: list[WriteOfInstance | None] = []
        if version is not None:
            for place, (instance, key) in enumerate(zip(instances, keys, strict=True)):
                try:
                    one = WriteOfInstance(instance, key, compares=compares)
                except UnstorableValueError as exc:
                    failures[place], one = exc, None
                self._versions.append(one)
        with ExitStack() as counted:
            for known in self._versions:
                if known is not None:
                    counted.enter_context(known.counted())
            self.dumps = model.__rapyer_codec__.dump_many(instances)
        self.dumps.failures.update(failures)
        self.expected = ["" if one is None else one.expected for one in self._versions]

    def fault(self, place: int) -> UnstorableValueError | None:
        """Find out why the server has refused a document; None if it is fine on its own."""
        instance = self._instances[place]
        return instance.__rapyer_codec__.fault_of(instance)

    def done(self, places: Iterable[int]) -> None:
        """Tell instances that their documents are what they are now."""
        instances, keys, versions = self._instances, self.keys, self._versions
        for place in places:
            keeps = keeps_baseline(instances[place])
            mark_stored(instances[place], keys[place])
            mark_saved(instances[place], self._last_change)
            version = versions[place] if versions else None
            if version is not None:
                version.done()
            if keeps:
                remember_baseline(instances[place], Baseline(self.dumps.texts[place]))


class ChangesWrite(InstanceWrite):
    """A write of what has changed in an instance since it was loaded or saved.

    Args:
        instance: The instance.
        baseline: Its former state; by default, the one that it remembers.

    Attributes:
        writes: What is sent; empty if nothing has changed.

    Raises:
        ChangesNotTrackedError: The loaded or saved state of the instance is not known.
        UnstorableValueError: A value could not be read back where it is, or JSON or the server
            cannot hold it exactly.
        ExpressionError: No path leads to what has changed.
    """

    __slots__ = ("_baseline", "_differences", "_text", "writes")

    def __init__(self, instance: BaseRedisModel, baseline: Baseline | None = None) -> None:
        self._baseline = tracked(instance) if baseline is None else baseline
        super().__init__(instance)
        if origin_of(instance) != self.key:
            raise ChangesNotTrackedError(
                f"this {type(instance).__name__} is a copy with a different primary key, and what "
                f"is stored at {str(self.key)!r} is unknown. Save the whole instance."
            )
        self._differences, self._text = compare(self._baseline.text, instance)
        self.writes = _writes(instance, self._differences) if self._differences else []

    def done(self) -> None:
        """Tell the instance that its changes are in its document."""
        model, text = type(self.instance), self._text
        if text is not None:
            baseline = Baseline(text)
        else:
            baseline = _patched(model, self._baseline, self._differences)
        remember_baseline(self.instance, baseline)
        super().done()


def take_fields(instance: BaseRedisModel, taken: Sequence[tuple[Location, Any]]) -> None:
    """Return an instance the values of fields of its document, which others may have written.

    Args:
        instance: The instance.
        taken: The fields, not parts of them, and their values.
    """
    values, fields_set = vars(instance), instance.__pydantic_fields_set__
    for location, value in taken:
        name = location.steps[0].value
        values[name] = value
        fields_set.add(name)
    baseline = baseline_of(instance)
    if baseline is not None:
        patches = [Patch(location.names, location.codec.text(value)) for location, value in taken]
        remember_baseline(instance, baseline.patched(patches))


def version_path_of(model: type[BaseRedisModel]) -> str:
    """Return the JSONPath of the Version of a model; empty if it has none."""
    return model.__rapyer_version__.path if model.__rapyer_version__ is not None else ""


def update_by_key(
    model: type[BaseRedisModel], values: Mapping[Any, Any] | None, fields: Mapping[str, Any]
) -> list[Write]:
    """Make what is sent to set some fields of a document that is not loaded.

    Args:
        model: The model.
        values: Values by path or by the text of a path.
        fields: Values by name.

    Raises:
        pydantic.ValidationError: Some values do not validate; all of those are named.
        InvalidPathError, ExpressionError, InvalidKeyError: A name leads to nothing that can be set.
        UnstorableValueError, UnaddressableKeyError: The server could not hold it, or spell it.
    """
    places, given = places_of(model, values, fields)
    valid = validated(model, places.locations, given)
    return [make_write(*one)[0] for one in zip(places.locations, valid, strict=True)]


def is_tracked(instance: BaseRedisModel) -> bool:
    """Return whether the loaded or saved state of an instance is known."""
    return baseline_of(instance) is not None


def tracked(instance: BaseRedisModel) -> Baseline:
    """Return the loaded or saved state of an instance.

    Raises:
        ChangesNotTrackedError: It is not kept, or the instance was neither loaded nor saved.
    """
    model, baseline = type(instance), baseline_of(instance)
    if not model.__rapyer_tracks__:
        raise ChangesNotTrackedError(
            f"{model.__name__} does not keep what its instances were loaded or saved as. Set "
            "`track_changes = True` in its `class Config`, which adds about 15% to their memory."
        )
    if baseline is None:
        raise ChangesNotTrackedError(
            f"this {model.__name__} has been neither loaded nor saved since its changes are "
            "tracked. Save or load it first."
        )
    return baseline


def _patched(
    model: type[BaseRedisModel], baseline: Baseline, differences: list[Difference]
) -> Baseline:
    """Return what a document is after only some differences were written to it."""
    return baseline.patched(
        Patch(
            model.__rapyer_locations__.behind(steps).names,
            None if new is MISSING else to_json(new),
        )
        for steps, _, new, _ in differences
    )


def _writes(instance: BaseRedisModel, differences: list[Difference]) -> list[Write]:
    """Make what is sent for differences, after checking what has rules about them."""
    model = type(instance)
    if not differences[0].steps:
        raise ExpressionError(
            f"no path can address what was changed in this {model.__name__}: its document is not "
            "made of its fields, or has a name that RedisJSON has no syntax for. Save the whole "
            "instance."
        )
    locations = [model.__rapyer_locations__.behind(difference.steps) for difference in differences]
    for steps in guarded(locations):
        codec = model.__rapyer_locations__.behind(steps).codec if steps else model.__rapyer_codec__
        codec.text(part_of(instance, steps), checked=True)
    return [
        Write(location.target, None, location.place.limit)
        if difference.value is MISSING
        else _write(location, difference.value)
        for location, difference in zip(locations, differences, strict=True)
    ]


def _write(location: Location, value: Any) -> Write:
    """Make what is sent for a value that was assigned without validation."""
    codec = location.codec
    try:
        location.check_keys()
    except (ValidationError, ExpressionError) as exc:
        raise UnstorableValueError(
            f"{location.text} cannot be stored: a key in the path is not valid for its dict: {exc}",
            path=location.text,
            value=value,
        ) from exc
    text = codec.text(value, checked=not location.looks_around)  # read with what is around it
    return Write(location.target, codec.spell(value, text), location.place.limit)
