"""Which accounts know a feed, for its page. No request is made: what they told last is compared."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import Connection, Feed
from esputnik_connector.operations.feed_registration import (
    REGISTRATIONS,
    Registration,
    known_feeds,
    registering_connections,
    registration_of,
    shown,
)


@dataclass(frozen=True, kw_only=True)
class FeedAccount:
    """:param feeds: what the account reads, in words. :param is_outdated: it reads an address that
    answers 404."""

    connection: Connection
    state: str
    is_outdated: bool
    feeds: tuple[str, ...]


def accounts_of(feed: Feed) -> list[FeedAccount]:
    """Empty where no account can be told of feeds."""
    return [_account(feed, connection) for connection in registering_connections()]


def _account(feed: Feed, connection: Connection) -> FeedAccount:
    known = known_feeds(connection)
    state, is_outdated = _("never asked"), False
    if known is not None:
        try:
            found = registration_of(feed, known)
        except ConfigurationError as error:
            state = str(error)
        else:
            state = str(REGISTRATIONS[found])
            is_outdated = found is Registration.OTHER_ADDRESS
    return FeedAccount(
        connection=connection,
        state=state,
        is_outdated=is_outdated,
        feeds=tuple(map(shown, known or ())),
    )
