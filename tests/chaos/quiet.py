"""After the storm: time passes, until nothing is left to do.

The connector waits for minutes and hours where it must; nobody wants to watch that. Instead of
turning clocks, everything that it waits *for* comes nearer in the database.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

from django.apps import apps
from django.db import transaction
from django.db.models import DateTimeField, F, Model
from django.utils import timezone

from esputnik_connector import tasks
from esputnik_connector.exceptions import DestinationError
from esputnik_connector.models import Backfill, Connection, LostUpload, OutboxMessage, SyncState
from esputnik_connector.operations.connection.verify import verify
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.records import Kind

from .schedule import LEASE_SECONDS

# When something happened, rather than what is waited for.
LEFT_ALONE = frozenset({
    "created_at", "captured_at", "started_at", "finished_at", "delivered_at", "verified_at",
    "changed_at", "since", "until",
})  # fmt: skip
LEASE = "leased_until"
LONGEST_LEASE = timedelta(seconds=2 * LEASE_SECONDS)  # longer ones are of a clock that was ahead
HOUR = 3600.0
PATIENCE = 90.0  # seconds for each stretch of the quiet time
STUCK = 6  # equal looks in a row: it will not move any more
PAUSE = 3.0  # seconds in which the sweep finds what has become due


passed: list[tuple[float, float]] = []  # when, by time.monotonic(), and how many seconds


def let_time_pass(seconds: float) -> None:
    """As if so much time had passed for whatever the connector waits for."""
    passed.append((time.monotonic(), seconds))
    for model, names in _waits():
        for name in names:
            with transaction.atomic():
                found = model._default_manager.filter(**{f"{name}__isnull": False})
                if name == LEASE:  # of whoever lives, it is kept anew before it could run out
                    found = found.filter(leased_until__gt=timezone.now() + LONGEST_LEASE)
                found.update(**{name: F(name) - timedelta(seconds=seconds)})


def attend() -> None:
    """The merchant sees that the connection or an import is paused, and presses the button."""
    for connection in Connection.objects.exclude(paused_at=None):
        with suppress(DestinationError):
            verify(connection)
    for run in Backfill.objects.open():
        control.resume(run)


def _waits() -> Iterator[tuple[type[Model], list[str]]]:
    for model in apps.get_app_config("esputnik_connector").get_models():
        names = [
            field.name
            for field in model._meta.concrete_fields
            if isinstance(field, DateTimeField) and field.name not in LEFT_ALONE
        ]
        if names:
            yield model, names


def settle(tell: Callable[[str], None]) -> bool:
    """Let hours pass until nothing waits; False when something still does."""
    deadline, hours = time.monotonic() + PATIENCE, 0
    seen = [""]
    while time.monotonic() < deadline:
        time.sleep(PAUSE)
        seen.append(still_waiting())
        if not any(seen[-2:]):
            tell(f"nothing waits any more, after {hours} hours")
            return True
        if len(set(seen[-STUCK:])) == 1 and len(seen) > STUCK:
            break
        if seen[-1]:
            let_time_pass(HOUR)
            attend()
            hours += 1
    tell(f"after {hours} hours still waiting: {seen[-1]}")
    return False


def still_waiting() -> str:
    """What is not at its end, in words."""
    waiting = {
        "changes": OutboxMessage.objects.filter(is_dead=False).count(),
        "records in an upload": SyncState.objects.exclude(session="").count(),
        "historical imports": Backfill.objects.open().count(),
        "uploads without a name": LostUpload.objects.filter(session="").count(),
        "paused connections": Connection.objects.exclude(paused_at=None).count(),
    }
    return ", ".join(f"{count} {what}" for what, count in waiting.items() if count)


def import_history() -> None:
    """What the merchant would do in any case: all customers, then all orders, unless it is done."""
    connection = Connection.objects.get()
    attend()
    for kind, route in ((Kind.CONTACT, ""), (Kind.ORDER, "past_events")):
        whole = Backfill.objects.filter(kind=kind.value, keys=None).exclude(state="cancelled")
        if not whole.exists():
            control.start(connection, kind, route=route)


def reconcile() -> None:
    """As beat does every night, without waiting for it."""
    tasks.reconcile.apply_async((), retry=False)
