"""The dicts of documents in a program."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rapyer.expr import Condition
from rapyer.expr.paths import item_of, steps_of
from rapyer.guards import is_mapping

from rapyer_pipeline.collections import Collection
from rapyer_pipeline.containers import assign, reach
from rapyer_pipeline.loops import Items
from rapyer_pipeline.operands import Operand
from rapyer_pipeline.predicates import TracedCondition
from rapyer_pipeline.recorded import saying_where
from rapyer_pipeline.results import Result
from rapyer_pipeline.spots import Spot


class TracedDict(Collection):
    """A dict: `p.counts["a"] += 1`, `for key, value in p.counts.items()`."""

    __slots__ = ()

    offers_ = (
        "keys in brackets, get, update, pop, popitem, setdefault, clear, contains, items, keys and "
        "values"
    )

    def constant_key_(self, key: Any, kind: str) -> str:
        """Return the expression for a known key; see `code_of_index_`."""
        path = self.shape_.path
        if path is None:
            raise self.refuse_(f"{self!r} is in a set, whose parts have no path")
        with saying_where(self.recorder_):
            step = steps_of(item_of(path, key))[-1]
        self._check_key(key)
        return super().constant_key_(step.stored_key, kind)

    def _check_key(self, key: Any) -> None:
        validator = self.shape_.key_validator
        if validator is not None and validator.validate_python(key) != key:
            raise self.refuse_(
                f"{self!r} has a different key for {key!r} after validation. Give that key"
            )

    def _key(self, key: Any) -> str:
        if isinstance(key, Operand) and self.shape_.key_validator is not None:
            raise self.refuse_(
                f"{self!r} has constraints on its keys. Give a key that is known in Python"
            )
        if isinstance(key, Operand) and key.kind_ == "i" and self.shape_.key_kind == "i":
            return f'["i-s",{key.use_(self.recorder_)}]'
        return self.code_of_index_(key, "s")

    def _spot(self, key: Any) -> Spot:
        return self.element_spot_(f'["e",{self._key(key)}]', lambda: f"{self!r}[{key!r}]")

    def __getitem__(self, key: Any) -> Any:
        return reach(self.recorder_, self._spot(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        assign(self.recorder_, self._spot(key), value)
        if self.shape_.most is not None:
            number = len(self.recorder_.lines)
            reference = self.reference_(self.recorder_)
            self.recorder_.add(f'["size",{number},[{reference}],"object",false,{self.shape_.most}]')

    def __delitem__(self, key: Any) -> None:
        code = self._key(key)
        number, reference = self.begin_()
        self.end_(f'["del",{number},[{reference}],{code},0,0,"j"]')

    def update(self, values: Mapping[Any, Any] = {}, /, **named: Any) -> None:
        """Set the values of some keys, given as `values` or `named`."""
        if not is_mapping(values):
            raise self.refuse_(f"{values!r} is not a dict with known keys")
        self.require_()
        for key, value in {**values, **named}.items():
            self[key] = value

    if not TYPE_CHECKING:  # for type checkers it would have to agree with + and |

        def __ior__(self, values: Any) -> Any:
            return self.augmented_(self.update, values)

    def pop(self, key: Any, *default: Any) -> Any:
        """Remove a key, and give its value; the result's `value` is available after the block.

        Args:
            key: The key.
            default: What is returned if the dict has no such key; without it the program fails.
        """
        code = self._key(key)
        otherwise = f",{self._default(*default)}" if default else ""
        number, reference = self.begin_()
        element = self.shape_.element
        result = Result.of_shape_(self.recorder_, element, lambda: f"{self!r}.pop({key!r})")
        self.end_(
            f'["del",{number},[{reference}],{code},{result.number_},{result.register_},'
            f'"{element.kind}"{otherwise}]'
        )
        return result

    def _default(self, value: Any) -> str:
        if value is None:
            return self.recorder_.constant("null", "j")
        return self.recorder_.constant(self.shape_.element.constant(value), "j")

    def popitem(self) -> Any:
        """Remove the last key, and give key and value; `value` is available after the block."""
        number, reference = self.begin_()
        result = Result.of_item_(self.recorder_, self.shape_, lambda: f"{self!r}.popitem()")
        self.end_(f'["popitem",{number},[{reference}],{result.number_}]')
        return result

    def get(self, key: Any, default: Any = None) -> Operand:
        """Return the value of a key, or a default if the key is missing; for scalar values only.

        Args:
            key: The key.
            default: A value that the dict could have, or None.
        """
        element = self.shape_.element
        if element.role != "scalar":
            raise self.refuse_(
                f"{self!r}.get supports only scalars, and these are {element.type_name}. Check "
                f"{self!r}.contains({key!r}) first"
            )
        recorder, code = self.recorder_, self._key(key)
        reference = self.reference_(recorder)
        has = f'["has",[{reference}],{code}]'
        found = f'["get",[{reference},["e",{code}]],"{element.kind}"]'
        if default is None:
            otherwise = recorder.constant("null", element.kind)
        else:
            otherwise = self.code_of_(default)
        made = Operand.of_(
            recorder, element.kind, f'["choose",{has},{found},{otherwise}]',
            lambda: f"{self!r}.get({key!r}, {default!r})",
        )  # fmt: skip
        made.calculates_ = element.calculates
        return made

    def setdefault(self, key: Any, default: Any) -> Any:
        """Set a `default` if the key is missing, and give the value that the key has afterwards."""
        code, value = self._key(key), self.code_of_(default)
        number, reference = self.begin_()
        element = self.shape_.element
        result = Result.of_shape_(self.recorder_, element, lambda: f"{self!r}.setdefault({key!r})")
        self.end_(
            f'["setdefault",{number},[{reference}],{code},{value},{element.type_text},'
            f"{result.number_},{result.register_}]"
        )
        if element.role != "scalar":  # Python returns the container itself
            return self[key]
        return result

    def contains(self, key: Any) -> Condition:
        """Make the condition that the dict has a `key`."""
        code = self._key(key)
        reference = self.reference_(self.recorder_)
        return TracedCondition.of_(
            self.recorder_, f'["has",[{reference}],{code}]', lambda: f"{self!r}.contains({key!r})"
        )

    def items(self) -> Items:
        """Return the keys and their values, to loop over."""
        return Items(self, "items")

    def keys(self) -> Items:
        """Return the keys, to loop over."""
        return Items(self, "keys")

    def values(self) -> Items:
        """Return the values, to loop over."""
        return Items(self, "values")

    def __iter__(self) -> Any:
        return Items(self, "keys").loop_(inspect.currentframe())
