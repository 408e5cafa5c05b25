"""Every public name has a docstring with shape, unit, errors and round trips.

What is public is found in the sources (`public_names`): what the packages export, what the pages of
the reference show, what these give to those who call them, and the members of all. What has to be
said stands in `docstring_rules` and `docstring_errors`, a function for each rule.
"""

from __future__ import annotations

import ast
import textwrap
from itertools import count

import docstring_errors
import public_names
import pytest
from docstring_rules import RULES, faults
from docstrings import taken_apart
from public_names import FACES, Name, exports, shown_on_pages
from public_names import public_names as find

NAMES = find()
#: What need not be said of a name, by the rule, with the reason.
EXCEPTIONS = {
    ("rapyer.connection.Initialization", "parameters"): "`init_rapyer` makes it",
    ("rapyer.locks.DocumentLock", "parameters"): "`lock` makes it, and says what they are",
    ("rapyer.locks.DocumentLock", "units"): "`lock` makes it, and says what they are",
    ("rapyer.redis_types.scalars.RedisInt.aincrease", "units"): "it is the user's own number",
    ("rapyer.redis_types.scalars.RedisFloat.aincrease", "units"): "it is the user's own number",
    ("rapyer_embedded.startable.Startable", "trips"): "it starts a process, and sends nothing",
}
#: Classes that no page shows, with the reason.
NOT_ON_PAGES = {
    "rapyer.expr.nodes.Node": "it has no members for users",
    "rapyer.expr.undecided.Undecided": "it has no members for users",
    "rapyer.memory.RememberingModel": "it has no members for users",
    "rapyer.model.exists.ExistsByKey": "the type of `exists`, which says all",
    "rapyer.model.exists.ExistsInstance": "the type of `exists`, which says all",
    "rapyer.model.extract.ExtractByKey": "the type of `extract_fields`, which says all",
    "rapyer.model.extract.ExtractOfInstance": "the type of `extract_fields`, which says all",
    "rapyer.redis_types.place.PlacedModel": "it has no members for users",
    "rapyer.redis_types.value.ScalarField": "it is there for type checkers",
    "rapyer_embedded.startable.Startable": "`Server` and `Cluster` have its members",
    "rapyer_pipeline.recorded.Recorded": "it has no members for users",
    "rapyer_pipeline.recorded.Timed": "it has no members for users",
    "rapyer_query.manager.IndexAccess": "`index` gives an `IndexManager`",
}


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_a_public_name_says_what_it_has_to(name):
    found = [one for one in faults(name) if (str(name), one[0]) not in EXCEPTIONS]
    assert not found, f"{name} " + "; ".join(message for _, message in found)


def test_no_exception_is_superfluous():
    found = {(str(name), rule) for name in NAMES for rule, _ in faults(name)}
    assert EXCEPTIONS.keys() == found


def test_no_error_is_left_untold_without_need(monkeypatch):
    said = {(str(name), rule) for name in NAMES for rule, _ in faults(name)}
    for one in docstring_errors.UNTOLD:
        without = {key: why for key, why in docstring_errors.UNTOLD.items() if key != one}
        monkeypatch.setattr(docstring_errors, "UNTOLD", without)
        assert {(str(name), rule) for name in NAMES for rule, _ in faults(name)} > said, one


def test_what_is_asked_for_by_hand_is_among_the_names():
    found = {str(name) for name in NAMES}
    assert found >= {
        "rapyer.connection.init_rapyer",
        "rapyer.errors.RapyerError",
        "rapyer.model.load.LoadMixin.get",
        "rapyer.model.exists.ExistsMixin.exists",
        "rapyer.paths.list.ListPath.append",
        "rapyer.expr.values.Value.between",
        "rapyer.redis_types.value.RedisValue.aset",
        "rapyer.plugin.spec.rapyer_startup",
        "rapyer.traffic.channel.Channel.execute",
        "rapyer.traffic.policies.AccessPolicy.hides",
        "rapyer_query.asking.Asking.to_list",
        "rapyer_query.summed.Summed.avg",
        "rapyer_query.manager.IndexManager.rebuild",
        "rapyer_query.manager.IndexStatus.memory",
        "rapyer_bulk.results.KeyOutcome.error",
        "rapyer_pipeline.pipeline.Pipeline",
        "rapyer_pipeline.lists.TracedList.append",
        "rapyer_ttl.durations.Duration",
        "rapyer_embedded.server.Server.restart",
    }


# -- the pages ------------------------------------------------------------------------------------


def test_a_page_shows_every_exported_name():
    shown = shown_on_pages()
    exported = {name for face in FACES for name in exports(face).values()}
    assert {str(name) for name in exported - shown} == set()


def test_a_page_shows_every_class_with_what_users_call():
    shown = shown_on_pages()
    hidden = {str(name) for name in NAMES if name.owner is None and name not in shown}
    assert hidden == set(NOT_ON_PAGES)


# -- the rules ------------------------------------------------------------------------------------

_numbers = count()


@pytest.fixture
def rule_broken_by(tmp_path, monkeypatch):
    """The messages of one rule for a module of one definition, or for a member of a class in it."""

    def broken(rule: str, source: str, path: str) -> list[str]:
        package = f"made_up_{next(_numbers)}"
        monkeypatch.setitem(public_names.SOURCES, package, tmp_path / package)
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(textwrap.dedent(source))
        name = public_names.resolve(f"{package}.{path}")
        assert isinstance(name, Name)
        (check,) = [one for one in RULES if one.__name__ == rule]
        return list(check(name))

    return broken


def function(head: str, doc: str = "", body: str = "...") -> str:
    return f'{head}:\n    """{textwrap.indent(doc, "    ").strip()}\n    """\n    {body}\n'


BROKEN = [
    ("summary", "def f():\n    ...", "has no docstring"),
    ("summary", function("def f()", "gives something"), "begins with no sentence"),
    ("summary", "f = 1", "has no docstring: a text below the assignment"),
    ("parameters", function("def f(a)", "Do."), "says nothing of the parameter 'a'"),
    ("parameters", function("def f(a, b)", "Do it to a."), "nothing of the parameter 'b'"),
    ("parameters", function("def f(a, b)", "Do it to a and b."), "nothing of the parameter 'b'"),
    (
        "parameters",
        function("def f(a, b, c)", "Do it to `a`, `b` and `c`."),
        "nothing of the parameter 'c'",
    ),
    ("parameters", function("def f(key, low)", "Do it at a key."), "of the parameter 'low'"),
    ("parameters", function("def f(key, a)", "Do it to `a`."), "nothing of the parameter 'key'"),
    ("parameters", function("def f(*, a, **more)", "Do it to a."), "nothing of the parameter 'mo"),
    (
        "parameters",
        function("def f(a, b)", "Do it to b.\n\nArgs:\n    a: One."),
        "says nothing of the parameter 'b'",
    ),
    (
        "parameters",
        function("def f(a)", "Do.\n\nArgs:\n    a: One.\n    b: Two."),
        "has no parameter 'b'",
    ),
    ("result", function("def f() -> int", "Do it."), "says not what it gives, int"),
    (
        "result",
        function("def f() -> None", "Do it.\n\nReturns:\n    Nothing."),
        "has `Returns:`, and gives nothing",
    ),
    ("errors", function("def f()", "Do.", "raise KeyError(1)"), "not that it raises KeyError"),
    (
        "errors",
        function("def f()", "Do.\n\nRaises:\n    TypeError: No.", "raise KeyError(1)"),
        "not that it raises KeyError",
    ),
    (
        "errors",
        function("def f()", "Do.", "g()") + "def g():\n    raise ValueError",
        "not that it raises ValueError, which g does",
    ),
    (
        "errors",
        "from rapyer.errors import LockError\n" + function("def f()", "Do.", "raise LockError()"),
        "not that it raises LockError",
    ),
    (
        "errors",
        function("def f()", "Do.", "raise made()")
        + "def made() -> 'KeyError':\n    return KeyError()",
        "not that it raises KeyError",
    ),
    ("errors", function("def f()", "Do.\n\nRaises:\n    LostError: No."), "'LostError' in `Rai"),
    ("errors", function("def f()", "Do.\n\nRaises:\n    int: No."), "'int' in `Raises:`, which"),
    (
        "errors",
        function("def f()", "Do.\n\nRaises:\n    KeyError: A.\n    ValueError, KeyError: B."),
        "has KeyError twice",
    ),
    ("trips", function("async def f()", "Send it."), "says nothing of round trips"),
    ("trips", function("def f() -> Awaitable[int]", "Send it."), "says nothing of round trips"),
    (
        "trips",
        "class f:\n    '''A lock.'''\n    async def __aenter__(self): ...",
        "says nothing of round trips",
    ),
    ("units", function("def f(timeout: float)", "Wait for a `timeout`."), "'timeout' is measured"),
    (
        "units",
        function("def f(ttl: int | None, n)", "Go.\n\nArgs:\n    ttl: How long.\n    n: Seconds."),
        "'ttl' is measured",
    ),
    ("units", function("def f() -> float", "Tell how long it takes."), "its result is measured"),
    ("units", "class f:\n    '''A.\n\n    Attributes:\n        size: It.\n    '''\n    size: int",
     "'size' is measured"),
    ("attributes", "class f:\n    '''A.'''\n    size: int", "nothing of the attribute 'size'"),
    (
        "attributes",
        "class f:\n    '''A.'''\n    def __init__(self):\n        self.size = 1",
        "nothing of the attribute 'size'",
    ),
    (
        "attributes",
        "class f:\n    '''A.\n\n    Attributes:\n        size: Its size.\n    '''",
        "has no attribute 'size'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "source", "message"), BROKEN)
def test_a_rule_finds_what_is_missing(rule_broken_by, rule, source, message):
    found = rule_broken_by(rule, source, "f")
    assert any(message in one for one in found), found


KEPT = [
    ("summary", function("def f()", "Give something.")),
    ("summary", 'f = 1\n"""A number."""'),
    ("parameters", function("def f(key, a)", "Do it to `a` at a key.")),
    ("parameters", function("def f(self, low, high)", "Tell what is from `low` to `high`.")),
    ("parameters", function("def f(a, b)", "Do.\n\nArgs:\n    a, b: Two.")),
    ("result", function("def f() -> int", "Give how many bytes there are.")),
    ("result", function("def f() -> int", "Take one out, and give it.")),
    ("result", function("def f() -> int", "Do it.\n\nReturns:\n    A number.")),
    ("result", function("def f() -> None", "Do it.")),
    ("errors", function("def f()", "Do.\n\nRaises:\n    LookupError: No.", "raise KeyError(1)")),
    ("errors", function("def f()", "Do.\n\nRaises:\n    asyncio.QueueFull: No.")),
    (
        "errors",
        function("def f()", "Do.", "try: g()\n    except ValueError: pass")
        + "def g():\n    raise ValueError",
    ),
    ("trips", function("async def f()", "Send it. One round\ntrip.")),
    ("trips", function("async def f()", "Wait. Nothing is sent.")),
    ("units", function("def f(timeout: float)", "Wait for `timeout` seconds.")),
    ("units", function("def f(name: str, limit: object)", "Do.")),
    ("units", function("def f() -> int", "Count the documents.")),
    ("attributes", "class f:\n    '''A.'''\n    size: int\n    '''Its size.'''"),
]


@pytest.mark.parametrize(("rule", "source"), KEPT)
def test_a_rule_is_content_with_what_is_said(rule_broken_by, rule, source):
    assert rule_broken_by(rule, source, "f") == []


def test_each_rule_is_tried_both_ways():
    rules = {rule.__name__ for rule in RULES}
    assert {case[0] for case in BROKEN} == rules == {case[0] for case in KEPT}


def test_a_method_may_give_another_object_as_its_class_says_of_all(rule_broken_by):
    source = """
        class Query:
            '''It is immutable: each method gives a new query.'''
            def skip(self) -> Query:
                '''Pass over one.'''
        class Other:
            '''It changes.'''
            def skip(self) -> Other:
                '''Pass over one.'''
    """
    assert rule_broken_by("result", source, "Query.skip") == []
    assert rule_broken_by("result", source, "Other.skip") != []


def test_a_docstring_is_taken_apart():
    found = taken_apart(
        "Do something, in\ntwo lines.\n\n    code\n\nArgs:\n    a: One\n        and more.\n"
        "    b, c: Two.\n\nReturns:\n    A number:\n    of seconds.\n\nRaises:\n    KeyError: No."
    )
    assert found.summary == "Do something, in two lines."
    assert found.entries("Args") == {"a": "One and more.", "b, c": "Two."}
    assert found.entries("Returns") == {"": "A number: of seconds."}
    assert found.entries("Raises") == {"KeyError": "No."}
    assert "code" in found.text
    assert "One" not in found.text


def test_definitions_for_checkers_and_implementations_of_overloads_are_found(rule_broken_by):
    source = """
        if TYPE_CHECKING:
            class Shown:
                @overload
                def f(self) -> int: ...
                @overload
                def f(self, a: int) -> int: ...
                def f(self, a=None): ...
    """
    assert rule_broken_by("summary", source, "Shown.f") == ["has no docstring"]
    name = public_names.resolve(f"made_up_{next(_numbers) - 1}.Shown.f")
    assert isinstance(name.node, ast.FunctionDef)
    assert [one.arg for one in name.node.args.args] == ["self", "a"]
