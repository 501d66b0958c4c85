"""The time of day, for whoever takes a clock."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


class Clock:
    """Now, or as much later as it was moved forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(timezone.utc) + self.ahead

    def forward(self, **delta: float) -> None:
        self.ahead += timedelta(**delta)
