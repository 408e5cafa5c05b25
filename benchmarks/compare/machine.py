"""What a run was made on, without the name of any machine."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

import redis.asyncio as redis

_MODULES = {b"ReJSON": "RedisJSON", b"search": "RediSearch"}


def hardware() -> str:
    """Say how many cores of what kind there are, the system, and its Python."""
    python = platform.python_version()
    return f"{os.cpu_count()} cores ({_processor()}), {platform.system()}, Python {python}"


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


async def server(url: str) -> str:
    """Say which Redis it is, with its modules; empty its database."""
    client: Any = redis.Redis.from_url(url, protocol=2)  # pyright: ignore[reportUnknownMemberType]
    async with client:
        await client.flushdb()
        info = await client.info("server")
        modules = await client.execute_command("MODULE", "LIST")
    named = [dict(zip(module[::2], module[1::2], strict=True)) for module in modules]
    parts = [
        f"{_MODULES[module[b'name']]} {_version(module[b'ver'])}"
        for module in named
        if module[b"name"] in _MODULES
    ]
    return f"Redis {info['redis_version']} with {' and '.join(sorted(parts))}"


def _version(number: int) -> str:
    return f"{number // 10_000}.{number // 100 % 100}.{number % 100}"
