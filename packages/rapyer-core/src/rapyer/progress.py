"""Reporting the progress of a call: to a callable, or in a terminal progress bar."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self, TypeAlias

#: Receives how many items are done, and how many there are (None if that is not known).
ProgressCallable: TypeAlias = Callable[[int, int | None], object]
Progress: TypeAlias = ProgressCallable | bool | None
"""How to report progress: a callable that takes how many items are done, and how many there are
(None if that is not known); True for a progress bar in the terminal; None or False for nothing."""


class Reporter:
    """Reports how far a call has got.

    Args:
        progress: What the caller has asked for.
        total: How many items there are; None if that is not known.
        what: What is being done, as shown by the bar.

    Raises:
        TypeError: `progress` is something else.
        ModuleNotFoundError: A bar is requested, and nothing that could show it is installed.
    """

    def __init__(self, progress: Progress, total: int | None, what: str) -> None:
        self._total = total
        self._call: ProgressCallable | None = None
        self._bar: AbstractContextManager[ProgressCallable] | None = None
        if progress is None or progress is False:
            return
        if progress is True:
            # if nobody is watching, nothing is shown and nothing is needed
            self._bar = _bar(total, what) if sys.stderr.isatty() else None
        elif callable(progress):
            self._call = progress
        else:
            raise TypeError(
                f"progress is {progress!r}. Give a callable that takes (done, total), or True for "
                "a bar."
            )

    def report(self, done: int) -> None:
        """Report that so many items are done.

        Raises:
            TypeError: The callable is asynchronous.
            Exception: What the callable raised; it is not called again after that.
        """
        call, self._call = self._call, None
        if call is None:
            return
        result = call(done, self._total)
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError(f"progress is {call!r}, which is asynchronous. Give a plain callable.")
        self._call = call

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._call = self._bar.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(exc_type, exc, traceback)


def _bar(total: int | None, what: str) -> AbstractContextManager[ProgressCallable]:
    if find_spec("rich") is not None:
        return _RichBar(total, what)
    if find_spec("tqdm") is not None:
        return _TqdmBar(total, what)
    raise ModuleNotFoundError(
        "progress=True needs rich or tqdm for the bar, but neither is installed. Run `pip install "
        "rich`, or give a callable that takes (done, total)."
    )


class _RichBar(AbstractContextManager[ProgressCallable]):
    """A bar by rich on standard error, removed when it is done."""

    def __init__(self, total: int | None, what: str) -> None:
        self._total, self._what = total, what

    def __enter__(self) -> ProgressCallable:
        from rich.console import Console  # noqa: PLC0415 - only where a bar is shown
        from rich.progress import Progress as Bar  # noqa: PLC0415

        self._bar = Bar(console=Console(stderr=True), transient=True)
        task = self._bar.add_task(self._what, total=self._total)
        self._bar.start()

        def show(done: int, _: int | None) -> None:
            self._bar.update(task, completed=done)

        return show

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


class _TqdmBar(AbstractContextManager[ProgressCallable]):
    """A bar by tqdm on standard error, removed when it is done."""

    def __init__(self, total: int | None, what: str) -> None:
        self._total, self._what = total, what

    def __enter__(self) -> ProgressCallable:
        module: Any = import_module("tqdm")  # which has no types of its own
        self._bar = module.tqdm(total=self._total, desc=self._what, leave=False)

        def show(done: int, _: int | None) -> None:
            self._bar.update(done - self._bar.n)

        return show

    def __exit__(self, *_: object) -> None:
        self._bar.close()
