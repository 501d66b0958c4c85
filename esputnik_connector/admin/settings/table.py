"""What the pages of one connection's tables share: of which connection, who may, and how it is."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from esputnik_connector import registry
from esputnik_connector.admin.pages import APP
from esputnik_connector.models import Connection
from esputnik_connector.models.permissions import Right

CHANGERS = (Right.CONFIGURE.permission, f"{APP}.change_connection")
READERS = (*CHANGERS, f"{APP}.view_connection")  # who sees the connection's own page too


def chosen_connection(request: HttpRequest) -> Connection | None:
    """That of the address, or the first one."""
    rows = list(Connection.objects.order_by("name"))
    asked = request.GET.get("connection", "")  # whatever stands there, also what no database holds
    return next((each for each in rows if each.name == asked), None) or next(iter(rows), None)


def may_change(request: HttpRequest) -> bool:
    """:raises PermissionDenied: this person sends a form, and may only look."""
    is_allowed = any(map(request.user.has_perm, CHANGERS))
    if request.method == "POST" and not is_allowed:
        raise PermissionDenied
    return is_allowed


def about(connection: Connection, *, is_changeable: bool) -> dict[str, Any]:
    """What ``settings/table.html`` shows of it."""
    return {
        "connection": connection,
        "connections": Connection.objects.order_by("name"),
        "destination": registry.destination_label(connection.destination),
        "is_changeable": is_changeable,
    }
