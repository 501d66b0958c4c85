"""Telling the account where the product feeds are, and whether it knows.

The list of the account is sent back whole: it is read first, and what is not ours stays in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from enum import Enum
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import identity, registry
from esputnik_connector.destinations.base import Destination, RegisteredFeed
from esputnik_connector.exceptions import BadRequestError, ConfigurationError, TemporaryError
from esputnik_connector.feed.links import feed_path, feed_url, storefront_url
from esputnik_connector.models import Connection, Feed
from esputnik_connector.models.feed import FeedFormat


class Registration(str, Enum):
    """Does the account read a feed?"""

    REGISTERED = "registered"
    OTHER_ADDRESS = "other_address"  # one that answers 404 since the feed got a new one
    MISSING = "missing"


REGISTRATIONS = {
    Registration.REGISTERED: gettext_lazy("registered"),
    Registration.OTHER_ADDRESS: gettext_lazy("registered with another address"),
    Registration.MISSING: gettext_lazy("not registered"),
}


def can_register(connection: Connection) -> bool:
    """Has its destination a list of feeds that can be changed from here?"""
    try:
        return registry.destination_class(connection.destination).supports_feed_registration
    except ConfigurationError:
        return False


def registering_connections() -> list[Connection]:
    """Those whose accounts may be told of feeds."""
    return [one for one in Connection.objects.filter(is_enabled=True) if can_register(one)]


def known_feeds(connection: Connection) -> list[RegisteredFeed] | None:
    """The feeds of the account as it told them last; ``None`` while it was never asked."""
    if connection.registered_feeds is None:
        return None
    return [
        RegisteredFeed(url=one["url"], language=one["language"], is_default=one["default"])
        for one in connection.registered_feeds
    ]


def registration_of(feed: Feed, known: Iterable[RegisteredFeed]) -> Registration:
    """:raises ConfigurationError: the project does not include our addresses."""
    urls = [one.url for one in known]
    if feed_url(feed) in urls:
        return Registration.REGISTERED
    if any(is_address_of(feed, url) for url in urls):
        return Registration.OTHER_ADDRESS
    return Registration.MISSING


def is_address_of(feed: Feed, url: str) -> bool:
    """Is this an address that the feed has, or had before it got a new one?"""
    before, _token, _after = feed_path(feed).partition(feed.token)
    parts = urlsplit(url)
    is_here = parts.netloc.lower() == urlsplit(storefront_url(feed)).netloc.lower()
    return is_here and parts.path.startswith(f"{before}{feed.pk}.")


def read(connection: Connection) -> list[RegisteredFeed]:
    """Ask the account, and remember the answer.

    :raises ConnectorError: it cannot be asked.
    """
    with closing(registry.destination(connection)) as destination:
        return _read(connection, destination)


def register(connection: Connection, feeds: Sequence[Feed]) -> list[RegisteredFeed]:
    """Add these feeds to those of the account, or correct their addresses; returns all there are.

    :raises BadRequestError: a feed is off, in another format, or its address is not known.
    :raises ConnectorError: the account could not be asked, or does not have them afterwards.
    """
    for feed in feeds:
        check_registrable(feed)
    with closing(registry.destination(connection)) as destination:
        before = _read(connection, destination)
        wanted = merged(before, feeds)
        if wanted != before:
            destination.register_feeds(wanted)
            before = _read(connection, destination)
    known = {one.url for one in before}
    missing = [one for one in wanted if one.url not in known]
    if missing:
        raise TemporaryError(
            _("The account took the list, and %(count)s of its feeds are not in it afterwards.")
            % {"count": len(missing)}
        )
    return before


def check_registrable(feed: Feed) -> None:
    """:raises BadRequestError: the account could not read it; the text says why."""
    if not feed.is_enabled:
        raise BadRequestError(_("The feed “%(name)s” is off.") % {"name": feed.name})
    if feed.format != FeedFormat.GOOGLE:
        raise BadRequestError(
            _("The feed “%(name)s” is not in the format that can be registered (Google Shopping).")
            % {"name": feed.name}
        )
    if "://" not in feed_url(feed):
        raise BadRequestError(
            _("SHOP_URL is not set, so the address of the feed “%(name)s” is not known.")
            % {"name": feed.name}
        )


def merged(present: Sequence[RegisteredFeed], feeds: Sequence[Feed]) -> list[RegisteredFeed]:
    """The list with these feeds in it: each once, at its present address, in its place; the others
    as they are. The feed in the shop's main language becomes the default one, if there is none."""
    found = list(present)
    for feed in feeds:
        mine = [place for place, one in enumerate(found) if is_address_of(feed, one.url)]
        is_default = any(found[place].is_default for place in mine)
        entry = RegisteredFeed(
            url=feed_url(feed), language=_language(feed.language), is_default=is_default
        )
        at = mine[0] if mine else len(found)
        others = [one for place, one in enumerate(found) if place not in mine]
        found = [*others[:at], entry, *others[at:]]
    if feeds and not any(one.is_default for one in found):
        ours = {feed_url(feed) for feed in feeds}
        main = _language(settings.LANGUAGE_CODE)
        candidates = sorted(
            (place for place, one in enumerate(found) if one.url in ours),
            key=lambda place: found[place].language != main,
        )
        chosen = found[candidates[0]]
        found[candidates[0]] = RegisteredFeed(
            url=chosen.url, language=chosen.language, is_default=True
        )
    return found


def one_per_language(feeds: Iterable[Feed]) -> tuple[list[Feed], list[Feed]]:
    """Those to register and those to leave out: an account reads one feed for each language."""
    chosen: dict[str, Feed] = {}
    left: list[Feed] = []
    for feed in feeds:
        if feed.language in chosen:
            left.append(feed)
        else:
            chosen[feed.language] = feed
    return list(chosen.values()), left


def shown(one: RegisteredFeed) -> str:
    """A feed of the account for a page or a terminal, without the secret part of its address."""
    parts = urlsplit(one.url)
    default = _("default") if one.is_default else ""
    told = [part for part in (one.language, default) if part]
    return f"{parts.netloc}/… ({', '.join(told) or '–'})"


def _language(code: str) -> str:
    return identity.language(code) or code


def _read(connection: Connection, destination: Destination) -> list[RegisteredFeed]:
    found = list(destination.registered_feeds())
    connection.registered_feeds = [one.as_json() for one in found]
    connection.save(update_fields=["registered_feeds"])
    return found
