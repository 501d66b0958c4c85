"""How the builds of feeds went, and what is wrong with which product. To look at."""

from __future__ import annotations

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.admin.display import time_text
from esputnik_connector.admin.mixins import ReadOnlyAdmin
from esputnik_connector.models import FeedBuild, FeedProblem
from esputnik_connector.models.feed_build import FLAWS, BuildStatus, Flaw

from .changes import changes_html, staff_page


def percent_text(part: float) -> str:
    """A part of 1 in per cent, with the reader's decimal sign."""
    return f"{number_format(round(100 * part, 1), 1)}%"


@admin.register(FeedBuild)
class FeedBuildAdmin(ReadOnlyAdmin):
    list_display = ["started", "feed", "status", "items", "left_out", "rate", "detail"]
    list_filter = ["status", "feed"]
    list_select_related = ["feed"]
    fields = [
        "feed",
        "status",
        "decision",
        "detail",
        "started_at",
        "duration",
        "items",
        "left_out",
        "rate",
        "reasons",
        "megabytes",
        "compared",
    ]

    @admin.display(description=gettext_lazy("started"))
    def started(self, build: FeedBuild) -> str:
        return time_text(build.started_at)

    @admin.display(description=gettext_lazy("your decision"))
    def decision(self, build: FeedBuild) -> str:
        if build.status != BuildStatus.HELD:
            return "—"
        page = reverse(
            "admin:esputnik_connector_feed_change",
            args=[build.feed_id],
            current_app=self.admin_site.name,
        )
        return format_html(
            '<a href="{}">{}</a>', page, _("Accept or discard it on the page of the feed")
        )

    @admin.display(description=gettext_lazy("against what was served"))
    def compared(self, build: FeedBuild) -> str:
        return changes_html(build)

    @admin.display(description=gettext_lazy("items (±)"))
    def items(self, build: FeedBuild) -> str:
        return f"{build.item_count} ({build.difference:+})"

    @admin.display(description=gettext_lazy("with problems"))
    def rate(self, build: FeedBuild) -> str:
        return percent_text(build.error_rate)

    @admin.display(description=gettext_lazy("size"))
    def megabytes(self, build: FeedBuild) -> str:
        return filesizeformat(build.size)

    @admin.display(description=gettext_lazy("seconds"))
    def duration(self, build: FeedBuild) -> str:
        return number_format(round(build.seconds, 1), 1)

    @admin.display(description=gettext_lazy("problems"))
    def reasons(self, build: FeedBuild) -> str:
        lines = (f"{count} × {FLAWS[Flaw(name)]}" for name, count in build.counts.items())
        return "; ".join(lines) or "—"


@admin.register(FeedProblem)
class FeedProblemAdmin(ReadOnlyAdmin):
    list_display = ["product_key", "title", "flaw", "staff_page", "page", "detail", "feed"]
    list_filter = ["flaw", "feed"]
    list_select_related = ["feed"]
    search_fields = ["product_key__exact", "title"]
    search_help_text = gettext_lazy("The whole id of a product, or a part of its title.")
    fields = ["feed", "product_key", "title", "flaw", "detail", "page", "staff_page"]

    @admin.display(description=gettext_lazy("in the shop"))
    def page(self, problem: FeedProblem) -> str:
        if not problem.url.startswith(("https://", "http://")):
            return "—"
        return format_html('<a href="{}">{}</a>', problem.url, _("Page"))

    @admin.display(description=gettext_lazy("for staff"))
    def staff_page(self, problem: FeedProblem) -> str:
        path = staff_page(problem.product_key)
        return format_html('<a href="{}">{}</a>', path, _("Edit")) if path else "—"
