"""Is an event still news in the moment in which it is told?"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from esputnik_connector.conf import conf
from esputnik_connector.exceptions import Skip
from esputnik_connector.models import Connection
from esputnik_connector.records import Event, EventName, Reason


def check_news(event: Event, connection: Connection, *, now: datetime | None = None) -> None:
    """:raises Skip: it is not to be told, or not any more."""
    if not connection.tells(event.name):
        raise Skip(Reason.SYNC_OFF)
    if not event.is_wanted:
        raise Skip(Reason.NOT_WANTED)
    if event.happened_at is not None and event.happened_at < _aware(told_since(now)):
        raise Skip(Reason.TOO_LATE)
    if not event.is_in_stock:
        raise Skip(Reason.SOLD_OUT)
    if event.name is EventName.PRICE_DROP and not is_drop(event.price_before, event.price):
        raise Skip(Reason.NOT_CHEAPER)


def told_since(now: datetime | None = None) -> datetime:
    """What happened before is not told, so that nobody has to remember that it was."""
    return (now or timezone.now()) - timedelta(days=conf.EVENT_RETENTION_DAYS)


def _aware(moment: datetime) -> datetime:
    """Without ``USE_TZ``, Django's clock has no zone; a record's moments always have one."""
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def is_drop(before: Decimal | None, price: Decimal | None) -> bool:
    """Is the price by ``PRICE_DROP_PERCENT`` lower? One of zero is taken for a mistake."""
    if before is None or price is None or price <= 0:
        return False
    return price * 100 <= before * (100 - conf.PRICE_DROP_PERCENT)
