"""Whether a `with` block was left at its end: read in the instructions of the code around it."""

from __future__ import annotations

import sys
from types import CodeType
from typing import Any

import pytest
from rapyer_pipeline.leaving import is_left_at_its_end


class Block:
    """Notes how it was left."""

    def __init__(self, verdicts: list[bool]) -> None:
        self.verdicts = verdicts
        self.entered: tuple[CodeType, int] | None = None

    def __enter__(self) -> None:
        frame = sys._getframe(1)
        self.entered = frame.f_code, frame.f_lasti

    def __exit__(self, *error: object) -> None:
        assert self.entered is not None
        code, entered = self.entered
        self.verdicts.append(is_left_at_its_end(code, entered, sys._getframe(1).f_lasti))


CASES: list[tuple[str, list[bool]]] = [
    ("with block(): x = 1", [True]),
    ("with block(): x = 1\ny = x", [True]),
    ("with block():\n  with block(): x = 1\n  z = 2", [True, True]),
    ("with block():\n  with block():\n    x = 1", [True, True]),
    ("for i in range(2):\n  with block(): x = 1", [True, True]),
    ("for i in range(2):\n  with block(): x = 1\n  y = 2", [True, True]),
    ("for i in range(2):\n  with block(): continue\n  y = 2", [False, False]),
    ("for i in range(2):\n  with block(): break\n  y = 2", [False]),
    ("for i in range(2):\n  with block():\n    if i: continue\n  y = 2", [True, False]),
    ("while True:\n  with block():\n    x = 1\n    break\ny = 2", [False]),
    ("with block():\n  for i in range(2): pass", [True]),
    ("with block():\n  try: int('x')\n  except ValueError: pass\ny = 1", [True]),
    ("with block(), block(): x = 1", [True, True]),
    ("if block:\n  with block(): x = 1\nelse:\n  y = 1\nz = 2", [True]),
    ("with block(): return 1\ny = 2", [False]),
    ("with block():\n  with block(): return\n  y = 2\nreturn 3", [False, False]),
    ("with block():\n  if block: return 1\nreturn 2", [False]),
    ("with block(): pass\nreturn 2", [True]),
    ("with block() as taken: x = taken\ny = 2", [True]),
    ("for i in range(2):\n  with block() as taken: continue\n  y = 2", [False, False]),
    ("for i in range(2):\n  for j in range(2):\n    with block(): break\n    y = 2", [False] * 2),
    ("for i in range(2):\n  for j in range(2):\n    with block(): x = 1\n  y = 2", [True] * 4),
    # nothing follows the inner block in the outer one: it makes no difference how it was left
    ("for i in range(2):\n  with block():\n    with block(): continue\n  y = 2", [True, False] * 2),
    ("for i in range(2):\n  with block(), block(): break\n  y = 2", [True, False]),
    (
        "for i in range(2):\n  try:\n    with block(): continue\n    y = 2\n  finally: z = 3",
        [False] * 2,
    ),
    ("for i in range(2):\n  try:\n    with block(): x = 1\n  finally: z = 3", [True] * 2),
    ("try: int('x')\nexcept ValueError:\n  with block(): x = 1\n  y = 2", [True]),
    (
        "for i in range(2):\n  match i:\n    case 0:\n      with block(): continue\n"
        "    case _:\n      with block(): x = 1\n  y = 2",
        [False, True],
    ),
    (
        "i = 2\nwhile i:\n  i -= 1\n  with block():\n    if i: continue\n    else: break\n  y = 2",
        [False] * 2,
    ),
    ("with block():\n  while True:\n    with block(): break\n  x = 1\ny = 2", [False, True]),
    ("with block(): return\ny = 2", [False]),
    ("with block(): return block\ny = 2", [False]),
    ("for i in range(2):\n  with block(): return 1\n  y = 2", [False]),
]


@pytest.mark.parametrize(("code", "expected"), CASES, ids=[code for code, _ in CASES])
@pytest.mark.parametrize("at", ["in a function", "in a module"])
def test_a_block_tells_how_it_was_left(code, expected, at):
    verdicts: list[bool] = []
    names: dict[str, Any] = {"block": lambda: Block(verdicts)}
    if at == "in a function":
        body = "".join(f"\n  {line}" for line in code.split("\n"))
        exec(f"def function():{body}\nfunction()", names)
    elif "return" not in code:
        exec(code, names)
    else:
        return
    assert verdicts == expected
