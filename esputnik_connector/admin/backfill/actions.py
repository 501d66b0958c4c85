"""The buttons of a historical import: pause, resume, cancel, start again, try the refused again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.models import Backfill
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.wake import wake_backfill

from .alerts import start_obstacle
from .progress import TITLES

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    class Base(ModelAdmin[Backfill]):
        """What these views call and BackfillAdmin has."""

        def may_act(self, request: HttpRequest) -> bool: ...

else:
    Base = object

# What is done, and what the merchant reads when it was done.
CHANGES: Mapping[str, tuple[Callable[[Backfill], bool], Any]] = {
    "pause": (
        control.pause,
        gettext_lazy("Paused. What is on its way at this moment still counts."),
    ),
    "resume": (control.resume, gettext_lazy("It goes on.")),
    "cancel": (control.cancel, gettext_lazy("Cancelled. What was sent stays sent.")),
}


class BackfillActions(Base):
    """Mixed into the admin of historical imports."""

    def action_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        """:param action: a key of :data:`~.progress.ACTIONS`."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.may_act(request):
            raise PermissionDenied
        run = get_object_or_404(Backfill.objects.select_related("connection"), pk=pk)
        if action in ("restart", "retry"):
            self._start_again(request, run, action)
        elif action in CHANGES:
            self._change(request, run, action)
        else:
            raise Http404
        return redirect(self.url("page", run.connection_id))

    def _start_again(self, request: HttpRequest, run: Backfill, action: str) -> None:
        if obstacle := start_obstacle(run.connection):
            messages.error(request, obstacle)
        elif action == "restart":
            self.announce(request, *control.restart(run), _("Started again."))
        else:
            again = control.retry_failed(run.connection, run.of_kind(), route=run.route)
            self.announce(request, *again, _("The refused were tried again."))

    def _change(self, request: HttpRequest, run: Backfill, action: str) -> None:
        change, result = CHANGES[action]
        if not change(run):
            messages.info(request, _("It was in another state already; here it is."))
            return
        if run.is_working:
            _wake_soon(run)
        self.log_change(request, run, str(result))
        messages.success(request, result)

    def announce(self, request: HttpRequest, run: Backfill, is_new: bool, log: str) -> None:
        """Wake a worker for a new import and say so; say of an old one that it was there.

        :param log: what the history of the run says.
        """
        subject = {"what": TITLES[run.of_kind()]}
        if not is_new:
            text = _("%(what)s: an import is under way already; here it is.")
            messages.warning(request, text % subject)
            return
        _wake_soon(run)
        self.log_addition(request, run, log)
        text = _("%(what)s: the import is on its way. You may close this page.")
        messages.success(request, text % subject)

    def url(self, name: str, *arguments: Any) -> str:
        view = f"admin:esputnik_connector_backfill_{name}"
        return reverse(view, args=arguments, current_app=self.admin_site.name)


def _wake_soon(run: Backfill) -> None:
    transaction.on_commit(partial(wake_backfill, run.pk), robust=True)
