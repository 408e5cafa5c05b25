"""docs/locks.md: its example runs, and what it names exists."""

from __future__ import annotations

import re

import pytest
import rapyer
from pages import Page
from rapyer import AtomicRedisModel, Key
from rapyer.locks import lock_keys

PAGE = Page("docs/locks.md")


class Buyer(AtomicRedisModel):
    id: Key[str]
    balance: int = 0
    purchases: list[str] = []

    class Config:
        prefix = "locks:page"


@pytest.mark.parametrize(("balance", "left"), [(15, 5), (5, 5)])
async def test_the_example_runs(server, balance, left):
    user = await Buyer(id="1", balance=balance).save()
    await PAGE.run_async(PAGE.names(user=user))
    stored = await Buyer.get("1")
    assert (stored.balance, stored.purchases) == (left, ["book"] * (balance > left))


def test_the_errors_and_keys_of_the_page_exist():
    for name in re.findall(r"`(\w+Error)`", PAGE.text):
        assert hasattr(rapyer, name) or name == "TimeoutError"
    for key in ("user:123", "user:{tag}:123"):
        assert f"`{lock_keys(key, 'profile', is_cluster=True).lock}`" in PAGE.text
