"""What an import does with people who have not said yes to messages: the connection's choice."""

from __future__ import annotations

from collections.abc import Sequence

from esputnik_connector import registry
from esputnik_connector.destinations.base import ConsentPolicy
from esputnik_connector.models import Connection


def policies_of(connection: Connection) -> Sequence[ConsentPolicy]:
    """Between which the merchant has to choose. Empty: nothing is asked.

    :raises ConfigurationError: the settings do not have the connection's destination.
    """
    return registry.destination_class(connection.destination).consent_policies


def policy_of(connection: Connection) -> ConsentPolicy | None:
    """What was chosen; ``None`` while nothing was.

    :raises ConfigurationError: the settings do not have the connection's destination.
    """
    chosen = connection.consent_policy
    return next((one for one in policies_of(connection) if one.value == chosen), None)
