"""The product feeds of an account (esputnik-api.md#feed-registration)."""

from __future__ import annotations

from collections.abc import Sequence

from esputnik_connector.destinations.base import RegisteredFeed

from .answers.lists import is_true, objects, readable, text
from .client import EsputnikClient


def read(client: EsputnikClient) -> list[RegisteredFeed]:
    """:raises TemporaryError: the answer is no list of feeds; then nothing may be sent back."""
    body = readable(client.feeds(), dict)
    return [
        RegisteredFeed(
            url=text(one.get("url")),
            language=text(one.get("language")),
            is_default=is_true(one.get("default")),
        )
        for one in objects(body.get("feeds"))
        if text(one.get("url"))
    ]


def register(client: EsputnikClient, feeds: Sequence[RegisteredFeed]) -> None:
    """Send the whole list: whether a POST replaces it or adds to it is not documented."""
    client.configure_feeds([feed.as_json() for feed in feeds])
