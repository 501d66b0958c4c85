"""The connector from your own code: what the documentation names, and what stays as it is.

Everything here follows semantic versioning; ``docs/reference/public-api.md`` says what else is
public, and how a name is taken away. Functions take a connection or its name. None of them raises
because a broker or the destination is away, unless its description says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from .destinations.base import AccountInfo
from .event_types import PRODUCT_PARAMS, EventType
from .event_types import register as register_event_type
from .feed.build import Build
from .feed.links import feed_url
from .feed.publish import AlreadyBuilding
from .models import Backfill, Connection, Feed, FeedBuild, OutboxMessage, Reconciliation, Storefront
from .operations.connection.named import AnyConnection, get_connection
from .operations.connection.pauses import end_pauses as end_pauses_of
from .operations.connection.statuses import add_proposed, of_shop
from .operations.connection.verify import forget_deliveries as forget_deliveries_of
from .operations.connection.verify import verify as verify_connection
from .operations.erase.guest import erase_guest
from .operations.health.examine import examine
from .operations.health.findings import Finding, Level
from .operations.history import (
    cancel_import,
    forecast_import,
    pause_import,
    resume_import,
    start_import,
    work_at_import,
)
from .operations.prune import prune
from .operations.reconcile import reconcile
from .operations.record.preview import Preview
from .operations.record.preview import preview as preview_of
from .operations.record.replay import Choice, chosen
from .operations.record.replay import replay as replay_rows
from .operations.record.send_again import Resending
from .operations.record.send_again import send_again as send_again_records
from .operations.storefront.control import (
    connect_storefront,
    disconnect_storefront,
    refresh_storefront,
)
from .pipeline.backfill.forecast import Forecast
from .pipeline.capture import capture
from .pipeline.delivery.relay import Relay
from .records import Kind, Reason
from .tracking.forms import SubscriptionForm, takers
from .tracking.forms import subscribe as subscribe_by

__all__ = [
    "PRODUCT_PARAMS",
    "AccountInfo",
    "AlreadyBuilding",
    "Backfill",
    "Connection",
    "EventType",
    "Feed",
    "FeedBuild",
    "Finding",
    "Forecast",
    "Level",
    "Preview",
    "Reconciliation",
    "Storefront",
    "add_proposed_statuses",
    "build_feed",
    "cancel_import",
    "capture",
    "connect_storefront",
    "disconnect_storefront",
    "end_pauses",
    "erase_guest",
    "examine",
    "feed_url",
    "forecast_import",
    "forget_deliveries",
    "get_connection",
    "pause_import",
    "preview",
    "prune",
    "reconcile",
    "refresh_storefront",
    "register_event_type",
    "relay",
    "replay",
    "resume_import",
    "send_again",
    "start_import",
    "subscribe",
    "unsent",
    "verify",
    "work_at_import",
]


def verify(connection: AnyConnection) -> AccountInfo:
    """Ask the destination whose key it is, and remember the answer. Speaks HTTP.

    An accepted key ends a pause of the connection.

    :raises CredentialsError: the key is wrong; the connection is paused.
    :raises TemporaryError: the destination could not be asked.
    :raises RejectedError: another server answered. :raises DecryptionError: the key is unreadable.
    """
    return verify_connection(get_connection(connection))


def add_proposed_statuses(connection: AnyConnection) -> dict[str, str]:
    """Map the shop's order statuses whose names say what they are; what a person mapped stays.

    :returns: what was added: the shop's status → the destination's.
    :raises ConfigurationError: the settings do not have the connection's destination.
    """
    added = add_proposed(get_connection(connection), of_shop())
    return {mapping.shop_status: mapping.status for mapping in added}


def relay(connection: AnyConnection, *, seconds: float = 50) -> Counter[str]:
    """Send what is due, for about ``seconds``: what a worker does. Speaks HTTP.

    :returns: outcome (a value of :class:`~.records.Outcome`) → records. What waits for a retry, a
        pause or the debounce is not due and not counted.
    """
    return Relay(get_connection(connection)).run(seconds=seconds)


def preview(connection: AnyConnection, kind: Kind, key: str) -> Preview:
    """What would be sent of one record now, and why, or why not. Sends nothing.

    :raises ConfigurationError, DecryptionError: the connection cannot be used.
    """
    return preview_of(get_connection(connection), kind, key)


def replay(
    connection: AnyConnection,
    *,
    kind: Kind | None = None,
    reason: Reason | None = None,
    since: datetime | None = None,
    keys: Iterable[str] = (),
) -> int:
    """Put what was set aside back in line, with a fresh horizon, and wake a worker.

    :param kind, reason, since, keys: only these; ``since`` is when the change was noted. What is
        left out does not narrow the choice.
    :returns: how many changes are in line again.
    """
    choice = Choice(kind=kind, reason=reason, since=since, keys=tuple(keys))
    return replay_rows(chosen([get_connection(connection)], choice))


def send_again(
    connection: AnyConnection,
    kind: Kind,
    *,
    keys: Iterable[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    route: str = "",
) -> int:
    """Send records again although they are unchanged: the destination lost them, or the database
    was restored from a backup. They go in some minutes.

    :param kind: contacts, orders or carts.
    :param keys: of these records; without any, of all that were delivered, from ``since`` on and
        before ``until`` where these are given.
    :param route: how orders travel, as :attr:`OrderRoute.value
        <esputnik_connector.destinations.choices.OrderRoute>`; required for orders, since most
        routes start the events of an order, however old it is.
    :returns: how many records are in line.
    :raises ConfigurationError: another kind, or orders without a route that there is.
    """
    resending = Resending(kind=kind, keys=tuple(keys), since=since, until=until, route=route)
    return send_again_records(get_connection(connection), resending)


def end_pauses(connection: AnyConnection, kinds: Iterable[Kind] | None = None) -> int:
    """Let lanes that rest after a failure send again now; how many were resting.

    :param kinds: only the lanes of these.
    """
    return end_pauses_of(get_connection(connection), kinds)


def forget_deliveries(connection: AnyConnection) -> None:
    """Let every record count as never delivered, as after the account was emptied or replaced.

    The next change of a record sends it whole; history goes by an import.
    """
    forget_deliveries_of(get_connection(connection))


def subscribe(
    *,
    email: str = "",
    phone: str = "",
    form_type: str = "",
    groups: Iterable[str] = (),
    categories: Iterable[str] = (),
    first_name: str = "",
    last_name: str = "",
    language: str = "",
    contact_key: str = "",
    is_confirmed: bool = False,
    connection: AnyConnection | None = None,
    host: str = "",
) -> bool:
    """Somebody asked, in a form of the shop's own, to be written to. A worker tells the
    destination; nobody is created in the shop.

    :param form_type: which form; a suffix of eSputnik's events. :param groups: segments, by name.
    :param categories: subscription categories, by key.
    :param first_name, last_name: only of somebody whom the shop knows: they overwrite those of the
        contact with this address, and anybody can write anybody's address.
    :param contact_key: of a customer who is logged in and wrote their own address; else ``""``.
    :param is_confirmed: the person has shown that the address is theirs, by a link that the shop
        mailed. Otherwise an address that is new waits until it is confirmed.
    :param connection: whose account; else that of the storefront with this ``host``.
    :returns: False when it could not be written down; the log says why.
    :raises BadRequestError: there is no address in it, or a name that eSputnik does not take.
    """
    chosen_ones = takers(host) if connection is None else {get_connection(connection).pk}
    return subscribe_by(
        SubscriptionForm.of(form_type, groups, categories),
        email=email,
        phone=phone,
        first_name=first_name,
        last_name=last_name,
        language=language,
        contact_key=contact_key,
        is_confirmed=is_confirmed,
        connections=chosen_ones,
    )


def build_feed(feed: Feed) -> FeedBuild:
    """Build a product feed now, check it, and publish it unless it is worse than the last one.

    :returns: the build; its ``status`` and ``detail`` say what became of it.
    :raises AlreadyBuilding: another worker builds it.
    """
    return Build(feed).run()


def unsent(connection: AnyConnection) -> int:
    """How many changes wait to be sent, those set aside not among them."""
    return OutboxMessage.objects.filter(connection=get_connection(connection)).unsent().count()
