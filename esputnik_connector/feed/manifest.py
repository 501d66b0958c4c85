"""What a feed's file holds, in short: a line per item, in one order, kept beside the file.

The next build is compared with it, item by item. Products come in any order and a million of them
must not stay in memory: they are sorted in runs, on the disk, and the runs are merged.
"""

from __future__ import annotations

import gzip
import heapq
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from decimal import Decimal
from hashlib import blake2b
from itertools import islice
from operator import attrgetter
from typing import IO, NamedTuple

from esputnik_connector.identity import cut
from esputnik_connector.records import Product

EXTENSION = "items.gz"
LINES_PER_RUN = 20_000  # sorted at a time: some 5 MB
LINES_PER_WRITE = 500  # packed at a time: a call for each line costs as much as packing it
TITLE_LENGTH = 80
GZIP_LEVEL = 1  # the next level takes twice the time for a tenth of the size
DIGEST_BYTES = 8
PRICE = re.compile(r"(\S+)(?: [(](\S+)[)])? (\S*)")


class Line(NamedTuple):
    """One item. Texts without tabs and line breaks."""

    key: str
    price: str  # as the merchant reads it
    availability: str
    digest: str  # of all the rest
    title: str

    @property
    def rank(self) -> tuple[int, str]:
        """The order of the lines: numbers as numbers, the same in every database and locale."""
        return len(self.key), self.key

    @property
    def amounts(self) -> tuple[Decimal, Decimal | None, str]:
        """What one costs now, what it costs without the reduction if there is one, and the
        currency.

        :raises ValueError: :func:`line` has not written this price.
        """
        if not (found := PRICE.fullmatch(self.price)):
            raise ValueError(f"no price of a manifest: {self.price!r}")
        now, regular, currency = found.groups()
        return Decimal(now), Decimal(regular) if regular else None, currency


RANK = attrgetter("rank")


def line(product: Product) -> Line:
    """Of a product as a feed shows it."""
    price = f"{product.price} {product.currency}"
    if product.sale_price is not None:
        price = f"{product.sale_price} ({product.price}) {product.currency}"
    key, title = product.key, cut(product.title, TITLE_LENGTH)
    return Line(
        key if key.isprintable() else repr(key),
        price,
        product.availability.value,
        _digest(product),
        title if title.isprintable() else " ".join(title.split()),
    )


def _digest(product: Product) -> str:
    parts = (
        product.title,
        product.url,
        product.description,
        product.group_key,
        product.brand,
        product.gtin,
        product.mpn,
        product.google_category,
        *product.image_urls,
        "",
        *[f"{category.key} {category.path}" for category in product.categories],
        "",
        *product.attributes,
        "",
        *product.attributes.values(),
    )
    content = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


class Manifest:
    """Grows with the file of a build; closed, it is packed in :attr:`file` and can be read."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile(prefix="esputnik-feed-")  # noqa: SIM115
        self.size = 0
        self._unsorted: list[Line] = []
        self._runs = ExitStack()
        self._files: list[IO[bytes]] = []

    def recording(self, products: Iterable[Product]) -> Iterator[Product]:
        """The same products; each gets its line on the way."""
        for product in products:
            self._unsorted.append(line(product))
            if len(self._unsorted) == LINES_PER_RUN:
                self._write_sorted_run()
            yield product

    def close(self) -> None:
        """Merge the runs into :attr:`file`; no product follows.

        :raises OSError: the disk is full.
        """
        with gzip.GzipFile(
            fileobj=self.file, mode="wb", compresslevel=GZIP_LEVEL, mtime=0
        ) as packed:
            for lines in _batches(self._sorted_lines()):
                packed.write(lines)
        self._unsorted.clear()
        self._runs.close()
        self.file.flush()
        self.size = self.file.tell()

    def lines(self) -> Iterator[Line]:
        self.file.seek(0)
        return read(self.file)

    def discard(self) -> None:
        with suppress(OSError):  # a full disk may refuse to flush what is thrown away
            self._runs.close()
        with suppress(OSError):
            self.file.close()

    def _sorted_lines(self) -> Iterator[bytes]:
        """Of all runs; where there is one alone, from memory."""
        self._unsorted.sort(key=RANK)
        if not self._files:
            return map(_line_bytes, self._unsorted)
        runs = [_read_lines(file) for file in self._files]
        return map(_line_bytes, heapq.merge(*runs, self._unsorted, key=RANK))

    def _write_sorted_run(self) -> None:
        file = tempfile.TemporaryFile(prefix="esputnik-feed-")  # noqa: SIM115
        run = self._runs.enter_context(file)
        self._unsorted.sort(key=RANK)
        run.writelines(map(_line_bytes, self._unsorted))
        run.seek(0)
        self._files.append(run)
        self._unsorted.clear()


def read(packed: IO[bytes]) -> Iterator[Line]:
    """:raises OSError, EOFError, ValueError: it is no manifest, or a part of one."""
    with gzip.GzipFile(fileobj=packed, mode="rb") as file:
        yield from _read_lines(file)


def _read_lines(file: IO[bytes] | gzip.GzipFile) -> Iterator[Line]:
    for line_bytes in file:
        text = line_bytes[:-1].decode("utf-8", "surrogatepass")
        key, price, availability, digest, title = text.split("\t")
        yield Line(key, price, availability, digest, title)


def _batches(lines: Iterator[bytes]) -> Iterator[bytes]:
    while batch := list(islice(lines, LINES_PER_WRITE)):
        yield b"".join(batch)


def _line_bytes(item: Line) -> bytes:
    return ("\t".join(item) + "\n").encode("utf-8", "surrogatepass")
