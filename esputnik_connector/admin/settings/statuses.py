"""“Statuses”: the shop's own list, with its orders, and what each is sent as.

A new word for a status asks what becomes of the orders that have it already: they go again, each
with its workflow event, or the word holds for new changes alone, at night too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from esputnik_connector import registry
from esputnik_connector.admin.connection.backend import backend_of
from esputnik_connector.admin.overview.kinds import import_text
from esputnik_connector.admin.pages import Group, Page, link_to, register
from esputnik_connector.admin.send_again import obstacle
from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.models import Connection
from esputnik_connector.operations.connection import status_orders, statuses
from esputnik_connector.operations.connection.status_orders import Change, StatusOrders
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Kind
from esputnik_connector.shops.base import SupportsStatuses, SupportsStatusOrders

from . import version
from .status_rows import Table, formset_of, posted_pairs
from .table import READERS, about, chosen_connection, may_change

TEMPLATE = "admin/esputnik_connector/settings/statuses.html"
QUESTION = "admin/esputnik_connector/settings/statuses_question.html"
ANSWER, AGAIN, NEW = "orders", "again", "new"  # what the page that asks posts


def statuses_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The table; or, once something of it was changed, the question about the orders."""
    connection = chosen_connection(request)
    if connection is None:
        return TemplateResponse(request, TEMPLATE, context)
    is_changeable = may_change(request)
    table = table_of(connection)
    context |= about(connection, is_changeable=is_changeable) | {"version_name": version.NAME}
    if request.method != "POST":
        proposed = table.proposals() if "propose" in request.GET else {}
        return _shown(request, context, table, formset_of(table, proposed=proposed))
    formset = formset_of(table, request.POST)
    changed: Sequence[Change] = ()
    try:
        with transaction.atomic():
            is_ours = _is_ours(request, connection)
            if not is_ours or not formset.is_valid():
                return _shown(request, context, table, formset)
            changed = status_orders.changes(connection, formset.rows())
            orders = _orders(connection, changed)
            if _is_open(request, orders):
                return _asked(request, context, connection, changed, orders)
            _save(request, connection, formset.rows(), changed, orders)
    except BadRequestError:  # an import began in this very moment; the orders of now say it
        orders = _orders(connection, changed)
        return _asked(request, context, connection, changed, orders)
    wake(connection.pk)
    chosen = urlencode({"connection": connection.name}) if "connection" in request.GET else ""
    return redirect(f"{request.path}?{chosen}" if chosen else request.path)


def table_of(connection: Connection) -> Table:
    """What stands in it now. Three queries, one while the shop was asked a moment ago."""
    stored = connection.status_mappings.order_by("shop_status")
    return Table(
        of_shop=status_orders.statuses_of_shop(),
        stored=dict(stored.values_list("shop_status", "status")),
        backend=backend_of(connection.destination),
        unmapped_text=statuses.default_text(connection),
    )


def _shown(
    request: HttpRequest, context: dict[str, Any], table: Table, formset: Any
) -> HttpResponse:
    shop, connection = registry.shop(), context["connection"]
    rows = [_row(form, table) for form in formset]
    shown_version = version.version_of(connection, version.STATUSES)
    run = status_orders.under_way(connection)
    context |= {
        "under_way": import_text(run) if run is not None else "",
        "under_way_url": link_to("import", request) if run is not None else "",
        "formset": formset,
        "rows": rows,
        "unmapped": sum(row["is_unmapped"] for row in rows),
        "has_proposals": bool(table.proposals()),
        "counted_at": table.of_shop.counted_at if table.of_shop.counts is not None else None,
        "cannot_list": "" if isinstance(shop, SupportsStatuses) else SupportsStatuses.missing,
        "cannot_count": ""
        if isinstance(shop, SupportsStatusOrders)
        else SupportsStatusOrders.missing,
        "version": request.POST.get(version.NAME) or shown_version,
    }
    return TemplateResponse(request, TEMPLATE, context)


def _row(form: Any, table: Table) -> dict[str, Any]:
    name = str(form.initial.get("shop_status", ""))
    known, counts = table.of_shop.names, table.of_shop.counts
    return {
        "form": form,
        "name": name,
        "count": counts.get(name, 0) if counts is not None and name else None,
        "is_unmapped": bool(name) and name not in table.stored,
        "is_lost": table.is_lost(name),
        "is_gone": bool(name and known) and name not in known,
    }


def _is_ours(request: HttpRequest, connection: Connection) -> bool:
    """Has nobody else saved the table meanwhile? If so, this person is told."""
    stored = version.hold(connection.pk)
    if stored is None:
        return False
    token = request.POST.get(version.NAME, "")
    changed = version.changed_since(token, stored, version.STATUSES)
    if changed:
        messages.error(request, version.conflict_text(changed))
    return not changed


def _orders(connection: Connection, changed: Sequence[Change]) -> StatusOrders:
    """Those that may go again, if the connection sends any."""
    if obstacle(connection, Kind.ORDER):
        return StatusOrders()
    return status_orders.concerned(connection, changed)


def _is_open(request: HttpRequest, orders: StatusOrders) -> bool:
    """Is there something to decide still? Whoever wants them to go again is asked anew once they
    cannot: what was chosen with them is not done without them."""
    if ANSWER not in request.POST:
        return bool(orders.all_keys or orders.obstacle)
    return request.POST[ANSWER] == AGAIN and bool(orders.obstacle)


def _asked(
    request: HttpRequest,
    context: dict[str, Any],
    connection: Connection,
    changed: Sequence[Change],
    orders: StatusOrders,
) -> HttpResponse:
    route = status_orders.route_of(connection)
    labels = dict(statuses.choices(registry.destination_class(connection.destination)))
    context |= {
        "title": _("What becomes of the orders that have these statuses?"),
        "changes": [_shown_change(each, orders, labels) for each in changed],
        "count": len(orders.all_keys),
        "obstacle": orders.obstacle,
        "route": route,
        "events": _events(changed, orders, route.event if route else ""),
        "posted": posted_pairs(request.POST, ("csrfmiddlewaretoken", ANSWER)),
        "answer": ANSWER,
    }
    return TemplateResponse(request, QUESTION, context)


def _shown_change(change: Change, orders: StatusOrders, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "status": change.status,
        "before": labels.get(change.before, change.before),
        "after": labels.get(change.after, change.after),
        "count": len(orders.keys.get(change.status, ())),
        "is_sent": change.is_sent,
    }


def _events(changed: Sequence[Change], orders: StatusOrders, name: str) -> list[tuple[str, int]]:
    """Workflow event → how many orders start it."""
    found: dict[str, int] = {}
    for change in changed:
        count = len(orders.keys.get(change.status, ()))
        if name and count:
            found[name % change.after] = found.get(name % change.after, 0) + count
    return sorted(found.items())


def _save(
    request: HttpRequest,
    connection: Connection,
    rows: dict[str, str],
    changed: Sequence[Change],
    orders: StatusOrders,
) -> None:
    """The table and what becomes of the orders, both or neither."""
    before = dict(connection.status_mappings.values_list("shop_status", "status"))
    statuses.put(connection, rows)
    is_again = request.POST.get(ANSWER) == AGAIN
    count = status_orders.send_concerned(connection, orders) if is_again else 0
    told = [_("Statuses were mapped: %(pairs)s.") % {"pairs": _pairs(before, rows)}]
    if count and orders.are_many:
        text = _("%(count)d orders go again: the import says how far they are.")
        told.append(text % {"count": count})
    elif count:
        text = ngettext(
            "%(count)d order goes again, within some minutes.",
            "%(count)d orders go again, within some minutes.",
            count,
        )
        told.append(text % {"count": count})
    elif changed:
        told.append(kept_text([change.status for change in changed]))
    if is_changed := any(before.get(name, "") != word for name, word in rows.items()):
        admin.ModelAdmin(Connection, admin.site).log_change(request, connection, " ".join(told))
    messages.success(request, " ".join(told) if is_changed else _("Nothing was changed."))


def _pairs(before: dict[str, str], rows: dict[str, str]) -> str:
    changed = {name: word for name, word in rows.items() if before.get(name, "") != word}
    return ", ".join(f"{name} → {word or '—'}" for name, word in changed.items())


def kept_text(changed: Sequence[str]) -> str:
    """What a new word for some statuses means for orders that were delivered by the former one."""
    return _(
        "Orders with these statuses are not sent again for the new word alone, nor at night: "
        "%(statuses)s. To send old ones again, each with its workflow event, choose them under "
        "“What eSputnik has” and press “Send again”."
    ) % {"statuses": ", ".join(changed)}


register(
    Page(
        name="statuses",
        title=gettext_lazy("Statuses"),
        permission=READERS,
        path="settings/statuses/",
        view=statuses_page,
        group=Group.SETTINGS,
        rank=80,
    )
)
