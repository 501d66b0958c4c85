"""Historical imports: the list of them, and the pages where a merchant starts and watches one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy

from esputnik_connector.admin.mixins import ReadOnlyAdmin
from esputnik_connector.models import Backfill, Connection
from esputnik_connector.models.permissions import Right

from .progress import route_text
from .views import BackfillViews


@admin.register(Backfill)
class BackfillAdmin(BackfillViews, ReadOnlyAdmin):
    """People who may change a connection may import its history; others may look, if they may see
    historical imports."""

    list_display = ["started_at", "kind", "state", "done_of_all", "how", "connection"]
    list_filter = ["state", "connection"]

    @property
    def media(self) -> forms.Media:
        own = forms.Media(
            css={"all": ["esputnik_connector/history.css"]}, js=["esputnik_connector/progress.js"]
        )
        return super().media + own

    @admin.display(description=gettext_lazy("done"))
    def done_of_all(self, run: Backfill) -> str:
        done, total = run.done, max(run.total, run.done)
        return " / ".join(number_format(count, force_grouping=True) for count in (done, total))

    @admin.display(description=gettext_lazy("route of orders"))
    def how(self, run: Backfill) -> str:
        return route_text(run)

    def may_act(self, request: HttpRequest) -> bool:
        """To import is to operate. Who may change the connection may import too, as ever."""
        if Right.OPERATE.is_of(request.user):
            return True
        codename = get_permission_codename("change", Connection._meta)
        return bool(request.user.has_perm(f"{Connection._meta.app_label}.{codename}"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_act(request) or bool(super().has_view_permission(request, obj))
