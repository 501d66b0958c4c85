"""Start a relay after a person has acted, when what they did is committed."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.utils.module_loading import import_string

from esputnik_connector.conf import conf


def wake(connection_id: int) -> None:
    """Send what is due of this connection soon; with an empty ``WAKE`` the next sweep does."""
    if conf.WAKE:
        transaction.on_commit(partial(import_string(conf.WAKE), connection_id, 0.0), robust=True)
