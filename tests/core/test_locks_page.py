"""docs/locks.md: its example runs, and what it names exists."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import rapyer
from rapyer import AtomicRedisModel, Key
from rapyer.locks import lock_keys

PAGE = (Path(__file__).parents[2] / "docs/locks.md").read_text()
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


class Buyer(AtomicRedisModel):
    id: Key[str]
    balance: int = 0
    purchases: list[str] = []

    class Config:
        prefix = "locks:page"


@pytest.mark.parametrize(("balance", "left"), [(15, 5), (5, 5)])
async def test_the_example_runs(server, balance, left):
    names: dict[str, Any] = {}
    exec(f"async def block(user):\n{textwrap.indent(EXAMPLE, '    ')}", names)
    user = await Buyer(id="1", balance=balance).save()
    await names["block"](user)
    stored = await Buyer.get("1")
    assert (stored.balance, stored.purchases) == (left, ["book"] * (balance > left))


def test_the_errors_and_keys_of_the_page_exist():
    for name in re.findall(r"`(\w+Error)`", PAGE):
        assert hasattr(rapyer, name) or name == "TimeoutError"
    for key in ("user:123", "user:{tag}:123"):
        assert f"`{lock_keys(key, 'profile', is_cluster=True).lock}`" in PAGE
