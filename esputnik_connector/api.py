"""The connector from your own code: what the documentation names, and what stays as it is.

Everything here follows semantic versioning; ``docs/reference/public-api.md`` says what else is
public, and how a name is taken away. Functions take a connection or its name. None of them raises
because a broker or the destination is away, unless its description says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime

from . import registry
from .destinations.base import AccountInfo
from .event_types import PRODUCT_PARAMS, EventType
from .event_types import register as register_event_type
from .feed.build import Build
from .feed.links import feed_url
from .feed.publish import AlreadyBuilding
from .models import Backfill, Connection, Feed, FeedBuild, OutboxMessage, Reconciliation, Storefront
from .operations.connections import AnyConnection, get_connection
from .operations.erase_guest import erase_guest
from .operations.health.examine import examine
from .operations.health.findings import Finding, Level
from .operations.pauses import end_pauses as end_pauses_of
from .operations.preview import Preview
from .operations.preview import preview as preview_of
from .operations.prune import prune
from .operations.replay import Choice, chosen
from .operations.replay import replay as replay_rows
from .operations.send_again import Resending
from .operations.send_again import send_again as send_again_records
from .operations.statuses import add_proposed, of_shop
from .operations.storefront.connect import StorefrontChoices, storefront_of
from .operations.storefront.connect import connect as connect_storefront_of
from .operations.storefront.connect import disconnect as disconnect_storefront_of
from .operations.storefront.run import work as work_at_storefront
from .operations.storefront.schedule import ask_for_work
from .operations.verify import forget_deliveries as forget_deliveries_of
from .operations.verify import verify as verify_connection
from .pipeline.backfill import control
from .pipeline.backfill.forecast import Forecast, forecast
from .pipeline.backfill.worker import BackfillWorker
from .pipeline.capture import capture
from .pipeline.delivery.relay import Relay
from .pipeline.reconcile.compare import Comparer
from .pipeline.reconcile.limits import Limits
from .pipeline.reconcile.run import Reconciler, history_before, new_run
from .pipeline.wake import wake_backfill
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


def start_import(
    connection: AnyConnection,
    kind: Kind,
    *,
    route: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    newest_first: bool = False,
    keys: Sequence[str] | None = None,
) -> tuple[Backfill, bool]:
    """Begin a historical import of contacts or orders and wake a worker, or find the open one.

    :param route: of orders, one of the destination's ``history_routes`` (eSputnik: ``past_events``,
        which is quiet, or ``orders``, which starts a workflow event for each order).
    :param since, until: registered or placed from the one moment on, and before the other.
    :param keys: only these records.
    :returns: the run, and whether it is a new one.
    :raises BadRequestError: the range or the route is no use.
    :raises ConfigurationError: the shop cannot walk over its history.
    """
    run, is_new = control.start(
        get_connection(connection),
        kind,
        route=route,
        since=since,
        until=until,
        newest_first=newest_first,
        keys=keys,
    )
    if is_new:
        wake_backfill(run.pk)
    return run, is_new


def forecast_import(run: Backfill, *, is_thorough: bool = False) -> Forecast:
    """What an import would send and skip. Sends nothing; ``run`` need not be saved.

    :param is_thorough: look at every record of the range, instead of a sample from both ends.
    """
    return forecast(run, is_thorough=is_thorough)


def work_at_import(run: Backfill, *, seconds: float = 50) -> datetime | None:
    """Do a worker's work at an import for about ``seconds``. Speaks HTTP.

    ``run.state``, ``run.counts`` and ``run.total`` tell how far it is, after ``refresh_from_db()``.

    :returns: when to go on; ``None`` when it is over, stopped, or another worker's.
    """
    return BackfillWorker(run).work(seconds=seconds)


def pause_import(run: Backfill) -> bool:
    """Stop after the request that is under way; False if the run was not working."""
    return control.pause(run)


def resume_import(run: Backfill) -> bool:
    """Go on where it was, and wake a worker; False if the run was not paused."""
    is_resumed = control.resume(run)
    if is_resumed:
        wake_backfill(run.pk)
    return is_resumed


def cancel_import(run: Backfill) -> bool:
    """End it for good; what was sent stays sent. False if it was over already."""
    return control.cancel(run)


def reconcile(
    connection: AnyConnection,
    kind: Kind,
    *,
    since: datetime | None = None,
    is_dry: bool = False,
    is_unlimited: bool = False,
) -> Reconciliation:
    """Compare all contacts, orders or carts of the shop with what was delivered, to the end, and
    put what differs in line. Sends nothing itself.

    :param since: only what was registered or placed from then on, and of that also what is older
        than the connection and was never delivered.
    :param is_dry: only count. :param is_unlimited: also more than ``RECONCILE_LIMIT``.
    :returns: the run, with ``counts`` by verdict, ``queued`` and ``held``.
    :raises ConfigurationError, DecryptionError: the connection cannot be used.
    """
    run = new_run(get_connection(connection), kind, since=since)
    if not is_dry:
        run.save()
    with closing(registry.destination(run.connection)) as destination:
        comparer = Comparer(
            run.connection, destination, registry.shop(), history_before=history_before(run)
        )
        limits = Limits.none() if is_unlimited else Limits.usual()
        Reconciler(run, comparer, limits=limits, is_dry=is_dry).work()
    return run


def build_feed(feed: Feed) -> FeedBuild:
    """Build a product feed now, check it, and publish it unless it is worse than the last one.

    :returns: the build; its ``status`` and ``detail`` say what became of it.
    :raises AlreadyBuilding: another worker builds it.
    """
    return Build(feed).run()


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
    storefront = connect_storefront_of(get_connection(connection), choices)
    ask_for_work(storefront)
    return storefront


def refresh_storefront(connection: AnyConnection) -> bool:
    """Go through the steps of its storefront now, as a worker does every day. Speaks HTTP.

    ``storefront.steps`` tells how each went.

    :returns: False when there is none, or another worker is at it.
    :raises BadRequestError: this installation may not speak for the connection.
    """
    storefront = storefront_of(get_connection(connection))
    return storefront is not None and work_at_storefront(storefront)


def disconnect_storefront(connection: AnyConnection) -> bool:
    """Take a storefront off the shop's pages at once, and let a worker tell the account.

    :returns: False when there is none.
    """
    storefront = storefront_of(get_connection(connection))
    if storefront is None:
        return False
    disconnect_storefront_of(storefront)
    ask_for_work(storefront)
    return True


def unsent(connection: AnyConnection) -> int:
    """How many changes wait to be sent, those set aside not among them."""
    return OutboxMessage.objects.filter(connection=get_connection(connection)).unsent().count()
