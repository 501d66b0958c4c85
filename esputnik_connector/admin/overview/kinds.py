"""A row for customers, orders, carts, behaviour and feeds: how each is getting on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.admin.display import time_text
from esputnik_connector.models import Backfill, Connection, OutcomeHour
from esputnik_connector.operations.health.backlog import count_text
from esputnik_connector.operations.health.duration import brief, since
from esputnik_connector.operations.health.snapshot import Snapshot
from esputnik_connector.records import Kind

LATELY = timedelta(days=7)
ROWS = {
    "customers": (gettext_lazy("Customers"), (Kind.CONTACT, Kind.SUBSCRIPTION)),
    "orders": (gettext_lazy("Orders"), (Kind.ORDER,)),
    "carts": (gettext_lazy("Carts"), (Kind.CART,)),
    "behaviour": (gettext_lazy("Behaviour and events"), (Kind.EVENT,)),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """Texts, ``""`` where there is nothing to say."""

    name: str
    title: str
    is_on: bool
    last: str = ""
    waiting: str = ""
    usual: str = ""
    resting: str = ""
    trouble: str = ""  # beside the sending


def rows(connection: Connection, snapshot: Snapshot) -> Iterator[Row]:
    """One query for what is usual; all else is in the snapshot."""
    usual = _usual_seconds(connection, snapshot)
    for name, (title, kinds) in ROWS.items():
        yield Row(
            name=name,
            title=str(title),
            is_on=connection.syncs(kinds[0]),
            last=_last(connection, kinds, snapshot),
            waiting=_waiting(connection, kinds, snapshot),
            usual=brief(usual[name]) if name in usual else "",
            resting=_resting(connection, kinds, snapshot),
            trouble=_trouble(connection, snapshot) if Kind.EVENT in kinds else "",
        )
    yield _feeds(snapshot)


def _last(connection: Connection, kinds: tuple[Kind, ...], snapshot: Snapshot) -> str:
    success = snapshot.last_success()
    found = [success[place] for kind in kinds if (place := (connection.pk, kind.value)) in success]
    return _("%(time)s ago") % {"time": since(max(found), snapshot.now)} if found else ""


def _waiting(connection: Connection, kinds: tuple[Kind, ...], snapshot: Snapshot) -> str:
    waiting = [
        some for kind in kinds if (some := snapshot.waiting.get((connection.pk, kind.value)))
    ]
    count = sum(some.unsent for some in waiting)
    oldest = min((some.oldest for some in waiting if some.oldest), default=None)
    if not count or oldest is None:
        return ""
    return _("%(count)s, the oldest for %(time)s") % {
        "count": count_text(count),
        "time": since(oldest, snapshot.now),
    }


def _resting(connection: Connection, kinds: tuple[Kind, ...], snapshot: Snapshot) -> str:
    for lane in snapshot.lanes:
        is_mine = lane.connection_id == connection.pk and lane.kind in {k.value for k in kinds}
        if is_mine and lane.is_paused(snapshot.now):
            return _("until %(time)s: %(why)s") % {
                "time": time_text(lane.paused_until),
                "why": lane.pause_detail or "—",
            }
    return ""


def _trouble(connection: Connection, snapshot: Snapshot) -> str:
    """The steps of its storefront that failed: visitors' behaviour depends on them."""
    failed = snapshot.failed_steps(connection)
    names = ", ".join(str(step.name.label) for step in failed)
    return _("Failed at the storefront: %(steps)s") % {"steps": names} if failed else ""


def _usual_seconds(connection: Connection, snapshot: Snapshot) -> Mapping[str, float]:
    """Row → the mean from the shop's commit to the answer, of the last week."""
    counts = (
        OutcomeHour.objects.filter(
            connection=connection, hour__gte=snapshot.now - LATELY, timed__gt=0
        )
        .order_by()
        .values_list("kind")
        .annotate(all_timed=Sum("timed"), all_seconds=Sum("seconds"))
    )
    of_kind = {kind: (timed, seconds) for kind, timed, seconds in counts}
    found = {}
    for name, (_title, kinds) in ROWS.items():
        mine = [of_kind[kind.value] for kind in kinds if kind.value in of_kind]
        if mine:
            found[name] = sum(seconds for _n, seconds in mine) / sum(timed for timed, _s in mine)
    return found


def _feeds(snapshot: Snapshot) -> Row:
    built = [feed.built_at for feed in snapshot.feeds if feed.built_at]
    overdue = [feed for feed in snapshot.feeds if feed.is_stale(snapshot.now)]
    return Row(
        name="feeds",
        title=_("Feeds"),
        is_on=bool(snapshot.feeds),
        last=_("%(time)s ago") % {"time": since(max(built), snapshot.now)} if built else "",
        waiting=", ".join(feed.name for feed in overdue),
    )


def imports(connection: Connection, snapshot: Snapshot) -> list[str]:
    """A sentence on each historical import that is under way."""
    return [import_text(run) for run in snapshot.imports if run.connection_id == connection.pk]


def import_text(run: Backfill) -> str:
    """How far a run is."""
    title = next(title for title, kinds in ROWS.values() if run.of_kind() in kinds)
    return _("%(kind)s: %(done)d of %(total)d, %(state)s") % {
        "kind": title,
        "done": run.done,
        "total": max(run.total, run.done),
        "state": run.get_state_display(),
    }
