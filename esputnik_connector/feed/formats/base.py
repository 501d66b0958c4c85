"""What every format is: a head, an entry per product, a tail. Pure text, nothing is collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from esputnik_connector.records import Category, Product

AT_ONCE = 500  # entries joined before they are written


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
    waiting: list[str] = []
    entry = writer.entry
    for product in products:
        waiting.append(entry(product))
        if len(waiting) == AT_ONCE:
            yield encoded(waiting), AT_ONCE
            waiting.clear()
    yield encoded([*waiting, writer.tail()]), len(waiting)


def encoded(parts: Sequence[str]) -> bytes:
    return "".join(parts).encode()
