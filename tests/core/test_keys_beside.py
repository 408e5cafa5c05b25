"""Keys of plugins beside documents: in their slot, by one name in Python and in Lua."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapyer import AtomicRedisModel, ModelDefinitionError
from rapyer.errors import CrossSlotError
from rapyer.plugin import AccessPolicy, hookimpl, key_beside
from rapyer.testing import use_plugins
from rapyer.traffic.beside import KEY_BESIDE, can_be_beside, other_slot
from redis.crc import key_slot
from redis.exceptions import ResponseError

PREFIXES = st.text(st.sampled_from("ab:}"), max_size=3)
KEYS = st.text(st.sampled_from("{}a:é\0\n"), min_size=1, max_size=7)
PKS = st.text(st.sampled_from("{}a:"), min_size=1, max_size=3)


def can_be_prefix(text: str) -> bool:
    return not text.startswith("{") or "}" in text  # the others are refused, see below


KEYS_OF_MODELS = st.builds(
    "{}:{}".format, st.text(st.sampled_from("{}a"), max_size=3).filter(can_be_prefix), PKS
)


def pairs(key: str) -> st.SearchStrategy[tuple[str, str]]:
    """Pairs of a key with any other one, or with itself in braces where a model can have that."""
    in_braces = f"{{{key}}}"
    nearest = in_braces if can_be_prefix(in_braces.partition(":")[0]) else key
    return st.tuples(st.just(key), KEYS_OF_MODELS | st.just(nearest))


def slot(key: str) -> int:
    return key_slot(key.encode())


@pytest.mark.parametrize(
    ("key", "beside"),
    [
        ("user:1", "audit:{user:1}"),
        ("{shop}:user:1", "audit:{shop}:user:1"),
        ("user:{acme}1", "audit:user:{acme}1"),
        ("user:{a", "audit:{user:{a}"),
        ("user:a}b", "audit:user:a}b"),
        ("user:{}a", "audit:user:{}a"),
    ],
)
def test_the_key_of_the_document_is_in_braces_where_it_has_no_hash_tag(key, beside):
    assert key_beside("audit:", key) == beside


@given(PREFIXES, KEYS.filter(can_be_beside))
def test_a_key_beside_a_document_is_in_its_slot_wherever_one_can_be(prefix, key):
    assert slot(key_beside(prefix, key)) == slot(key)


@given(KEYS_OF_MODELS.flatmap(pairs))
def test_no_two_documents_have_the_same_key_beside_them(keys):
    first, second = keys
    assert (key_beside("audit:", first) == key_beside("audit:", second)) == (first == second)


def test_a_prefix_that_a_primary_key_would_close_is_refused():
    with pytest.raises(ModelDefinitionError, match="opens a brace that primary keys would close"):

        class Refused(AtomicRedisModel):
            class Config:
                prefix = "{user"


def test_a_prefix_with_a_brace_is_refused():
    with pytest.raises(ValueError, match=r"'\{audit\}:' has a brace"):
        key_beside("{audit}:", "user:1")


async def test_lua_names_keys_as_python_does(redis):
    script = redis.register_script(f"{KEY_BESIDE} return key_beside(ARGV[1], ARGV[2])")
    keys = ["user:1", "{a}:1", "a{b}c", "{", "}", "{}", "a}{b}", "{a", "é", "a\0b", "{}{a}", "%1"]
    for prefix in ("", "audit:", "}", "%d"):
        for key in keys:
            assert (await script(args=[prefix, key])).decode() == key_beside(prefix, key)


async def test_policies_have_it_in_both_of_their_parts(server, redis):
    class Noting:
        RAPYER_API_VERSION = 1

        @hookimpl
        def rapyer_access_policy(self):
            return AccessPolicy(
                "noting",
                check="redis.call('TYPE', key_beside('noting:', key))",
                apply="redis.call('INCR', key_beside('noting:', key))",
            )

    class Mistaken:
        RAPYER_API_VERSION = 1

        @hookimpl
        def rapyer_access_policy(self):
            return AccessPolicy("mistaken", check="key_beside('{audit}:', key)")

    with use_plugins(Noting()) as host:

        class Noted(host.AtomicRedisModel):
            pass

    with use_plugins(Mistaken()) as host:

        class Refused(host.AtomicRedisModel):
            pass

    noted = await Noted().save()
    assert await redis.get(key_beside("noting:", noted.key)) == b"1"
    refused = Refused()
    with pytest.raises(ResponseError, match=r"the prefix \{audit\}: has a brace"):
        await refused.save()
    assert not await redis.exists(refused.key)


def test_what_is_an_error_of_redis_too_can_be_shown():
    error = other_slot((), "user:1")
    assert "CrossSlot" in repr(error)
    assert (type(error).__mro__[1], error.value) == (CrossSlotError, "user:1")
