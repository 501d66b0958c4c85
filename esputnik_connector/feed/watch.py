"""What a person should know about the feeds, in words; and which of them are due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from logging import getLogger

from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector.models import Feed
from esputnik_connector.models.feed_build import BuildStatus

logger = getLogger(__name__)


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


def due() -> list[int]:
    """Feeds to build now. Says once of each feed that it has become stale."""
    now = timezone.now()
    for feed in Feed.objects.filter(is_enabled=True, stale_since=None):
        if feed.is_stale(now) and Feed.objects.filter(pk=feed.pk, stale_since=None).update(
            stale_since=now
        ):
            logger.error("feed %s was not built for %s hours", feed.name, feed.stale_hours)
    return list(Feed.objects.due(now).values_list("pk", flat=True))
