"""Which feeds are to be built now."""

from __future__ import annotations

from logging import getLogger

from django.utils import timezone

from esputnik_connector.models import Feed, Heartbeat

logger = getLogger(__name__)

HEARTBEAT = "feeds"


def due_feeds() -> list[int]:
    """Primary keys of the feeds to build now, for whoever builds them: it leaves a heartbeat. Logs
    once of each feed that it has become stale."""
    Heartbeat.beat(HEARTBEAT)
    now = timezone.now()
    for feed in Feed.objects.filter(is_enabled=True, stale_since=None):
        if feed.is_stale(now) and Feed.objects.filter(pk=feed.pk, stale_since=None).update(
            stale_since=now
        ):
            logger.error("feed %s was not built for %s hours", feed.name, feed.stale_hours)
    return list(Feed.objects.due(now).values_list("pk", flat=True))
