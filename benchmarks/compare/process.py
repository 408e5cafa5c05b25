"""The processes of candidates, as the parent sees them; `worker` has what is said to them."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.compare.candidates import CANDIDATES, ROOT, python_of
from benchmarks.compare.errors import WorkerError

#: For how long an answer is waited for, in seconds.
_PATIENCE = 600.0


class WorkerProcess:
    """A candidate that is running.

    Args:
        name: Its name.
        process: Its process.
    """

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self._process = process

    async def ask(self, **line: Any) -> dict[str, Any]:
        """Send a line, and give the answer.

        Raises:
            WorkerError: There was none.
        """
        to, answers = self._process.stdin, self._process.stdout
        if to is None or answers is None:
            raise WorkerError(f"{self.name} has no pipes.")
        async with asyncio.timeout(_PATIENCE):
            to.write(json.dumps(line).encode() + b"\n")
            with suppress(ConnectionError):  # it has ended; so have its answers
                await to.drain()
            answer = await answers.readline()
        if not answer:
            raise WorkerError(f"{self.name} has ended when it was asked {line!r}; see above.")
        return dict(json.loads(answer))

    async def must(self, **line: Any) -> dict[str, Any]:
        """Send a line that has to succeed."""
        answer = await self.ask(**line)
        if "error" in answer:
            raise WorkerError(f"{self.name}, when asked {line!r}: {answer['error']}")
        return answer


@asynccontextmanager
async def workers(names: Iterable[str], cache: Path) -> AsyncGenerator[Mapping[str, WorkerProcess]]:
    """Run the processes of candidates, and end them."""
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(_running(name, cache)) for name in names}


@asynccontextmanager
async def _running(name: str, cache: Path) -> AsyncGenerator[WorkerProcess]:
    process = await asyncio.create_subprocess_exec(
        python_of(name, cache), "-m", CANDIDATES[name].module,
        stdin=PIPE, stdout=PIPE, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    try:
        yield WorkerProcess(name, process)
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
