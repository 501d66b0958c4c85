"""Recognise a database that was restored from a backup, and remember that a person said so.

Everything in it is of one old day, so it agrees with itself. Only the destination can contradict
it: by a customer with a number that the shop has not given yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.exceptions import Skip
from esputnik_connector.models import Connection, Restore, SyncState
from esputnik_connector.pipeline.erasure import tombstones
from esputnik_connector.records import Kind
from esputnik_connector.shops import reading

NEWEST = 200  # deliveries among which the highest number is looked for
AHEAD = 50  # numbers after it that the shop may have given without a delivery
MOST_ASKED = 3  # customers that the destination is asked about: a request or two each


def note_restore() -> Restore:
    """A person says that the database was restored, perhaps again before it is settled."""
    return Restore.unsettled() or Restore.objects.create()


def settle_restore() -> bool:
    """A person says that all is settled; False when there was nothing to settle."""
    open_ones = Restore.objects.filter(settled_at=None)
    return bool(open_ones.update(settled_at=timezone.now()))


def unknown_customers(connection: Connection) -> list[str]:
    """Customers whom the destination knows under numbers that the shop has not given yet.

    Empty also where nobody can tell: the shop's keys are no numbers, the shop cannot say whom it
    has, or the destination whom it knows.

    :raises TemporaryError, CredentialsError: the destination could not be asked.
    :raises ConfigurationError, DecryptionError: the connection cannot be used.
    """
    with closing(registry.destination(connection)) as destination:
        found = []
        for key in _not_given_yet(connection):
            try:
                is_known = destination.knows(key)
            except Skip:
                return []
            if is_known:
                found.append(key)
        return found


def _not_given_yet(connection: Connection) -> Iterator[str]:
    states = SyncState.objects.filter(connection=connection, kind=Kind.CONTACT.value)
    keys = states.order_by("-pk").values_list("key", flat=True)[:NEWEST]
    numbers = [int(key) for key in keys if key.isascii() and key.isdecimal()]
    if not numbers:
        return
    last = max(numbers)
    following = [str(number) for number in range(last + 1, last + 1 + AHEAD)]
    given = reading.existing(registry.shop(), Kind.CONTACT, following)
    first = max((int(key) for key in given), default=last) + 1
    asked = [str(number) for number in range(first, first + MOST_ASKED)]
    deleted = tombstones.buried(asked)
    yield from (key for key in asked if key not in deleted)
