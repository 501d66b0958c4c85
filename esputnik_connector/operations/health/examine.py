"""Is everything as it should be? A list of findings, for the doctor's command or a page.

Reads, and asks the destination whose key it is. Names no person, shows no secret.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from django.utils.translation import gettext as _

from esputnik_connector.models import Connection, Restore

from . import celery, connection, environment, feeds, periodic, restore
from .findings import Finding, of, warning
from .snapshot import Snapshot

AREAS = ("celery", "environment", "connections", "periodic", "feeds")


def examine(
    connections: Iterable[Connection],
    *,
    is_offline: bool = False,
    areas: Collection[str] = AREAS,
) -> Iterator[Finding]:
    """All that the doctor looks at: Celery, the installation, the connections, the feeds.

    :param is_offline: ask neither the destinations nor the shop's own address.
    :param areas: only these of :data:`AREAS`; nothing else is asked.
    """
    found: dict[str, Callable[[], Iterator[Finding]]] = {
        "celery": celery.findings,
        "environment": _of_the_installation,
        "connections": lambda: _of_connections(list(connections), is_offline=is_offline),
        "periodic": periodic.findings,
        "feeds": lambda: feeds.findings(is_offline=is_offline),
    }
    for area in AREAS:
        if area in areas:
            yield from of(found[area](), area=area)


def moving(snapshot: Snapshot) -> Iterator[Finding]:
    """What a monitor asks for every minute: the same judgement as :func:`examine`, of all that was
    read at once. Makes no query and asks nobody."""
    last = snapshot.heartbeats.get("sweep")
    if last is not None or not celery.is_done_without():
        beat = celery.beat(last=last, now=snapshot.now)
        yield from of([beat], area="celery", task="sweep")
    yield from of(restore.noted(snapshot.restore), area="environment")
    for each in snapshot.connections:
        yield from of(connection.moving(each, snapshot), area="connections")
    yield from of(periodic.moving(snapshot), area="periodic")
    yield from of(feeds.moving(snapshot), area="feeds")


def _of_the_installation() -> Iterator[Finding]:
    yield from environment.findings()
    yield from restore.noted(Restore.unsettled())


def _of_connections(chosen: Sequence[Connection], *, is_offline: bool) -> Iterator[Finding]:
    """Each connection, one by one, as each check ends."""
    if not chosen:
        yield warning(
            "no_connection",
            _("connections"),
            _("There is no connection yet, so nothing is sent."),
            _("Add one in the admin: eSputnik → Connections."),
        )
    for each in chosen:
        yield from connection.of_connection(each, is_offline=is_offline)
