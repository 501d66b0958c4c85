"""How far ahead a moment in a row may lie before it is no longer believed."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

# A record that fails is due again after six hours at most, and clocks may be minutes apart.
LONGEST_WAIT = timedelta(hours=12)


def has_come(column: str, now: datetime, *, longest: timedelta = LONGEST_WAIT) -> Q:
    """Rows whose moment in ``column`` has come; also those in which it lies further ahead than
    ``longest``: a process with a wrong clock wrote it, and no merchant would wait for years."""
    return Q(**{f"{column}__lte": now}) | Q(**{f"{column}__gt": now + longest})
