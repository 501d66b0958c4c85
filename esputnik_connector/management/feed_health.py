"""Findings about product feeds: is each built, decided about, and readable from outside?"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from esputnik_connector.feed.links import reach
from esputnik_connector.feed.watch import alerts
from esputnik_connector.models import Feed
from esputnik_connector.pipeline.findings import Finding, ok, problem


def findings(*, is_offline: bool) -> Iterator[Finding]:
    """Of every feed that is on. What is an alert here is one for ``esputnik_feed check`` too."""
    for feed in Feed.objects.filter(is_enabled=True).order_by("name"):
        yield from of_feed(feed, is_offline=is_offline)


def of_feed(feed: Feed, *, is_offline: bool) -> Iterator[Finding]:
    subject = _("feed “%s”") % feed.name
    found = [problem(subject, alert.text, alert.remedy) for alert in alerts(feed)]
    if not is_offline and (trouble := reach(feed)):
        remedy = _("eSputnik cannot fetch it either. Check SHOP_URL, urls.py and the web server.")
        found.append(problem(subject, trouble, remedy))
    yield from found or [ok(subject, _("It is in order."))]
