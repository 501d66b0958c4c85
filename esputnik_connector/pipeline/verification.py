"""Ask the destination whose key a connection holds."""

from __future__ import annotations

from contextlib import closing

from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.destinations.base import AccountInfo
from esputnik_connector.exceptions import CredentialsError
from esputnik_connector.models import Connection


def verify(connection: Connection) -> AccountInfo:
    """Check the key; an accepted one ends a pause and, the first time, binds this installation.

    :raises CredentialsError: the key is wrong; the connection is paused.
    :raises TemporaryError: the destination could not be asked; nothing changes.
    """
    connection.checked_at = timezone.now()
    connection.save(update_fields=["checked_at"])
    with closing(registry.destination(connection)) as destination:
        try:
            info = destination.verify()
        except CredentialsError as error:
            connection.pause(str(error))
            raise
    connection.accept_key(info.organisation, info.organisation_id)
    if not connection.environment:
        connection.bind()
    return info
