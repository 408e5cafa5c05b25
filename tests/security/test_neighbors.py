"""Models beside others in one database: prefixes that look like patterns, indexes, open cursors."""

from __future__ import annotations

import pytest
from rapyer import AtomicRedisModel, Field, Key, Mapped, OptionError, init_rapyer
from rapyer.testing import use_plugins
from rapyer_query import IndexUnavailableError, NotIndexedError
from redis.exceptions import ResponseError

PREFIXES = [
    "*", "a*", "[ab]", "?", "\\", "a\\*", "{tag}", "a b", "$", "@x:{*}", "w'*'", "'", '"', "%", "|",
    "é", "🔑", "a.b", "a-b", "a\tb", "a:b:c", "^", "[^a]", "x" * 500, "user,admin", "_:_",
]  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES, ids=ascii)
async def test_a_prefix_with_signs_of_patterns_names_its_own_documents_alone(
    redis_url, redis, prefix
):
    option = prefix
    with use_plugins(installed=True) as host:

        class Odd(host.AtomicRedisModel):
            id: Key[str]
            n: Mapped[int] = 0
            loose: Mapped[int] = Field(default=0, index=False)

            class Config:
                prefix = option

        class Neighbour(host.AtomicRedisModel):
            id: Key[str]
            n: Mapped[int] = 0
            loose: Mapped[int] = Field(default=0, index=False)

            class Config:
                prefix = "aa"

        async with init_rapyer(redis_url):
            await Neighbour(id="1", n=1).save()
            for key in ("a:1", "b:1", "aa:x:1", "x:1", "other"):
                await redis.execute_command("JSON.SET", key, "$", '{"id":"1","n":1,"loose":0}')
            keys = {key async for key in redis.scan_iter()}
            await Odd(id="1", n=1).save()
            key = Odd.key_of("1")
            assert key == f"{prefix}:1"
            assert await Odd.find(Odd.n == 1).keys() == [key]
            assert await Odd.find().count() == 1
            assert await Odd.find(Odd.loose == 0).scan().keys() == [key]
            with pytest.raises(NotIndexedError):
                await Odd.find(Odd.loose == 0).keys()
            async with Odd.lock_by_key("1") as odd:
                odd.n = 2
            assert await Odd.find(Odd.n == 2).update(n=3) == 1
            assert await Odd.find(Odd.loose == 0).scan().delete() == 1
            await Odd.index.drop()
            await Neighbour.find(Neighbour.n == 1).keys()
            left = {key async for key in redis.scan_iter() if not key.startswith(b"rapyer:")}
            assert left == keys


async def test_an_index_of_others_by_the_name_of_ours_is_refused_or_not_used(redis_url, redis):
    with use_plugins(installed=True) as host:

        class Named(host.AtomicRedisModel):
            id: Key[str]
            n: Mapped[int] = 0

            class Config:
                prefix = "named"

        async with init_rapyer(redis_url):
            await Named(id="1", n=1).save()
            for name in ("named", "rapyer:named", "user", "idx:named"):
                await redis.execute_command(
                    "FT.CREATE", name, "ON", "JSON", "PREFIX", 1, "named:", "SCHEMA", "$.x", "AS",
                    "n", "TEXT",
                )  # fmt: skip
            assert await Named.find(Named.n == 1).keys() == ["named:1"]
            for name in ("named", "rapyer:named", "user", "idx:named"):
                await redis.execute_command("FT.INFO", name)  # none of them was touched


@pytest.mark.parametrize("prefix", ["a\nb", "a\r\nb", "\n", "a\0b"], ids=ascii)
def test_a_prefix_that_an_index_does_not_tell_back_is_refused(prefix):
    option = prefix
    with pytest.raises(OptionError, match=r"line break|U\+0000"):

        class Broken(AtomicRedisModel):
            class Config:
                prefix = option


async def open_cursor(redis, index) -> int:
    _, cursor = await redis.execute_command("FT.AGGREGATE", index, "*", "WITHCURSOR", "COUNT", 1)
    return cursor


async def test_where_others_have_all_cursors_of_an_index_queries_say_so_or_answer_whole(
    redis_url, redis
):
    with use_plugins(installed=True) as host:

        class Many(host.AtomicRedisModel):
            id: Key[str]
            n: Mapped[int] = 0

            class Config:
                prefix = "many"

        async with init_rapyer(redis_url):
            await Many.bulk_insert([Many(id=str(n), n=n % 2) for n in range(3000)])
            assert await Many.find().count() == 3000
            (index,) = await redis.execute_command("FT._LIST")
            cursors = [await open_cursor(redis, index) for _ in range(128)]
            with pytest.raises(ResponseError, match="cursors"):
                await open_cursor(redis, index)
            odd = Many.find(Many.n == 1)
            for ask in (odd.to_list, odd.keys, Many.find().sort(Many.n).to_list):
                with pytest.raises(
                    IndexUnavailableError, match="other clients have as many cursors"
                ):
                    await ask()
            assert await odd.count() == 1500
            assert len(await odd.limit(1500).keys()) == 1500
            await redis.execute_command("FT.CURSOR", "DEL", index, cursors[0])
            assert len(await odd.to_list()) == await odd.delete() == 1500
