"""What a feed's file holds, in short: a line per item, in one order, kept beside the file.

The next build is compared with it, item by item. Products come in any order and a million of them
must not stay in memory: they are sorted in runs, on the disk, and the runs are merged.
"""

from __future__ import annotations

import gzip
import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from hashlib import blake2b
from typing import IO, NamedTuple

from esputnik_connector.identity import cut
from esputnik_connector.records import Product

EXTENSION = "items.gz"
RUN = 20_000  # lines sorted at a time: some 5 MB
TITLE_LENGTH = 80
PACKING = 1  # of gzip; the next level takes twice the time for a tenth of the size
DIGEST_BYTES = 8


class Line(NamedTuple):
    """One item. Texts without tabs and line breaks."""

    key: str
    price: str  # as a person reads it
    availability: str
    digest: str  # of all the rest
    title: str

    @property
    def rank(self) -> tuple[int, str]:
        """Numbers in the order of numbers, and the same order for everybody."""
        return len(self.key), self.key


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
    words = (
        product.title, product.url, product.description, product.group_key, product.brand,
        product.gtin, product.mpn, product.google_category, *product.image_urls, "",
        *[f"{category.key} {category.path}" for category in product.categories], "",
        *product.attributes, "", *product.attributes.values(),
    )  # fmt: skip
    told = "\x1f".join(words).encode("utf-8", "surrogatepass")
    return blake2b(told, digest_size=DIGEST_BYTES).hexdigest()


class Manifest:
    """Grows with the file of a build; closed, it is packed in :attr:`file` and can be read."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile(prefix="esputnik-feed-")  # noqa: SIM115
        self.size = 0
        self._waiting: list[Line] = []
        self._runs = ExitStack()
        self._files: list[IO[bytes]] = []

    def noting(self, products: Iterable[Product]) -> Iterator[Product]:
        for product in products:
            self._waiting.append(line(product))
            if len(self._waiting) == RUN:
                self._sort_away()
            yield product

    def close(self) -> None:
        """Nothing follows. :raises OSError: the disk is full."""
        self._sort_away()
        runs = [_lines(file) for file in self._files]
        with gzip.GzipFile(fileobj=self.file, mode="wb", compresslevel=PACKING, mtime=0) as packed:
            for item in heapq.merge(*runs, key=lambda item: item.rank):
                packed.write(_written(item))
        self._runs.close()
        self.file.flush()
        self.size = self.file.tell()

    def lines(self) -> Iterator[Line]:
        self.file.seek(0)
        return read(self.file)

    def throw_away(self) -> None:
        with suppress(OSError):  # a full disk may refuse to flush what is thrown away
            self._runs.close()
        with suppress(OSError):
            self.file.close()

    def _sort_away(self) -> None:
        made = tempfile.TemporaryFile(prefix="esputnik-feed-")  # noqa: SIM115
        run = self._runs.enter_context(made)
        run.writelines(map(_written, sorted(self._waiting, key=lambda item: item.rank)))
        run.seek(0)
        self._files.append(run)
        self._waiting.clear()


def read(packed: IO[bytes]) -> Iterator[Line]:
    """:raises OSError, EOFError, ValueError: it is no manifest, or a part of one."""
    with gzip.GzipFile(fileobj=packed, mode="rb") as file:
        yield from _lines(file)


def _lines(file: IO[bytes] | gzip.GzipFile) -> Iterator[Line]:
    for written in file:
        told = written[:-1].decode("utf-8", "surrogatepass")
        key, price, availability, digest, title = told.split("\t")
        yield Line(key, price, availability, digest, title)


def _written(item: Line) -> bytes:
    return ("\t".join(item) + "\n").encode("utf-8", "surrogatepass")
