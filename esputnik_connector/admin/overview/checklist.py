"""The steps from a pasted key to orders that arrive, until all are done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.admin.connection.tables import address
from esputnik_connector.admin.pages import APP, site_name
from esputnik_connector.conf import conf
from esputnik_connector.models import Backfill, Connection, StorefrontStep
from esputnik_connector.models.backfill import State
from esputnik_connector.models.permissions import Right
from esputnik_connector.models.storefront import StepState
from esputnik_connector.operations.health.snapshot import TAKEN, Snapshot
from esputnik_connector.records import Kind
from esputnik_connector.shops.base import SupportsFeed, SupportsHistory, SupportsStatuses


@dataclass(frozen=True, kw_only=True)
class Step:
    """``text`` says how far it is, ``url`` leads to where it is done."""

    name: str
    title: str
    is_done: bool
    text: str = ""
    url: str = ""
    is_optional: bool = False


DONE_BY = (f"{APP}.change_connection", Right.CONFIGURE.permission)

MakeStep = Callable[[Connection, Snapshot, HttpRequest], "Step | None"]


def checklist(connection: Connection, snapshot: Snapshot, request: HttpRequest) -> list[Step]:
    """The steps that this shop has, in their order. At most four queries."""
    return [step for make in STEPS if (step := make(connection, snapshot, request)) is not None]


def is_complete(steps: list[Step]) -> bool:
    return all(step.is_done or step.is_optional for step in steps)


def key(connection: Connection, _snapshot: Snapshot, request: HttpRequest) -> Step:
    is_done = connection.verified_at is not None and connection.paused_at is None
    return Step(
        name="key",
        title=_("The key is accepted"),
        is_done=is_done,
        text=connection.organisation if is_done else _("Paste a key with full access."),
        url=_page("connection_change", request, connection.pk, field="id_new_key"),
    )


def statuses(connection: Connection, _snapshot: Snapshot, request: HttpRequest) -> Step | None:
    if not isinstance(registry.shop(), SupportsStatuses):
        return None
    is_done = connection.status_mappings.exists()
    return Step(
        name="statuses",
        title=_("Order statuses are mapped"),
        is_done=is_done,
        text=""
        if is_done
        else _("Say which status of the shop is which at %s.") % _label(connection),
        url=_table("statuses", request, connection),
    )


def fields(connection: Connection, _snapshot: Snapshot, request: HttpRequest) -> Step:
    is_done = connection.field_mappings.exists()
    return Step(
        name="fields",
        title=_("Fields are mapped"),
        is_done=is_done,
        is_optional=True,
        text=""
        if is_done
        else _("Only if %s shall know more than name, e-mail and phone.") % _label(connection),
        url=_table("fields", request, connection),
    )


def history(connection: Connection, snapshot: Snapshot, request: HttpRequest) -> Step | None:
    if not isinstance(registry.shop(), SupportsHistory):
        return None
    is_open = any(run.connection_id == connection.pk for run in snapshot.imports)
    finished = Backfill.objects.filter(connection=connection, state=State.FINISHED)
    is_done = finished.exists()
    text = _("An import is under way.") if is_open else _("What was there before is not sent yet.")
    return Step(
        name="history",
        title=_("The history is imported"),
        is_done=is_done,
        text="" if is_done else text,
        url=_page("backfill_page", request, connection.pk),
    )


def feed(_connection: Connection, snapshot: Snapshot, request: HttpRequest) -> Step | None:
    if not isinstance(registry.shop(), SupportsFeed):
        return None
    is_built = any(each.built_at for each in snapshot.feeds)
    is_done = any(each.fetched_at for each in snapshot.feeds)
    text = _("It was not fetched by eSputnik yet.") if is_built else _("There is no feed yet.")
    return Step(
        name="feed",
        title=_("The product feed is fetched"),
        is_done=is_done,
        text="" if is_done else text,
        url=_page("feed_changelist", request),
    )


def storefront(connection: Connection, _snapshot: Snapshot, _request: HttpRequest) -> Step | None:
    """Only where there is a storefront."""
    states = StorefrontStep.objects.filter(storefront__connection=connection)
    found = set(states.order_by().values_list("state", flat=True).distinct())
    if not found:
        return None
    is_done = found <= {StepState.DONE.value, StepState.OFF.value}
    is_failed = StepState.FAILED.value in found
    return Step(
        name="storefront",
        title=_("The storefront is set up"),
        is_done=is_done,
        text=_("A step failed.") if is_failed else "",
    )


def first_order(connection: Connection, snapshot: Snapshot, _request: HttpRequest) -> Step | None:
    """Placed and delivered while the connector watched: no history."""
    if not connection.sync_orders:
        return None
    is_done = any(
        count.connection_id == connection.pk
        and count.kind == Kind.ORDER.value
        and count.outcome in TAKEN
        and count.live_at is not None
        for count in snapshot.counts
    )
    return Step(
        name="first_order",
        title=_("The first live order arrived"),
        is_done=is_done,
        text="" if is_done else _("Place a test order; it arrives within a minute."),
    )


def alerts(_connection: Connection, _snapshot: Snapshot, _request: HttpRequest) -> Step:
    told = len(conf.ALERT_EMAILS)
    return Step(
        name="alerts",
        title=_("Somebody is told when something is wrong"),
        is_done=bool(told),
        text=_("People who are told by mail: %(count)d.") % {"count": told}
        if told
        else _("Ask the developer to set ALERT_EMAILS, and to let esputnik_doctor --alert run."),
    )


STEPS: list[MakeStep] = [
    key,
    statuses,
    fields,
    history,
    feed,
    storefront,
    first_order,
    alerts,
]


def _label(connection: Connection) -> str:
    return registry.destination_label(connection.destination)


def _table(name: str, request: HttpRequest, connection: Connection) -> str:
    return address(request, name, connection) if any(map(request.user.has_perm, DONE_BY)) else ""


def _page(name: str, request: HttpRequest, *parts: Any, field: str = "") -> str:
    """Where a step is done, for whoever may do it."""
    if not any(map(request.user.has_perm, DONE_BY)):
        return ""
    try:
        url = reverse(f"admin:{APP}_{name}", args=parts, current_app=site_name(request))
    except NoReverseMatch:  # a shop need not have all our tables on its site
        return ""
    return f"{url}#{field}" if field else url
