"""A candidate as there are some in the world: it finds ten documents, whatever there is."""

from __future__ import annotations

from typing import Any

from benchmarks.compare.worker import main
from benchmarks.compare.workers.raw import Raw


class Cut(Raw):
    prefix = "compare-cut"
    cannot = {"get": "it has no get"}

    async def query(self, number: int) -> Any:
        return (await super().query(number))[:10]

    async def save(self, number: int) -> None:
        pass

    async def delete(self, number: int) -> None:
        raise NotImplementedError("later")


if __name__ == "__main__":
    main(Cut)
