"""What no program can do is refused where it stands, with line and remedy; nothing is sent."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import ValidationError, field_validator
from rapyer import AtomicRedisModel, EmbeddedModel, Field, Key, RapyerError, Version
from rapyer_pipeline import Pipeline, RecordingError, leaving, length, loops


class Role(Enum):
    ADMIN = "admin"
    GUEST = "guest"


class Address(EmbeddedModel):
    city: str = "Rome"


class Item(EmbeddedModel):
    name: str
    price: int = 1
    sold: bool = False
    tags: list[str] = []


class RecordedModel(AtomicRedisModel):
    id: Key[str]
    age: int = 17
    price: float = 1.5
    name: str = "Ada"
    raw: bytes = b"a"
    active: bool = False
    role: Role = Role.GUEST
    size: Literal["s", "m"] = "s"
    nick: str | None = None
    seen: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    born: date = date(2000, 1, 1)
    span: timedelta = timedelta(hours=1)
    amount: Decimal = Decimal("1.10")
    mixed: int | str = 1
    pair: tuple[int, str] = (1, "x")
    tags: list[str] = ["a", "b"]
    few: list[int] = Field(default=[1], max_length=3)
    numbers: list[int] = [3, 1, 2]
    items: list[Item] = [Item(name="lamp"), Item(name="sofa", sold=True)]
    flags: set[str] = {"f"}
    counts: dict[str, int] = {"a": 1}
    address: Address = Address()
    limited: int = Field(default=5, ge=0, le=10)
    code: str = Field(default="x", pattern="^[a-z]$")
    even: int = 2
    fixed: int = Field(default=1, frozen=True)
    revision: Version = Field(default=0)

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value


FILE = "of-a-user.py"
ASK = "if_true"
FOR = "only a `for` statement"

#: What is written, its line, and what the message says; a line that is None is the first one.
REFUSED = [
    # what Python would decide now
    ("if p.age > 17: p.name = 'x'", ASK),
    ("while p.age > 0: p.age -= 1", ASK),
    ("assert p.age > 17", ASK),
    ("p.age > 1 and p.price > 1", ASK),
    ("p.age > 1 or p.price > 1", ASK),
    ("not p.age > 1", ASK),
    ("not p.active", ASK),
    ("bool(p.active)", ASK),
    ("bool(p.tags)", ASK),
    ("0 < p.age < 5", r"\(a < x\) & \(x < b\)"),
    ("p.age if p.active else p.price", ASK),
    ("min(p.age, 3)", ASK),
    ("p.name in ['a']", ASK),
    ("match p.age:\n    case 0: p.name = 'zero'", ASK),
    ("bool(p)", "known only on the server"),
    ("with p.when(p.nick is None): p.age = 1",
     "was already evaluated in Python.*Write p.nick == None"),
    ("total = 0\nfor n in p.numbers: total += n\np.age = total", r"store it in a field there"),
    # what is done to an instance
    ("p.aupdate(age=3)", "'aupdate' is a method of RecordedModel"),
    # what Python would need now
    ("len(p.tags)", r"Write length\(...\)"),
    ("len(p.name)", r"Write length\(...\)"),
    ("int(p.age)", "Use it in calculations as it is"),
    ("float(p.price)", "Use it in calculations as it is"),
    ("range(p.age)", "Use it in calculations as it is"),
    ("[1, 2, 3][p.age]", "Use it in calculations as it is"),
    ("str(p.age)", r"Join strings with \+"),
    ("f'{p.name}'", r"Join strings with \+"),
    ("f'{p.age:d}'", r"Join strings with \+"),
    ("'{}'.format(p.name)", r"Join strings with \+"),
    ("'%s' % p.name", r"Join strings with \+"),
    ("print(p.name)", r"Join strings with \+"),
    ("'a' in p.tags", r"p\.tags\.contains\('a'\)"),
    ("'a' in p.name", r"p\.name\.contains\('a'\)"),
    ("'a' in p.counts", r"p\.counts\.contains\('a'\)"),
    ("{p.name: 1}", "A dict of the document accepts it"),
    ("{p.name}", "A dict of the document accepts it"),
    ("{'Ada': 1}[p.name]", "A dict of the document accepts it"),
    ("hash(p.tags)", "A dict of the document accepts it"),
    # what only loops over elements that are known do
    ("list(p.tags)", FOR),
    ("tuple(p.tags)", FOR),
    ("set(p.tags)", FOR),
    ("sum(p.numbers)", FOR),
    ("sorted(p.numbers)", FOR),
    ("max(p.numbers)", FOR),
    ("any(p.tags)", FOR),
    ("for n, tag in enumerate(p.tags): p.name += tag", FOR),
    ("for tag, n in zip(p.tags, p.numbers): p.age += n", FOR),
    ("for n in map(abs, p.numbers): p.age += n", FOR),
    ("[tag for tag in p.tags]", FOR),
    ("{tag for tag in p.tags}", FOR),
    ("{tag: 1 for tag in p.tags}", FOR),
    ("any(tag == 'a' for tag in p.tags)", FOR),
    ("first, second = p.tags", FOR),
    ("first, *others = p.tags", FOR),
    ("[*p.tags]", FOR),
    ("print(*p.tags)", FOR),
    ("list(p.counts.items())", FOR),
    ("for n in p.age: pass", "cannot be iterated over"),
    ("for letter in p.name: pass", "cannot be iterated over"),
    # loops and blocks that are left
    ("for tag in p.tags: break", "left by break, return"),
    ("for tag in p.tags:\n    for n in p.numbers: break", "left by break, return"),
    ("def find():\n    for tag in p.tags:\n        return tag\nfound = find()\np.name = found",
     "left by break, return"),
    ("def find():\n    for item in p.items:\n        for tag in item.tags:\n            return 1\n"
     "find()", "left by break, return"),
    ("for item in p.items: pass\nitem.price = 4", "Read it again"),
    ("for item in p.items: price = item.price\np.age = price", "Read it again"),
    ("with p.when(p.active): more = p.age + 1\np.age = more", "Read it again"),
    # what there is not
    ("p.agee = 1", "no field 'agee'. Its fields are id, age"),
    ("p.agee", "no field 'agee'"),
    ("p.agee += 1", "no field 'agee'"),
    ("p['agee']", "no field 'agee'"),
    ("p.address.street", "no field 'street'"),
    ("p.address.street = 1", "no field 'street'"),
    ("p.items[0].colour = 1", "no field 'colour'"),
    ("for item in p.items: item.colour = 1", "no field 'colour'"),
    ("p.items.colour", "no 'colour' in a pipeline"),
    ("p.save()", "'save' is a method of RecordedModel, and p is not an instance"),
    ("p.name.upper()", "used in calculations, compared, and assigned"),
    ("p.name.append('x')", "used in calculations, compared, and assigned"),
    ("p.tags.index('a')", "it supports append"),
    ("p.tags.copy()", "it supports append"),
    ("p.flags.pop()", "it supports add"),
    ("p.counts.fromkeys('a')", "it supports keys in brackets"),
    ("(p.age > 3).if_true()", "no action"),
    ("p.mixed.x", "Assign it as a whole"),
    ("p.tags[0:1]", "slices are not supported"),
    ("p.tags[0:1] = ['x']", "slices are not supported"),
    ("p.name[0]", "p.name is str, whose parts are not supported"),
    ("p.numbers['a']", "is not a list index"),
    ("p.numbers[True]", "is not a list index"),
    ("p.numbers[1.0]", "is not a list index"),
    ("p.numbers[p.name]", "is not a valid index"),
    ("p.counts[p.age]", "is not a valid index or key"),
    ("del p.age", "Assign another value"),
    ("p.when = 1", r"p\['when'\]"),
    ("p.numbers.sort(key=abs)", "takes no key"),
    ("p.items.sort()", "elements that have no order"),
    ("for n in p.numbers: n.set(1)", "Assign to its place"),
    ("for key, n in p.counts.items(): n.set(1)", "Assign to its place"),
    ("for item in p.items: item.set(Item(name='x'))", "Assign to its place"),
    # operands
    ("p.age += 'x'", r"an int \+ a str"),
    ("p.age + p.name", r"an int \+ a str"),
    ("p.age += None", "not a supported operation"),
    ("p.age += True", r"an int \+ a bool"),
    ("p.age += p.active", "not a supported operation"),
    ("p.age += [1]", "not a supported operation"),
    ("p.age + 1.5j", "not a supported operation"),
    ("p.name += 1", r"a str \+ an int"),
    ("p.name -= 'a'", "a str - a str"),
    ("p.name *= 'a'", r"a str \* a str"),
    ("p.name /= 2", "a str / an int"),
    ("p.raw += 'x'", r"bytes \+ a str"),
    ("p.raw *= 2", r"bytes \* an int"),
    ("p.seen += 1", r"a datetime \+ an int"),
    ("p.seen += p.seen", r"a datetime \+ a datetime"),
    ("p.seen *= 2", r"a datetime \* an int"),
    ("p.born += 1", r"a date \+ an int"),
    ("p.span /= 2", "Write //"),
    ("p.active += 1", "not a supported operation"),
    ("p.role += 'x'", "not a supported operation"),
    ("p.amount += 1", "is not a supported operation"),
    ("p.mixed += 1", "which a pipeline cannot do"),
    ("p.tags = p.tags + ['x']", "append, extend"),
    ("p.tags *= 2", "append, extend"),
    ("p.flags -= {'f'}", "append, extend"),
    ("p.age **= 2", r"It supports \+ - \*"),
    ("abs(p.age)", r"It supports \+ - \*"),
    ("round(p.price)", r"It supports \+ - \*"),
    ("divmod(p.age, 2)", r"It supports \+ - \*"),
    ("p.age << 1", r"It supports \+ - \*"),
    ("p.price += float('inf')", "JSON cannot represent inf"),
    # comparisons
    ("p.age > 'x'", "Give a number"),
    ("p.age == 'x'", "Give a number"),
    ("p.name > 1", "Give a str"),
    ("p.name == 1", "Give a str"),
    ("p.name == p.age", "Compare values of the same kind"),
    ("p.role == 'admin'", "Give a Role"),
    ("p.active > 1", "Give a bool"),
    ("p.nick > None", r"Write p\.nick\.is_none\(\)"),
    ("p.tags > ['a']", "no order"),
    ("p.tags.contains(1)", "could never hold"),
    ("p.items.price != 5", "two readings"),
    ("p.tags == 1", "could never hold"),
    ("p.items.price > 'x'", "Give a number"),
    ("p.items.price == 'x'", "Give a number"),
    ("p.items.name.startswith(1)", "Give a str"),
    ("'%d' % p.age", "only on the server"),
    ("','.join(p.tags)", "only a `for` statement"),
    ("dict(p.counts)", "only a `for` statement"),
    ("p.abort(p.name)", "is not a reason"),
    ("p.require(p.age > 1, p.name)", "is not a reason"),
    ("list(y for x in (1, 2) for y in p.tags)", "only a `for` statement"),
    ("import copy; copy.copy(p.address)", "cannot be copied"),
    ("import copy; copy.deepcopy(p)", "stands for the document"),
    ("len(p)", "Name a field"),
    ("p.pair[0]", "parts a pipeline cannot access"),
    ("p.pair[0] = 1", "parts a pipeline cannot access"),
    ("p.counts[1] = 1", "does not exist"),
    ("for item in p.items:\n    with p.when(item.sold): continue\n    item.price += 1", "continue"),
    ("def give():\n    with p.when(p.active): return\n    p.age = 1\ngive()", "return"),
    ("p.when(p.age > 3)\np.age = 1", "without `with`"),
    ("del p.address.city", "cannot be deleted"),
    ("popped = p.items.pop()\np.age = popped.price", "before the value is removed"),
    ("popped = p.items.pop()\np.age = popped[0]", "before the value is removed"),
    ("length('abc')", "Write len"),
    ("list(iter(p))", "Name a field"),
    ("(p.age > 3).else_(lambda: None)", "has if_true"),
    ("reversed(p.tags)", "reverse"),
    ("p.age & p.active", "is not a condition"),
    # values that are known only on the server
    ("p.age = p.name", "Assign a value of that type"),
    ("p.name = p.age", "Assign a value of that type"),
    ("p.age = p.active", "Assign a value of that type"),
    ("p.name = p.age > 3", "is a bool"),
    ("p.tags = p.numbers", "Only a value of the same type"),
    ("p.tags.append(p.age)", "Assign a value of that type"),
    ("p.tags.extend(p.numbers)", "a different type"),
    ("p.even += 2", "a value that is known in Python"),
    ("p.code += 'y'", "a value that is known in Python"),
    ("p.role = p.name", "a value that is known in Python"),
    ("p.age = RecordedModel.limited", "Start from the p of the pipeline"),
    ("p.numbers.extend(5)", "is not a list"),
    ("p.counts.update([('a', 5)])", "not a dict with known keys"),
    # conditions and actions
    ("p.require(True)", "was already evaluated in Python"),
    ("p.require(p.age)", "Compare it"),
    ("p.require('age > 3')", "Give a comparison"),
    ("p.age.if_true(lambda: 1)", "Compare it"),
    ("(p.age > 3).if_true(p.name.set('x'))", "Give a callable"),
    ("(p.age > 3).if_true([p.tags.append('x')])", "Give a callable"),
    ("branches = (p.age > 3).if_true(p.tags.clear)\np.price = 1\nbranches.else_(p.tags.clear)",
     "must directly follow its if_true"),
    ("branches = (p.age > 3).if_true(p.tags.clear)\nbranches.else_(p.tags.clear)\n"
     "branches.else_(p.tags.clear)", "cannot follow else_"),
    ("with p.otherwise(): p.age = 1", "must directly follow the block of a `when`"),
    ("with p.when(p.active): p.age = 1\np.price = 1\nwith p.otherwise(): p.age = 2",
     "must directly follow the block of a `when`"),
    ("with p.when(True): p.age = 1", "was already evaluated in Python"),
    ("length(p.age)", "has no length"),
]  # fmt: skip

#: What Python refuses before a pipeline could: with its own message, at the line.
REFUSED_BY_PYTHON = [
    "','.join([p.name])",
    "import json; json.dumps(p.age)",
    "p.age()",
    "p.tags.append()",
    "(p.age > 3).if_true(lambda unwanted: 1)",
]

#: Values that do not validate, or cannot be stored.
INVALID = [
    ("p.age = 2**70", "p.age was given 1180591620717411303424"),
    ("p.price = 1e400", "p.price was given inf"),
    ("p.age = 'x'", "p.age was given 'x'"),
    ("p.age = None", "p.age was given None"),
    ("p.age = [1]", "p.age was given [1]"),
    ("p.age.set('x')", "p.age was given 'x'"),
    ("p.name = 5", "p.name was given 5"),
    ("p.role = 'boss'", "p.role was given 'boss'"),
    ("p.size = 'xl'", "p.size was given 'xl'"),
    ("p.limited = 11", "p.limited was given 11"),
    ("p.code = 'B'", "p.code was given 'B'"),
    ("p.even = 3", "p.even was given 3"),
    ("p.tags = 'abc'", "p.tags was given 'abc'"),
    ("p.few = [1, 2, 3, 4]", "p.few was given [1, 2, 3, 4]"),
    ("p.tags = [p.name]", "p.tags was given [p.name]"),
    ("p.tags.append(1)", "an element of p.tags was given 1"),
    ("p.tags.insert(0, 1)", "an element of p.tags was given 1"),
    ("p.tags.remove(1)", "an element of p.tags was given 1"),
    ("p.tags[0] = 1", "p.tags[0] was given 1"),
    ("p.items.append({'name': 3})", "an element of p.items was given"),
    ("p.flags.add(1)", "an element of p.flags was given 1"),
    ("p.counts['a'] = 'x'", "p.counts['a'] was given 'x'"),
    ("p.counts.update(a='x')", "p.counts['a'] was given 'x'"),
    ("p.address.city = 3", "p.address.city was given 3"),
    ("p.price = float('nan')", "p.price was given nan"),
    ("p.name = '\\ud800'", "p.name was given '\\ud800'"),
]

#: Fields that are not written by anybody.
READ_ONLY = ["p.id = '2'", "p.revision = 5", "p.revision += 1", "p.fixed = 2", "p.fixed += 2"]


def said(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


async def _calls(redis: Any) -> int:
    stats = await redis.info("commandstats")
    names = ("cmdstat_fcall", "cmdstat_evalsha", "cmdstat_eval")
    return sum(stats[name]["calls"] for name in names if name in stats)


async def refuse(redis: Any, code: str, kind: Any) -> BaseException:
    """Record statements from the fourth line of a file on; what was recorded before is not sent."""
    model = await RecordedModel(id="1").save()
    before, calls = await redis.execute_command("JSON.GET", model.key), await _calls(redis)
    with pytest.raises(kind) as caught:  # noqa: PT012 - the error may come at the end of the block
        async with model.pipeline() as p:
            p.age += 1
            p.tags.append("never")
            exec(compile("\n\n\n" + code, FILE, "exec"), {**globals(), "p": p})
    assert await redis.execute_command("JSON.GET", model.key) == before
    assert await _calls(redis) == calls
    assert model == RecordedModel(id="1", revision=1)
    return caught.value


def _statement_of(code: str) -> set[int]:
    """Give the lines that a message may name: that of the statement, or of the loop around it."""
    lines = code.split("\n")
    return {4 + number for number in range(len(lines))}


@pytest.mark.parametrize(("code", "message"), REFUSED, ids=[code for code, _ in REFUSED])
async def test_what_no_program_does_is_refused_at_its_line(server, redis, code, message):
    error = await refuse(redis, code, RecordingError)
    assert isinstance(error, RecordingError)
    text = str(error)
    lines = {number for number in _statement_of(code) if text.startswith(f"{FILE}:{number}: ")}
    assert len(lines) == 1, text
    assert error.where == f"{FILE}:{lines.pop()}" or "left by" in text
    assert text.endswith(".")
    assert not text.endswith("....")
    with pytest.raises(RecordingError, match=message):
        raise error


@pytest.mark.parametrize("code", REFUSED_BY_PYTHON)
async def test_what_python_refuses_is_refused_at_its_line(server, redis, code):
    error = await refuse(redis, code, TypeError)
    lines, step = [], error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == FILE:
            lines.append(step.tb_lineno)
        step = step.tb_next
    assert lines[:1] == [4]


@pytest.mark.parametrize(("code", "message"), INVALID, ids=[code for code, _ in INVALID])
async def test_a_value_that_does_not_validate_is_refused_at_its_line(server, redis, code, message):
    error = await refuse(redis, code, (ValidationError, RapyerError))
    assert f"{FILE}:4: {message}" in said(error)


@pytest.mark.parametrize("code", READ_ONLY)
async def test_a_field_that_is_not_written_is_refused(server, redis, code):
    error = await refuse(redis, code, RapyerError)
    assert "RecordedModel." in str(error)


# -- the block itself ------------------------------------------------------------------------------


def line_of(error: pytest.ExceptionInfo[RecordingError]) -> str:
    return str(error.value).split(": ")[0]


async def test_p_is_of_use_in_its_block_only(server):
    model = await RecordedModel(id="1").save()
    pipeline = model.pipeline()
    with pytest.raises(RecordingError, match="async with") as error:
        pipeline.age += 1
    assert line_of(error).startswith(__file__)
    async with pipeline as p:
        p.age += 1
        later = p.age + 1
        condition = p.age > 1
    for use in (
        lambda: p.age,
        lambda: setattr(p, "age", 3),
        lambda: p.tags.append("x"),
        lambda: setattr(p, "price", later),
        lambda: later + 1,
        lambda: condition.if_true(lambda: None),
        lambda: p.require(condition),
        lambda: p.abort("x"),
        lambda: p.delete(),
    ):
        with pytest.raises(RecordingError, match="the block of the pipeline has ended") as error:
            use()
        assert line_of(error).startswith(__file__)
    assert (await RecordedModel.get("1")).age == 18


async def test_a_pipeline_has_one_block(server):
    model = await RecordedModel(id="1").save()
    pipeline = model.pipeline()
    async with pipeline as p:
        p.age += 1
    with pytest.raises(RecordingError, match="Make another pipeline"):
        await pipeline.__aenter__()
    assert (await RecordedModel.get("1")).age == 18


async def test_values_of_another_pipeline_are_refused(server, redis):
    models = [await RecordedModel(id=number).save() for number in "12"]
    uses: list[Any] = [
        lambda p, q: setattr(q, "age", p.age),
        lambda p, q: setattr(q, "age", q.age + p.age),
        lambda p, q: setattr(q, "tags", p.tags),
        lambda p, q: setattr(q, "address", p.address),
        lambda p, q: setattr(q.address, "city", p.address.city),
        lambda p, q: q.items.__setitem__(0, p.items[0]),
        lambda p, q: q.tags.append(p.name),
        lambda p, q: q.tags.extend(p.tags),
        lambda p, q: q.tags.__getitem__(p.age),
        lambda p, q: q.counts.pop(p.name),
        lambda p, q: q.require(p.age > 1),
        lambda p, q: q.require((q.age > 1) & (p.age > 1)),
        lambda p, q: q.require(q.age > p.age),
        lambda p, q: q.when(p.active).__enter__(),
    ]
    for use in uses:
        async with models[0].pipeline() as p:
            with pytest.raises(RecordingError, match="another pipeline") as error:
                async with models[1].pipeline() as q:
                    use(p, q)
            assert line_of(error).startswith(__file__)
    assert await RecordedModel.get("1") == models[0]
    assert await RecordedModel.get("2") == models[1]


async def _record(p: Pipeline) -> None:
    p.age += 1


async def test_another_task_does_not_record(server):
    model = await RecordedModel(id="1").save()
    with pytest.raises(RecordingError, match="Record it in the task that opened it") as error:
        async with model.pipeline() as p:
            await asyncio.create_task(_record(p))
    assert line_of(error).startswith(__file__)
    with pytest.raises(RecordingError, match="Record it in the task that opened it"):
        async with model.pipeline() as p:
            await asyncio.to_thread(lambda: setattr(p, "age", 3))
    async with model.pipeline() as p:
        await _record(p)  # the same task
    assert model.age == 18


async def test_an_exception_in_the_block_sends_nothing(server, redis):
    model = await RecordedModel(id="1").save()
    with pytest.raises(KeyError, match="mine"):  # noqa: PT012 - it is about the block
        async with model.pipeline() as p:
            p.age += 1
            raise KeyError("mine")
    assert await RecordedModel.get("1") == model == RecordedModel(id="1", revision=1)


async def test_who_awaits_in_the_block_is_told_that_nothing_is_awaited_there(server, redis):
    document = await RecordedModel(id="awaits").save()
    with pytest.raises(TypeError) as caught:
        async with document.pipeline() as p:
            await p.tags.append("x")
    assert any("Nothing can be awaited" in note for note in caught.value.__notes__)
    with pytest.raises(TypeError) as caught:
        async with document.pipeline():
            raise TypeError("of the caller")
    assert not hasattr(caught.value, "__notes__")
    assert (await RecordedModel.get("awaits")).tags == ["a", "b"]


async def test_a_return_ends_the_block(server):
    model = await RecordedModel(id="1").save()

    async def grow() -> str:
        async with model.pipeline() as p:
            p.age += 1
            return "done"

    assert await grow() == "done"
    assert model.age == 18


async def test_the_value_of_a_result_is_known_after_the_block_only(server):
    model = await RecordedModel(id="1").save()
    async with model.pipeline() as p:
        last = p.tags.pop()
        with pytest.raises(RecordingError, match="has not ended"):
            _ = last.value
        with p.when(p.age > 100):
            none = p.tags.pop()
    assert last.value == "b"
    with pytest.raises(RecordingError, match="not reached"):
        _ = none.value


def test_what_is_no_pipeline_has_no_length():
    with pytest.raises(RecordingError, match=r"Write len\(...\)"):
        length("abc")


async def test_fields_may_have_the_names_of_what_makes_stand_ins(server, redis):
    class Named(EmbeddedModel):
        at: int = 1
        of: int = 1

    class NamedModel(AtomicRedisModel):
        by_key: int = 1
        of_instance: int = 1
        inner: Named = Named()

        class Config:
            prefix = "named_like_makers"

    document = await NamedModel().save()
    async with document.pipeline() as p:
        p.by_key += p.inner.at
        p.of_instance += p.by_key
        p.inner.at += p.of_instance
        p.inner.of += p.inner.at
    stored = await NamedModel.get(document.pk)
    assert (stored.by_key, stored.of_instance, stored.inner) == (2, 3, Named(at=4, of=5))


def test_a_pipeline_of_the_class_says_that_it_is_one_of_an_instance():
    with pytest.raises(TypeError, match=r"'1' is not an instance of a model.*pipeline_for"):
        RecordedModel.pipeline("1")


def _decide(p):
    with p.when(p.age == 1):
        p.name = "x"


def _loop(p):
    for _ in p.tags:
        p.name = "x"


@pytest.mark.parametrize(
    ("record", "module", "answers", "knows"),
    [
        (_decide, leaving, "is_left_at_its_end", leaving.knows_this_python),
        (_loop, loops, "_is_statement", loops._knows_this_python),
    ],
)
async def test_a_python_whose_instructions_are_unknown_is_refused(
    record, module, answers, knows, monkeypatch, server, redis
):
    """Otherwise it would record less than is written, or other things, without an error."""
    monkeypatch.setattr(module, answers, lambda *_: True)
    knows.cache_clear()
    try:
        with pytest.raises(RecordingError, match=r"cannot be told .*on this version of Python"):
            async with RecordedModel.pipeline_for("1") as p:
                record(p)
    finally:
        knows.cache_clear()
