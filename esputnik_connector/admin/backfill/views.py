"""A merchant's way through a historical import: choose, read the forecast, start, watch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    JsonResponse,
)
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.admin.outbox import OutboxMessageAdmin
from esputnik_connector.destinations.base import ConsentPolicy, OrderRoute
from esputnik_connector.exceptions import ConfigurationError, ConnectorError
from esputnik_connector.models import Backfill, Connection, OutboxMessage
from esputnik_connector.operations.backfill_progress import Sample
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.consent import policies_of, policy_of
from esputnik_connector.pipeline.backfill.routes import routes_of

from .actions import BackfillActions
from .alerts import start_obstacle
from .forecast import forecast_of
from .form import ImportForm
from .progress import heading, progress

TEMPLATES = "admin/esputnik_connector/backfill"


class BackfillViews(BackfillActions):
    """Mixed into the admin of historical imports."""

    def get_urls(self) -> list[URLPattern]:
        views: list[tuple[str, str, Callable[..., HttpResponse]]] = [
            ("page", "of/<int:pk>/", self.page_view),
            ("new", "of/<int:pk>/new/", self.new_view),
            ("progress", "progress/", self.progress_view),
            ("do", "<int:pk>/do/<str:action>/", self.action_view),
        ]
        name = "esputnik_connector_backfill_{}".format
        return [
            *(
                path(route, self.admin_site.admin_view(view), name=name(key))
                for key, route, view in views
            ),
            *super().get_urls(),
        ]

    # Watching

    def page_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The latest import of each kind; where there is none, the way to the first."""
        connection = self._connection(request, pk)
        runs = latest_runs(connection)
        if not runs and self.may_act(request):
            return redirect(self.url("new", connection.pk))
        return self._runs_page(request, connection, runs)

    def change_view(
        self, request: HttpRequest, object_id: str, *_args: Any, **_kwargs: Any
    ) -> HttpResponse:
        """One import of the list, which may be an old one."""
        run = self.get_object(request, object_id)
        if run is None:
            raise Http404
        return self._runs_page(request, self._connection(request, run.connection_id), [run])

    def _runs_page(
        self, request: HttpRequest, connection: Connection, runs: Sequence[Backfill]
    ) -> HttpResponse:
        now, has_links = timezone.now(), self._may_see_changes(request)
        context = {
            "title": _("Historical import"),
            "runs": [(heading(run), progress(run, now=now, has_links=has_links)) for run in runs],
            "is_working": any(run.is_working for run in runs),
            "may_act": self.may_act(request),
        }
        return self._response(request, "runs.html", connection, context)

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """How far imports got, for the page's script.

        ``run`` is an id, or an id with an earlier sample of the same: ``17:1732160000.5:300``.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            asked = dict(map(_run_and_sample, request.GET.getlist("run")))
        except ValueError:
            return HttpResponseBadRequest("run=id or run=id:at:done")
        now, has_links = timezone.now(), self._may_see_changes(request)
        runs = Backfill.objects.filter(pk__in=asked).select_related("connection")
        found = [progress(run, now=now, sample=asked[run.pk], has_links=has_links) for run in runs]
        return JsonResponse({"runs": found})

    # Starting

    def new_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The form; with choices in the address the forecast; by POST the start."""
        if not self.may_act(request):
            raise PermissionDenied
        connection = self._connection(request, pk)
        obstacle = start_obstacle(connection)
        given = request.POST if request.method == "POST" else request.GET
        form = ImportForm(
            given if "what" in given else None,
            routes=_routes(connection),
            policies=_open_policies(connection),
        )
        if obstacle or not form.is_bound or not form.is_valid() or "back" in given:
            return self._form_page(request, connection, form, obstacle)
        if request.method == "POST":
            return self._start(request, connection, form)
        return self._forecast_page(request, connection, form)

    def _form_page(
        self, request: HttpRequest, connection: Connection, form: ImportForm, obstacle: str
    ) -> HttpResponse:
        context = {
            "title": _("Start a historical import"),
            "form": form,
            "obstacle": obstacle,
            "routes": _explained(form, "route", _routes(connection)),
            "policies": _explained(form, "consent", _open_policies(connection)),
            "open_runs": Backfill.objects.open().filter(connection=connection).count(),
        }
        return self._response(request, "new.html", connection, context)

    def _forecast_page(
        self, request: HttpRequest, connection: Connection, form: ImportForm
    ) -> HttpResponse:
        try:
            forecasts = [forecast_of(plan) for plan in form.plans(connection)]
        except ConnectorError as error:
            messages.error(request, str(error))
            return self._form_page(request, connection, form, "")
        context = {
            "title": _("What this import would do"),
            "forecasts": forecasts,
            "form": form,
            "query": request.GET.urlencode(),
        }
        return self._response(request, "forecast.html", connection, context)

    def _start(
        self, request: HttpRequest, connection: Connection, form: ImportForm
    ) -> HttpResponse:
        plans = form.plans(connection)
        with transaction.atomic():  # all of it or nothing
            if "consent" in form.cleaned_data:
                control.choose_consent_policy(connection, form.cleaned_data["consent"])
            begun = [
                control.start(
                    connection,
                    plan.of_kind(),
                    route=plan.route,
                    since=plan.since,
                    until=plan.until,
                    newest_first=plan.newest_first,
                )
                for plan in plans
            ]
        for run, is_new in begun:
            self.announce(request, run, is_new, _("Started."))
        return redirect(self.url("page", connection.pk))

    # What all of these need

    def _connection(self, request: HttpRequest, connection_pk: int) -> Connection:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(Connection, pk=connection_pk)

    def _may_see_changes(self, request: HttpRequest) -> bool:
        return OutboxMessageAdmin(OutboxMessage, self.admin_site).has_view_permission(request)

    def _response(
        self, request: HttpRequest, template: str, connection: Connection, context: dict[str, Any]
    ) -> HttpResponse:
        common = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "connection": connection,
            "destination": registry.destination_label(connection.destination),
            "media": self.media,
        }
        return TemplateResponse(request, f"{TEMPLATES}/{template}", {**common, **context})


def latest_runs(connection: Connection) -> list[Backfill]:
    """The last import of each kind, as they follow each other."""
    runs = Backfill.objects.filter(connection=connection).select_related("connection")
    latest = [runs.filter(kind=kind.value).first() for kind in control.KINDS]
    return [run for run in latest if run is not None]


def _explained(form: ImportForm, name: str, rows: Sequence[Any]) -> list[tuple[Any, Any]]:
    """The radio buttons of a field, each with what the choice means."""
    radios = form[name] if name in form.fields else ()
    return [(radio, row.help) for radio, row in zip(radios, rows, strict=True)]


def _routes(connection: Connection) -> Sequence[OrderRoute]:
    """None when the settings do not have the destination: the forecast says so."""
    try:
        return routes_of(connection)
    except ConfigurationError:
        return ()


def _open_policies(connection: Connection) -> Sequence[ConsentPolicy]:
    """What is to be chosen for people without consent; none when that was done."""
    try:
        return () if policy_of(connection) else policies_of(connection)
    except ConfigurationError:
        return ()


def _run_and_sample(text: str) -> tuple[int, Sample | None]:
    """:raises ValueError: not of the form ``id`` or ``id:at:done``."""
    pk, *given = text.split(":")
    if not given:
        return int(pk), None
    at, done = given
    sample = Sample(at=float(at), done=int(done))
    if not math.isfinite(sample.at) or min(sample.at, sample.done) < 0:
        raise ValueError(text)
    return int(pk), sample
