"""A program that was recorded, as it is sent, and as it is read."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rapyer_pipeline.explain import explain
from rapyer_pipeline.recorder import Recorder, quote

if TYPE_CHECKING:
    from rapyer_pipeline.shapes import Shape

#: The version of the format; see docs/pipeline.md.
VERSION = 1


@lru_cache(maxsize=1024)
def _prefetched(names: tuple[str, ...]) -> tuple[str, str]:
    """Give the fields that are read before anything else, and the path that leads to them all."""
    known = [name for name in names if '"' not in name and "\\" not in name]
    union = "$[" + ",".join([f'"{name}"' for name in known]) + "]"
    return ",".join(map(quote, known)), quote(union)


class Program:
    """A program: what is done, without the values of the caller, which are its constants.

    Args:
        recorder: What records it.
        max_steps: How many steps its loops may take together.
    """

    __slots__ = ("_max_steps", "recorder")

    def __init__(self, recorder: Recorder, max_steps: int) -> None:
        self.recorder = recorder
        self._max_steps = max_steps

    def text(self, known_lengths: dict[Shape, int]) -> str:
        """Give the text of the program; the interpreter keeps what it has compiled of it.

        Args:
            known_lengths: Of lists to which elements are added, how many the caller has.
        """
        recorder = self.recorder
        names, union = _prefetched(tuple(recorder.scalars))
        out: list[str] = []
        for shape, how in recorder.touched.items():
            name = shape.quoted_name
            if how == "a":
                recorder.constants.append(str(known_lengths.get(shape, -1)))
                out.append(f'[{name},"a",{len(recorder.constants)}]')
            else:
                out.append(f'[{name},"{how}"]')
        return (
            f'{{"v":{VERSION},"p":[{names}],"u":{union},"o":[{",".join(out)}],'
            f'"s":{self._max_steps},"r":{len(recorder.results)},"b":{recorder.root}}}'
        )

    def explain(self) -> str:
        """Give the program, readably."""
        body: list[Any] = json.loads(str(self.recorder.root))
        return explain(body, self.recorder.constants)
