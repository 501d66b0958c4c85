"""How the admin's pages write moments, reasons and warnings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.models import OutboxMessage, SyncState
from esputnik_connector.models.labels import NOTES
from esputnik_connector.models.timezones import local_time
from esputnik_connector.operations.health.findings import Level
from esputnik_connector.records import Note

ICONS = {Level.OK: "✔", Level.WARNING: "!", Level.PROBLEM: "✖"}


def time_text(moment: datetime | None) -> str:
    """Short, in the merchant's time zone; “—” for none."""
    return date_format(local_time(moment), "SHORT_DATETIME_FORMAT") if moment else "—"


def reason_text(row: Any) -> str:
    """The reason of an outbox row or an attempt as a sentence, with the destination's own words."""
    reason = row.get_reason_display() if row.reason else ""
    return ": ".join(part for part in (reason, row.detail) if part)


def uploading_text(row: OutboxMessage | SyncState) -> str:
    """The destination accepted it, and still works on it."""
    destination = registry.destination_label(row.connection.destination)
    return _("%(destination)s is still working on the upload") % {"destination": destination}


def warning_text(note: str) -> str:
    """A warning as a sentence; one of a later version of this app as it stands."""
    try:
        return str(NOTES[Note(note)])
    except (KeyError, ValueError):
        return note
