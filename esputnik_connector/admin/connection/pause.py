"""Pause, resume, off and on: what a merchant does to the sending of one connection.

A pause is the ordinary way: changes are noted, and wait. *Off* is for good: nothing is noted any
more, so it says before what that costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from esputnik_connector.admin.mixins import ActionPagesMixin
from esputnik_connector.models import Connection
from esputnik_connector.models.labels import KINDS
from esputnik_connector.operations.health.backlog import count_text, counted_at_most
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Kind

Act = Callable[[HttpRequest, Connection], None]


class PauseViews(ActionPagesMixin):
    """Mixed into the connection's admin."""

    def get_urls(self) -> list[URLPattern]:
        acts: dict[str, Act] = {"pause": self._pause, "resume": self._resume, "on": self._on}
        pages = [
            self._page(name, lambda request, pk, act=act: self._acted(request, pk, act))
            for name, act in acts.items()
        ]
        return [*pages, self._page("off", self.off_view), *super().get_urls()]

    def _page(self, name: str, view: Any) -> URLPattern:
        address: URLPattern = path(
            f"<int:pk>/{name}/",
            self.admin_site.admin_view(view),
            name=f"esputnik_connector_connection_{name}",
        )
        return address

    def _acted(self, request: HttpRequest, pk: int, act: Act) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        connection = self.changeable(request, pk)
        if connection is None:
            return self._gone(request, pk)
        act(request, connection)
        return self.back_to(connection)

    def _gone(self, request: HttpRequest, pk: int) -> HttpResponse:
        redirect: HttpResponse = self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
            request, self.opts, str(pk)
        )
        return redirect

    def _pause(self, request: HttpRequest, connection: Connection) -> None:
        connection.pause(_("Paused by a person."), by=request.user.get_username())
        self.log_change(request, connection, _("Sending was paused."))
        text = _("Sending is paused. Changes are noted and wait; press “Resume” to send them.")
        messages.success(request, text)

    def _resume(self, request: HttpRequest, connection: Connection) -> None:
        connection.resume()
        self.log_change(request, connection, _("Sending was resumed."))
        messages.success(request, _("Sending goes on."))
        wake(connection.pk)

    def _on(self, request: HttpRequest, connection: Connection) -> None:
        connection.is_enabled = True
        connection.save(update_fields=["is_enabled"])
        self.log_change(request, connection, _("Switched on."))
        text = _(
            "Switched on. Customers and orders that changed meanwhile are found by the next "
            "nightly reconciliation; carts and events of that time are not."
        )
        messages.success(request, text)
        wake(connection.pk)

    def off_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Switch it off, after a page that says what that discards."""
        connection = self.changeable(request, pk)
        if connection is None:
            return self._gone(request, pk)
        if request.method != "POST":
            return self.confirmation(
                request,
                connection,
                title=_("Switch this connection off?"),
                consequences=consequences_of_off(connection),
                yes=_("Yes, switch it off"),
            )
        connection.is_enabled = False
        connection.save(update_fields=["is_enabled"])
        self.log_change(request, connection, _("Switched off."))
        messages.warning(request, _("Switched off: changes are not noted any more."))
        return self.back_to(connection)


def consequences_of_off(connection: Connection) -> list[str]:
    """What a person should know before; a paragraph each."""
    found = counted_at_most([connection.pk])
    waiting = {
        kind: found[place].unsent
        for kind in Kind
        if (place := (connection.pk, kind.value)) in found
    }
    count = sum(waiting.values())
    parts = ", ".join(
        f"{KINDS[kind]}: {count_text(some)}" for kind, some in waiting.items() if some
    )
    stays = ngettext(
        "%(count)s change waits to be sent (%(parts)s). It stays, and goes when the connection is "
        "switched on again; an event may be too old by then.",
        "%(count)s changes wait to be sent (%(parts)s). They stay, and go when the connection is "
        "switched on again; events may be too old by then.",
        count,
    )
    return [
        _(
            "What happens in the shop from now on is not even noted for “%(name)s”. Carts, events, "
            "subscriptions and deletions of customers are lost; customers and orders are only "
            "found by a reconciliation once it is on again."
        )
        % {"name": connection.name},
        stays % {"count": count_text(count), "parts": parts}
        if count
        else _("Nothing waits to be sent."),
        _("To stop for a while, go back and press “Pause”: then everything is noted, and waits."),
    ]
