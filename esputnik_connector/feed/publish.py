"""Which build is served: the swap itself, and what a person decides about a build that waits."""

from __future__ import annotations

from uuid import uuid4

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector.conf import conf
from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.models import Feed, FeedBuild
from esputnik_connector.models.feed_build import BuildStatus

from .artifact import remove, storage


class BuildBusy(ConnectorError):
    """Somebody else builds this feed now."""


def busy(feed: Feed) -> BuildBusy:
    return BuildBusy(_("The feed “%s” is being built already.") % feed.name)


def swap(feed: Feed, row: FeedBuild) -> dict[str, object]:
    """What makes a build the one that is served. The former file stays for who reads it now."""
    return {
        "file": row.file,
        "gzip_file": row.gzip_file,
        "manifest": row.manifest,
        "former_files": feed.files,
        "digest": row.digest,
        "size": row.size,
        "gzip_size": row.gzip_size,
        "item_count": row.item_count,
        "changed_at": timezone.now(),
    }


def superseded(feed: Feed) -> list[str]:
    """Discard builds that still wait for a person: a newer one knows better. Their files."""
    names: list[str] = []
    for held in feed.builds.filter(status=BuildStatus.HELD):
        names += discard(held)
    return names


def discard(held: FeedBuild) -> list[str]:
    names = held.files
    held.status = BuildStatus.DISCARDED
    held.file = held.gzip_file = held.manifest = ""
    held.save(update_fields=["status", "file", "gzip_file", "manifest"])
    return names


def accept(held: FeedBuild) -> bool:
    """A person says that a held build is right: it is served from now on.

    :raises BuildBusy: the feed is being built at this moment.
    """
    feed, holder = held.feed, str(uuid4())
    if not feed.lease(holder, seconds=conf.LEASE_SECONDS, now=timezone.now()):
        raise busy(feed)
    try:
        held.refresh_from_db()
        feed.refresh_from_db()
        if held.status != BuildStatus.HELD or not storage().exists(held.file):
            return False
        outdated = list(feed.former_files)
        good = {"built_at": held.finished_at, "stale_since": None}
        with transaction.atomic():
            Feed.objects.filter(pk=feed.pk).update(**swap(feed, held), **good)
            held.status = BuildStatus.PUBLISHED
            held.save(update_fields=["status"])
    finally:
        feed.release(holder)
    remove(outdated)
    return True
