"""What the connector itself kept of people who were deleted, besides what it was told to send.

All of it is stored encrypted, so each row is opened; there are those of ``ATTEMPT_RETENTION_DAYS``,
and what was set aside.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from esputnik_connector.exceptions import DecryptionError, UnreadableEventError
from esputnik_connector.fields import reveal
from esputnik_connector.identity import fingerprint
from esputnik_connector.models import CartSession, CartVisitor, OutboxMessage
from esputnik_connector.pipeline.behaviour import carried as behaviour
from esputnik_connector.pipeline.events import carried as events
from esputnik_connector.pipeline.subscriptions import opened as opened_subscription
from esputnik_connector.records import JSONValue, Kind

CHUNK = 1000  # rows read at a time
OPENERS: Mapping[str, Callable[[str, JSONValue], Any]] = {
    Kind.EVENT.value: events.opened,
    Kind.SUBSCRIPTION.value: opened_subscription,
    Kind.BEHAVIOUR.value: behaviour.opened,
}


def forget(deleted: Collection[str], *, salt: str) -> None:
    """Remove the e-mails that they typed as guests, the browsers that changed their carts, and the
    records that were set aside of them; of these the row stays, with its reason.

    :param deleted: fingerprints of their keys, e-mails and phones, made with ``salt``.
    """

    def is_theirs(*names: str) -> bool:
        return any(fingerprint(name, salt=salt) in deleted for name in names if name)

    carts = _forget_guests(is_theirs)
    _forget_visitors(is_theirs, carts)
    _forget_what_was_set_aside(is_theirs)


def _forget_guests(is_theirs: Callable[..., bool]) -> set[str]:
    """The carts whose guests were forgotten."""
    gone: dict[int, str] = {}
    for session in CartSession.objects.order_by("pk").iterator(chunk_size=CHUNK):
        with suppress(DecryptionError):
            if is_theirs(reveal(session.email)):
                gone[session.pk] = session.cart_key
    CartSession.objects.filter(pk__in=list(gone)).delete()
    return set(gone.values())


def _forget_visitors(is_theirs: Callable[..., bool], carts: Collection[str]) -> None:
    gone = []
    for row in CartVisitor.objects.order_by("pk").iterator(chunk_size=CHUNK):
        with suppress(DecryptionError):
            key = json.loads(reveal(row.visitor)).get("contact_key", "")
            if row.cart_key in carts or is_theirs(key):
                gone.append(row.pk)
    CartVisitor.objects.filter(pk__in=gone).delete()


def _forget_what_was_set_aside(is_theirs: Callable[..., bool]) -> None:
    rows = OutboxMessage.objects.dead().filter(kind__in=OPENERS, payload__isnull=False)
    gone = []
    for row in rows.order_by("pk").iterator(chunk_size=CHUNK):
        with suppress(UnreadableEventError):
            record = OPENERS[row.kind](row.key, row.payload)
            if is_theirs(record.contact_key, record.email, record.phone):
                gone.append(row.pk)
    OutboxMessage.objects.filter(pk__in=gone).update(payload=None)
