"""Product feeds: their settings, their addresses, and how each is going."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.display import ICONS, time_text
from esputnik_connector.admin.mixins import TitledListMixin, WriteOnlyFieldMixin
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.feed.artifact import delete_files
from esputnik_connector.feed.links import feed_url
from esputnik_connector.feed.problems import differences
from esputnik_connector.models import Feed, FeedBuild, FeedProblem
from esputnik_connector.models.feed_build import FLAWS, HINTS, BuildStatus, Flaw
from esputnik_connector.operations.health.feeds import state
from esputnik_connector.shops.base import SupportsFeed

from .accounts import accounts_of
from .builds import percent_text
from .changes import changes_html
from .form import FeedAttributeInline, FeedCategoryInline, FeedForm
from .views import FeedViews, build_soon


def state_html(feed: Feed) -> str:
    """What is worst about a feed, with its colour: the doctor's own words."""
    if not feed.is_enabled:
        return _("Off: the address answers 410")
    found = state(feed)[0]
    return format_html(
        '<span class="esputnik-light esputnik-is-{}"><span class="esputnik-icon" '
        'aria-hidden="true">{}</span> {}</span>',
        found.level.value,
        ICONS[found.level],
        found.text,
    )


@admin.register(Feed)
class FeedAdmin(TitledListMixin, WriteOnlyFieldMixin, FeedViews, admin.ModelAdmin):  # type: ignore[type-arg]
    write_only = "new_password"
    form = FeedForm
    inlines = [FeedAttributeInline, FeedCategoryInline]
    list_display = ["name", "state", "kind", "item_count", "built", "fetched"]
    list_filter = ["is_enabled", "format", "language", "currency"]
    fieldsets = [
        (
            gettext_lazy("Feed"),
            {"fields": ["name", "is_enabled", "format", "language", "currency", "title"]},
        ),
        (
            gettext_lazy("What is in it"),
            {
                "fields": [
                    "is_one_per_parent",
                    "only_buyable",
                    "with_offers",
                    "categories",
                    "product_classes",
                    "uses_google_taxonomy",
                    "brand",
                    "requires_brand",
                ]
            },
        ),
        (
            gettext_lazy("Builds"),
            {"fields": ["every_hours", "largest_shrink", "stale_hours", "checks_images"]},
        ),
        (
            gettext_lazy("Address"),
            {"classes": ["collapse"], "fields": ["shop_url", "auth_user", "new_password"]},
        ),
    ]

    class Media:
        js = ["esputnik_connector/copy.js"]

    @admin.display(description=gettext_lazy("state"))
    def state(self, feed: Feed) -> str:
        return state_html(feed)

    @admin.display(description=gettext_lazy("what"))
    def kind(self, feed: Feed) -> str:
        return f"{feed.language} · {feed.currency} · {feed.format}"

    @admin.display(description=gettext_lazy("last good build"), ordering="built_at")
    def built(self, feed: Feed) -> str:
        return time_text(feed.built_at)

    @admin.display(description=gettext_lazy("last fetched"), ordering="fetched_at")
    def fetched(self, feed: Feed) -> str:
        return time_text(feed.fetched_at)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        has_changed = bool(form.changed_data) or any(one.has_changed() for one in formsets)
        if has_changed and form.instance.is_enabled:
            build_soon(form.instance)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not isinstance(registry.shop(), SupportsFeed):
            messages.warning(request, str(SupportsFeed.missing))
        feed = self.get_object(request, object_id) if object_id else None
        context = {**(self._panel(request, feed) if feed else {}), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def _panel(self, request: HttpRequest, feed: Feed) -> dict[str, Any]:
        build = feed.builds.exclude(status=BuildStatus.RUNNING).first()
        latest = list(feed.builds.compared()[:2])
        held = feed.builds.filter(status=BuildStatus.HELD).first()
        return {
            "esputnik_feed": feed,
            "esputnik_findings": [(each, ICONS[each.level]) for each in state(feed)],
            "esputnik_url": _address(feed),
            "esputnik_may_change": self.has_change_permission(request, feed),
            "esputnik_accounts": accounts_of(feed),
            "esputnik_held": held,
            "esputnik_changes": changes_html(held) if held else "",
            "esputnik_build": build,
            "esputnik_change": f"{build.difference:+}" if build else "",
            "esputnik_rate": percent_text(build.error_rate) if build else "",
            "esputnik_flaws": _flaw_counts(latest),
        }

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """Numbers instead of a list. Builds and problems go with their feed."""
        pks = [feed.pk for feed in objs]
        counts: dict[Any, int] = {Feed._meta.verbose_name_plural: len(pks)}
        for model in (FeedBuild, FeedProblem):
            found = model._default_manager.filter(feed__in=pks)
            counts[model._meta.verbose_name_plural] = found.count()
        return [str(feed) for feed in objs], counts, set(), []

    def delete_model(self, request: HttpRequest, obj: Feed) -> None:
        self._remove_files([obj])
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Feed]) -> None:
        self._remove_files(list(queryset))
        super().delete_queryset(request, queryset)

    def _remove_files(self, feeds: list[Feed]) -> None:
        for feed in feeds:
            held = feed.builds.filter(status=BuildStatus.HELD)
            held_files = [name for build in held for name in build.files]
            delete_files([*feed.files, *feed.former_files, *held_files])


def _address(feed: Feed) -> str:
    try:
        return feed_url(feed)
    except ConfigurationError as error:
        return str(error)


def _flaw_counts(latest: list[FeedBuild]) -> list[dict[str, Any]]:
    """Problems of the last finished build by reason, and how many more than the time before."""
    if not latest:
        return []
    former = latest[1].counts if len(latest) > 1 else {}
    return [
        {
            "name": name,
            "label": FLAWS[Flaw(name)],
            "is_hint": Flaw(name) in HINTS,
            "count": now,
            "change": f"{now - before:+}" if now != before and len(latest) > 1 else "",
        }
        for name, now, before in differences(latest[0].counts, former)
        if now or before
    ]
