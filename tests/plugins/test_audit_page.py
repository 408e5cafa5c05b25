"""The README of the plugin rapyer-audit: its example runs. `test_wheels.py` installs the plugin."""

from __future__ import annotations

from importlib import import_module

from pages import ROOT, Page
from rapyer import init_rapyer
from rapyer.testing import use_plugins

PAGE = Page("examples/plugins/rapyer-audit/README.md")


async def test_the_example_prints_what_it_says(redis_url, redis, monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "examples/plugins/rapyer-audit/src")
    with use_plugins(import_module("rapyer_audit.plugin"), installed=True):
        names = PAGE.run()
        async with init_rapyer(redis_url):
            await names["open_account"]()
    PAGE.check_printed(capsys.readouterr().out)
