"""What a connection is doing, and what of its key may be shown."""

from __future__ import annotations

from django.utils.translation import gettext as _

from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.fields import reveal
from esputnik_connector.models import Connection

SHOWN_CHARACTERS = 4  # of a key: enough to tell it from another one
SHORTEST_SHOWN_KEY = 12  # of a shorter one, four characters would be too much
DOTS = "••••"


def masked_key(connection: Connection) -> str:
    """The end of the stored key, ``""`` when there is none.

    :raises ConnectorError: the key cannot be read.
    """
    key = reveal(connection.api_key)
    if not key:
        return ""
    return f"{DOTS} {key[-SHOWN_CHARACTERS:]}" if len(key) >= SHORTEST_SHOWN_KEY else DOTS


def is_readable(secret: str) -> bool:
    """Can a stored secret be opened with the present keys?"""
    try:
        reveal(secret)
    except ConnectorError:
        return False
    return True


def obstacle_text(connection: Connection) -> str:
    """What keeps the connection from sending by itself, the first cause first; ``""`` for nothing.

    Whether all is well is more than that: see operations.health.judgement.
    """
    if not connection.is_enabled:
        return _("Off")
    if not connection.api_key:
        return _("Not connected")
    if not is_readable(connection.api_key):
        return _("The stored key cannot be read; paste it again")
    if connection.paused_at is not None and connection.paused_by:
        return _("Paused by %(name)s") % {"name": connection.paused_by}
    if connection.paused_at is not None:
        return _("Key refused — paused: %(why)s") % {"why": connection.pause_detail or "—"}
    if not connection.is_bound_here:
        return _("Bound to another installation; sends nothing from here")
    return ""
