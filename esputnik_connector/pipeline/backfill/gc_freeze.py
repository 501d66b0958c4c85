"""Keep Python's garbage collector away from what was there before a long run."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_frozen() -> Iterator[None]:
    """Within, the garbage collector passes over the objects that existed before.

    Page after page of records makes it look through everything every few pages, and most of that is
    Django and the shop's code: a tenth of an import's time. A process that has frozen its objects
    itself, as servers do before they fork, is left alone.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
