"""Start a relay soon after a commit."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.utils.module_loading import import_string

from esputnik_connector.conf import conf


def wake(connection_id: int, delay: float = 0.0) -> None:
    """Send what is due of this connection soon; with an empty ``WAKE`` the next sweep does."""
    if conf.WAKE:
        transaction.on_commit(partial(import_string(conf.WAKE), connection_id, delay), robust=True)
