"""Build a feed: products in pages → temporary file → checks → storage → one UPDATE that publishes.

Whatever fails on the way, the file that is served stays. One build per feed at a time: a build
holds the feed's lease, and one that has lost the lease publishes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from logging import getLogger
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from esputnik_connector.conf import conf
from esputnik_connector.explanations import gettext as _
from esputnik_connector.feed.formats import writer_of
from esputnik_connector.feed.formats.base import stream
from esputnik_connector.models import Feed, FeedBuild, FeedProblem
from esputnik_connector.models.feed_build import BuildStatus

from . import manifest, safeguards, source
from .artifact import Artifact, delete_files, storage
from .changes import Change, Changes, compare
from .problems import Problems
from .publish import AlreadyBuilding, discard_held_builds, published_values
from .safeguards import Verdict
from .updates import Updates

logger = getLogger(__name__)

STORING_SECONDS = 3600  # a large file on its way to a remote storage, a former one from there
KEPT_BUILDS = 50  # of each feed
ROWS_PER_INSERT = 500


class Build:
    """One build of one feed. Either :meth:`run`, or :meth:`start` and then all of :meth:`pieces`.

    :param progress: called with the number of items written so far.
    """

    def __init__(self, feed: Feed, *, progress: Callable[[int], None] | None = None) -> None:
        self.feed = feed
        self.writer = writer_of(feed.format)
        self.problems = Problems()
        self._progress = progress or (lambda _count: None)
        self._renewed_at = timezone.now()
        self.row = FeedBuild(feed=feed, started_at=self._renewed_at)
        self._updates = Updates()

    def run(self) -> FeedBuild:
        """Build and publish. What goes wrong is written to the build's row and raised.

        :raises AlreadyBuilding: another worker, command or request builds this feed.
        """
        self.start()
        for _piece in self.pieces():
            pass
        return self.row

    def start(self) -> None:
        """Take the feed's lease and write the build's row.

        :raises AlreadyBuilding: another worker, command or request builds this feed.
        """
        lease = self.feed.lease(str(uuid4()), seconds=conf.LEASE_SECONDS)
        if lease is None:
            raise AlreadyBuilding(self.feed)
        self._lease = lease
        self.feed.refresh_from_db()
        interrupted = self.feed.builds.filter(status=BuildStatus.RUNNING)
        interrupted.update(
            status=BuildStatus.FAILED,
            finished_at=timezone.now(),
            detail=_("Interrupted: the worker was stopped."),
        )
        self.row.former_count = self.feed.item_count
        self.row.save()

    def pieces(self) -> Iterator[bytes]:
        """The file as it grows; published, held or refused after the last piece."""
        try:
            with Artifact() as artifact:
                yield from self._write(artifact)
                self._finish(artifact)
        except GeneratorExit:  # the CDP that read the first build as it was made went away
            self._fail(_("The reader left before the end."))
            raise
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}"[:500])
            raise
        finally:
            self._lease.release()

    def _write(self, artifact: Artifact) -> Iterator[bytes]:
        channel = source.channel(self.feed, self.row.started_at)
        products = artifact.manifest.recording(source.products(self.feed, self.problems))
        for piece, count in stream(self.writer, channel, products):
            artifact.write(piece, count)
            self._renew_lease()
            self._progress(artifact.count)
            yield piece
        artifact.close()

    def _renew_lease(self, seconds: float = 0) -> None:
        """Keep the lease for so many seconds; without a number only when a quarter of it has gone.

        :raises LostLease: this build was so slow that another one has taken over.
        """
        now = timezone.now()
        if not seconds and now - self._renewed_at < timedelta(seconds=conf.LEASE_SECONDS / 4):
            return
        self._lease.keep(seconds)
        self._renewed_at = now

    def _finish(self, artifact: Artifact) -> None:
        row = self.row
        self._renew_lease(STORING_SECONDS)
        changes = self._changes(artifact)
        row.changes = None if changes is None else changes.as_json()
        verdict = self._verdict(artifact, changes)
        row.status, row.detail = verdict.status, verdict.detail
        row.item_count, row.size, row.gzip_size = artifact.count, artifact.size, artifact.gzip_size
        row.digest = artifact.digest
        row.left_out, row.flawed = self.problems.left_out, self.problems.flawed
        row.serious, row.counts = self.problems.serious, dict(self.problems.counts)
        if verdict.status in (BuildStatus.PUBLISHED, BuildStatus.HELD):
            stored = artifact.store(self.feed.name, self.writer.EXTENSION)
            row.file, row.gzip_file = stored.file, stored.gzip_file
            row.manifest = stored.manifest
        try:
            self._record_result()
        except Exception:
            delete_files(row.files)
            row.file = row.gzip_file = row.manifest = ""
            raise
        if verdict.status in (BuildStatus.HELD, BuildStatus.REFUSED):
            logger.error("feed %s keeps its last good file: %s", self.feed.name, verdict.detail)

    def _changes(self, artifact: Artifact) -> Changes | None:
        """Against what is served; ``None`` when nothing is, or its items are not known."""
        feed = self.feed
        if not feed.file or not feed.manifest:
            return None
        if artifact.digest == feed.digest:
            return Changes()
        updates = Updates.of(feed)
        try:
            with storage().open(feed.manifest) as packed:
                former, present = manifest.read(packed), artifact.manifest.lines()
                changes = compare(former, present, hear=updates.hear)
        except Exception as error:  # storages raise what their vendors raise; it must sink no build
            logger.warning("feed %s: no comparison: %s", feed.name, type(error).__name__)
            return None
        self._add_flaws_of_removed(changes)
        self._updates = updates
        return changes

    def _add_flaws_of_removed(self, changes: Changes) -> None:
        """Say of a removed item which flaw of its product removed it, where there is one."""
        removed = {one.key for one in changes.examples[Change.REMOVED]}
        flaws = {
            problem.product_key: problem.flaw.value
            for problem in self.problems.examples
            if problem.product_key in removed
        }
        changes.examples[Change.REMOVED] = [
            replace(one, after=flaws.get(one.key, "")) for one in changes.examples[Change.REMOVED]
        ]

    def _verdict(self, artifact: Artifact, changes: Changes | None) -> Verdict:
        feed = self.feed
        return safeguards.verdict(
            written=artifact.count,
            found=safeguards.entries_in(artifact.file, self.writer),
            former=feed.item_count if feed.file else 0,
            removed=changes.counts[Change.REMOVED] if changes else 0,
            largest_shrink=feed.largest_shrink,
            is_changed=artifact.digest != feed.digest or not storage().exists(feed.file),
        )

    def _record_result(self) -> None:
        """Publish, replace the problems and close the build's row, all or nothing."""
        now = timezone.now()
        outdated: list[str] = []
        with transaction.atomic():
            values = _next_build(self.feed, is_good=True)
            if self.row.status != BuildStatus.REFUSED:
                outdated += discard_held_builds(self.feed)
            if self.row.status == BuildStatus.PUBLISHED:
                outdated += self.feed.former_files
                values |= published_values(self.feed, self.row)
                self._updates.write()
            if self.row.status in (BuildStatus.PUBLISHED, BuildStatus.UNCHANGED):
                values |= {"built_at": now, "stale_since": None}
            self._lease.write(**values)
            self._replace_problems()
            self.row.finished_at = now
            self.row.save()
            _delete_old_builds(self.feed)
        delete_files(outdated)

    def _replace_problems(self) -> None:
        self.feed.problems.all().delete()
        FeedProblem.objects.bulk_create(
            (
                FeedProblem(
                    feed=self.feed,
                    product_key=problem.product_key,
                    title=problem.title,
                    url=problem.url,
                    flaw=problem.flaw.value,
                    detail=problem.detail,
                )
                for problem in self.problems.examples
            ),
            batch_size=ROWS_PER_INSERT,
        )

    def _fail(self, detail: str) -> None:
        now = timezone.now()
        self.row.status, self.row.detail, self.row.finished_at = BuildStatus.FAILED, detail, now
        self.row.save()
        self.feed.failures += 1
        self._lease.held.update(**_next_build(self.feed, is_good=False))
        logger.error("feed %s was not built: %s", self.feed.name, detail)


def _next_build(feed: Feed, *, is_good: bool) -> dict[str, object]:
    """Columns of the feed: when the next build is due, after how many failures in a row."""
    feed.failures = 0 if is_good else feed.failures
    return {"failures": feed.failures, "due_at": timezone.now() + feed.next_build_in()}


def _delete_old_builds(feed: Feed) -> None:
    kept = feed.builds.order_by("-pk").values_list("pk", flat=True)[:KEPT_BUILDS]
    feed.builds.exclude(pk__in=list(kept)).exclude(status=BuildStatus.HELD).delete()
