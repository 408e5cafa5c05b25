"""A recorded program, in the form in which it is sent and in readable form."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rapyer_pipeline.explain import explain
from rapyer_pipeline.recorder import Recorder, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer_pipeline.spots import Spot

#: The version of the format; see docs/pipeline.md.
VERSION = 1


@lru_cache(maxsize=1024)
def _prefetched(names: tuple[str, ...]) -> str:
    """Return the fields that are read before anything else, and the path to all of them."""
    # RedisJSON drops a leading space; fields with such names are read one by one, or refused
    known = [name for name in names if not ({'"', "\\"} & set(name) or name.startswith(" "))]
    union = "$[" + ",".join([f'"{name}"' for name in known]) + "]"
    return f'"p":[{",".join(map(quote, known))}],"u":{quote(union)}'


class Program:
    """A program: what to do, without the caller's values, which are its constants.

    Args:
        recorder: Records it.
        max_steps: How many steps its loops may take in total.
    """

    __slots__ = ("_max_steps", "recorder")

    def __init__(self, recorder: Recorder, max_steps: int) -> None:
        self.recorder = recorder
        self._max_steps = max_steps

    def text(self, known_lengths: Mapping[Spot, int]) -> str:
        """Return the text of the program; the interpreter caches what it compiles from it.

        Args:
            known_lengths: For lists that are appended to, how many elements the caller has.
        """
        recorder = self.recorder
        scalars: list[list[str]] = [[] for _ in recorder.documents]
        out: list[list[str]] = [[] for _ in recorder.documents]
        for spot in recorder.scalars:
            scalars[-int(spot.above)].append(spot.shape.stored_name)
        for spot, how in recorder.touched.items():
            name = spot.shape.quoted_name
            if how == "a":
                recorder.constants.append(str(known_lengths.get(spot, -1)))
                out[-int(spot.above)].append(f'[{name},"a",{len(recorder.constants)}]')
            else:
                out[-int(spot.above)].append(f'[{name},"{how}"]')
        documents = ",".join(
            [
                f'{{{_prefetched(tuple(names))},"o":[{",".join(fields)}]}}'
                for names, fields in zip(scalars, out, strict=True)
            ]
        )
        return (
            f'{{"v":{VERSION},"d":[{documents}],"s":{self._max_steps},'
            f'"r":{len(recorder.results)},"b":{recorder.root}}}'
        )

    def explain(self, *, is_one: bool) -> str:
        """Return the program in readable form; `is_one` says whether it is about one document."""
        recorder = self.recorder
        body: list[Any] = json.loads(str(recorder.root))
        return explain(body, recorder.constants, is_one=is_one)
