"""What became of each record: deliveries, delivered records, and deleted customers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.models import Attempt, SyncState, Tombstone

from .display import reason_text, uploading_text, warning_text
from .mixins import ReadOnlyAdmin
from .send_again import SendAgainMixin


@admin.register(Attempt)
class AttemptAdmin(SendAgainMixin):
    actions = ["send_again"]
    list_display = [
        "created_at",
        "kind",
        "key",
        "outcome",
        "why",
        "warnings",
        "latency",
        "connection",
    ]
    list_display_links = ["created_at", "key"]
    list_filter = ["outcome", "reason", "kind", "connection"]
    search_fields = ["key__exact"]
    search_help_text = gettext_lazy("The whole order number, customer id or basket id.")
    fields = [
        "connection",
        "kind",
        "key",
        "outcome",
        "why",
        "warnings",
        "http_status",
        "captured_at",
        "created_at",
        "latency",
    ]

    @admin.display(description=gettext_lazy("because"))
    def why(self, attempt: Attempt) -> str:
        return reason_text(attempt) or "—"

    @admin.display(description=gettext_lazy("warnings"))
    def warnings(self, attempt: Attempt) -> str:
        return " ".join(warning_text(note) for note in attempt.notes) or "—"

    @admin.display(description=gettext_lazy("HTTP status"))
    def http_status(self, attempt: Attempt) -> str:
        return str(attempt.status or "—")

    @admin.display(description=gettext_lazy("seconds since the change"))
    def latency(self, attempt: Attempt) -> str:
        if attempt.captured_at is None:
            return "—"
        return f"{(attempt.created_at - attempt.captured_at).total_seconds():.1f}"


@admin.register(SyncState)
class SyncStateAdmin(SendAgainMixin):
    actions = ["send_again"]
    list_display = ["key", "kind", "state", "delivered_at", "connection"]
    list_filter = ["kind", "connection"]
    search_fields = ["key__exact"]
    search_help_text = gettext_lazy("The whole order number, customer id or basket id.")
    ordering = ["-pk"]
    fields = ["connection", "kind", "key", "owner_key", "state", "delivered_at", "remote_id"]

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: SyncState) -> str:
        if row.session:
            return uploading_text(row)
        if row.digest:
            return _("delivered")
        if row.is_merely_named:
            return _("named by an order, not sent yet")
        if row.delivered_at is None:
            return _("sent, not confirmed yet")
        return _("delivered before; the last sending is not confirmed")


@admin.register(Tombstone)
class TombstoneAdmin(ReadOnlyAdmin):
    """A deleted customer, who is never sent again, by whichever connection.

    Deleting the tombstone lifts the ban; only superusers may, and the page says what follows.
    """

    list_display = ["__str__", "how", "created_at"]
    list_filter = ["is_erasure"]
    fields = ["how", "created_at"]
    ordering = ["-pk"]
    delete_confirmation_template = "admin/esputnik_connector/tombstone/delete_confirmation.html"
    delete_selected_confirmation_template = (
        "admin/esputnik_connector/tombstone/delete_selected_confirmation.html"
    )

    @admin.display(description=gettext_lazy("how"))
    def how(self, tombstone: Tombstone) -> str:
        return _("erased") if tombstone.is_erasure else _("marked as deleted")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in actions:
            function, name, _description = actions["delete_selected"]
            actions["delete_selected"] = (function, name, _("Lift the ban (delete the tombstone)"))
        return actions
