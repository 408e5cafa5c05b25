"""A web application on FastAPI: members of a shop, who collect points.

It runs by `uv run --with uvicorn uvicorn --app-dir examples/fastapi_app app:app`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from rapyer import AtomicRedisModel, Field, Key, KeyNotFoundError, Mapped, init_rapyer


class Member(AtomicRedisModel):
    """A member of the shop: the document in Redis, and what the application sends."""

    email: Key[str]
    name: Mapped[str] = Field(min_length=1)
    points: Mapped[int] = Field(default=0, ge=0, sortable=True)


class Change(BaseModel):
    """What of a member can be changed."""

    name: str | None = None


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    """Connect for as long as the application runs; indexes are there before the first request."""
    url = os.environ.get("RAPYER_REDIS_URL", "redis://localhost:6379/0")
    async with init_rapyer(url, create_index=True):
        yield


app = FastAPI(lifespan=lifespan)


@app.exception_handler(KeyNotFoundError)
async def not_found(_: Request, error: KeyNotFoundError) -> JSONResponse:
    """Answer 404 wherever a document is not there."""
    return JSONResponse({"detail": str(error)}, status_code=404)


@app.exception_handler(ValidationError)
async def not_valid(_: Request, error: ValidationError) -> Response:
    """Answer 422 where a document would not be valid any more, as FastAPI does for requests."""
    detail = error.json(include_url=False)
    return Response(f'{{"detail":{detail}}}', status_code=422, media_type="application/json")


@app.post("/members", status_code=201)
async def create(member: Member) -> Member:
    """Write a new member, once: whoever comes second is told so."""
    if not await member.save(only_if="absent"):
        raise HTTPException(409, f"member {member.email!r} already exists")
    return member


@app.get("/members/{email}")
async def read(email: str) -> Member:
    """Read a member; requests that arrive together travel as one command."""
    return await Member.get(email)


@app.patch("/members/{email}")
async def change(email: str, values: Change) -> Member:
    """Write what was sent, and nothing else."""
    sent = values.model_dump(exclude_unset=True)
    if sent:
        await Member.aupdate_by_key(email, **sent)
    return await Member.get(email)


@app.post("/members/{email}/points")
async def add(email: str, number: Annotated[int, Query(ge=-1000, le=1000)]) -> int:
    """Add points on the server: nothing is lost to others who do the same."""
    return await Member.points.increase(email, number)


@app.get("/members")
async def best(at_least: int = 0, limit: Annotated[int, Query(le=100)] = 10) -> list[Member]:
    """Find the members with the most points."""
    return await Member.find(Member.points >= at_least).sort("-points").limit(limit).to_list()
