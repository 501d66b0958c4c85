"""Order statuses of the shop → those of a connection's destination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.destinations.base import DO_NOT_SEND, Destination
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import Connection, ReleasedStatus, StatusMapping
from esputnik_connector.shops.base import SupportsStatuses


def choices(backend: type[Destination]) -> list[tuple[str, str]]:
    """What a status may be mapped to: value, label. Empty: the platform takes any word."""
    known = [(status.value, str(status.label)) for status in backend.statuses]
    return [*known, (DO_NOT_SEND, _("do not send"))] if known else []


def of_shop() -> Sequence[str]:
    """Every order status the shop knows; none, where its adapter does not list them."""
    shop = registry.shop()
    return shop.statuses() if isinstance(shop, SupportsStatuses) else ()


def unmapped(connection: Connection | None) -> Sequence[str]:
    """Statuses of the shop that have no row in the connection's table."""
    mapped: set[str] = set()
    if connection is not None:
        mapped = set(connection.status_mappings.values_list("shop_status", flat=True))
    return [status for status in of_shop() if status not in mapped]


def default_text(connection: Connection) -> str:
    """What an order with an unmapped status is sent as. The bare word when the settings do not have
    the connection's destination."""
    try:
        backend = registry.destination_class(connection.destination)
    except ConfigurationError:
        return connection.default_status
    status = connection.default_status or backend.default_status
    if not status:
        return _("the shop's own status")
    return dict(choices(backend)).get(status, status)


def proposals(backend: type[Destination], statuses: Iterable[str]) -> dict[str, str]:
    """A sensible mapping for statuses whose name says what they are; the others are left out."""
    proposed = {status: backend.propose_status(status) for status in statuses}
    return {status: proposal for status, proposal in proposed.items() if proposal}


def add_proposed(connection: Connection, statuses: Iterable[str]) -> list[Any]:
    """Store the proposals for statuses that have no mapping yet; what a person chose stays.

    :raises ConfigurationError: the settings do not have the connection's destination.
    """
    known = set(connection.status_mappings.values_list("shop_status", flat=True))
    backend = registry.destination_class(connection.destination)
    proposed = proposals(backend, (status for status in statuses if status not in known))
    before = words(connection)
    with transaction.atomic():
        added = StatusMapping.objects.bulk_create(
            StatusMapping(connection=connection, shop_status=shop_status, status=status)
            for shop_status, status in proposed.items()
        )
        remember(connection, before)
    return added


def words(connection: Connection, table: Mapping[str, str] | None = None) -> dict[str, str]:
    """Status of the shop → what it is sent as, or ``DO_NOT_SEND``, as it is stored now.

    :param table: as if these rows were stored over it; ``""`` takes one away.
    """
    stored = Connection.objects.filter(pk=connection.pk).first()
    try:
        backend = registry.destination_class(connection.destination)
    except ConfigurationError:  # gone from the settings: nothing is sent
        return {}
    if stored is None:
        return {}
    rows = dict(stored.status_mappings.values_list("shop_status", "status"))
    mapped = {name: word for name, word in {**rows, **(table or {})}.items() if word}
    default = stored.default_status or backend.default_status
    names = dict.fromkeys([*of_shop(), *mapped])
    return {name: mapped.get(name, default or name) for name in names}


def put(connection: Connection, table: Mapping[str, str]) -> list[str]:
    """Store rows of the table: status of the shop → what it is sent as, ``""`` for no row. Others
    stay. Returns what :func:`remember` does. Within one transaction."""
    with transaction.atomic():
        before = words(connection)
        rows = StatusMapping.objects.filter(connection=connection)
        rows.filter(shop_status__in=[name for name, word in table.items() if not word]).delete()
        stored = {one.shop_status: one for one in rows}
        for name, word in table.items():
            mapping = stored.get(name) or StatusMapping(connection=connection, shop_status=name)
            if word and mapping.status != word:
                mapping.status = word
                mapping.save()
        return remember(connection, before)


def remember(connection: Connection, before: Mapping[str, str]) -> list[str]:
    """Note each status that was not sent before and is now: its old orders are not sent for that.
    Returns the statuses of the shop that are sent as something else now.

    :param before: its :func:`words` before the change.
    """
    after = words(connection)
    changed = [name for name, word in before.items() if after.get(name, word) != word]
    ReleasedStatus.objects.bulk_create(
        ReleasedStatus(connection=connection, shop_status=name)
        for name in changed
        if before[name] == DO_NOT_SEND
    )
    return changed
