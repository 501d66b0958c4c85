"""Read the shop from the database it writes to, where the project reads from replicas.

A replica lags. The older state that it has would be taken for “unchanged”, or be sent over a newer
one; so workers never ask one. The rest of the project goes on as its routers say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import router
from django.db.models import Model

_is_on: ContextVar[bool] = ContextVar("esputnik_connector_fresh_reads", default=False)


class _FreshReads:
    """A database router that has an opinion within :func:`fresh_reads` only."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return router.db_for_write(model, **hints) if _is_on.get() else None


@contextmanager
def fresh_reads() -> Iterator[None]:
    """Within, this thread reads every model from the database that it is written to."""
    routers = router.routers
    if routers and not isinstance(routers[0], _FreshReads):
        routers.insert(0, _FreshReads())
    token = _is_on.set(True)
    try:
        yield
    finally:
        _is_on.reset(token)
