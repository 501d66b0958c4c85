"""One line on a connection's page for each of its tables, which have pages of their own."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext as _

from esputnik_connector.admin.pages import link_to
from esputnik_connector.models import Connection
from esputnik_connector.operations.connection.status_orders import statuses_of_shop


@dataclass(frozen=True, kw_only=True)
class TableLine:
    """:param url: ``""`` for whoever may not open the page."""

    name: str
    title: str
    text: str
    url: str
    is_warning: bool = False


def tables_of(connection: Connection, request: HttpRequest) -> list[TableLine]:
    """How many rows each has. Two queries, and the shop's statuses when they are not fresh."""
    mapped = set(connection.status_mappings.values_list("shop_status", flat=True))
    unmapped = [name for name in statuses_of_shop().names if name not in mapped]
    fields = connection.field_mappings.count()
    return [
        TableLine(
            name="statuses",
            title=_("Order statuses"),
            text=_("mapped: %(mapped)d, not mapped: %(unmapped)d")
            % {"mapped": len(mapped), "unmapped": len(unmapped)},
            url=address(request, "statuses", connection),
            is_warning=bool(unmapped),
        ),
        TableLine(
            name="fields",
            title=_("Additional fields of contacts"),
            text=_("mapped: %(mapped)d") % {"mapped": fields},
            url=address(request, "fields", connection),
        ),
    ]


def address(request: HttpRequest, name: str, connection: Connection) -> str:
    """Of the page of this connection's table, for whoever may open it."""
    url = link_to(name, request)
    return f"{url}?{urlencode({'connection': connection.name})}" if url else ""
