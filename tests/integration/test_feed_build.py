"""Whatever goes wrong on the way, the last good file stays and somebody is told."""

from __future__ import annotations

import errno
import gzip
import tempfile
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from django.utils import timezone

from esputnik_connector import checks, tasks
from esputnik_connector.feed import artifact, schedule
from esputnik_connector.feed.artifact import storage
from esputnik_connector.feed.build import Build
from esputnik_connector.feed.publish import AlreadyBuilding, accept_build
from esputnik_connector.models import Feed
from esputnik_connector.models.feed_build import BuildStatus
from esputnik_connector.models.lease import LostLease
from esputnik_connector.operations.health import feeds
from tests.feeds import google_items, product

pytestmark = pytest.mark.django_db


class Bucket(FileSystemStorage):
    """Like S3: no path, no rename, and it may fail in mid-write or lie about what it kept."""

    breaks_after = -1
    loses = 0

    def path(self, name):
        raise NotImplementedError("a bucket has no path")

    def _at(self, name):
        return super().path(name)

    def _open(self, name, mode="rb"):
        from django.core.files.base import File

        return File(open(self._at(name), mode))

    def exists(self, name):
        import os

        return os.path.exists(self._at(name))

    def size(self, name):
        import os

        return os.path.getsize(self._at(name)) - self.loses

    def delete(self, name):
        import os

        if os.path.exists(self._at(name)):
            os.remove(self._at(name))

    def _save(self, name, content):
        import os

        os.makedirs(os.path.dirname(self._at(name)), exist_ok=True)
        with open(self._at(name), "wb") as file:
            data = content.read()
            file.write(data if self.breaks_after < 0 else data[: self.breaks_after])
        if self.breaks_after >= 0:
            raise ConnectionResetError("the bucket is gone")
        return name


@pytest.fixture(autouse=True)
def _bucket(settings, tmp_path, plain_shop, monkeypatch):
    settings.STORAGES = {
        **settings.STORAGES,
        "feeds": {"BACKEND": f"{__name__}.Bucket", "OPTIONS": {"location": str(tmp_path)}},
    }
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "FEED_STORAGE": "feeds"}
    monkeypatch.setattr(Bucket, "breaks_after", -1)
    monkeypatch.setattr(Bucket, "loses", 0)


@pytest.fixture
def shelf(plain_shop):
    """Fill the shop with so many products."""

    def fill(number: int, **values: object) -> None:
        plain_shop.goods = [product(key=str(key), **values) for key in range(1, number + 1)]

    fill(10)
    return fill


@pytest.fixture
def feed(db):
    made = Feed.objects.create(name="main", language="uk", currency="UAH")
    made.attributes.create(field="brand", attribute="brand")
    return made


def served(feed):
    feed.refresh_from_db()
    with storage().open(feed.file) as file:
        return google_items(file.read())


def names(tmp_path):
    return sorted(path.name for path in tmp_path.rglob("*") if path.is_file())


def test_a_build_is_published_in_both_packings(feed, shelf, tmp_path):
    row = Build(feed).run()
    assert row.status == BuildStatus.PUBLISHED
    assert len(served(feed)) == row.item_count == feed.item_count == 10
    with storage().open(feed.gzip_file) as packed, storage().open(feed.file) as file:
        assert gzip.decompress(packed.read()) == file.read()
    assert feed.built_at is not None
    assert feed.due_at - timezone.now() > timedelta(hours=23)
    assert len(names(tmp_path)) == 3  # and a list of its items
    assert all(len(name) > 36 for name in names(tmp_path))  # not to be guessed


def test_an_unchanged_catalogue_changes_no_file(feed, shelf):
    Build(feed).run()
    feed.refresh_from_db()
    before = feed.file, feed.changed_at
    assert Build(feed).run().status == BuildStatus.UNCHANGED
    feed.refresh_from_db()
    assert (feed.file, feed.changed_at) == before


def test_a_file_that_somebody_deleted_is_made_again(feed, shelf):
    Build(feed).run()
    feed.refresh_from_db()
    storage().delete(feed.file)
    assert Build(feed).run().status == BuildStatus.PUBLISHED
    assert len(served(feed)) == 10


def test_the_former_file_stays_for_who_reads_it_and_goes_next_time(feed, shelf, tmp_path):
    files = []
    for number in (10, 11, 12):
        shelf(number)
        Build(feed).run()
        feed.refresh_from_db()
        files.append(feed.file)
    left = names(tmp_path)
    assert len(left) == 6
    assert not any(name in files[0] for name in left)


@pytest.mark.parametrize(
    ("number", "words", "code"),
    [
        (0, "empty", "feed_empty"),
        (7, "Only 7 items instead of 10 (30 % less)", "feed_in_order"),
    ],
)
def test_a_shrunk_build_waits_for_a_person(feed, shelf, number, words, code, caplog):
    Build(feed).run()
    shelf(number)
    row = Build(feed).run()
    assert row.status == BuildStatus.HELD
    assert words in row.detail
    assert len(served(feed)) == 10
    assert words in feeds.state(feed)[0].text
    assert "keeps its last good file" in caplog.text
    assert accept_build(row)
    assert len(served(feed)) == number
    assert [each.code for each in feeds.state(feed)] == [code]
    assert not accept_build(row)  # once is enough


def test_a_newer_build_settles_what_waited(feed, shelf, tmp_path):
    Build(feed).run()
    shelf(2)
    held = Build(feed).run()
    shelf(11)
    Build(feed).run()
    held.refresh_from_db()
    assert held.status == BuildStatus.DISCARDED
    assert len(served(feed)) == 11
    assert len(names(tmp_path)) == 6


def test_a_file_that_does_not_parse_is_refused(feed, shelf, monkeypatch):
    Build(feed).run()
    shelf(11)
    monkeypatch.setattr("esputnik_connector.feed.formats.google.tail", lambda: "</rss>")
    row = Build(feed).run()
    assert row.status == BuildStatus.REFUSED
    assert "mismatched tag" in row.detail
    assert len(served(feed)) == 10


def test_a_storage_that_fails_in_mid_write_leaves_the_last_good_file(
    feed, shelf, tmp_path, monkeypatch
):
    Build(feed).run()
    before = names(tmp_path)
    shelf(11)
    monkeypatch.setattr(Bucket, "breaks_after", 100)
    with pytest.raises(ConnectionResetError):
        Build(feed).run()
    assert len(served(feed)) == 10
    assert names(tmp_path) == before
    assert "the bucket is gone" in feeds.state(feed)[0].text
    assert timezone.now() < feed.due_at < timezone.now() + timedelta(minutes=16)


def test_a_storage_that_keeps_less_than_it_got_is_noticed(feed, shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(Bucket, "loses", 1)
    with pytest.raises(artifact.StorageError):
        Build(feed).run()
    feed.refresh_from_db()
    assert feed.file == ""
    assert names(tmp_path) == []


def test_a_full_disk_leaves_the_last_good_file(feed, shelf, monkeypatch):
    Build(feed).run()
    shelf(11)

    class FullDisk(tempfile.SpooledTemporaryFile):
        def write(self, _piece):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_options: FullDisk())
    with pytest.raises(OSError, match="No space left"):
        Build(feed).run()
    assert len(served(feed)) == 10
    assert "No space left" in feed.builds.first().detail


def test_a_shop_that_fails_half_way_leaves_the_last_good_file(feed, shelf, plain_shop, monkeypatch):
    Build(feed).run()

    def broken(self, **_options):
        yield product()
        raise RuntimeError("the database went away")

    monkeypatch.setattr(plain_shop, "products", broken)
    with pytest.raises(RuntimeError):
        Build(feed).run()
    assert len(served(feed)) == 10
    feed.refresh_from_db()
    assert (feed.failures, feed.holder) == (1, "")


def test_failures_are_tried_again_ever_later(feed):
    waits = []
    for feed.failures in (1, 2, 3, 9, 60):
        waits.append(feed.next_build_in())
    minutes = [wait / timedelta(minutes=1) for wait in waits]
    assert minutes == [15, 30, 60, 1440, 1440]


def test_two_builds_at_once_are_one(feed, shelf):
    first = Build(feed)
    first.start()
    pieces = first.pieces()
    next(pieces)
    with pytest.raises(AlreadyBuilding):
        Build(Feed.objects.get()).run()
    assert list(Feed.objects.due(timezone.now() + timedelta(seconds=1))) == []
    assert list(pieces)
    assert first.row.status == BuildStatus.PUBLISHED
    assert len(served(feed)) == 10


def test_a_build_that_slept_too_long_does_not_overwrite_its_successor(feed, shelf, tmp_path):
    slow = Build(feed)
    slow.start()
    pieces = slow.pieces()
    next(pieces)
    Feed.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    shelf(12)
    Build(Feed.objects.get()).run()
    with pytest.raises(LostLease):
        list(pieces)
    assert len(served(feed)) == 12
    assert len(names(tmp_path)) == 3
    assert [row.status for row in feed.builds.order_by("pk")] == ["failed", "published"]


def test_a_build_that_is_overtaken_while_it_stores_leaves_no_file_behind(
    feed, shelf, tmp_path, monkeypatch
):
    Build(feed).run()
    shelf(12)
    before = names(tmp_path)
    store = artifact.Artifact.store

    def overtaken(self, *args):
        stored = store(self, *args)
        Feed.objects.update(holder="another worker")
        return stored

    monkeypatch.setattr(artifact.Artifact, "store", overtaken)
    with pytest.raises(LostLease):
        Build(feed).run()
    assert names(tmp_path) == before
    assert len(served(feed)) == 10
    failed = feed.builds.first()
    assert (failed.status, failed.files) == ("failed", [])


def test_a_file_that_cannot_be_deleted_only_takes_space(feed, shelf, monkeypatch, caplog):
    def denied(*_args):
        raise PermissionError("read-only")

    Build(feed).run()
    shelf(12)
    Build(feed).run()
    shelf(11)
    monkeypatch.setattr(Bucket, "delete", denied)
    assert Build(feed).run().status == BuildStatus.PUBLISHED
    assert len(served(feed)) == 11
    assert "an old feed file was not deleted: PermissionError" in caplog.text


def test_a_killed_worker_is_noticed_by_the_next_build(feed, shelf):
    killed = Build(feed)
    killed.start()
    Feed.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    Build(Feed.objects.get()).run()
    killed.row.refresh_from_db()
    assert killed.row.status == BuildStatus.FAILED


def test_problems_of_the_last_build_are_kept_with_their_reason(feed, shelf, plain_shop):
    plain_shop.goods = [product(), product(key="2", price=None), product(key="3", description="")]
    row = Build(feed).run()
    assert row.counts == {"no_price": 1, "no_description": 1}
    assert (row.item_count, row.left_out, row.flawed) == (2, 1, 2)
    assert row.error_rate == pytest.approx(2 / 3)
    found = set(feed.problems.values_list("product_key", "flaw"))
    assert found == {("2", "no_price"), ("3", "no_description")}
    shelf(3)
    row = Build(feed).run()
    assert feed.problems.count() == 0
    assert row.difference == 1


def test_a_feed_that_is_not_built_for_long_is_an_alert_once(feed, shelf, caplog):
    Build(feed).run()
    Feed.objects.update(built_at=timezone.now() - timedelta(hours=49))
    feed.refresh_from_db()
    assert "Out of date since" in feeds.state(feed)[0].text
    schedule.due_feeds()
    schedule.due_feeds()
    assert caplog.text.count("was not built for") == 1


def test_the_sweep_builds_what_is_due_and_nothing_else(feed, shelf, monkeypatch):
    Feed.objects.create(name="off", language="uk", currency="UAH", is_enabled=False)
    started = []
    monkeypatch.setattr(tasks.build_feed, "apply_async", lambda args, **_: started.append(args))
    tasks.feeds()
    assert started == [(feed.pk,)]
    tasks.build_feed(feed.pk)
    tasks.feeds()
    assert started == [(feed.pk,)]
    assert len(served(feed)) == 10


# The command


def run(*args):
    out = StringIO()
    call_command("esputnik_feed", *args, stdout=out, stderr=out)
    return out.getvalue()


def test_the_command_builds_lists_and_rotates(feed, shelf):
    assert "main: published, 10 items" in run("build")
    old = Feed.objects.get().secret
    assert f"https://shop.example/esputnik/feeds/{feed.pk}.{old}/uk.xml" in run("list")
    assert "https://shop.example/" in run("rotate", "main")
    assert Feed.objects.get().secret != old
    assert run("build", "--due") == ""


def test_the_command_goes_on_to_the_next_feed_when_one_fails(feed, shelf):
    busy = Feed.objects.create(name="a-busy-one", language="uk", currency="UAH")
    Feed.objects.filter(pk=busy.pk).update(
        holder="worker", leased_until=timezone.now() + timedelta(minutes=1)
    )
    broken = Feed.objects.create(name="broken", language="uk", currency="UAH")
    broken.attributes.create(field="brand", attribute="brand")
    Feed.objects.filter(pk=broken.pk).update(format="paper")
    out = StringIO()
    with pytest.raises(CommandError, match="Not built: a-busy-one, broken"):
        call_command("esputnik_feed", "build", stdout=out, stderr=out)
    assert "“a-busy-one” is being built already" in out.getvalue()
    assert "main: published, 10 items" in out.getvalue()


def test_a_feed_in_order_is_said_to_be(feed, shelf):
    run("build")
    assert "main: In order" in run("check", "--offline")


def test_the_command_ends_with_an_error_when_something_waits(feed, shelf):
    run("build")
    shelf(1)
    with pytest.raises(CommandError, match="main"):
        run("build", "main")
    with pytest.raises(SystemExit):
        run("check", "--offline")
    with pytest.raises(CommandError, match="no feed"):
        run("build", "other")
    with pytest.raises(CommandError, match="Name the feed"):
        run("rotate")


def test_a_storage_that_does_not_exist_is_an_error_of_the_settings(settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "FEED_STORAGE": "nowhere",
    }  # fmt: skip
    assert [message.id for message in checks.check_feeds()] == ["esputnik_connector.E020"]


def test_a_price_may_hold_four_decimals(feed, shelf, plain_shop):
    plain_shop.goods = [product(price=Decimal("19.9949"))]
    Build(feed).run()
    assert served(feed)["1"]["price"] == "19.99 UAH"
