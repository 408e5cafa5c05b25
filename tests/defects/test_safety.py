"""Defects of safety: documents that run code in those who read them."""

from __future__ import annotations

import ast
import base64
import json
import os
import pickle
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from rapyer import AtomicRedisModel, CorruptDocumentError, Key, UnstorableValueError

SOURCES = sorted((Path(__file__).parents[2] / "packages").glob("*/src/**/*.py"))


class Color(Enum):
    RED = "red"


class Doc(AtomicRedisModel):
    id: Key[str]
    flag: bool = True
    color: Color = Color.RED
    blob: bytes = b"\x00\xff"
    token: UUID = UUID(int=1)
    born: date = date(2000, 1, 1)
    seen: datetime = datetime(2026, 1, 1)
    amount: Decimal = Decimal("1.10")
    pair: tuple[int, str] = (1, "x")
    names: set[str] = {"a"}
    anything: Any = None

    class Config:
        prefix = "defects:safety"


async def test_a_document_is_json_that_holds_no_pickle(server, redis):
    """bool, Enum, bytes, UUID and date were stored as pickles."""
    doc = await Doc(id="1").save()
    text = await redis.execute_command("JSON.GET", doc.key)
    assert json.loads(text)["token"] == "00000000-0000-0000-0000-000000000001"
    texts = [value for value in json.loads(text).values() if isinstance(value, str)]
    for value in texts:
        with suppress(ValueError):
            assert not base64.urlsafe_b64decode(value).startswith(b"\x80")
    assert await Doc.get("1") == doc


class Bomb:
    """Makes a directory when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.filterwarnings("ignore::rapyer_query.DroppedDocumentsWarning")
@pytest.mark.parametrize("field", [name for name in Doc.model_fields if name != "id"])
@pytest.mark.parametrize("form", ["base64", "text", "in an object"])
async def test_a_pickle_that_somebody_stored_is_not_run(server, put, tmp_path, field, form):
    """Whoever could write to Redis ran code in every process that read."""
    made = tmp_path / "made"
    pickled = pickle.dumps(Bomb(str(made)))
    pickle.loads(pickled)
    made.rmdir()
    text = base64.b64encode(pickled).decode()
    if form == "text":
        text = pickled.decode("latin-1")
    value = {"py/object": text, "__pickle__": text} if form == "in an object" else text
    await Doc(id="1").save()
    await put("defects:safety:1", f"$.{field}", value)
    for read in (
        lambda: Doc.get("1"),
        lambda: Doc.extract_fields([field], "1"),
        lambda: Doc.bulk_get(["1"]),
        lambda: Doc.find().scan().to_list(),
    ):
        with suppress(CorruptDocumentError):  # or a text or bytes, as any other
            await read()
    assert not made.exists()


async def test_a_value_of_an_unknown_type_is_refused_and_not_pickled(server, redis):
    class Loose(AtomicRedisModel):
        model_config = {"arbitrary_types_allowed": True}
        bomb: Bomb
        anything: Any = None

        class Config:
            prefix = "defects:safety-loose"

    with pytest.raises(UnstorableValueError, match="Bomb"):
        await Loose(bomb=Bomb("x")).save()
    with pytest.raises(UnstorableValueError, match=r"is a tests\S*Bomb|Bomb object"):
        await Doc(id="1", anything=Bomb("x")).save()
    assert await redis.keys("defects:*") == []


def test_nothing_in_the_sources_makes_code_or_objects_of_bytes():
    forbidden = {"pickle", "dill", "cloudpickle", "shelve", "jsonpickle"}
    assert len(SOURCES) > 100
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec"}, source
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) != ("marshal", "loads"), source
            assert not forbidden & set(names), source
