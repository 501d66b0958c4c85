"""Is everything as it should be? A list of findings, for the doctor's command or a page.

Reads, and asks the destination whose key it is. Names no person, shows no secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from esputnik_connector.models import Connection

from . import celery, environment, feeds, periodic, restore
from .connection import of_connection
from .findings import Finding, warning


def examine(connections: Iterable[Connection], *, is_offline: bool = False) -> Iterator[Finding]:
    """All that the doctor looks at: Celery, the installation, the connections, the feeds.

    :param is_offline: ask neither the destinations nor the shop's own address.
    """
    yield from celery.findings()
    yield from findings(connections, is_offline=is_offline)
    yield from periodic.findings()
    yield from feeds.findings(is_offline=is_offline)


def findings(connections: Iterable[Connection], *, is_offline: bool = False) -> Iterator[Finding]:
    """Everything that can be seen from here, one by one, as each check ends."""
    yield environment.shop_address()
    yield environment.pace_storage()
    yield environment.time_zone()
    yield from environment.shop()
    yield environment.currencies()
    yield from restore.noted()
    chosen = list(connections)
    if not chosen:
        yield warning(
            _("connections"),
            _("There is no connection yet, so nothing is sent."),
            _("Add one in the admin: eSputnik → Connections."),
        )
    for connection in chosen:
        yield from of_connection(connection, is_offline=is_offline)
