"""A length of time in one short unit, as a busy person reads it: “40 s”, “3 h”."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from esputnik_connector.conf import conf

MINUTE, HOUR, DAY = 60, 3600, 86_400


def brief(seconds: float) -> str:
    """In the largest unit of which there is at least one, rounded down; never below zero."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return _("%(number)d s") % {"number": whole}
    if whole < HOUR:
        return _("%(number)d min") % {"number": whole // MINUTE}
    if whole < DAY:
        return _("%(number)d h") % {"number": whole // HOUR}
    return _("%(number)d d") % {"number": whole // DAY}


def since(moment: datetime, now: datetime) -> str:
    return brief((now - moment).total_seconds())


def alert_after() -> timedelta:
    """From when on something is late: several sweeps, and people are told of it."""
    return timedelta(seconds=conf.ALERT_AFTER_SECONDS)
