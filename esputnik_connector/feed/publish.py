"""Which build is served: publishing one, and what the merchant decides about a held one."""

from __future__ import annotations

from logging import getLogger
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from esputnik_connector.conf import conf
from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.models import Feed, FeedBuild
from esputnik_connector.models.feed_build import BuildStatus

from . import manifest
from .artifact import delete_files, storage
from .changes import compare
from .updates import Updates

logger = getLogger(__name__)


class AlreadyBuilding(ConnectorError):
    """Another worker, command or request builds this feed now."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(_("The feed “%s” is being built already.") % feed.name)


def published_values(feed: Feed, build: FeedBuild) -> dict[str, object]:
    """Columns of the feed that make a build the one that is served.

    The former files stay until the next build: a CDP may be reading them at this moment.
    """
    return {
        "file": build.file,
        "gzip_file": build.gzip_file,
        "manifest": build.manifest,
        "former_files": feed.files,
        "digest": build.digest,
        "size": build.size,
        "gzip_size": build.gzip_size,
        "item_count": build.item_count,
        "changed_at": timezone.now(),
    }


def discard_held_builds(feed: Feed) -> list[str]:
    """Discard the builds that wait for the merchant, because a newer one is there.

    :returns: the names of their files, to be deleted after the commit.
    """
    names: list[str] = []
    for held in feed.builds.filter(status=BuildStatus.HELD):
        names += discard_build(held)
    return names


def discard_build(held: FeedBuild) -> list[str]:
    """The merchant refuses a held build.

    :returns: the names of its files, to be deleted after the commit.
    """
    names = held.files
    held.status = BuildStatus.DISCARDED
    held.file = held.gzip_file = held.manifest = ""
    held.save(update_fields=["status", "file", "gzip_file", "manifest"])
    return names


def accept_build(held: FeedBuild) -> bool:
    """The merchant accepts a held build: it is served from now on.

    :returns: False when it is no longer held, or its file is gone.
    :raises AlreadyBuilding: the feed is being built at this moment.
    """
    feed = held.feed
    lease = feed.lease(str(uuid4()), seconds=conf.LEASE_SECONDS)
    if lease is None:
        raise AlreadyBuilding(feed)
    with lease:
        held.refresh_from_db()
        feed.refresh_from_db()
        if held.status != BuildStatus.HELD or not storage().exists(held.file):
            return False
        updates = _updates(feed, held)
        outdated = list(feed.former_files)
        fresh = {"built_at": held.finished_at, "stale_since": None}
        with transaction.atomic():
            Feed.objects.filter(pk=feed.pk).update(**published_values(feed, held), **fresh)
            held.status = BuildStatus.PUBLISHED
            held.save(update_fields=["status"])
            updates.write()
    delete_files(outdated)
    return True


def _updates(feed: Feed, held: FeedBuild) -> Updates:
    """What changes for visitors by this build, where a storefront tells of it."""
    updates = Updates.of(feed)
    if not (updates.storefronts and feed.manifest and held.manifest):
        return Updates()
    try:
        with storage().open(feed.manifest) as former, storage().open(held.manifest) as present:
            compare(manifest.read(former), manifest.read(present), hear=updates.hear)
    except Exception as error:  # storages raise what their vendors raise
        logger.warning("feed %s: no comparison: %s", feed.name, type(error).__name__)
        return Updates()
    return updates
