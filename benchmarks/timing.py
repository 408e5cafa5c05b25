"""What every benchmark does around the work that it times."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Generator[None]:
    """Collect garbage before what is timed, and not while it is."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
