"""A connection by its name, for code and for whoever types it."""

from __future__ import annotations

from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import Connection

AnyConnection = Connection | str


def get_connection(connection: AnyConnection) -> Connection:
    """The connection of that name, read anew; a :class:`~.models.Connection` as it is.

    :raises ConfigurationError: there is none of that name; the message names those there are.
    """
    if isinstance(connection, Connection):
        return connection
    found = Connection.objects.filter(name=connection).first()
    if found is None:
        known = ", ".join(Connection.objects.values_list("name", flat=True)) or "–"
        raise ConfigurationError(f"There is no connection {connection!r}; there are: {known}")
    return found
