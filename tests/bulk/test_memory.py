"""A million models go through bounded memory, in both directions. Run by `-m slow`: a minute."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from rapyer_embedded import Server

_PROGRAM = """
    import asyncio, json, sys
    from rapyer import AtomicRedisModel, Key, init_rapyer

    class Small(AtomicRedisModel):
        id: Key[str]
        age: int = 0
        name: str = ""

    def resident():
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    async def main(url, number):
        async with init_rapyer(url):
            await Small.bulk_insert([Small(id="-")])
            before = peak = resident()

            def look(*_):
                nonlocal peak
                peak = max(peak, resident())

            small = (Small(id=f"{n:032d}", age=n, name="Ada") for n in range(number))
            result = await Small.bulk_insert(small, progress=look)
            inserted, written = result.inserted, peak - before
            del result
            before = peak = resident()
            read = 0
            async for one in Small.bulk_stream(f"{n:032d}" for n in range(number)):
                read += one.age == read
                if not read % 1000:
                    look()
            print(json.dumps([inserted, written, read, peak - before]))

    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_million_models_are_written_and_read_in_150_mb():
    number = 1_000_000
    with Server() as server:
        run = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(_PROGRAM), server.url, str(number)],
            capture_output=True,
            text=True,
            check=True,
        )
    inserted, written, read, kept = json.loads(run.stdout)
    print(f"written within {written / 1024:.0f} MiB, read within {kept / 1024:.0f} MiB")
    assert inserted == read == number
    assert written * 1024 < 150_000_000
    assert kept * 1024 < 150_000_000
