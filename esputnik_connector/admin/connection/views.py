"""The buttons on a connection's page. Each acts by POST only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _

from esputnik_connector.admin.mixins import ActionPagesMixin
from esputnik_connector.destinations.deadline import patience
from esputnik_connector.exceptions import ConnectorError, TemporaryError
from esputnik_connector.models import Connection
from esputnik_connector.models.connection import this_environment
from esputnik_connector.operations.connection.verify import verify
from esputnik_connector.pipeline.wake import wake

from .key_check import PATIENCE, failure_text

if TYPE_CHECKING:

    class Base(ActionPagesMixin):
        """What these views call and ConnectionAdmin has."""

        def announce(
            self, request: HttpRequest, connection: Connection, former_id: str
        ) -> None: ...

else:
    Base = ActionPagesMixin


class ConnectionViews(Base):
    """Mixed into the connection's admin."""

    def get_urls(self) -> list[URLPattern]:
        views = {"test": self.test_view, "bind": self.bind_view}
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
        """Ask the destination about the stored key, and say what it answered."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        connection = self.changeable(request, pk)
        if connection is None:
            return self._not_there(request, pk)
        if not connection.api_key:
            messages.error(request, _("There is no key yet. Paste one and save."))
            return self.back_to(connection)
        former = connection.organisation_id
        try:
            with patience(PATIENCE):
                verify(connection)
        except TemporaryError as error:
            messages.warning(request, _named_failure(connection, error))
        except ConnectorError as error:
            messages.error(request, _named_failure(connection, error))
        else:
            self.announce(request, connection, former)
            wake(connection.pk)
        return self.back_to(connection)

    def bind_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make this installation the one that sends, after a page that says what that means."""
        connection = self.changeable(request, pk)
        if connection is None:
            return self._not_there(request, pk)
        if connection.is_bound_here:
            messages.info(request, _("This installation sends already."))
            return self.back_to(connection)
        if request.method != "POST":
            return self._ask_to_bind(request, connection)
        connection.bind()
        self.log_change(request, connection, _("Bound to this installation."))
        messages.success(request, _("From now on this installation sends."))
        wake(connection.pk)
        return self.back_to(connection)

    def _not_there(self, request: HttpRequest, pk: int) -> HttpResponse:
        redirect: HttpResponse = self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
            request, self.opts, str(pk)
        )
        return redirect

    def _ask_to_bind(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        danger = _(
            "The connection “%(name)s” belongs to the installation “%(environment)s”. If that shop "
            "still runs, both would send to the same account and overwrite each other."
        )
        advice = _(
            "Confirm only if this installation (“%(here)s”) is the real shop now. On a test copy, "
            "switch the connection off instead."
        )
        return self.confirmation(
            request,
            connection,
            title=_("Send from this installation?"),
            consequences=[
                danger % {"name": connection.name, "environment": connection.environment},
                advice % {"here": this_environment()},
            ],
            yes=_("Yes, send from this installation"),
        )


def _named_failure(connection: Connection, error: ConnectorError) -> str:
    return f"{connection.name}: {failure_text(error, connection.destination)}"
