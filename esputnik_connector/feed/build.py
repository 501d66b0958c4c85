"""Build a feed: products in pages → temporary file → checks → storage → one UPDATE that swaps.

Whatever fails on the way, the file that is served stays. One build per feed at a time: who builds
holds a lease, and the swap is refused to one who lost it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from logging import getLogger
from uuid import uuid4

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector.conf import conf
from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.feed.formats.base import stream
from esputnik_connector.feed.formats.formats import writer_of
from esputnik_connector.models import Feed, FeedBuild, FeedProblem
from esputnik_connector.models.feed_build import BuildStatus

from . import manifest, safeguards, source
from .artifact import Draft, remove, storage
from .changes import Change, Changes, between
from .problems import Problems
from .publish import busy, superseded, swap
from .safeguards import Verdict

logger = getLogger(__name__)

STORING_SECONDS = 3600  # a large file on its way to a far storage, a former one from there
KEPT_BUILDS = 50  # of each feed
ROWS_AT_ONCE = 500


class LostLease(ConnectorError):
    """This build was so slow that another one has taken over."""


class Build:
    """One build of one feed. Either :meth:`run`, or :meth:`start` and then all of :meth:`pieces`.

    :param progress: told how many items there are so far.
    """

    def __init__(self, feed: Feed, *, progress: Callable[[int], None] | None = None) -> None:
        self.feed = feed
        self.holder = str(uuid4())
        self.writer = writer_of(feed.format)
        self.problems = Problems()
        self._progress = progress or (lambda _count: None)
        self._renewed_at = timezone.now()
        self.row = FeedBuild(feed=feed, started_at=self._renewed_at)

    def run(self) -> FeedBuild:
        """:raises BuildBusy: somebody else is at it. What else goes wrong is noted and raised."""
        self.start()
        for _piece in self.pieces():
            pass
        return self.row

    def start(self) -> None:
        """:raises BuildBusy: somebody else is at it."""
        if not self.feed.lease(self.holder, seconds=conf.LEASE_SECONDS, now=timezone.now()):
            raise busy(self.feed)
        self.feed.refresh_from_db()
        silent = self.feed.builds.filter(status=BuildStatus.RUNNING)
        silent.update(
            status=BuildStatus.FAILED,
            finished_at=timezone.now(),
            detail=_("Interrupted: the worker was stopped."),
        )
        self.row.former_count = self.feed.item_count
        self.row.save()

    def pieces(self) -> Iterator[bytes]:
        """The file as it grows; published, held or refused after the last piece."""
        try:
            with Draft() as draft:
                yield from self._written(draft)
                self._finish(draft)
        except GeneratorExit:  # who read the first build as it was made went away
            self._fail(_("The reader left before the end."))
            raise
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}"[:500])
            raise
        finally:
            self.feed.release(self.holder)

    def _written(self, draft: Draft) -> Iterator[bytes]:
        channel = source.channel(self.feed, self.row.started_at)
        products = draft.manifest.noting(source.products(self.feed, self.problems))
        for piece, count in stream(self.writer, channel, products):
            draft.write(piece, count)
            self._stay()
            self._progress(draft.count)
            yield piece
        draft.close()

    def _stay(self, seconds: float = 0) -> None:
        """Keep the lease. :raises LostLease: it went to somebody else."""
        now = timezone.now()
        if not seconds and now - self._renewed_at < timedelta(seconds=conf.LEASE_SECONDS / 4):
            return
        until = now + timedelta(seconds=seconds or conf.LEASE_SECONDS)
        mine = Feed.objects.filter(pk=self.feed.pk, holder=self.holder)
        if not mine.update(leased_until=until):
            raise LostLease(_("Another build of this feed has taken over."))
        self._renewed_at = now

    def _finish(self, draft: Draft) -> None:
        row = self.row
        self._stay(STORING_SECONDS)
        changes = self._changes(draft)
        row.changes = None if changes is None else changes.as_json()
        decision = self._decision(draft, changes)
        row.status, row.detail = decision.status, decision.detail
        row.item_count, row.size, row.gzip_size = draft.count, draft.size, draft.gzip_size
        row.digest = draft.digest
        row.left_out, row.flawed = self.problems.left_out, self.problems.flawed
        row.counts = dict(self.problems.counts)
        if decision.status in (BuildStatus.PUBLISHED, BuildStatus.HELD):
            stored = draft.store(self.feed.name, self.writer.EXTENSION)
            row.file, row.gzip_file = stored.file, stored.gzip_file
            row.manifest = stored.manifest
        try:
            self._settle()
        except Exception:
            remove(row.files)
            row.file = row.gzip_file = row.manifest = ""
            raise
        if decision.status in (BuildStatus.HELD, BuildStatus.REFUSED):
            logger.error("feed %s keeps its last good file: %s", self.feed.name, decision.detail)

    def _changes(self, draft: Draft) -> Changes | None:
        """Against what is served; ``None`` when nothing is, or when nobody knows its items."""
        feed = self.feed
        if not feed.file or not feed.manifest:
            return None
        if draft.digest == feed.digest:
            return Changes()
        try:
            with storage().open(feed.manifest) as packed:
                changes = between(manifest.read(packed), draft.manifest.lines())
        except Exception as error:  # storages raise what their vendors raise; it must sink no build
            logger.warning("feed %s: no comparison: %s", feed.name, type(error).__name__)
            return None
        self._explain(changes)
        return changes

    def _explain(self, changes: Changes) -> None:
        """Why an item is gone, where a problem of its product tells."""
        gone = {one.key for one in changes.examples[Change.REMOVED]}
        flaws = {
            problem.product_key: problem.flaw.value
            for problem in self.problems.examples
            if problem.product_key in gone
        }
        changes.examples[Change.REMOVED] = [
            replace(one, after=flaws.get(one.key, "")) for one in changes.examples[Change.REMOVED]
        ]

    def _decision(self, draft: Draft, changes: Changes | None) -> Verdict:
        feed = self.feed
        return safeguards.verdict(
            written=draft.count,
            found=safeguards.entries_in(draft.file, self.writer),
            former=feed.item_count if feed.file else 0,
            removed=changes.counts[Change.REMOVED] if changes else 0,
            largest_shrink=feed.largest_shrink,
            is_changed=draft.digest != feed.digest or not storage().exists(feed.file),
        )

    def _settle(self) -> None:
        """The swap, the problems and the history, all or nothing."""
        now = timezone.now()
        outdated: list[str] = []
        with transaction.atomic():
            values = after(self.feed, is_good=True)
            if self.row.status != BuildStatus.REFUSED:
                outdated += superseded(self.feed)
            if self.row.status == BuildStatus.PUBLISHED:
                outdated += self.feed.former_files
                values |= swap(self.feed, self.row)
            if self.row.status in (BuildStatus.PUBLISHED, BuildStatus.UNCHANGED):
                values |= {"built_at": now, "stale_since": None}
            if not Feed.objects.filter(pk=self.feed.pk, holder=self.holder).update(**values):
                raise LostLease(_("Another build of this feed has taken over."))
            self._replace_problems()
            self.row.finished_at = now
            self.row.save()
            _forget_old_builds(self.feed)
        remove(outdated)

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
            batch_size=ROWS_AT_ONCE,
        )

    def _fail(self, detail: str) -> None:
        now = timezone.now()
        self.row.status, self.row.detail, self.row.finished_at = BuildStatus.FAILED, detail, now
        self.row.save()
        mine = Feed.objects.filter(pk=self.feed.pk, holder=self.holder)
        self.feed.failures += 1
        mine.update(**after(self.feed, is_good=False))
        logger.error("feed %s was not built: %s", self.feed.name, detail)


def after(feed: Feed, *, is_good: bool) -> dict[str, object]:
    """When the next build is due; a failed one is tried again sooner, then ever later."""
    feed.failures = 0 if is_good else feed.failures
    return {"failures": feed.failures, "due_at": timezone.now() + feed.wait()}


def _forget_old_builds(feed: Feed) -> None:
    kept = feed.builds.order_by("-pk").values_list("pk", flat=True)[:KEPT_BUILDS]
    feed.builds.exclude(pk__in=list(kept)).exclude(status=BuildStatus.HELD).delete()
