"""Begin, refresh and end the storefront of a connection, by the connection or its name."""

from __future__ import annotations

from esputnik_connector.models import Storefront
from esputnik_connector.operations.connection.named import AnyConnection, get_connection

from .connect import StorefrontChoices, connect, disconnect, storefront_of
from .run import work
from .schedule import ask_for_work


def connect_storefront(
    connection: AnyConnection,
    *,
    domain: str | None = None,
    is_tracking: bool | None = None,
    is_push: bool | None = None,
    site_id: str | None = None,
) -> Storefront:
    """Give a connection a storefront, or change it, and let a worker set it up. Asks nobody.

    :param domain: host of the shop; that of ``SHOP_URL`` if left out. What is left out of the
        others stays as it is.
    :raises BadRequestError: it cannot have it; the text says why.
    """
    choices = StorefrontChoices(
        domain=domain, is_tracking=is_tracking, is_push=is_push, site_id=site_id
    )
    storefront = connect(get_connection(connection), choices)
    ask_for_work(storefront)
    return storefront


def refresh_storefront(connection: AnyConnection) -> bool:
    """Go through the steps of its storefront now, as a worker does every day. Speaks HTTP.

    ``storefront.steps`` tells how each went.

    :returns: False when there is none, or another worker is at it.
    :raises BadRequestError: this installation may not speak for the connection.
    """
    storefront = storefront_of(get_connection(connection))
    return storefront is not None and work(storefront)


def disconnect_storefront(connection: AnyConnection) -> bool:
    """Take a storefront off the shop's pages at once, and let a worker tell the account.

    :returns: False when there is none.
    """
    storefront = storefront_of(get_connection(connection))
    if storefront is None:
        return False
    disconnect(storefront)
    ask_for_work(storefront)
    return True
