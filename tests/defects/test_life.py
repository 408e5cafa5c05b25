"""Defects of the life of a program: its start, its event loops, its clients, its checkers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from rapyer import AtomicRedisModel, Key, RedisList, init_rapyer
from redis.asyncio import Redis

PACKAGES = [
    "rapyer", "rapyer_bulk", "rapyer_query", "rapyer_pipeline", "rapyer_ttl", "rapyer_embedded"
]  # fmt: skip
CHECKED = Path(__file__).parents[1] / "typing"


class Doc(AtomicRedisModel):
    id: Key[str]
    blob: bytes = b"\xff\x00"
    text: str = "é"
    tags: RedisList[str] = []

    class Config:
        prefix = "defects:life"


async def work():
    doc = await Doc(id="1").save()
    await doc.tags.aappend("x")
    async with doc.pipeline() as p:
        p.text += "!"
    assert await Doc.get("1") == doc == Doc(id="1", text="é!", tags=["x"])
    assert await Doc.find(Doc.text == "é!").to_list() == [doc]
    assert await Doc.bulk_get(["1"]) == [doc]


def test_a_client_is_not_bound_to_the_event_loop_of_the_first_call(redis_url):
    """It was made at import, and the second `asyncio.run` of a program failed."""

    async def main():
        async with init_rapyer(redis_url):
            await work()

    for _ in range(2):
        asyncio.run(main())


def test_an_event_loop_that_starts_later_is_served_too(redis_url, monkeypatch):
    """`init_rapyer` has run in one loop, and the work is done in others, as in tests of users."""
    monkeypatch.setenv("RAPYER_REDIS_URL", redis_url)
    from rapyer import teardown_rapyer

    async def main():
        await work()
        await teardown_rapyer()

    for _ in range(2):
        asyncio.run(main())


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode_responses", [False, True])
async def test_what_a_caller_s_client_decodes_changes_no_result(
    redis_url, redis, decode_responses, protocol
):
    async with (
        Redis.from_url(redis_url, decode_responses=decode_responses, protocol=protocol) as client,
        init_rapyer(client),
    ):
        await work()


async def test_a_subclass_that_is_defined_after_the_start_works(server):
    """Its scripts and its index were made at the start, for the models that there were then."""

    class Later(Doc):
        number: int = 0

        class Config(Doc.Config):
            prefix = "defects:life-later"

    later = await Later(id="1", number=5).save()
    await later.tags.aappend("x")
    assert await Later.find(Later.number == 5).to_list() == [later]
    assert await Doc.find().count() == 0


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_that_it_is_typed(package):
    """Without `py.typed`, checkers took everything for `Any`."""
    assert resources.files(package).joinpath("py.typed").is_file()


PROGRAM = """
from rapyer import AtomicRedisModel, Condition, FieldPath, Mapped
from typing_extensions import assert_type

class User(AtomicRedisModel):
    age: Mapped[int]

async def main() -> None:
    assert_type(User.age, FieldPath[int])
    assert_type(User.age > 18, Condition)
    assert_type(await User.find(User.age > 18).to_list(), list[User])
    assert_type(await User.get("1"), User)
    assert_type((await User.get("1")).age, int)
    User.age > "x"
"""


def test_conditions_and_results_have_types_for_checkers(tmp_path):
    """`User.age > 18` was a bool to them, and what `find` gave was `Any`."""
    (path := tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", CHECKED / ".mypy_cache"]
    run = subprocess.run(
        [*map(str, command), str(path)], capture_output=True, text=True, check=False, cwd=CHECKED
    )
    lines = [line for line in run.stdout.splitlines() if ": error: " in line]
    assert len(lines) == 1, run.stdout + run.stderr
    number = PROGRAM.splitlines().index('    User.age > "x"') + 1
    assert f"program.py:{number}: " in lines[0]
