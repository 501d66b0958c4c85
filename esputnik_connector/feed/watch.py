"""What a person should know about the feeds, in words; and which of them are due."""

from __future__ import annotations

from datetime import datetime
from logging import getLogger

from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector.models import Feed
from esputnik_connector.models.feed_build import BuildStatus

logger = getLogger(__name__)


def alerts(feed: Feed, now: datetime | None = None) -> list[str]:
    """What is wrong with a feed now, the worst first; nothing if it is well."""
    now = now or timezone.now()
    if not feed.is_enabled:
        return []
    found = []
    last = feed.builds.exclude(status=BuildStatus.RUNNING).first()
    held = feed.builds.filter(status=BuildStatus.HELD).first()
    if held is not None:
        found.append(_("A build waits for your decision: %s") % held.detail)
    elif last is not None and last.status in (BuildStatus.FAILED, BuildStatus.REFUSED):
        found.append(_("The last build failed: %s") % last.detail)
    if feed.is_stale(now):
        if feed.built_at is None:
            found.append(_("It was never built."))
        else:
            hours = int((now - feed.built_at).total_seconds() // 3600)
            found.append(_("It was not built for %s hours.") % hours)
    return found


def due() -> list[int]:
    """Feeds to build now. Says once of each feed that it has become stale."""
    now = timezone.now()
    for feed in Feed.objects.filter(is_enabled=True, stale_since=None):
        if feed.is_stale(now) and Feed.objects.filter(pk=feed.pk, stale_since=None).update(
            stale_since=now
        ):
            logger.error("feed %s was not built for %s hours", feed.name, feed.stale_hours)
    return list(Feed.objects.due(now).values_list("pk", flat=True))
