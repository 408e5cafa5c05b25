"""The version of a model's documents: a field in which every write by the library is counted."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel

from rapyer.errors import ModelDefinitionError, UnaddressableKeyError, UnstorableValueError
from rapyer.expr.jsonpath import render_path
from rapyer.expr.text import stored_text
from rapyer.fields import VersionMarker, marked_fields
from rapyer.keys import RedisKey
from rapyer.memory import origin_of
from rapyer.traffic.policies import Policies
from rapyer.traffic.versions import ABSENT, ANY, LIMIT, Expected, version_policy

if TYPE_CHECKING:
    from rapyer.base import BaseRedisModel


class VersionField(NamedTuple):
    """The field annotated `Version`.

    Attributes:
        name: Its name.
        path: The JSONPath of where it is stored.
    """

    name: str
    path: str


def find_version(model: type[BaseModel]) -> VersionField | None:
    """Find the field annotated `Version`.

    Raises:
        ModelDefinitionError: There are two, or one is where it cannot be counted.
    """
    names = marked_fields(model, VersionMarker, "Version", "A version is a number")
    for base in model.__mro__[1:]:
        inherited: VersionField | None = vars(base).get("__rapyer_version__")
        if inherited is not None and inherited.name not in names:
            raise ModelDefinitionError(
                f"{model.__name__}.{inherited.name} is the Version of {base.__name__}, but is "
                "redeclared without Version. Annotate it as Version here too, or give it another "
                "name."
            )
    if not names:
        return None
    if len(names) > 1:
        raise ModelDefinitionError(
            f"{model.__name__} has the versions {', '.join(map(repr, names))}, but a document has "
            "only one version. Annotate the others as int."
        )
    field = model.__pydantic_fields__[names[0]]
    if field.annotation is not int:
        raise ModelDefinitionError(
            f"{model.__name__}.{names[0]} is a Version of type {field.annotation!r}. Annotate it "
            "as Version only."
        )
    if field.default != 0 or type(field.default) is not int:
        raise ModelDefinitionError(
            f"{model.__name__}.{names[0]} is a Version with the default {field.default!r}, but 0 "
            "stands for a document that was never saved. Write `= Field(default=0)`, or no default."
        )
    try:
        path = render_path((stored_text(field.serialization_alias or names[0]),))
    except UnaddressableKeyError as exc:
        raise ModelDefinitionError(
            f"{model.__name__}.{names[0]} is the Version, but is stored under a name that no path "
            f"can address: {exc} Give it another alias."
        ) from exc
    return VersionField(names[0], path)


def policies_by_key(model: type[BaseRedisModel]) -> Policies:
    """Return the policies for a write without an instance: it counts, and compares nothing."""
    version = model.__rapyer_version__
    if version is None:
        return model.__rapyer_policies__
    return (version_policy(version.path, ANY), *model.__rapyer_policies__)


class WriteOfInstance:
    """A write of an instance to its own document, which increments its version.

    Args:
        instance: The instance.
        key: Its key.
        compares: Whether the document must have the instance's version; for a new instance, there
            must be no document.

    Attributes:
        expected: What the document has to be; empty for a model without a Version.
    """

    __slots__ = ("_instance", "_number", "_version", "expected")

    def __init__(self, instance: BaseRedisModel, key: RedisKey, *, compares: bool = True) -> None:
        self._instance = instance
        self._version = version = type(instance).__rapyer_version__
        self.expected: Expected | Literal[""] = ""
        if version is not None:
            self._number = _checked(instance, version)
            self.expected = self._expected(key) if compares else ANY

    @property
    def policies(self) -> Policies:
        """What happens in the same step."""
        policies = type(self._instance).__rapyer_policies__
        if self._version is None:
            return policies
        return (version_policy(self._version.path, self.expected), *policies)

    @contextmanager
    def counted(self) -> Generator[None]:
        """Return the instance the version that its document will have, while it is being dumped."""
        version = self._version
        if version is None:
            yield
            return
        values = vars(self._instance)
        values[version.name] = self._number + 1
        try:
            yield
        finally:
            values[version.name] = self._number

    def _expected(self, key: RedisKey) -> str:
        """Return what the document has to be, so that it is the one that the instance knows."""
        origin = origin_of(self._instance)
        if origin is None:  # new; or made from what somebody, such as a browser, sent back
            return str(self._number) if self._number else ABSENT
        return str(self._number) if origin == key else ABSENT

    def done(self) -> None:
        """Return the instance the version that its document has now."""
        if self._version is not None:
            vars(self._instance)[self._version.name] = self._number + 1


def _checked(instance: BaseRedisModel, version: VersionField) -> int:
    """Return the version of an instance; pydantic does not check it in model_construct()."""
    number: object = instance.__dict__.get(version.name)
    if type(number) is not int or not 0 <= number < LIMIT:
        raise UnstorableValueError(
            f"{type(instance).__name__}.{version.name} is {number!r}, which is not a version. It "
            "is 0 for a document that was never saved, and rapyer counts it from there.",
            path=version.name,
            value=number,
        )
    return number
