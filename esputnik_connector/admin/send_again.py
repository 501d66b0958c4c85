"""The action “send again” of lists of records: a page that says what it means, then the deed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import Connection
from esputnik_connector.models.labels import KINDS
from esputnik_connector.operations.record.send_again import KINDS as SENDABLE
from esputnik_connector.operations.record.send_again import Resending, routes_of, send_again
from esputnik_connector.records import Kind

from .mixins import ReadOnlyAdmin

PAGE = "admin/esputnik_connector/send_again.html"


@dataclass
class ResendingChoice:
    """The records behind the rows that a person ticked, each once."""

    keys: dict[tuple[Connection, Kind], list[str]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)  # why → how many

    @classmethod
    def of(cls, rows: QuerySet[Any]) -> ResendingChoice:
        found: defaultdict[tuple[int, str], dict[str, None]] = defaultdict(dict)
        for connection_id, kind, key in rows.order_by("pk").values_list(
            "connection_id", "kind", "key"
        ):
            found[connection_id, kind][key] = None
        connections = Connection.objects.in_bulk({pk for pk, _kind in found})
        chosen = cls()
        for (pk, kind), keys in found.items():
            connection = connections.get(pk)
            if connection is not None and (why := obstacle(connection, Kind(kind))):
                chosen.left_out[why] = chosen.left_out.get(why, 0) + len(keys)
            elif connection is not None:
                chosen.keys[connection, Kind(kind)] = list(keys)
        return chosen

    @property
    def order_connections(self) -> list[Connection]:
        return [connection for connection, kind in self.keys if kind is Kind.ORDER]

    def in_words(self) -> list[str]:
        """What goes, and what does not and why."""
        goes = [
            f"{connection.name} · {KINDS[kind]}: {len(keys)}"
            for (connection, kind), keys in self.keys.items()
        ]
        stays = [f"{why}: {count}" for why, count in self.left_out.items()]
        return [
            *([_("Sent again: %s.") % "; ".join(goes)] if goes else []),
            *([_("Left out: %s.") % "; ".join(stays)] if stays else []),
        ]


def obstacle(connection: Connection, kind: Kind) -> str:
    """Why records of this kind do not go again; ``""`` when they do."""
    if kind not in SENDABLE:
        return _("%(kind)s: it happened once, and is told once") % {"kind": KINDS[kind]}
    if not connection.is_enabled:
        return _("the connection “%(name)s” is off") % {"name": connection.name}
    if not connection.syncs(kind):
        told = {"name": connection.name, "kind": KINDS[kind]}
        return _("the connection “%(name)s” does not send the kind “%(kind)s”") % told
    try:
        registry.destination_class(connection.destination)
    except ConfigurationError:
        return _("the settings have no destination for “%(name)s”") % {"name": connection.name}
    return ""


class RoutesForm(forms.Form):
    """By which route the orders of each connection go; nothing is chosen in advance."""

    def __init__(self, data: Mapping[str, Any] | None, connections: Iterable[Connection]) -> None:
        super().__init__(data)
        for connection in connections:
            routes = routes_of(connection)
            if not routes:
                continue
            self.fields[f"route_{connection.pk}"] = forms.ChoiceField(
                label=_("Orders of “%(name)s” travel by") % {"name": connection.name},
                choices=[("", "—"), *routes.items()],
                help_text=_("Most routes start the events of an order again, however old it is."),
            )

    def route_of(self, connection: Connection) -> str:
        return str(self.cleaned_data.get(f"route_{connection.pk}", ""))


class SendAgainMixin(ReadOnlyAdmin):
    """Adds the action to a list whose rows have connection, kind and key."""

    @admin.action(description=gettext_lazy("Send again, although unchanged"), permissions=["act"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        chosen = ResendingChoice.of(queryset)
        is_agreed = "agreed" in request.POST
        form = RoutesForm(request.POST if is_agreed else None, chosen.order_connections)
        if not (is_agreed and form.is_valid()):
            return self._ask(request, queryset, chosen, form)
        for (connection, kind), keys in chosen.keys.items():
            route = form.route_of(connection) if kind is Kind.ORDER else ""
            send_again(connection, Resending(kind=kind, keys=tuple(keys), route=route))
        for text in chosen.in_words():
            messages.success(request, text)
        self._log(request, queryset, chosen)
        return None

    def _ask(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        chosen: ResendingChoice,
        form: RoutesForm,
    ) -> HttpResponse:
        consequences = [
            *chosen.in_words(),
            _(
                "They are read from the shop as they are now and sent in some minutes, whatever "
                "was delivered before. Deleted people are not sent."
            ),
        ]
        if not chosen.keys:
            consequences.append(_("Nothing of this can be sent again."))
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("Send again?"),
            "opts": self.opts,
            "consequences": consequences,
            "is_anything": bool(chosen.keys),
            "routes": list(form),
            "action": "send_again",
            "checkbox": ACTION_CHECKBOX_NAME,
            "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "select_across": request.POST.get("select_across", "0"),
        }
        return TemplateResponse(request, PAGE, context)

    def _log(self, request: HttpRequest, queryset: QuerySet[Any], chosen: ResendingChoice) -> None:
        """One line in the log of the admin, at the first of the rows."""
        row = queryset.order_by("pk").first()
        if row is not None and chosen.keys:
            self.log_change(request, row, " ".join(chosen.in_words()))
