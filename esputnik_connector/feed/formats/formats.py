"""Format of a feed → the module that writes it."""

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
    return WRITERS[feed_format]
