"""File formats: a module each that writes one, and which format of a feed is written by which."""

from __future__ import annotations

from esputnik_connector.models.feed import FeedFormat

from . import google, jsonl, yml
from .base import Writer

WRITERS: dict[str, Writer] = {
    FeedFormat.GOOGLE.value: google,
    FeedFormat.YML.value: yml,
    FeedFormat.JSONL.value: jsonl,
}


def writer_of(feed_format: str) -> Writer:
    """:param feed_format: a value of :class:`~esputnik_connector.models.feed.FeedFormat`."""
    return WRITERS[feed_format]
