"""A mypy plugin: plain annotations are paths on the class, like `Mapped` ones.

    [tool.mypy]
    plugins = ["rapyer.mypy", "pydantic.mypy"]

With it, `User.age` is a `FieldPath[int]` if the field is annotated `age: int`, and `user.age` is
still an `int`. Listed before `pydantic.mypy`, it also keeps that plugin away from models of rapyer,
which `dataclass_transform` describes to mypy: `pydantic.mypy` would declare inherited `Mapped[int]`
fields as plain `int`. Seen on mypy 2.4.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeGuard

from mypy.nodes import TypeInfo, Var
from mypy.plugin import AttributeContext, ClassDefContext, Plugin
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    NoneType,
    TupleType,
    Type,
    TypeType,
    UnionType,
    get_proper_type,
)

_MODELS = ("rapyer.base.BaseRedisModel", "rapyer.embedded.EmbeddedModel")
_EMBEDDED = "rapyer.embedded.EmbeddedModel"
#: What a class has besides its fields that is declared as if it were one.
_OF_PYDANTIC = frozenset({"model_config", "model_fields", "model_computed_fields"})


class RapyerPlugin(Plugin):
    """Turns the plainly annotated fields of models into paths on their classes."""

    def get_base_class_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        """Respond for models of rapyer, so that no later plugin is asked."""
        info = self._class(fullname)
        return _leave if info is not None and _is_model(info) else None

    def get_class_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        """Respond for access to a field on the class."""
        owner, _, name = fullname.rpartition(".")
        info = self._class(owner)
        if info is None or name.startswith("_") or name in _OF_PYDANTIC or not _is_model(info):
            return None
        symbol = info.get(name)
        node = None if symbol is None else symbol.node
        if not isinstance(node, Var) or node.is_classvar or node.type is None:
            return None
        return partial(_path_of, self.kind_of)

    def kind_of(self, name: str) -> TypeInfo | None:
        """Return a kind of paths; some exist for type checkers only."""
        return self._class(f"rapyer.paths.{name}")

    def _class(self, fullname: str) -> TypeInfo | None:
        symbol = self.lookup_fully_qualified(fullname)
        node = None if symbol is None else symbol.node
        return node if isinstance(node, TypeInfo) else None


def _is_model(info: TypeInfo) -> bool:
    return any(info.has_base(model) for model in _MODELS)


def _leave(context: ClassDefContext) -> None:
    """Do nothing, in place of what another plugin would do."""


def _path_of(kind_of: Callable[[str], TypeInfo | None], context: AttributeContext) -> Type:
    """Return the type of a field on the class, from its type on an instance."""
    declared = get_proper_type(context.default_attr_type)
    if _is_described(declared):
        return declared
    inner: Type = declared
    if isinstance(declared, UnionType):
        members = [item for item in declared.items if not _is_none(item)]
        if len(members) == 1:
            inner = members[0]
    model = get_proper_type(inner)
    if _is_embedded(model):
        return TypeType.make_normalized(model)
    name, arguments = _container(declared)
    kind = kind_of(name)
    return declared if kind is None else Instance(kind, arguments)


def _container(declared: Type) -> tuple[str, list[Type]]:
    """Return the kind of path for what it leads to, with its type arguments."""
    if isinstance(declared, TupleType) or _is_of(declared, "builtins.tuple"):
        return "TuplePath", [declared]
    if _is_of(declared, "builtins.list"):
        embedded = _is_embedded(get_proper_type(declared.args[0]))
        return "ModelListPath" if embedded else "ListPath", list(declared.args)
    if _is_of(declared, "builtins.dict"):
        key = get_proper_type(declared.args[0])
        if _is_of(key, "builtins.int") or _is_of(key, "uuid.UUID"):
            return "KeyedPath", list(declared.args)
        return "DictPath", list(declared.args[1:])
    return "FieldPath", [declared]


def _is_of(declared: Type, name: str) -> TypeGuard[Instance]:
    return isinstance(declared, Instance) and declared.type.fullname == name


def _is_embedded(declared: Type) -> TypeGuard[Instance]:
    return isinstance(declared, Instance) and declared.type.has_base(_EMBEDDED)


def _is_described(declared: Type) -> bool:
    """Return whether a type is not that of a plain field: a method, or what `Mapped` has given."""
    proper = get_proper_type(declared)
    if isinstance(proper, CallableType | TypeType | AnyType):
        return True
    return isinstance(proper, Instance) and proper.type.has_base("rapyer.expr.nodes.Node")


def _is_none(declared: Type) -> bool:
    return isinstance(get_proper_type(declared), NoneType)


def plugin(version: str) -> type[Plugin]:  # noqa: ARG001 - mypy calls it so
    """Return the plugin to mypy."""
    return RapyerPlugin
