"""docs/fastapi.md shows the application and its tests as they are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "docs/fastapi.md").read_text(), re.DOTALL | re.MULTILINE
)


def test_the_page_has_the_application_whole():
    assert BLOCKS[0] == (ROOT / "examples/fastapi_app/app.py").read_text()


def test_the_page_has_the_beginning_of_the_tests():
    assert BLOCKS[1] in (ROOT / "examples/fastapi_app/test_app.py").read_text()
    assert len(BLOCKS) == 2
