"""“Unsent changes” and lanes: what waits, why, and the button that tries it again."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from esputnik_connector.models import Lane, OutboxMessage
from esputnik_connector.operations.connection.pauses import end_pauses
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Kind

from .display import reason_text, time_text, uploading_text
from .mixins import ReadOnlyAdmin
from .send_again import SendAgainMixin


def waiting_text(row: OutboxMessage) -> str:
    """What a change is waiting for."""
    why = reason_text(row)
    if row.is_dead:
        return _("set aside: %(why)s") % {"why": why or "—"}
    if row.session:
        return uploading_text(row)
    if row.attempts or row.reason:
        return _("trying again at %(time)s because: %(why)s") % {
            "time": time_text(row.due_at),
            "why": why or "—",
        }
    return _("waiting")


@admin.register(OutboxMessage)
class OutboxMessageAdmin(SendAgainMixin):
    list_display = ["key", "kind", "state", "captured_at", "due_at", "attempts", "connection"]
    list_filter = ["is_dead", "kind", "reason", "connection"]
    search_fields = ["key__exact"]
    search_help_text = gettext_lazy("The whole order number, customer id or basket id.")
    fields = [
        "connection",
        "kind",
        "key",
        "state",
        "detail",
        "captured_at",
        "due_at",
        "attempts",
        "failing_since",
    ]
    actions = ["try_again", "send_again"]

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: OutboxMessage) -> str:
        return waiting_text(row)

    @admin.action(description=gettext_lazy("Try again"), permissions=["act"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        """What was set aside goes back in line; what waits is due now.

        What a destination is importing at this moment is left as it is.
        """
        chosen = OutboxMessage.objects.filter(pk__in=queryset.order_by().values("pk"))
        connections = list(chosen.order_by().values_list("connection_id", flat=True).distinct())
        due_now = chosen.unsent().update(due_at=timezone.now())
        count = due_now + chosen.revive()
        for connection_id in connections:
            wake(connection_id)
        messages.success(
            request,
            ngettext(
                "%(count)s change is in line again and is sent as soon as it is taken.",
                "%(count)s changes are in line again and are sent as soon as they are taken.",
                count,
            )
            % {"count": count},
        )


@admin.register(Lane)
class LaneAdmin(ReadOnlyAdmin):
    list_display = ["name", "state", "pace_in_words", "failures"]
    list_filter = ["connection"]
    fields = ["connection", "kind", "state", "pace_in_words", "paused_until", "pause_detail"]
    actions = ["end_pause"]

    @admin.display(description=gettext_lazy("lane"))
    def name(self, lane: Lane) -> str:
        return f"{lane.connection} · {lane.get_kind_display()}"

    @admin.display(description=gettext_lazy("state"))
    def state(self, lane: Lane) -> str:
        now = timezone.now()
        if lane.paused_until is not None and lane.is_paused(now):
            return _("paused until %(time)s because: %(why)s") % {
                "time": time_text(lane.paused_until),
                "why": lane.pause_detail or "—",
            }
        if lane.is_leased(now):
            return _("being sent")
        return _("open")

    @admin.action(description=gettext_lazy("Send again now: end the pause"), permissions=["act"])
    def end_pause(self, request: HttpRequest, queryset: QuerySet[Lane]) -> None:
        """What rests sends at once. A connection whose key was refused stays paused."""
        ended = 0
        for lane in queryset.select_related("connection"):
            why = lane.pause_detail
            if end_pauses(lane.connection, [Kind(lane.kind)]):
                ended += 1
                text = _("The pause was ended by hand; the lane rested because: %s") % (why or "—")
                self.log_change(request, lane, text)
        messages.success(
            request,
            ngettext("%(count)s lane sends again.", "%(count)s lanes send again.", ended)
            % {"count": ended},
        )

    @admin.display(description=gettext_lazy("pace"))
    def pace_in_words(self, lane: Lane) -> str:
        """Requests a second that were found good, and the most that the settings allow."""
        if lane.pace is None:
            return "—"
        return _("%(pace)s a second") % {"pace": round(lane.pace)}
