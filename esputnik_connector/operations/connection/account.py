"""What an account says of itself beside its key: additional fields, workflows, product feeds.

It is read and kept with the connection, and stays as it was when the account cannot be asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from logging import getLogger

from esputnik_connector import registry
from esputnik_connector.destinations.base import AccountField, Destination, Workflow
from esputnik_connector.event_types import event_types
from esputnik_connector.exceptions import DestinationError, without_message
from esputnik_connector.models import Connection
from esputnik_connector.records import Kind

logger = getLogger(__name__)


def fields_of(destination: Destination) -> Sequence[AccountField] | None:
    """The additional fields; ``None`` when the account cannot tell now."""
    if not destination.supports_account_fields:
        return None
    try:
        return destination.account_fields()
    except DestinationError as error:
        name = destination.account.name
        logger.warning("the fields of %s cannot be read: %s", name, without_message(error))
        return None


def keep_fields(connection: Connection, fields: Sequence[AccountField] | None) -> None:
    """Remember them; ``None`` leaves what was known."""
    if fields is None:
        return
    connection.known_fields = [
        {**asdict(field), "allowed": list(field.allowed)} for field in fields
    ]
    connection.save(update_fields=["known_fields"])


def workflows_of(connection: Connection) -> Sequence[Workflow]:
    """The automations of the account.

    :raises ConnectorError: it cannot be asked.
    """
    with closing(registry.destination(connection)) as destination:
        return destination.workflows()


def unheard(connection: Connection, workflows: Sequence[Workflow]) -> Iterator[Sequence[str]]:
    """Names of the events that are sent and after which no active workflow is called, by kind."""
    with closing(registry.destination(connection)) as destination:
        expected = destination.expected_workflows()
    said = [
        word.casefold()
        for workflow in workflows
        if workflow.is_active
        for word in (workflow.name, *workflow.tags)
    ]
    for name, events in expected.items():
        is_heard = any(event.casefold() in word for event in events for word in said)
        if not is_heard and _is_sent(connection, name):
            yield events


def _is_sent(connection: Connection, name: str) -> bool:
    kinds = {"order": Kind.ORDER, "cart": Kind.CART}
    if name in kinds:
        return connection.syncs(kinds[name])
    switched = [each for each in event_types() if connection.sends(each)]
    return any(name == each.name for each in switched)
