"""What a person may press on a connection's page. Each acts by POST only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _

from esputnik_connector.exceptions import ConnectorError, TemporaryError
from esputnik_connector.models import Connection
from esputnik_connector.models.connection import this_environment
from esputnik_connector.operations.verify import verify
from esputnik_connector.pipeline.wake import wake

from .key_check import in_words

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    class Base(ModelAdmin[Connection]):
        """What these views call and ConnectionAdmin has."""

        def greet(self, request: HttpRequest, connection: Connection, former_id: str) -> None: ...

        def propose(self, request: HttpRequest, connection: Connection) -> int: ...

else:
    Base = object


class ConnectionViews(Base):
    """Mixed into the connection's admin."""

    def get_urls(self) -> list[URLPattern]:
        views = {"test": self.test_view, "bind": self.bind_view, "propose": self.propose_view}
        return [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"esputnik_connector_connection_{name}",
            )
            for name, view in views.items()
        ] + super().get_urls()

    @method_decorator(transaction.non_atomic_requests)
    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask eSputnik about the stored key, and say what it answered."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        connection = self._changeable(request, pk)
        if connection is None:
            return self._not_there(request, pk)
        if not connection.api_key:
            messages.error(request, _("There is no key yet. Paste one and save."))
            return self._back(connection)
        former = connection.organisation_id
        try:
            verify(connection)
        except TemporaryError as error:
            messages.warning(request, _told(connection, error))
        except ConnectorError as error:
            messages.error(request, _told(connection, error))
        else:
            self.greet(request, connection, former)
            wake(connection.pk)
        return self._back(connection)

    def bind_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make this installation the one that sends, after a page that says what that means."""
        connection = self._changeable(request, pk)
        if connection is None:
            return self._not_there(request, pk)
        if connection.is_bound_here:
            messages.info(request, _("This installation sends already."))
            return self._back(connection)
        if request.method != "POST":
            return self._ask_to_bind(request, connection)
        connection.bind()
        self.log_change(request, connection, _("Bound to this installation."))
        messages.success(request, _("From now on this installation sends."))
        wake(connection.pk)
        return self._back(connection)

    def propose_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Add a mapping for each status whose name says what it is."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        connection = self._changeable(request, pk)
        if connection is None:
            return self._not_there(request, pk)
        if self.propose(request, connection):
            self.log_change(request, connection, _("Proposed order statuses were added."))
        else:
            messages.info(request, _("There is nothing to propose for the remaining statuses."))
        return self._back(connection)

    def _changeable(self, request: HttpRequest, pk: int) -> Connection | None:
        connection = self.get_object(request, str(pk))
        if not self.has_change_permission(request, connection):
            raise PermissionDenied
        return connection

    def _not_there(self, request: HttpRequest, pk: int) -> HttpResponse:
        redirect: HttpResponse = self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
            request, self.opts, str(pk)
        )
        return redirect

    def _back(self, connection: Connection) -> HttpResponse:
        return HttpResponseRedirect(
            reverse(
                "admin:esputnik_connector_connection_change",
                args=[connection.pk],
                current_app=self.admin_site.name,
            )
        )

    def _ask_to_bind(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("Send from this installation?"),
            "opts": self.opts,
            "original": connection,
            "here": this_environment(),
        }
        template = "admin/esputnik_connector/connection/bind_confirmation.html"
        return TemplateResponse(request, template, context)


def _told(connection: Connection, error: ConnectorError) -> str:
    return f"{connection.name}: {in_words(error, connection.destination)}"
