"""Product feeds: is each built, decided about, and readable from outside?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.feed.links import fetch_trouble
from esputnik_connector.models import Feed
from esputnik_connector.models.feed_build import BuildStatus
from esputnik_connector.shops.base import SupportsFeed

from .findings import Finding, ok, problem


def findings(*, is_offline: bool) -> Iterator[Finding]:
    """Of every feed that is on. What is an alert here is one for ``esputnik_feed check`` too."""
    for feed in Feed.objects.filter(is_enabled=True).order_by("name"):
        yield from of_feed(feed, is_offline=is_offline)


def of_feed(feed: Feed, *, is_offline: bool) -> Iterator[Finding]:
    subject = _("feed “%s”") % feed.name
    found = [problem(subject, alert.text, alert.remedy) for alert in alerts(feed)]
    if not is_offline and (trouble := fetch_trouble(feed)):
        remedy = _("eSputnik cannot fetch it either. Check SHOP_URL, urls.py and the web server.")
        found.append(problem(subject, trouble, remedy))
    yield from found or [ok(subject, _("It is in order."))]


@dataclass(frozen=True, kw_only=True)
class Alert:
    """What is wrong with a feed, and what to do about it."""

    text: str
    remedy: str

    def __str__(self) -> str:
        return self.text


def alerts(feed: Feed, now: datetime | None = None) -> list[Alert]:
    """What is wrong with a feed now, the worst first; nothing if it is well."""
    now = now or timezone.now()
    if not feed.is_enabled:
        return []
    if not isinstance(registry.shop(), SupportsFeed):
        remedy = _("Name an adapter with SupportsFeed in SHOP, or switch the feed off.")
        return [Alert(text=str(SupportsFeed.missing), remedy=remedy)]
    return [*_of_builds(feed), *_of_age(feed, now)]


def _of_builds(feed: Feed) -> Iterator[Alert]:
    held = feed.builds.filter(status=BuildStatus.HELD).first()
    if held is not None:
        yield Alert(
            text=_("A build waits for your decision: %s") % held.detail,
            remedy=_("Accept or discard it in the admin: eSputnik → Product feeds."),
        )
        return
    last = feed.builds.exclude(status=BuildStatus.RUNNING).first()
    if last is not None and last.status in (BuildStatus.FAILED, BuildStatus.REFUSED):
        yield Alert(
            text=_("The last build failed: %s") % last.detail,
            remedy=_("It is tried again by itself. To try now, run: manage.py esputnik_feed build"),
        )


def _of_age(feed: Feed, now: datetime) -> Iterator[Alert]:
    if not feed.is_stale(now):
        return
    remedy = _(
        "Check that beat has esputnik_connector.feeds and a worker runs, or let cron run: "
        "manage.py esputnik_feed build --due"
    )
    if feed.built_at is None:
        yield Alert(text=_("It was never built."), remedy=remedy)
    else:
        hours = int((now - feed.built_at).total_seconds() // 3600)
        yield Alert(text=_("It was not built for %s hours.") % hours, remedy=remedy)
