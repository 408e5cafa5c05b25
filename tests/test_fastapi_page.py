"""docs/fastapi.md shows the application and its tests as they are; both run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import httpx
import pytest
from pages import ROOT, Page
from rapyer.testing import use_plugins

PAGE = Page("docs/fastapi.md")
APPLICATION = ROOT / "examples/fastapi_app"
#: What the tests of the page take from pytest; a fixture is entered here by `async with`.
PYTEST = SimpleNamespace(fixture=asynccontextmanager, MonkeyPatch=pytest.MonkeyPatch)


def test_the_page_has_the_application_whole_and_the_beginning_of_its_tests():
    app, tests = PAGE.blocks("python")
    assert app.text == (APPLICATION / "app.py").read_text()
    assert tests.text in (APPLICATION / "test_app.py").read_text()


async def test_the_application_answers_and_the_test_of_the_page_passes(redis_url, monkeypatch):
    with use_plugins(installed=True):
        names = PAGE.names(pytest=PYTEST, httpx=httpx, AsyncIterator=AsyncIterator)
        PAGE.run(names)
        async with names["client"](redis_url, monkeypatch) as client:
            await names["test_a_member_is_created_once"](client)
            assert (await client.get("/members/nobody")).status_code == 404
            ada = "/members/ada@example.org"
            assert (await client.post(f"{ada}/points?number=2")).json() == 2
            changed = (await client.patch(ada, json={"name": "Countess"})).json()
            assert changed == {"email": "ada@example.org", "name": "Countess", "points": 2}
            assert (await client.post(f"{ada}/points?number=-3")).status_code == 422
            assert (await client.get("/members?at_least=1")).json() == [changed]
