"""The buttons on a feed's page. Each acts by POST only."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _

from esputnik_connector.admin.mixins import ActionPagesMixin
from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.feed.artifact import delete_files
from esputnik_connector.feed.links import fetch_trouble
from esputnik_connector.feed.publish import AlreadyBuilding, accept_build, discard_build
from esputnik_connector.models import Feed, FeedBuild
from esputnik_connector.models.feed_build import BuildStatus
from esputnik_connector.operations.feed_registration import register, registering_connections
from esputnik_connector.pipeline.wake import wake_feed


def build_soon(feed: Feed) -> None:
    """A worker builds the feed at once; without a broker, when the task ``feeds`` runs next."""
    Feed.objects.filter(pk=feed.pk).update(due_at=timezone.now())
    transaction.on_commit(partial(wake_feed, feed.pk), robust=True)


class FeedViews(ActionPagesMixin):
    """Mixed into the feed's admin."""

    def get_urls(self) -> list[URLPattern]:
        views = {
            "build": self.build_view,
            "reach": self.reach_view,
            "rotate": self.rotate_view,
            "register": self.register_view,
        }
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
        feed = self._feed(request, pk)
        if feed.is_enabled:
            build_soon(feed)
            messages.success(
                request, _("A worker builds the feed. Come back to this page in a moment.")
            )
        else:
            messages.error(request, _("The feed is off. Switch it on and save first."))
        return self.back_to(feed)

    @method_decorator(transaction.non_atomic_requests)
    def reach_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        feed = self._feed(request, pk)
        if trouble := fetch_trouble(feed):
            messages.error(request, trouble)
        else:
            messages.success(request, _("The address can be read."))
        return self.back_to(feed)

    @method_decorator(transaction.non_atomic_requests)
    def register_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Tell the account of a connection where this feed is."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        feed = self._feed(request, pk)
        connection = next(
            (one for one in registering_connections() if str(one.pk) == request.POST.get("at")),
            None,
        )
        if connection is None:
            raise Http404
        try:
            register(connection, [feed])
        except ConnectorError as error:
            messages.error(request, f"{connection.name}: {error}")
        else:
            self.log_change(request, feed, _("Registered at %s.") % connection.name)
            messages.success(
                request,
                _("“%(name)s” reads this feed from now on. Other feeds of the account stayed.")
                % {"name": connection.name},
            )
        return self.back_to(feed)

    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new secret in the address, after a page that says what that means."""
        feed = self._feed(request, pk)
        if request.method != "POST":
            consequence = _(
                "The present address of the feed “%(name)s” answers 404 from the moment you "
                "confirm. eSputnik keeps the products it has, and updates nothing until the "
                "new address is registered there."
            )
            return self.confirmation(
                request,
                feed,
                title=_("Make a new address?"),
                consequences=[consequence % {"name": feed.name}],
                yes=_("Yes, make a new address"),
            )
        feed.rotate()
        self.log_change(request, feed, _("A new address was made."))
        messages.success(request, _("The feed has a new address. Register it at the account."))
        return self.back_to(feed)

    def accept_view(self, request: HttpRequest, pk: int, build_pk: int) -> HttpResponse:
        """The merchant decides about a build that was held back."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        feed = self._feed(request, pk)
        held = get_object_or_404(FeedBuild, pk=build_pk, feed=feed)
        if held.status != BuildStatus.HELD:
            messages.info(request, _("A newer build has been made meanwhile."))
        elif "accept" in request.POST:
            self._accept(request, feed, held)
        else:
            delete_files(discard_build(held))
            self.log_change(request, feed, _("A build was discarded."))
            messages.success(request, _("Discarded. The old file stays."))
        return self.back_to(feed)

    def _accept(self, request: HttpRequest, feed: Feed, held: FeedBuild) -> None:
        try:
            is_done = accept_build(held)
        except AlreadyBuilding as error:
            messages.error(request, str(error))
            return
        if is_done:
            self.log_change(request, feed, _("A build was accepted."))
            messages.success(request, _("The new build is served from now on."))
        else:
            messages.error(request, _("Its file is gone. Build the feed again."))

    def _feed(self, request: HttpRequest, pk: int) -> Feed:
        feed: Feed | None = self.changeable(request, pk)
        if feed is None:
            raise Http404
        return feed
