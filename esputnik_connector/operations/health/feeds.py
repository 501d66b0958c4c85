"""Product feeds: is each built, decided about, and readable from outside?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.feed.links import fetch_trouble
from esputnik_connector.models import Feed, FeedBuild
from esputnik_connector.models.feed_build import BuildStatus
from esputnik_connector.shops.base import SupportsFeed

from .findings import Finding, of, ok, problem
from .snapshot import Snapshot, take


def findings(*, is_offline: bool) -> Iterator[Finding]:
    """Of every feed that is on. What is an alert here is one for ``esputnik_feed check`` too."""
    snapshot = take(connections=())
    for feed in snapshot.feeds:
        yield from of_feed(feed, snapshot, is_offline=is_offline)


def moving(snapshot: Snapshot) -> Iterator[Finding]:
    """Of every feed of the snapshot, and from it alone: for monitors."""
    for feed in snapshot.feeds:
        yield from of_feed(feed, snapshot, is_offline=True)


def of_feed(feed: Feed, snapshot: Snapshot, *, is_offline: bool) -> Iterator[Finding]:
    subject = _("feed “%s”") % feed.name
    wrong = judged(feed, snapshot.builds.get(feed.pk, ()), snapshot.now)
    found = [problem(alert.code, subject, alert.text, alert.remedy) for alert in wrong]
    if not is_offline and (trouble := fetch_trouble(feed)):
        remedy = _("eSputnik cannot fetch it either. Check SHOP_URL, urls.py and the web server.")
        found.append(problem("feed_unreadable_from_outside", subject, trouble, remedy))
    yield from of(found or [ok("feed_in_order", subject, _("It is in order."))], feed=feed.name)


@dataclass(frozen=True, kw_only=True)
class Alert:
    """What is wrong with a feed, and what to do about it."""

    code: str
    text: str
    remedy: str

    def __str__(self) -> str:
        return self.text


def alerts(feed: Feed, now: datetime | None = None) -> list[Alert]:
    """What is wrong with a feed now, the worst first; nothing if it is well."""
    last = list(feed.builds.exclude(status=BuildStatus.RUNNING)[:1])
    held = list(feed.builds.filter(status=BuildStatus.HELD)[:1])
    return judged(feed, [*held, *last], now or timezone.now())


def judged(feed: Feed, builds: Sequence[FeedBuild], now: datetime) -> list[Alert]:
    """As :func:`alerts`, of builds that were read already: the one that waits for a person, and
    the last one that is over, the newest first."""
    if not feed.is_enabled:
        return []
    if not isinstance(registry.shop(), SupportsFeed):
        remedy = _("Name an adapter with SupportsFeed in SHOP, or switch the feed off.")
        return [Alert(code="feed_not_supported", text=str(SupportsFeed.missing), remedy=remedy)]
    return [*_of_builds(builds), *_of_age(feed, now)]


def _of_builds(builds: Sequence[FeedBuild]) -> Iterator[Alert]:
    held = next((build for build in builds if build.status == BuildStatus.HELD), None)
    if held is not None:
        yield Alert(
            code="feed_build_held",
            text=_("A build waits for your decision: %s") % held.detail,
            remedy=_("Accept or discard it in the admin: eSputnik → Product feeds."),
        )
        return
    last = next(iter(builds), None)
    if last is not None and last.status in (BuildStatus.FAILED, BuildStatus.REFUSED):
        yield Alert(
            code="feed_build_failed",
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
        yield Alert(code="feed_never_built", text=_("It was never built."), remedy=remedy)
    else:
        hours = int((now - feed.built_at).total_seconds() // 3600)
        yield Alert(
            code="feed_too_old", text=_("It was not built for %s hours.") % hours, remedy=remedy
        )
