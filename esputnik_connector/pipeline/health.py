"""Is everything as it should be? A list of findings, for the doctor's command or a page.

Reads, and asks the destination whose key it is. Names no person, shows no secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, QuerySet
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.conf import conf
from esputnik_connector.destinations.throttle import limiter
from esputnik_connector.exceptions import (
    ConfigurationError,
    ConnectorError,
    CredentialsError,
    TemporaryError,
)
from esputnik_connector.fields import reveal
from esputnik_connector.models import Connection, Heartbeat, Lane, OutboxMessage
from esputnik_connector.models.connection import OrderStatus
from esputnik_connector.records import Kind

from . import sanity
from .findings import Finding, Level, ok, problem, warning
from .verification import verify
from .watch import HEARTBEAT

__all__ = ["Finding", "Level", "findings", "of_connection", "ok", "problem", "warning"]

LATE = timedelta(minutes=5)  # several sweeps: a change that is due longer is worth a look
VERY_LATE = timedelta(hours=1)


def findings(connections: Iterable[Connection], *, is_offline: bool = False) -> Iterator[Finding]:
    """Everything that can be seen from here, one by one, as each check ends."""
    yield shop_address()
    yield pace_storage()
    yield sanity.time_zone()
    yield sanity.currencies()
    chosen = list(connections)
    if not chosen:
        yield warning(
            _("connections"),
            _("There is no connection yet, so nothing is sent."),
            _("Add one in the admin: eSputnik → Connections."),
        )
    for connection in chosen:
        yield from of_connection(connection, is_offline=is_offline)


def of_connection(connection: Connection, *, is_offline: bool = False) -> Iterator[Finding]:
    """The state of one connection."""
    if not connection.is_enabled:
        yield warning(
            connection.name,
            _("It is off: changes are not even noted."),
            _("Switch it on in the admin when it should send."),
        )
    yield from key(connection, is_offline=is_offline)
    yield from salt(connection)
    yield environment(connection)
    yield statuses(connection)
    yield fields(connection)
    yield from watched(connection, now=timezone.now())
    yield unsent(connection, now=timezone.now())
    yield set_aside(connection)
    yield from paused_lanes(connection, now=timezone.now())


def shop_address() -> Finding:
    subject = "SHOP_URL"
    remedy = _("Write the shop's public address, such as 'https://shop.example', into SHOP_URL.")
    if conf.SHOP_URL:
        if "example.com" in conf.SHOP_URL:
            return warning(subject, _("It is only an example: links lead nowhere."), remedy)
        if conf.SHOP_URL.startswith(("https://", "http://")):
            return ok(subject, _("Links start with %(url)s.") % {"url": conf.SHOP_URL})
        return problem(subject, _("It is not an absolute address; links would be broken."), remedy)
    if "django.contrib.sites" in settings.INSTALLED_APPS:
        return ok(subject, _("Links start with the address of the current Site."))
    return problem(subject, _("It is empty and there are no Sites: links cannot be sent."), remedy)


def pace_storage() -> Finding:
    subject = "RATE_LIMIT_STORAGE"
    if not conf.RATE_LIMIT_STORAGE:
        return warning(
            subject,
            _("It is empty: each worker process keeps a pace of its own."),
            _("With more than one worker, write a Redis address there."),
        )
    try:
        answers = limiter(conf.RATE_LIMIT_STORAGE).storage.check()
    except ConfigurationError as error:
        return problem(subject, str(error), _("Correct the setting."))
    if answers:
        return ok(subject, _("The storage of the shared pace answers."))
    return warning(
        subject,
        _("The storage of the shared pace does not answer: each worker keeps a pace of its own."),
        _("Start it, or correct the address."),
    )


def key(connection: Connection, *, is_offline: bool) -> Iterator[Finding]:
    """Can the key be read, is it accepted, and what time is it over there?"""
    paste = _("Paste a key in the admin and save.")
    if not connection.api_key:
        yield problem(connection.name, _("It has no API key."), paste)
        return
    try:
        reveal(connection.api_key)
    except ConnectorError as error:
        yield problem(connection.name, _("The API key cannot be read."), str(error))
        return
    if is_offline or not connection.is_enabled:
        yield _known(connection)
        return
    try:
        info = verify(connection)
    except ConnectorError as error:
        yield _not_accepted(connection, error, paste)
        return
    organisation = info.organisation or "?"
    text = _("The key is accepted; the organisation is %s.") % organisation
    yield ok(connection.name, text)
    if time := sanity.clock(connection.name, info):
        yield time


def _not_accepted(connection: Connection, error: ConnectorError, paste: str) -> Finding:
    if isinstance(error, CredentialsError):
        return problem(connection.name, _("eSputnik refused the key: %s") % error, paste)
    if isinstance(error, TemporaryError):
        return problem(
            connection.name,
            _("eSputnik cannot be reached: %s") % error,
            _("Check the network and the API address. Changes wait meanwhile; nothing is lost."),
        )
    return problem(
        connection.name,
        _("The key cannot be checked: %s") % error,
        _("Check the API address and the settings of the destination."),
    )


def _known(connection: Connection) -> Finding:
    """What is known of the key without asking."""
    if connection.paused_at is not None:
        return problem(
            connection.name,
            _("Sending is paused: %s") % (connection.pause_detail or "?"),
            _("Paste a key that is accepted, or press “Test connection” in the admin."),
        )
    if connection.verified_at is None:
        return warning(
            connection.name,
            _("The key was never accepted."),
            _("Press “Test connection” in the admin."),
        )
    return ok(
        connection.name, _("The key was accepted before, by %s.") % (connection.organisation or "?")
    )


def salt(connection: Connection) -> Iterator[Finding]:
    try:
        reveal(connection.salt)
    except ConnectorError:
        yield problem(
            connection.name,
            _("Its salt cannot be read: nothing is sent, deleted customers are not recognised."),
            _("Bring the old key back into ENCRYPTION_KEYS, or paste the API key again."),
        )


def environment(connection: Connection) -> Finding:
    if connection.is_bound_here:
        return ok(connection.name, _("This installation may send."))
    return problem(
        connection.name,
        _("It is bound to another installation and sends nothing from here."),
        _("If this is the real shop now, run: manage.py esputnik_doctor --confirm-environment"),
    )


def statuses(connection: Connection) -> Finding:
    mapped = set(connection.status_mappings.values_list("shop_status", flat=True))
    missing = [status for status in registry.shop().statuses() if status not in mapped]
    if not missing:
        return ok(connection.name, _("Every order status is mapped."))
    return warning(
        connection.name,
        _("Order statuses without a mapping, sent as “%(status)s”: %(missing)s")
        % {"status": OrderStatus(connection.default_status).label, "missing": ", ".join(missing)},
        _("Add them to the table of statuses in the admin."),
    )


def fields(connection: Connection) -> Finding:
    known = registry.shop().attributes()
    names = connection.field_mappings.values_list("attribute", flat=True)
    unknown = sorted({name for name in names if name not in known})
    if not unknown:
        return ok(connection.name, _("Every mapped contact attribute exists."))
    return warning(
        connection.name,
        _("Mapped contact attributes that the shop does not have: %s") % ", ".join(unknown),
        _("Correct the table of fields in the admin, or add them to CONTACT_ATTRIBUTES."),
    )


def watched(connection: Connection, *, now: datetime) -> Iterator[Finding]:
    """Does the walk run that finds what came back or got cheaper? Of no matter to the others."""
    if not connection.syncs(Kind.EVENT):
        return
    last = Heartbeat.last(HEARTBEAT)
    if last is not None and now - last < VERY_LATE:
        text = _("Products that people wait for were looked at %s ago.") % timesince(last, now)
        yield ok(connection.name, text)
        return
    yield warning(
        connection.name,
        _("Nobody looks at the products that people wait for: silent changes are not told."),
        _(
            "Let beat run esputnik_connector.watch_products every 15 minutes, or cron: "
            "manage.py esputnik_watch"
        ),
    )


def unsent(connection: Connection, *, now: datetime) -> Finding:
    """How much waits, and since when. Compared with when it was due: a retry may be hours away."""
    rows = OutboxMessage.objects.filter(connection=connection).unsent().order_by()
    waiting = rows.aggregate(count=Count("pk"), oldest=Min("captured_at"), due=Min("due_at"))
    if not waiting["count"]:
        return ok(connection.name, _("No change is waiting."))
    text = _("%(count)s changes wait; the oldest was noted %(age)s ago.") % {
        "count": waiting["count"],
        "age": timesince(waiting["oldest"], now),
    }
    overdue = now - waiting["due"]
    if overdue < LATE:
        return ok(connection.name, text)
    remedy = _(
        "If the connection may send, check that a Celery worker and beat are running, or run: "
        "manage.py esputnik_relay"
    )
    return (problem if overdue >= VERY_LATE else warning)(connection.name, text, remedy)


def set_aside(connection: Connection) -> Finding:
    count = _dead(connection).count()
    if not count:
        return ok(connection.name, _("No change is set aside."))
    return warning(
        connection.name,
        _("Changes set aside: %s") % count,
        _("See why in the admin: eSputnik → Unsent changes; then press “Try again”."),
    )


def _dead(connection: Connection) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(connection=connection).dead()


def paused_lanes(connection: Connection, *, now: datetime) -> Iterator[Finding]:
    for lane in Lane.objects.filter(connection=connection, paused_until__gt=now).order_by("kind"):
        yield warning(
            connection.name,
            _("The lane of “%(kind)s” rests for %(time)s: %(why)s")
            % {
                "kind": lane.get_kind_display(),
                "time": timesince(now, lane.paused_until),
                "why": lane.pause_detail or "?",
            },
            _("It goes on by itself. If it keeps resting, read what eSputnik says."),
        )
