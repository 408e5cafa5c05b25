"""Whatever is done in whatever order, Redis has what plain Python says that it should have.

A machine draws operations of all packages, by several instances, by key, in bulk, by queries and
programs, and what others do to the server meanwhile. After each of them the documents in Redis,
their versions and their times to live are compared with a model of plain Python, and so are the
instances that somebody holds.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from stateful.server import RulesOfServer
from stateful.world import Counted, Plain

SHORT = {"max_examples": 30, "stateful_step_count": 25}
LONG = {"max_examples": 500, "stateful_step_count": 60}


@pytest.mark.parametrize("of", [Plain, Counted])
@pytest.mark.parametrize("size", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)])
def test_redis_has_what_python_says_that_it_should_have_after_every_step(
    redis_url: str, of: type[Any], size: dict[str, int]
) -> None:
    class Machine(RulesOfServer):
        model = of

    Machine.redis_url = redis_url
    run_state_machine_as_test(
        Machine,
        settings=settings(
            deadline=None, suppress_health_check=[*HealthCheck], print_blob=True, **size
        ),
    )
