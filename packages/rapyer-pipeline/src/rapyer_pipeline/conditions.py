"""Compile conditions for the interpreter: a table from the nodes of core to its operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from rapyer.expr import Condition, Path
from rapyer.expr.nodes import (
    And,
    AnyElement,
    Between,
    Comparison,
    Contains,
    EndsWith,
    In,
    IsNone,
    Not,
    Or,
    StartsWith,
)
from rapyer.expr.paths import is_path, model_of, steps_of
from rapyer.expr.values import Arithmetic, is_value

from rapyer_pipeline.arithmetic import COMPARED, RULES, constant_text, kind_of
from rapyer_pipeline.operands import Operand
from rapyer_pipeline.predicates import TracedCondition
from rapyer_pipeline.recorded import Recorded

if TYPE_CHECKING:
    from rapyer_pipeline.recorder import Recorder
    from rapyer_pipeline.shapes import Shape

_TURNED: Final = {"==": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def compile_condition(recorder: Recorder, node: Condition) -> str:
    """Return the expression for a condition.

    Raises:
        RecordingError: The interpreter cannot decide it.
    """
    if isinstance(node, TracedCondition):
        return node.use_(recorder)
    compiler = _COMPILERS.get(type(node))
    if compiler is None:
        raise recorder.error(
            f"{node!r} cannot be a condition in a pipeline: it needs an index. Find the "
            "documents first"
        )
    return compiler(recorder, node)


class _Side:
    """One side of a comparison.

    Attributes:
        code: Its expression; None for a plain operand.
        kind: Its kind.
        calculates: Whether it is ordered.
        value: The plain operand.
        shape: What the values are like, if known.
    """

    __slots__ = ("calculates", "code", "kind", "shape", "value")

    def __init__(
        self, code: str | None, kind: str, *, calculates: bool = True, value: Any = None,
        shape: Shape | None = None,
    ) -> None:  # fmt: skip
        self.code = code
        self.kind = kind
        self.calculates = calculates
        self.value = value
        self.shape = shape


def _side(recorder: Recorder, part: object) -> _Side:
    value: Any = part
    if isinstance(value, Operand):
        code = value.use_(recorder)
        return _Side(code, value.kind_, calculates=value.calculates_, shape=value.shape_)
    if isinstance(value, Recorded):
        its: Any = value
        code = f'["get",[{its.reference_(recorder)}],"j"]'
        return _Side(code, "j", calculates=False, shape=its.shape_)
    if isinstance(part, Arithmetic):
        return _arithmetic(recorder, value)
    if is_path(part):
        return _side(recorder, _follow(recorder, value))
    if is_value(part):
        raise recorder.error(f"{part!r} cannot be calculated in a pipeline")
    return _Side(None, kind_of(part) or "j", value=part)


def _follow(recorder: Recorder, path: Path[Any]) -> Any:
    """Return what a path of core leads to in the program: in an element, or in the document."""
    start = model_of(path)
    found: Any = None
    for scope, element in reversed(recorder.scopes):
        if issubclass(element.shape_.model_class, start):
            found = element
            break
        del scope
    if found is None:
        documents = [one for one in recorder.documents if issubclass(one.model_, start)]
        if len(documents) != 1:
            raise recorder.error(
                f"{path!r} belongs to none of the documents, or to several. Start from the p of "
                "the pipeline"
            )
        found = documents[0]
    for step in steps_of(path):
        if step.kind == "each":
            raise recorder.error(f"{path!r} stands for the values of all elements. Write .any(...)")
        found = found.field_(step.value) if step.kind == "field" else found[step.value]
    return found


def _arithmetic(recorder: Recorder, node: Arithmetic[Any]) -> _Side:
    left, right = _side(recorder, node.left), _side(recorder, node.right)
    rule = RULES.get((node.operator, left.kind, right.kind))
    if rule is None or not (left.calculates and right.calculates):
        raise recorder.error(f"{node!r} cannot be calculated in a pipeline")
    one, other = _code(recorder, left, left.kind), _code(recorder, right, right.kind)
    one = f'["{rule.left}",{one}]' if rule.left else one
    other = f'["{rule.right}",{other}]' if rule.right else other
    if rule.swaps:
        one, other = other, one
    return _Side(f'["{rule.code}",{one},{other}]', rule.kind)


def _code(recorder: Recorder, side: _Side, kind: str, other: _Side | None = None) -> str:
    """Return the expression for a side; a plain operand is converted to a kind."""
    if side.code is not None:
        return side.code
    try:
        if other is not None and other.shape is not None and kind == "j":
            return recorder.constant(other.shape.text_of(side.value), "j")
        return recorder.constant(constant_text(kind, side.value), kind)
    except (ValueError, KeyError, AttributeError) as exc:
        raise recorder.error(f"{side.value!r} cannot be used in a comparison: {exc}") from exc


def _compare(recorder: Recorder, operator: str, left: _Side, right: _Side, node: Any) -> str:
    if right.code is None and right.value is None:
        return _none(recorder, left)
    kind = left.kind
    if right.code is None and kind == "f" and right.kind == "i" and abs(right.value) >= 2**53:
        one, other = _code(recorder, right, "i"), _code(recorder, left, "f")
        return f'["mixed","{_TURNED[operator]}",{one},{other}]'
    if right.code is None and not (kind == "i" and right.kind == "f"):
        right.kind = kind  # a member of an enum, an int compared with floats, a subclass
    elif right.code is not None and {kind, right.kind} == {"i", "f"} and kind == "f":
        one, other = right.code, _code(recorder, left, "f")
        return f'["mixed","{_TURNED[operator]}",{one},{other}]'
    if kind != right.kind and not (kind == "i" and right.kind == "f"):
        raise recorder.error(f"{node!r} compares values of different types")
    if operator != "==" and not (left.calculates and right.calculates) and kind not in "tc":
        raise recorder.error(f"{node!r}: these values have no order in a pipeline")
    if kind == "j":
        _require_comparable(recorder, left, node)
    if kind == "i" and right.kind == "f":
        one, other = _code(recorder, left, "i"), _code(recorder, right, "f")
        return f'["mixed","{operator}",{one},{other}]'
    one, other = _code(recorder, left, kind), _code(recorder, right, kind, left)
    return f'["{COMPARED[operator]}","{kind}",{one},{other}]'


def _none(recorder: Recorder, side: _Side) -> str:
    code = side.code or recorder.constant("null", "j")
    if side.kind == "j":
        null = recorder.constant("null", "j")
        return f'["eq","j",{code},{null}]'
    return f'["is_none",{code}]'


def _require_comparable(recorder: Recorder, side: _Side, node: Any) -> None:
    if side.shape is not None and not side.shape.is_comparable:
        raise recorder.error(
            f"{node!r}: values that contain Decimals, datetimes or times cannot be compared as a "
            "whole in a pipeline. Compare their parts"
        )


def _comparison(recorder: Recorder, node: Comparison) -> str:
    left, right = _side(recorder, node.left), _side(recorder, node.right)
    return _compare(recorder, node.operator, left, right, node)


def _in(recorder: Recorder, node: In) -> str:
    parts = [
        _compare(recorder, "==", _side(recorder, node.left), _side(recorder, one), node)
        for one in node.operands
    ]
    return f'["or",{",".join(parts)}]' if parts else '["or"]'


def _between(recorder: Recorder, node: Between) -> str:
    low = _compare(recorder, ">=", _side(recorder, node.left), _side(recorder, node.low), node)
    high = _compare(recorder, "<=", _side(recorder, node.left), _side(recorder, node.high), node)
    return f'["and",{low},{high}]'


def _is_none(recorder: Recorder, node: IsNone) -> str:
    return _none(recorder, _side(recorder, node.left))


def _contains(recorder: Recorder, node: Contains) -> str:
    left: Any = node.left
    if is_path(left):
        left = _follow(recorder, node.left)
    if isinstance(left, Operand):
        return _on_text("holds")(recorder, node)
    shape = left.shape_.element
    constant = _Side(None, shape.kind, value=node.operand)
    if node.operand is None:
        code = recorder.constant("null", shape.kind)
    else:
        if shape.kind == "j":
            _require_comparable(recorder, _Side("", "j", shape=shape), node)
        if shape.kind == "i" and isinstance(node.operand, float):
            if not node.operand.is_integer():
                return '["or"]'
            constant.value = int(node.operand)
        code = _code(recorder, constant, shape.kind, _Side("", "j", shape=shape))
    return f'["in",[{left.reference_(recorder)}],{code},"{shape.kind}"]'


def _on_text(code: str) -> Callable[[Recorder, Any], str]:
    def compile_it(recorder: Recorder, node: Contains | StartsWith | EndsWith) -> str:
        left = _side(recorder, node.left)
        operand = recorder.constant(constant_text("s", node.operand), "s")
        return f'["{code}",{left.code},{operand}]'

    return compile_it


def _any_element(recorder: Recorder, node: AnyElement) -> str:
    left: Any = node.left
    if is_path(left):
        left = _follow(recorder, node.left)
    reference, register = left.reference_(recorder), recorder.register()
    element = left.element_at_(register)
    recorder.columns[str(register)] = {}
    recorder.scopes.append((register, element))
    try:
        code = compile_condition(recorder, node.condition)
    finally:
        recorder.scopes.pop()
        columns = recorder.columns.pop(str(register))
    return f'["any",[{reference}],{register},{code},[{",".join(columns)}]]'


def _joined(word: str) -> Callable[[Recorder, Any], str]:
    def compile_it(recorder: Recorder, node: And | Or) -> str:
        parts = [compile_condition(recorder, operand) for operand in node.operands]
        return f'["{word}",{",".join(parts)}]'

    return compile_it


def _not(recorder: Recorder, node: Not) -> str:
    return f'["not",{compile_condition(recorder, node.operand)}]'


_COMPILERS: Final[Mapping[type[Condition], Callable[[Recorder, Any], str]]] = {
    And: _joined("and"),
    Or: _joined("or"),
    Not: _not,
    Comparison: _comparison,
    In: _in,
    Between: _between,
    IsNone: _is_none,
    Contains: _contains,
    StartsWith: _on_text("starts"),
    EndsWith: _on_text("ends"),
    AnyElement: _any_element,
}
