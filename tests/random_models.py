"""Random models, documents and paths, for the laws that hold for all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel, create_model
from rapyer.testing import use_plugins
from rapyer.types.spelling import spell_float

#: An annotation, and a strategy for its values.
Kind = tuple[Any, st.SearchStrategy[Any]]

texts = st.text(st.characters(codec="utf-8"), max_size=4)
KEYS = [
    "a", "*", "x.y", "my key", '"', "'", "]", "[0]", "$", "\n", "\x00", "", "🦊", "\\", "\"'", " a",
]  # fmt: skip
SCALARS: list[Kind] = [
    (int, st.integers(-(2**63), 2**63 - 1)),
    # without a text of its own a double takes a path to be stored, and there are keys without paths
    (float, st.floats(allow_nan=False, allow_infinity=False).filter(spell_float)),
    (str, texts),
    (bool, st.booleans()),
    (datetime, st.datetimes(timezones=st.just(UTC))),
]


def list_of(kind: Kind) -> Kind:
    return list[kind[0]], st.lists(kind[1], max_size=3)


def dict_of(kind: Kind) -> Kind:
    return dict[str, kind[0]], st.dictionaries(st.sampled_from(KEYS) | texts, kind[1], max_size=3)


def optional(kind: Kind) -> Kind:
    return kind[0] | None, st.none() | kind[1]


def model_of(kinds: list[Kind]) -> Kind:
    model = create_model("Part", **{f"f{n}": (kind[0], ...) for n, kind in enumerate(kinds)})
    return model, st.builds(model, **{f"f{n}": kind[1] for n, kind in enumerate(kinds)})


kinds = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.one_of(
        inner.map(list_of),
        inner.map(dict_of),
        inner.map(optional),
        st.lists(inner, min_size=1, max_size=3).map(model_of),
    ),
    max_leaves=5,
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, Any, list[Any], Kind]:
    """A model, an instance, steps into it that may lead nowhere, and the kind of their end."""
    fields = draw(st.lists(kinds, min_size=1, max_size=3))
    with use_plugins() as host:
        names = {f"f{n}": (kind[0], ...) for n, kind in enumerate(fields)}
        model = create_model("Root", __base__=host.AtomicRedisModel, **names)
    instance = model(**{f"f{n}": draw(kind[1]) for n, kind in enumerate(fields)})
    instance.pk = "1"
    steps, kind, value = [], (model, None), instance
    while True:
        found = draw(a_step(kind[0], value))
        if found is None:
            break
        step, kind = found
        steps.append(step)
        value = reach(value, [step], None)
        if len(steps) > 0 and draw(st.integers(0, 3)) == 0:
            break
    return model, instance, steps, kind


@st.composite
def a_step(draw: st.DrawFn, annotation: Any, value: Any) -> Any:
    """A step below a place, with the kind behind it; None where there is none."""
    arguments = getattr(annotation, "__args__", ())
    if type(None) in arguments:
        annotation = arguments[0]
        arguments = getattr(annotation, "__args__", ())
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        name = draw(st.sampled_from(sorted(annotation.model_fields)))
        return ("field", name), kind_of(annotation.model_fields[name].annotation)
    origin = getattr(annotation, "__origin__", None)
    if origin is list:
        return ("index", draw(st.integers(-4, 3))), kind_of(arguments[0])
    if origin is dict:
        own = sorted(value) if isinstance(value, dict) and value else KEYS
        return ("key", draw(st.sampled_from(own) | st.sampled_from(KEYS))), kind_of(arguments[1])
    return None


def kind_of(annotation: Any) -> Kind:
    return annotation, values_of(annotation)


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    """The values of an annotation made by the kinds above."""
    arguments = getattr(annotation, "__args__", ())
    origin = getattr(annotation, "__origin__", None)
    if type(None) in arguments:
        return st.none() | values_of(arguments[0])
    if origin is list:
        return st.lists(values_of(arguments[0]), max_size=2)
    if origin is dict:
        return st.dictionaries(st.sampled_from(KEYS), values_of(arguments[1]), max_size=2)
    if issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return st.builds(annotation, **{name: values_of(f.annotation) for name, f in fields})
    return dict(SCALARS)[annotation]


MISSING = object()


def reach(value: Any, steps: list[Any], default: Any = MISSING) -> Any:
    """Navigate a loaded model, as one would in Python."""
    for kind, name in steps:
        try:
            value = getattr(value, name) if kind == "field" else value[name]
        except (AttributeError, LookupError, TypeError):
            return default
    return value


def path_of(model: Any, steps: list[Any]) -> Any:
    path = model
    for kind, name in steps:
        path = getattr(path, name) if kind == "field" else path[name]
    return path


def has_no_spelling(steps: list[Any]) -> bool:
    return any(
        kind == "key" and ("\\" in name or {'"', "'"} <= set(name) or name.startswith(" "))
        for kind, name in steps
    )
