"""The Redis types: annotations for fields whose values have atomic operations of their own."""

from rapyer.redis_types.dicts import RedisDict
from rapyer.redis_types.lists import RedisList
from rapyer.redis_types.scalars import RedisBytes, RedisDateTime, RedisFloat, RedisInt, RedisStr

__all__ = [
    "RedisBytes",
    "RedisDateTime",
    "RedisDict",
    "RedisFloat",
    "RedisInt",
    "RedisList",
    "RedisStr",
]
