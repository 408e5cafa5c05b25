"""Numbers are spelled so that the server reads exactly them."""

from __future__ import annotations

import json
import math
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapyer.types.spelling import (
    EXPONENT,
    LONG_NUMBER,
    SHAPE,
    UnspellableNumberError,
    server_reads,
    spell_float,
    spell_number,
    spell_numbers,
)
from redis.asyncio import Redis

finite = st.floats(allow_nan=False, allow_infinity=False)


def same(a: float, b: float) -> bool:
    return a == b and math.copysign(1, a) == math.copysign(1, b)


def is_suspect(document: bytes) -> bool:
    shape = document.translate(SHAPE)
    return LONG_NUMBER in shape or EXPONENT in shape


async def read_back(redis: Redis, texts: list[str]) -> list[float]:
    await redis.execute_command("JSON.SET", "numbers", "$", f"[{','.join(texts)}]")
    return json.loads(await redis.execute_command("JSON.GET", "numbers"))


async def test_the_server_reads_every_spelled_double_as_that_double(redis):
    rng = random.Random(20261123)
    bits = (
        struct.unpack("<d", rng.getrandbits(64).to_bytes(8, "little"))[0] for _ in range(20_000)
    )
    doubles = [value for value in bits if math.isfinite(value)]
    doubles += [rng.random() * 10 ** rng.randint(-6, 12) for _ in range(20_000)]
    doubles += [0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e22, 1e23]
    doubles += [8418561600277575.0, -2154689539602391.0, 123456789012345680.0]
    spelled = [(value, text) for value in doubles if (text := spell_float(value)) is not None]
    read = await read_back(redis, [text for _, text in spelled])
    wrong = [
        (value, text, got)
        for (value, text), got in zip(spelled, read, strict=True)
        if not same(value, got)
    ]
    assert wrong == []
    assert len(doubles) - len(spelled) < len(doubles) / 200, "more than one in 200 has no spelling"
    assert any(text != repr(value) for value, text in spelled), "nothing had to be respelled"


async def test_our_reading_of_a_number_is_the_server_s(redis):
    rng = random.Random(7)
    numbers = [(rng.getrandbits(rng.randint(1, 64)), rng.randint(-330, 290)) for _ in range(5_000)]
    numbers = [(s, e) for s, e in numbers if math.isfinite(server_reads(s, e))]
    read = await read_back(redis, [f"{s}e{e}" for s, e in numbers])
    assert [server_reads(s, e) for s, e in numbers] == read


@given(finite)
def test_a_spelling_names_the_same_double_in_python_or_one_next_to_it(value):
    text = spell_float(value)
    if text is not None:
        # the server may read a spelling to another double than correct rounding does
        assert math.isclose(float(text), value, rel_tol=1e-15, abs_tol=5e-324)


@pytest.mark.parametrize(
    ("document", "suspect"),
    [
        (b'{"a":0.1,"b":[1,2.5,-3]}', False),
        (b'{"a":12345678901234.5}', False),
        (b'{"a":0.30000000000000004}', True),
        (b'{"a":1234567890123456.0}', True),
        (b'{"a":1.234567890123456e-7}', True),
        (b'{"a":1e-9}', True),
        (b'{"a":1e+22}', True),
        (b'{"a":9223372036854775808}', True),
    ],
)
def test_a_number_that_needs_a_closer_look_is_noticed(document, suspect):
    assert is_suspect(document) is suspect


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64, 10**30])
def test_an_integer_beyond_64_bits_is_noticed_and_has_no_spelling(value):
    assert is_suspect(b"[%d]" % value)
    with pytest.raises(UnspellableNumberError, match="beyond 64 bits"):
        spell_number(b"%d" % value)


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_integer_of_64_bits_is_spelled_as_it_is(value):
    assert spell_number(b"%d" % value) == b"%d" % value


def significant_digits(value: float) -> int:
    mantissa = repr(abs(value)).partition("e")[0].replace(".", "")
    return len(mantissa.strip("0"))


@given(finite.filter(lambda value: significant_digits(value) > 15))
def test_no_long_float_is_overlooked(value):
    assert is_suspect(json.dumps([value]).encode())


def test_texts_that_look_like_numbers_are_left_alone():
    document = rb'{"a":"0.30000000000000004","b\"1e-9":"\\","c":18446744073709551616e0}'
    with pytest.raises(UnspellableNumberError):
        spell_numbers(document.replace(b"e0", b""))
    document = rb'{"a":"0.1000000000000000055","b\"1e-9":"\\","c":[1,-2.5]}'
    assert spell_numbers(document) == document
