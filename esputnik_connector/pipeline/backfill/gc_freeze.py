"""Keep Python's garbage collector away from what was there before a long run."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 20_000  # objects: a page makes more, and nearly all of them live until it is settled


@contextmanager
def gc_frozen() -> Iterator[None]:
    """Within, the garbage collector passes over the objects that existed before, and looks at new
    ones less often: each time it would find the records of the page, and go through them again.

    Page after page of records makes it look through everything every few pages, and most of that is
    Django and the shop's code: a tenth of an import's time. A process that has frozen its objects
    itself, as servers do before they fork, is left alone.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    young, *older = gc.get_threshold()
    if young:  # 0 says that there is no collector
        gc.set_threshold(max(young, YOUNG), *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)
        gc.unfreeze()
