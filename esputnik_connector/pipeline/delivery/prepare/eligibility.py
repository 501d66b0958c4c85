"""Is an event still true, and still wanted, in the moment in which it is sent?"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from esputnik_connector.conf import conf
from esputnik_connector.event_types import EventType, event_type
from esputnik_connector.exceptions import Skip
from esputnik_connector.models import Connection
from esputnik_connector.records import Event, Reason


def check_still_true(event: Event, connection: Connection, *, now: datetime | None = None) -> None:
    """Ask what its type declares.

    :raises Skip: it is not to be sent, or not any more.
    :raises ConfigurationError: no type of this name is registered.
    """
    declared = event_type(event.name)
    if not connection.sends(declared):
        raise Skip(Reason.SYNC_OFF)
    if not event.is_wanted:
        raise Skip(Reason.NOT_WANTED)
    if event.happened_at is not None and event.happened_at < _aware(_oldest(declared, now)):
        raise Skip(Reason.TOO_LATE)
    for reason, holds in declared.still_true.items():
        if not holds(event):
            raise Skip(reason)


def retained_since(now: datetime | None = None) -> datetime:
    """What happened before is not sent, so that it need not be remembered that it was."""
    return (now or timezone.now()) - timedelta(days=conf.EVENT_RETENTION_DAYS)


def _oldest(declared: EventType, now: datetime | None) -> datetime:
    since = retained_since(now)
    if declared.lifetime is None:
        return since
    return max(since, (now or timezone.now()) - declared.lifetime)


def _aware(moment: datetime) -> datetime:
    """Without ``USE_TZ``, Django's clock has no zone; a record's moments always have one."""
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
