"""Long work beside a big heap that does not change."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heap_at_rest() -> Iterator[None]:
    """Within, the garbage collector passes over what was alive before.

    Page after page of records makes it look through everything every few pages, and most of that is
    Django and the shop's code: a tenth of an import's time. A process that has put objects to rest
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
