"""Product feeds: is each built, decided about, fit for eSputnik, and readable from outside?

One judgement for the doctor, the feed's own pages, the Overview, the health address and metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.feed.links import fetch_trouble
from esputnik_connector.models import Feed, FeedBuild
from esputnik_connector.models.feed_build import FLAWS, GOOD, LEFT_OUT, SERIOUS, BuildStatus, Flaw
from esputnik_connector.models.timezones import local_time
from esputnik_connector.shops.base import SupportsFeed

from .findings import Finding, Level, of, ok, problem, warning
from .snapshot import Snapshot, take

FEW = 0.05  # of the products: new ones whose picture or category is still to come are everyday life


def findings(*, is_offline: bool) -> Iterator[Finding]:
    """Of every feed that is on. What is a problem here is one for ``esputnik_feed check`` too."""
    snapshot = take(connections=())
    for feed in snapshot.feeds:
        yield from of_feed(feed, snapshot, is_offline=is_offline)


def moving(snapshot: Snapshot) -> Iterator[Finding]:
    """Of every feed of the snapshot, and from it alone: for monitors."""
    for feed in snapshot.feeds:
        yield from of_feed(feed, snapshot, is_offline=True)


def of_feed(feed: Feed, snapshot: Snapshot, *, is_offline: bool) -> Iterator[Finding]:
    found = judged(feed, snapshot.builds.get(feed.pk, ()), snapshot.now)
    if not is_offline and (trouble := fetch_trouble(feed)):
        remedy = _("eSputnik cannot fetch it either. Check SHOP_URL, urls.py and the web server.")
        unread = problem("feed_unreadable_from_outside", _subject(feed), trouble, remedy)
        found = [*(each for each in found if each.level is not Level.OK), unread]
    yield from of(found, feed=feed.name)


def state(feed: Feed) -> list[Finding]:
    """How a feed is now, the worst first: one finding at least, of an enabled one."""
    return judged(feed, list(FeedBuild.objects.decisive([feed])), timezone.now())


def judged(feed: Feed, builds: Sequence[FeedBuild], now: datetime) -> list[Finding]:
    """As :func:`state`, of builds that were read already: see ``FeedBuildQuerySet.decisive``."""
    if not feed.is_enabled:
        return []
    if not isinstance(registry.shop(), SupportsFeed):
        remedy = _("Name an adapter with SupportsFeed in SHOP, or switch the feed off.")
        return [problem("feed_not_supported", _subject(feed), str(SupportsFeed.missing), remedy)]
    found = [*_of_builds(feed, builds), *_of_age(feed, now)]
    if not feed.file:
        return found or [_not_built_yet(feed, now)]
    served = next((build for build in builds if build.status in GOOD), None)
    found += _of_products(feed, served)
    return found or [ok("feed_in_order", _subject(feed), _in_order(feed, served, now))]


def _subject(feed: Feed) -> str:
    return _("feed “%s”") % feed.name


def _of_builds(feed: Feed, builds: Sequence[FeedBuild]) -> Iterator[Finding]:
    held = next((build for build in builds if build.status == BuildStatus.HELD), None)
    if held is not None:
        yield problem(
            "feed_build_held",
            _subject(feed),
            _("A build waits for your decision: %s") % held.detail,
            _("Accept or discard it in the admin: eSputnik → Product feeds."),
        )
        return
    last = next(iter(builds), None)
    if last is not None and last.status in (BuildStatus.FAILED, BuildStatus.REFUSED):
        yield problem(
            "feed_build_failed",
            _subject(feed),
            _("The last build failed: %s") % last.detail,
            _("It is tried again by itself. To try now, run: manage.py esputnik_feed build"),
        )


def _of_age(feed: Feed, now: datetime) -> Iterator[Finding]:
    if not feed.is_stale(now):
        return
    remedy = _(
        "Check that beat has esputnik_connector.feeds and a worker runs, or let cron run: "
        "manage.py esputnik_feed build --due"
    )
    if feed.built_at is None:
        yield problem("feed_never_built", _subject(feed), _("Not built yet"), remedy)
    else:
        since = local_time(feed.built_at + timedelta(hours=feed.stale_hours))
        text = _("Out of date since %(time)s") % {"time": date_format(since, "DATETIME_FORMAT")}
        yield problem("feed_too_old", _subject(feed), text, remedy)


def _not_built_yet(feed: Feed, now: datetime) -> Finding:
    return warning(
        "feed_not_built_yet",
        _subject(feed),
        _("Being built") if feed.is_leased(now) else _("Not built yet"),
        _("A worker builds it soon; whoever fetches it before gets it as it is made."),
    )


def _of_products(feed: Feed, served: FeedBuild | None) -> Iterator[Finding]:
    """Hints are none of it: a light that is yellow for them is soon looked at by nobody."""
    if not feed.item_count:
        remedy = _("Look at the feed's settings: what may be in it?")
        yield warning("feed_empty", _subject(feed), _("It holds no products"), remedy)
    elif served is not None and served.serious_count > FEW * served.product_count:
        text = _("%(count)s of %(all)s products have problems, most often: %(reason)s")
        yield warning(
            "feed_products_flawed",
            _subject(feed),
            text % {**_share(served), "reason": _main_reason(served)},
            _("The feed's page lists them by reason. Mend them in the shop."),
            flawed=served.serious_count,
            products=served.product_count,
        )


def _main_reason(build: FeedBuild) -> str:
    """Of what is serious; a text or an address that is too long may be either."""
    serious = {flaw.value: build.counts.get(flaw.value, 0) for flaw in SERIOUS | LEFT_OUT}
    counts = serious if any(serious.values()) else build.counts
    return str(FLAWS[Flaw(max(counts, key=lambda name: (counts[name], name)))])


def _in_order(feed: Feed, served: FeedBuild | None, now: datetime) -> str:
    if feed.is_leased(now):
        return _("Being built")
    if served is not None and served.serious_count:
        return _("In order, but %(count)s of %(all)s products have problems") % _share(served)
    return _("In order")


def _share(build: FeedBuild) -> dict[str, int]:
    return {"count": build.serious_count, "all": build.product_count}
