"""The Redis types: what a field is annotated with whose value has atomic operations of its own."""

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
