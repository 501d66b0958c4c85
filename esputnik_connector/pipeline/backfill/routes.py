"""The ways that the orders of a historical import may travel: the destination's own."""

from __future__ import annotations

from collections.abc import Sequence

from esputnik_connector import registry
from esputnik_connector.destinations.base import OrderRoute
from esputnik_connector.models import Backfill, Connection


def routes_of(connection: Connection) -> Sequence[OrderRoute]:
    """Between which the merchant has to choose. Empty: there is one way, and it is quiet.

    :raises ConfigurationError: the settings do not have the connection's destination.
    """
    return registry.destination_class(connection.destination).history_routes


def all_routes_of(connection: Connection) -> Sequence[OrderRoute]:
    """By which chosen orders may go: those of history, then those of new orders.

    :raises ConfigurationError: the settings do not have the connection's destination.
    """
    history = list(routes_of(connection))
    new = registry.destination_class(connection.destination).order_routes
    known = {route.value for route in history}
    return [*history, *(route for route in new if route.value not in known)]


def route_of(run: Backfill) -> OrderRoute | None:
    """The route that was chosen for a run; ``None`` when there was nothing to choose.

    :raises ConfigurationError: the settings do not have the connection's destination.
    """
    known = all_routes_of(run.connection)
    return next((route for route in known if route.value == run.route), None)
