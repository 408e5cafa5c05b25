"""Programs do on the server what the plain Python does that they stand for, on random models."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, time
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from pipeline.effects import PlainProgram
from pipeline.plain import Abort
from pipeline.programs import Tree
from pipeline.recording import Recording
from pipeline.statements import programs
from pipeline.values import lacking, root_of, roots, values_of
from pydantic import BaseModel
from rapyer import ExpressionError, UnstorableValueError
from rapyer.base import channel_of
from rapyer_pipeline import PipelineAborted, ProgramFailedError, RecordingError

#: What an error is an error of, on both sides.
FAMILIES = (
    Abort,
    PipelineAborted,
    LookupError,
    TypeError,
    OverflowError,
    ZeroDivisionError,
    ValueError,
)


def family_of(error: BaseException | None) -> str:
    if error is None:
        return "none"
    found = next((one for one in FAMILIES if isinstance(error, one)), type(error))
    return "Abort" if found is PipelineAborted else found.__name__


def exact(value: Any) -> Any:
    """Give a value so that equal ones are the same in type and sign too."""
    if isinstance(value, BaseModel):
        return {name: exact(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return sorted((key, exact(one)) for key, one in value.items())
    if isinstance(value, list | tuple):
        return [exact(one) for one in value]
    if isinstance(value, set):
        return sorted(map(repr, map(exact, value)))
    if isinstance(value, datetime | time):
        return value.isoformat()
    return repr(value)


#: What a program says that compares models, which it does as they are stored.
COMPARING = ("'remove'", "'=='", "'!='", "'contains'", "'in'")


class Case:
    """One case: a model, a document that may lack fields, a program, and a way to run it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.type = draw(roots())
        self.model = root_of(self.type)
        fields = {one.name: draw(values_of(one.type)) for one in self.type.fields}
        self.document = self.model(id="1", **fields)
        self.lacking = lacking(draw, self.type) if draw(st.integers(0, 2)) == 0 else []
        self.program: list[Tree] = programs(draw, self.type, self.document)
        if any(word in repr(self.program) for word in COMPARING):  # as they are stored
            self.lacking = [path for path in self.lacking if path.count('["') == 1]
        self.of_instance = draw(st.integers(0, 3)) > 0
        self.by_function = draw(st.integers(0, 7)) > 0
        self.with_paths = draw(st.integers(0, 3)) == 0

    def __repr__(self) -> str:
        ways = (self.of_instance, self.by_function, self.with_paths)
        return f"{self.document!r}\nlacks {self.lacking}, {ways}, {self.type}\n{self.program}"


@st.composite
def cases(draw: st.DrawFn) -> Case:
    return Case(draw)


def has_hard_text(value: Any) -> bool:
    """Say whether there is a text somewhere that no path to a key can have in it."""
    if isinstance(value, BaseModel):
        return has_hard_text(vars(value))
    if isinstance(value, dict):
        return has_hard_text([*value, *value.values()])
    if isinstance(value, list | tuple):
        return any(map(has_hard_text, value))
    return isinstance(value, str) and (
        "\\" in value or {'"', "'"} <= set(value) or value.startswith(" ")
    )


#: What a pipeline refuses to record, or to do, and says so: no difference.
REFUSED = (
    "cannot be compared",
    "Only a value of the same type",
    "is limited to a few members",
    "is a timedelta. Calculate with numbers",  # on paths of models, core has no `//` of them
)
UNSUPPORTED = "integers beyond 2^53 inside lists"
UNADDRESSABLE = "no path for the key"


async def store(case: Case) -> bytes:
    """Write the document, without what it lacks; give its JSON."""
    channel = channel_of(case.model)
    channel._without_functions = not case.by_function
    try:
        await case.document.save()
    except UnstorableValueError:  # a float without a spelling below a key without a path
        reject()
    for path in case.lacking:
        await channel.execute("JSON.DEL", case.document.key, path)
    return await channel.execute("JSON.GET", case.document.key)


async def record(case: Case, instance: Any) -> tuple[dict[str, Any], ProgramFailedError | None]:
    """Record the program and run it: give its results, or its failure."""
    recording: Any = None
    try:
        async with instance.pipeline() if case.of_instance else case.model.pipeline_for("1") as p:
            recording = Recording(p, case.model, with_paths=case.with_paths)
            recording.block(case.program)
    except (RecordingError, ExpressionError) as exc:
        if any(reason in str(exc) for reason in REFUSED):
            reject()
        raise
    except ProgramFailedError as exc:
        return recording.results, exc
    return recording.results, None


def check_failure(
    case: Case, error: ProgramFailedError, plain: PlainProgram, expected: Any
) -> None:
    """A program fails as its plain Python does."""
    if UNADDRESSABLE in str(error):
        assert has_hard_text([case.document, plain.root, case.program])
        return
    if UNSUPPORTED in str(error):
        reject()
    found, wanted = family_of(error), family_of(expected)
    if found == "OverflowError" and plain.is_tainted:  # it was written out before it was replaced
        return
    if {found, wanted} == {"LookupError", "TypeError"}:  # None, or nothing, was there
        return
    assert found == wanted, (error, expected)


async def check(case: Case) -> None:
    """A program leaves the document, and gives what, as plain Python does."""
    model, channel, key = case.model, channel_of(case.model), case.document.key
    before = await store(case)
    instance, plain = await model.get("1"), PlainProgram(await model.get("1"))
    known, expected = exact(instance), None
    try:
        plain.run(case.program)
    except (Abort, LookupError, TypeError, ArithmeticError, ValueError) as exc:
        expected = exc
    results, error = await record(case, instance)
    COUNTER[family_of(error)] += 1
    now = await channel.execute("JSON.GET", key)
    if error is not None:
        assert now == before, "the document has changed after an error"
        assert exact(instance) == known
        check_failure(case, error, plain, expected)
        return
    assert expected is None, repr(expected)
    loaded = await model.get("1")
    assert exact(loaded) == exact(plain.root)
    if case.of_instance:
        assert exact(instance) == exact(loaded)
    if not case.lacking:  # it is written as save writes it: elements of sets once, and in order
        await loaded.save()
        assert json.loads(now) == json.loads(await channel.execute("JSON.GET", key))
    for name, result in results.items():
        if name in plain.results:
            assert exact(result.value) == exact(plain.results[name]), name
        else:
            with pytest.raises(RecordingError):
                _ = result.value


COUNTER: Counter[str] = Counter()


@pytest.mark.usefixtures("server")
@settings(max_examples=300)
@given(cases())
async def test_programs_do_what_plain_python_does(case):
    await check(case)


@pytest.mark.slow
@pytest.mark.usefixtures("server")
@settings(max_examples=20000)
@given(cases())
async def test_programs_do_what_plain_python_does_in_tens_of_thousands_of_cases(case):
    await check(case)
