"""What every format is: a head, an entry per product, a tail. Pure text, written piece by piece."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from esputnik_connector.records import Category, Product

ENTRIES_PER_PIECE = 500
NOT_IN_XML = re.compile(
    "[^\t\n\r\u0020-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0001fffd\U00020000-\U0010fffd]"
)


@dataclass(frozen=True, kw_only=True)
class Channel:
    """What a feed says of itself."""

    title: str
    link: str
    language: str  # RFC 5646
    currency: str
    built_at: datetime
    categories: Callable[[], Iterable[Category]] = tuple  # asked only by formats that list them


class Writer(Protocol):
    """A module of this package."""

    @property
    def EXTENSION(self) -> str: ...  # noqa: N802

    @property
    def CONTENT_TYPE(self) -> str: ...  # noqa: N802

    @property
    def ITEM(self) -> str:  # noqa: N802
        """Name of the element of one product; ``""`` when a line is one."""
        ...

    @property
    def head(self) -> Callable[[Channel], Iterable[str]]: ...

    @property
    def entry(self) -> Callable[[Product], str]: ...

    @property
    def tail(self) -> Callable[[], str]: ...


def stream(
    writer: Writer, channel: Channel, products: Iterable[Product]
) -> Iterator[tuple[bytes, int]]:
    """Pieces of the file, each with the number of products in it."""
    yield "".join(writer.head(channel)).encode(), 0
    entries: list[str] = []
    entry = writer.entry
    for product in products:
        entries.append(entry(product))
        if len(entries) == ENTRIES_PER_PIECE:
            yield encoded(entries), ENTRIES_PER_PIECE
            entries.clear()
    yield encoded([*entries, writer.tail()]), len(entries)


def encoded(parts: Sequence[str]) -> bytes:
    return "".join(parts).encode()


def xml_text(value: str) -> str:
    """``value`` as XML text or attribute, whatever characters it holds."""
    if not value.isprintable():
        value = NOT_IN_XML.sub("", value)
    if "&" in value:  # each is seldom, and to look for it is far cheaper than to replace it
        value = value.replace("&", "&amp;")
    if "<" in value:
        value = value.replace("<", "&lt;")
    if ">" in value:
        value = value.replace(">", "&gt;")
    if '"' in value:
        value = value.replace('"', "&quot;")
    return value
