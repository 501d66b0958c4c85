"""Product feeds from the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.exceptions import ConfigurationError, ConnectorError
from esputnik_connector.feed import source
from esputnik_connector.feed.build import Build
from esputnik_connector.feed.changes import LABELS, Changes, change_text, from_json
from esputnik_connector.feed.links import feed_url, fetch_trouble
from esputnik_connector.feed.publish import AlreadyBuilding
from esputnik_connector.feed.schedule import due_feeds
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.models import Connection, Feed, FeedBuild
from esputnik_connector.models.feed import FeedFormat
from esputnik_connector.models.feed_build import FLAWS, BuildStatus, Flaw
from esputnik_connector.models.timezones import local_time
from esputnik_connector.operations.feed_registration import (
    REGISTRATIONS,
    one_per_language,
    register,
    registering_connections,
    registration_of,
    shown,
)
from esputnik_connector.operations.health.feeds import state
from esputnik_connector.operations.health.findings import Level, worst
from esputnik_connector.shops.base import SupportsFeed

Progress = Callable[[int], None]


class Command(ReportingCommand):
    help = (
        "Product feeds: list them with their addresses, build them, check that they are well and "
        "can be read from outside, give them a new secret address, or register them at the account."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "build", "check", "rotate", "register"])
        parser.add_argument("name", nargs="?", help=_("name of one feed; all if left out"))
        parser.add_argument(
            "--connection", help=_("register at the account of this one, if there are several")
        )
        parser.add_argument(
            "--due", action="store_true", help=_("build only feeds whose time has come")
        )
        parser.add_argument(
            "--offline", action="store_true", help=_("check without fetching the address")
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        feeds = _chosen(options["name"])
        if options["action"] == "list":
            self._list(feeds)
        elif options["action"] == "build":
            self._require_catalogue()
            due = due_feeds()
            self._build(feeds.filter(pk__in=due) if options["due"] else feeds)
        elif options["action"] == "check":
            self._check(feeds, is_offline=options["offline"])
        elif options["action"] == "register":
            self._register(feeds, options["connection"], is_named=bool(options["name"]))
        elif options["name"]:
            self._rotate(feeds.get())
        else:
            raise CommandError(_("Name the feed that gets a new address."))

    def _list(self, feeds: QuerySet[Feed]) -> None:
        for feed in feeds:
            state = _("on") if feed.is_enabled else _("off")
            built = f"{local_time(feed.built_at):%Y-%m-%d %H:%M}" if feed.built_at else "–"
            what = f"{feed.format} {feed.language} {feed.currency}"
            self.stdout.write(f"{feed.name}: {state}, {what}, {feed.item_count}, {built}")
            self.stdout.write(f"    {_address(feed)}")

    def _build(self, feeds: QuerySet[Feed]) -> None:
        failed = []
        for feed in feeds.filter(is_enabled=True):
            try:
                with self._progress(feed) as progress:
                    row = Build(feed, progress=progress).run()
            except AlreadyBuilding as error:
                self.stderr.write(str(error))
                failed.append(feed.name)
                continue
            except Exception as error:  # the next feed is not to blame; the build's row has it
                self.stderr.write(f"{feed.name}: {type(error).__name__}: {error}")
                failed.append(feed.name)
                continue
            self._report(row)
            if row.status in (BuildStatus.HELD, BuildStatus.REFUSED):
                failed.append(feed.name)
        if failed:
            raise CommandError(_("Not built: %s") % ", ".join(failed))

    def _require_catalogue(self) -> None:
        try:
            SupportsFeed.of(registry.shop())
        except ConfigurationError as error:
            raise CommandError(str(error)) from error

    @contextmanager
    def _progress(self, feed: Feed) -> Iterator[Progress | None]:
        """A bar on a terminal that has tqdm; nothing in a log."""
        try:
            from tqdm import tqdm
        except ImportError:
            yield None
            return
        shop = SupportsFeed.of(registry.shop())
        total = shop.product_count(source.assortment(feed))
        is_silent = not self.stderr.isatty()
        with tqdm(total=total, desc=feed.name, unit=" items", disable=is_silent) as bar:
            yield lambda count: bar.update(count - bar.n) and None

    def _report(self, row: FeedBuild) -> None:
        text = _("%(name)s: %(status)s, %(items)s items, %(left_out)s left out, %(seconds).1f s")
        self.stdout.write(
            text
            % {
                "name": row.feed.name,
                "status": row.get_status_display(),
                "items": row.item_count,
                "left_out": row.left_out,
                "seconds": row.seconds,
            }
        )
        if row.detail:
            self.stdout.write(f"    {row.detail}")
        for flaw, count in sorted(row.counts.items()):
            self.stdout.write(f"    {count} × {FLAWS[Flaw(flaw)]}")
        self._show_changes(row)

    def _show_changes(self, row: FeedBuild | None) -> None:
        if row is None or row.changes is None:
            return
        changes: Changes = from_json(row.changes)
        for change, count in changes.counts.items():
            if not count:
                continue
            examples = changes.examples[change]
            self.stdout.write(f"    {count} × {LABELS[change]}")
            for one in examples:
                line = f"        {one.key}  {one.title}  {change_text(change, one)}"
                self.stdout.write(line.rstrip())
            if count > len(examples):
                self.stdout.write("        " + _("… and %s more") % (count - len(examples)))

    def _check(self, feeds: QuerySet[Feed], *, is_offline: bool) -> None:
        is_well = True
        styles = {
            Level.OK: self.style.SUCCESS,
            Level.WARNING: self.style.WARNING,
            Level.PROBLEM: self.style.ERROR,
        }
        for feed in feeds.filter(is_enabled=True):
            found = state(feed)
            for each in found:
                self.stdout.write(styles[each.level](f"{feed.name}: {each.text}"))
            trouble = "" if is_offline else fetch_trouble(feed)
            if trouble:
                self.stdout.write(self.style.ERROR(f"{feed.name}: {trouble}"))
            latest = feed.builds.compared().exclude(status=BuildStatus.DISCARDED)
            self._show_changes(latest.first())
            is_well = is_well and not trouble and worst(found) is not Level.PROBLEM
        if not is_well:
            raise SystemExit(1)

    def _register(self, feeds: QuerySet[Feed], name: str | None, *, is_named: bool) -> None:
        """Tell the account; without a name one feed for each language."""
        connection = _registering(name)
        chosen: list[Feed] = list(feeds)
        left: list[Feed] = []
        if not is_named:
            usable = feeds.filter(is_enabled=True, format=FeedFormat.GOOGLE)
            chosen, left = one_per_language(usable)
        if not chosen:
            raise CommandError(_("There is no feed that could be registered."))
        try:
            known = register(connection, chosen)
            states = {feed.name: registration_of(feed, known) for feed in chosen}
        except ConnectorError as error:
            raise CommandError(str(error)) from error
        for feed_name, registration in states.items():
            self.stdout.write(f"{feed_name}: {REGISTRATIONS[registration]}")
        for feed in left:
            text = _("%(name)s: left out, its language has another feed; name it to register it")
            self.stdout.write(text % {"name": feed.name})
        self.stdout.write(_("The account “%(name)s” reads:") % {"name": connection.name})
        for one in known:
            self.stdout.write(f"    {shown(one)}")

    def _rotate(self, feed: Feed) -> None:
        feed.rotate()
        self.stdout.write(_("The old address answers 404 from now on. Paste the new one:"))
        self.stdout.write(_address(feed))


def _chosen(name: str | None) -> QuerySet[Feed]:
    """:raises CommandError: there is no feed of that name."""
    feeds = Feed.objects.order_by("name")
    if name is None:
        return feeds
    if not feeds.filter(name=name).exists():
        known = ", ".join(feeds.values_list("name", flat=True)) or "–"
        text = _("There is no feed “%(name)s”; there are: %(known)s")
        raise CommandError(text % {"name": name, "known": known})
    return feeds.filter(name=name)


def _registering(name: str | None) -> Connection:
    """:raises CommandError: it is not clear whose account, or none keeps feeds."""
    found = registering_connections()
    chosen = [one for one in found if name in (None, one.name)]
    if len(chosen) != 1:
        known = ", ".join(one.name for one in found) or _("none")
        raise CommandError(
            _("Name one connection with --connection; there are: %(known)s.") % {"known": known}
        )
    return chosen[0]


def _address(feed: Feed) -> str:
    try:
        return feed_url(feed)
    except ConfigurationError as error:
        return str(error)
