"""What the merchant may do with a historical import: start, pause, resume, cancel, restart.

For commands and buttons alike. Nothing here sends: the command or the view that starts or resumes a
run wakes a worker afterwards (:func:`~..wake.wake_backfill`), and the sweep does so in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.fresh_reads import fresh_reads
from esputnik_connector.models import Backfill, Connection, OutboxMessage
from esputnik_connector.models.backfill import STOP_LOSS, WORKING, State
from esputnik_connector.models.timezones import kept_span
from esputnik_connector.records import Kind
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import SupportsHistory

from .consent import policies_of, policy_of
from .routes import all_routes_of, routes_of

KINDS = (Kind.CONTACT, Kind.ORDER)  # in this order: people before what they bought
FIRST_YEAR, LAST_YEAR = 1900, 2999  # near 1 and 9999 time zones overflow
NEVER = 1.0  # a stop-loss that nothing exceeds


def start(
    connection: Connection,
    kind: Kind,
    *,
    route: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    newest_first: bool = False,
    keys: Sequence[str] | None = None,
    stop_loss: float | None = None,
    is_forced: bool = False,
) -> tuple[Backfill, bool]:
    """Begin a run, or find the one that is open: there is one per connection and kind.

    :param keys: only these records.
    :param is_forced: send also what did not change.
    :param stop_loss: share of a page, from 0 to 1; the run pauses when more of it is refused.
    :returns: the run, and whether it is a new one.
    :raises BadRequestError: the range or the route is no use, or it was not chosen what happens to
        people without consent.
    :raises ConfigurationError: the shop's adapter cannot walk over its history.
    """
    check_range(since, until)
    span = kept_span(since, until)
    check_consent_policy(connection)
    if kind is Kind.ORDER:
        _check_route(connection, route, is_again=keys is not None)
    if stop_loss is None:
        stop_loss = STOP_LOSS if keys is None else NEVER
    values = {
        "route": route if kind is Kind.ORDER else "",
        "newest_first": newest_first,
        "keys": None if keys is None else list(keys),
        "stop_loss": stop_loss,
        "is_forced": is_forced,
        **span,
    }
    present = _open(connection, kind)
    if present is not None:
        return present, False
    with fresh_reads():
        total = len(keys) if keys is not None else history().count(kind, **span)
    try:
        with transaction.atomic():
            run = Backfill.objects.create(
                connection=connection, kind=kind.value, total=total, **values
            )
    except IntegrityError:  # another process was faster
        present = _open(connection, kind)
        if present is None:
            raise
        return present, False
    return run, True


def check_consent_policy(connection: Connection) -> None:
    """:raises BadRequestError: the destination asks for a choice that was not made."""
    policies = policies_of(connection)
    if not policies or policy_of(connection) is not None:
        return
    names = "; ".join(f"{one.value} – {one.label}" for one in policies)
    raise BadRequestError(
        _(
            "Choose first what happens to people who have not said yes to messages: %(names)s. "
            "Nothing was started."
        )
        % {"names": names}
    )


def choose_consent_policy(connection: Connection, value: str) -> None:
    """Keep the merchant's choice, for imports and daily changes alike.

    :raises BadRequestError: the destination has no such choice.
    """
    if value not in [one.value for one in policies_of(connection)]:
        names = _(" or ").join(f"“{one.value}”" for one in policies_of(connection))
        text = _("“%(value)s” is no choice for people who have not said yes; there are: %(names)s.")
        raise BadRequestError(text % {"value": value, "names": names or "–"})
    connection.consent_policy = value
    connection.save(update_fields=["consent_policy"])


def _check_route(connection: Connection, route: str, *, is_again: bool) -> None:
    """:param is_again: chosen records may also go by the way of new ones.
    :raises BadRequestError: the destination asks for a choice, and this is none of it.
    """
    known = [one.value for one in (all_routes_of if is_again else routes_of)(connection)]
    if route in known or not (known or route):
        return
    if not known:
        raise BadRequestError(_("There is one way for these orders; leave the route out."))
    names = _(" or ").join(f"“{name}”" for name in known)
    raise BadRequestError(_("Orders need a route: %(names)s.") % {"names": names})


def history() -> SupportsHistory:
    """The shop, to walk over its history.

    :raises ConfigurationError: its adapter does not support that; the text says so.
    """
    return SupportsHistory.of(registry.shop())


def _open(connection: Connection, kind: Kind) -> Backfill | None:
    return Backfill.objects.open().filter(connection=connection, kind=kind.value).first()


def pause(run: Backfill) -> bool:
    """Stop after the request that is under way, whose answer still counts."""
    return run.change(*WORKING, to=State.PAUSED, detail=_("Paused by hand."))


def resume(run: Backfill) -> bool:
    """Go on where it was. The share of refusals is counted anew."""
    return run.change(State.PAUSED, to=State.RUNNING, detail="", page_refused=0, wake_at=None)


def confirm_arrival(run: Backfill) -> bool:
    """The merchant looked at the destination and found the first records: go on, and from now on
    take its answers for what they are. What was sent without proof goes once more."""
    return run.change(
        State.PAUSED,
        to=State.RUNNING,
        detail="",
        page_refused=0,
        wake_at=None,
        tries=0,
        is_arrival_confirmed=True,
    )


def cancel(run: Backfill) -> bool:
    """End it for good. What was sent stays sent; uploads that were accepted are still followed.

    Orders that wait for these customers pause, until the merchant decides.
    """
    waiting = Backfill.objects.open().filter(connection=run.connection, kind=Kind.ORDER.value)
    detail = _(
        "The import of customers was cancelled. Resume sends the orders without the customers that "
        "are missing."
    )
    for orders in waiting.filter(cursor="", is_read=False) if run.kind == Kind.CONTACT else ():
        orders.change(State.RUNNING, to=State.PAUSED, detail=detail)
    return _end(run)


def _end(run: Backfill) -> bool:
    return run.change(*WORKING, State.PAUSED, to=State.CANCELLED, detail="")


def restart(run: Backfill) -> tuple[Backfill, bool]:
    """The same again from the beginning; what eSputnik has already is skipped."""
    _end(run)
    again, is_new = start(
        run.connection,
        run.of_kind(),
        route=run.route,
        since=run.since,
        until=run.until,
        newest_first=run.newest_first,
        keys=run.keys,
        stop_loss=run.stop_loss,
        is_forced=bool(run.is_forced),
    )
    if is_new and run.is_arrival_confirmed:
        again.is_arrival_confirmed = True
        again.save(update_fields=["is_arrival_confirmed"])
    return again, is_new


def start_over(connection: Connection) -> None:
    """The account is another one: what was imported into the former does not count.

    An open import pauses and is set back to its beginning, so that resuming it sends everything;
    a worker that is in the middle of a page loses it. An ended one no longer stands for history
    that eSputnik has.
    """
    runs = Backfill.objects.filter(connection=connection)
    runs.filter(is_open=None).update(is_former=True)
    detail = _(
        "The account was replaced: the key belongs to another organisation now. What was sent "
        "before went to the former one and does not count here. Restart the import (or resume "
        "it: it begins anew), or cancel it."
    )
    beginning = {"cursor": "", "is_read": False, "page": [], "page_size": 0, "page_refused": 0}
    nothing = {"counts": {}, "skips": {}, "refusals": {}, "tries": 0}
    free = {"holder": "", "leased_until": None, "wake_at": None, "is_arrival_confirmed": False}
    runs.open().update(state=State.PAUSED, detail=detail, **beginning, **nothing, **free)


def retry_failed(connection: Connection, kind: Kind, *, route: str = "") -> tuple[Backfill, bool]:
    """A run over the records that were set aside. Returns and raises what :func:`start` does."""
    return start(connection, kind, route=route, keys=failed_keys(connection, kind))


def failed_keys(connection: Connection, kind: Kind) -> list[str]:
    """Keys of the records that were set aside, each once, the longest waiting first."""
    dead = OutboxMessage.objects.of(connection, kind).dead().order_by("pk")
    return list(dict.fromkeys(dead.values_list("key", flat=True)))


def known_keys(kind: Kind, keys: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those the shop has, and those it does not know."""
    shop = registry.shop()
    unique = list(dict.fromkeys(keys))
    found, refused = reading.records(shop, kind, unique, attributes=())
    known = found.keys() | refused.keys()
    return [key for key in unique if key in known], [key for key in unique if key not in known]


def check_range(since: datetime | None, until: datetime | None) -> None:
    """:raises BadRequestError: a year that cannot be, naive in a shop with time zones, in the
    future, or upside down."""
    for name, moment in (("--since", since), ("--until", until)):
        # One year more: a range ends with the first moment after its last day.
        if moment is not None and not FIRST_YEAR <= moment.year <= LAST_YEAR + 1:
            raise BadRequestError(
                _("The year of %(name)s must be between %(first)s and %(last)s.")
                % {"name": name, "first": FIRST_YEAR, "last": LAST_YEAR}
            )
        if settings.USE_TZ and moment is not None and timezone.is_naive(moment):
            raise BadRequestError(
                _("%(name)s needs a time zone, as in 2026-11-21T00:00+02:00.") % {"name": name}
            )
    since, until = kept_span(since, until).values()
    if since is not None and since > timezone.now():
        raise BadRequestError(_("--since is in the future; there is no history there."))
    if since is not None and until is not None and since >= until:
        raise BadRequestError(_("--since must be earlier than --until."))


def next_page(run: Backfill, limit: int) -> tuple[list[str], str]:
    """The next keys of a run, and the cursor after them: ``""`` when these are the last."""
    if run.keys is not None:
        start = int(run.cursor or 0)
        end = start + limit
        return run.keys[start:end], str(end) if end < len(run.keys) else ""
    page = history().keys(
        run.of_kind(),
        after=run.cursor,
        limit=limit,
        newest_first=run.newest_first,
        **kept_span(run.since, run.until),
    )
    return list(page.keys), page.cursor


def waits_for_contacts(run: Backfill) -> bool:
    """Orders come after the people who placed them."""
    return awaited_contacts(run) is not None


def awaited_contacts(run: Backfill) -> Backfill | None:
    """The import of customers that has to end before this one of orders goes on."""
    return _open(run.connection, Kind.CONTACT) if run.kind == Kind.ORDER else None
