"""Appending to texts and to bytes by path and key, atomically and exactly."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, StringConstraints
from rapyer import (
    AtomicRedisModel,
    CorruptDocumentError,
    ExpressionError,
    Field,
    InvalidKeyError,
    Key,
    KeyNotFoundError,
    Mapped,
    PathNotFoundError,
    UnstorableValueError,
    Version,
    WrongTypeError,
)


class Note(AtomicRedisModel):
    id: Key[str]
    text: Mapped[str] = Field(default="")
    blob: Mapped[bytes] = Field(default=b"")
    short: Mapped[str] = Field(default="ab", max_length=4)
    small: Mapped[bytes] = Field(default=b"ab", max_length=4)
    greeting: Mapped[str] = Field(default="hello")
    optional: Mapped[str | None] = Field(default=None)
    by_name: Mapped[dict[str, str]] = Field(default_factory=dict)
    upper: Annotated[str, AfterValidator(str.upper)] = ""
    spaced: Annotated[str, StringConstraints(strip_whitespace=True)] = ""
    word: str = Field(default="", pattern="^a*$")
    number: int = 0
    revision: Version

    class Config:
        prefix = "texts:note"


@pytest.fixture
async def note(server) -> Any:
    return await Note(id="1").save()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\0\ufdd0\ufdd1\\"\n'))


async def test_texts_grow_as_those_of_python_do(note):
    examples: list[list[str]] = []

    @settings(max_examples=60, database=None)
    @given(st.lists(TEXTS, max_size=6))
    def collect(texts: list[str]) -> None:
        examples.append(texts)

    collect()
    for texts in examples:
        await Note.text.set("1", "")
        expected = ""
        for added in texts:
            expected += added
            size = await Note.text.append("1", added)
            if "\0" not in expected and "\ufdd0" not in expected and "\ufdd1" not in expected:
                assert size == len(expected.encode())
        assert await Note.text.get("1") == expected


async def test_bytes_grow_as_those_of_python_do(note):
    examples: list[list[bytes]] = []

    @settings(max_examples=100, database=None)
    @given(st.lists(st.binary(max_size=8), max_size=8))
    def collect(blobs: list[bytes]) -> None:
        examples.append(blobs)

    collect()
    for blobs in examples:
        await Note.blob.set("1", b"")
        expected = b""
        for added in blobs:
            expected += added
            assert await Note.blob.append("1", added) == len(expected)
        assert await Note.blob.get("1") == expected
    every = bytes(range(256)) * 40
    await Note.blob.set("1", b"x")
    assert await Note.blob.append("1", every) == 10_241
    assert await Note.blob.get("1") == b"x" + every


@pytest.mark.parametrize("added", ["cd", "\0\ufdd0", "é😀", "\\\\", '"\\', "\n\x01", "\ufdd1\\"])
async def test_the_max_length_of_a_text_counts_characters(note, added):
    assert await Note.short.append("1", added)
    with pytest.raises(UnstorableValueError, match=r"has a length of 4, .* its max_length of 4"):
        await Note.short.append("1", "x")
    await Note.short.append("1", "")
    assert await Note.short.get("1") == "ab" + added


async def test_the_max_length_of_bytes_is_kept(note):
    assert await Note.small.append("1", b"c") == 3
    with pytest.raises(UnstorableValueError, match="has a length of 3"):
        await Note.small.append("1", b"de")
    assert await Note.small.append("1", b"d") == 4
    assert await Note.small.get("1") == b"abcd"


async def test_a_field_that_a_document_lacks_has_its_default(note, redis):
    await redis.execute_command("JSON.SET", "texts:note:2", "$", '{"id":"2"}')
    assert await Note.greeting.append("2", " you") == 9
    assert await Note.greeting.get("2") == "hello you"
    assert await Note.small.append("2", b"c") == 3
    assert await Note.small.get("2") == b"abc"
    with pytest.raises(UnstorableValueError, match="max_length"):
        await Note.short.append("2", "cde")
    with pytest.raises(PathNotFoundError):
        await Note.by_name["a"].append("2", "x")
    assert await redis.execute_command("JSON.OBJKEYS", "texts:note:2") == [
        b"id", b"greeting", b"revision", b"small",
    ]  # fmt: skip


async def test_what_is_no_text_is_said(note, redis):
    optional: Any = Note.optional
    for path, error in ((optional, WrongTypeError), (Note.by_name["a"], PathNotFoundError)):
        with pytest.raises(error):
            await path.append("1", "x")
    with pytest.raises(KeyNotFoundError):
        await Note.text.append("9", "x")
    with pytest.raises(KeyNotFoundError):
        await Note.blob.append("9", b"x")
    await redis.set("texts:note:3", "x")
    with pytest.raises(WrongTypeError, match="holds a string"):
        await Note.text.append("3", "x")
    for wrong in (b"x", 5, None):
        with pytest.raises(TypeError, match="Give str"):
            await Note.text.append("1", wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Give bytes"):
        await Note.blob.append("1", "x")  # type: ignore[arg-type]
    with pytest.raises(UnstorableValueError):
        await Note.text.append("1", "\ud800")
    with pytest.raises(InvalidKeyError):
        await Note.id.append("1", "x")
    assert await Note.get("1") == note


@pytest.mark.parametrize("name", ["upper", "spaced", "word", "number"])
async def test_what_cannot_be_appended_to_says_what_to_do(note, name):
    with pytest.raises(ExpressionError, match="lock_by_key"):
        await getattr(Note, name).append("1", "a")


@pytest.mark.parametrize("text", ["a", "ab=c", "====", "é", "ab!="])
async def test_what_is_no_base64_is_left_alone(note, redis, text):
    await redis.json().set("texts:note:1", "$.blob", text)
    with pytest.raises(CorruptDocumentError, match="is not valid base64"):
        await Note.blob.append("1", b"x")
    assert await redis.json().get("texts:note:1", "$.blob") == [text]


async def test_callers_at_the_same_time_lose_nothing(note):
    await asyncio.gather(*(Note.text.append("1", "ab") for _ in range(100)))
    await asyncio.gather(*(Note.blob.append("1", b"\xff") for _ in range(100)))
    found = await Note.get("1")
    assert (found.text, found.blob, found.revision) == ("ab" * 100, b"\xff" * 100, 201)
