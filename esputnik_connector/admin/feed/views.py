"""What a person may press on a feed's page. Each acts by POST only."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _

from esputnik_connector.feed.artifact import remove
from esputnik_connector.feed.links import reach
from esputnik_connector.feed.publish import BuildBusy, accept, discard
from esputnik_connector.models import Feed, FeedBuild
from esputnik_connector.models.feed_build import BuildStatus
from esputnik_connector.pipeline.wake import wake_feed

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Base = ModelAdmin[Feed]
else:
    Base = object


def build_soon(feed: Feed) -> None:
    """By a worker at once; where none can be reached, by the next look at what is due."""
    Feed.objects.filter(pk=feed.pk).update(due_at=timezone.now())
    transaction.on_commit(partial(wake_feed, feed.pk), robust=True)


class FeedViews(Base):
    """Mixed into the feed's admin."""

    def get_urls(self) -> list[URLPattern]:
        views = {"build": self.build_view, "reach": self.reach_view, "rotate": self.rotate_view}
        name = "esputnik_connector_feed_{}".format
        return [
            *(
                path(f"<int:pk>/{key}/", self.admin_site.admin_view(view), name=name(key))
                for key, view in views.items()
            ),
            path(
                "<int:pk>/accept/<int:build_pk>/",
                self.admin_site.admin_view(self.accept_view),
                name=name("accept"),
            ),
            *super().get_urls(),
        ]

    def build_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        feed = self._changeable(request, pk)
        if feed.is_enabled:
            build_soon(feed)
            messages.success(
                request, _("A worker builds the feed. Come back to this page in a moment.")
            )
        else:
            messages.error(request, _("The feed is off. Switch it on and save first."))
        return self._back(feed)

    @method_decorator(transaction.non_atomic_requests)
    def reach_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        feed = self._changeable(request, pk)
        if trouble := reach(feed):
            messages.error(request, trouble)
        else:
            messages.success(request, _("The address can be read."))
        return self._back(feed)

    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new secret, after a page that says what that means."""
        feed = self._changeable(request, pk)
        if request.method != "POST":
            context: dict[str, Any] = {
                **self.admin_site.each_context(request),
                "title": _("Make a new address?"),
                "opts": self.opts,
                "original": feed,
            }
            template = "admin/esputnik_connector/feed/rotate_confirmation.html"
            return TemplateResponse(request, template, context)
        feed.rotate()
        self.log_change(request, feed, _("A new address was made."))
        messages.success(request, _("The feed has a new address. Paste it into eSputnik."))
        return self._back(feed)

    def accept_view(self, request: HttpRequest, pk: int, build_pk: int) -> HttpResponse:
        """A person decides about a build that was held back."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        feed = self._changeable(request, pk)
        held = get_object_or_404(FeedBuild, pk=build_pk, feed=feed)
        if held.status != BuildStatus.HELD:
            messages.info(request, _("A newer build has been made meanwhile."))
        elif "accept" in request.POST:
            self._accept(request, feed, held)
        else:
            remove(discard(held))
            self.log_change(request, feed, _("A build was discarded."))
            messages.success(request, _("Discarded. The old file stays."))
        return self._back(feed)

    def _accept(self, request: HttpRequest, feed: Feed, held: FeedBuild) -> None:
        try:
            is_done = accept(held)
        except BuildBusy as error:
            messages.error(request, str(error))
            return
        if is_done:
            self.log_change(request, feed, _("A build was accepted."))
            messages.success(request, _("The new build is served from now on."))
        else:
            messages.error(request, _("Its file is gone. Build the feed again."))

    def _changeable(self, request: HttpRequest, pk: int) -> Feed:
        feed = self.get_object(request, str(pk))
        if not self.has_change_permission(request, feed):
            raise PermissionDenied
        if feed is None:
            raise Http404
        return feed

    def _back(self, feed: Feed) -> HttpResponse:
        return redirect(
            reverse(
                "admin:esputnik_connector_feed_change",
                args=[feed.pk],
                current_app=self.admin_site.name,
            )
        )
