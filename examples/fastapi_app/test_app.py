"""The application, tested on a real Redis: `redis_url` is a fixture of rapyer-embedded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from app import Member, app, lifespan


@pytest.fixture
async def client(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("RAPYER_REDIS_URL", redis_url)
    transport = httpx.ASGITransport(app)
    async with lifespan(app), httpx.AsyncClient(transport=transport, base_url="http://shop") as one:
        await Member.find().delete()
        yield one


ADA = {"email": "ada@example.org", "name": "Ada"}


async def test_a_member_is_created_once(client: httpx.AsyncClient) -> None:
    assert (await client.post("/members", json=ADA)).status_code == 201
    assert (await client.post("/members", json=ADA)).status_code == 409
    assert (await client.get("/members/ada@example.org")).json() == {**ADA, "points": 0}


async def test_what_is_not_there_or_not_valid_is_told(client: httpx.AsyncClient) -> None:
    assert (await client.get("/members/nobody@example.org")).status_code == 404
    assert (
        await client.patch("/members/nobody@example.org", json={"name": "x"})
    ).status_code == 404
    assert (await client.post("/members", json={**ADA, "name": ""})).status_code == 422


async def test_what_would_not_be_valid_is_told_and_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/members", json=ADA)
    ada = "/members/ada@example.org"
    for name in ("", None):
        answer = await client.patch(ada, json={"name": name})
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["name"])
    assert (await client.post(f"{ada}/points?number=-1")).status_code == 422
    assert (await client.patch(ada, json={})).json() == {**ADA, "points": 0}


async def test_one_field_is_changed(client: httpx.AsyncClient) -> None:
    await client.post("/members", json={**ADA, "points": 3})
    answer = await client.patch("/members/ada@example.org", json={"name": "Countess"})
    assert answer.json() == {"email": ADA["email"], "name": "Countess", "points": 3}


async def test_no_points_are_lost_to_requests_at_the_same_time(client: httpx.AsyncClient) -> None:
    await client.post("/members", json=ADA)
    url = "/members/ada@example.org/points?number=2"
    await asyncio.gather(*(client.post(url) for _ in range(50)))
    assert (await client.get("/members/ada@example.org")).json()["points"] == 100


async def test_the_best_come_first(client: httpx.AsyncClient) -> None:
    for place in range(5):
        await client.post("/members", json={"email": f"{place}@x", "name": "x", "points": place})
    found = (await client.get("/members?at_least=1&limit=3")).json()
    assert [one["points"] for one in found] == [4, 3, 2]
