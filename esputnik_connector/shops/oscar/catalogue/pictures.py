"""Addresses of a feed's pictures, and which of them the storage does not have."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from django.core.files.storage import FileSystemStorage

from esputnik_connector.shops.oscar.catalogue.cards import absolute, file_url, image_storage

UNQUOTED = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_~.-]*(?:/[A-Za-z0-9_~-][A-Za-z0-9_~.-]*)*")


class ProductPictures(NamedTuple):
    """Pictures of one product."""

    urls: tuple[str, ...] = ()  # absolute
    missing: tuple[str, ...] = ()  # names


NONE = ProductPictures()


class Pictures:
    """Looks each picture up where that is cheap: on a disk of this machine. Elsewhere, if asked."""

    def __init__(self, base: str, *, asks_remote: bool) -> None:
        self.base, self.asks_remote = base, asks_remote
        self.storage = image_storage()
        self.folder = self.prefix = ""
        concrete = getattr(self.storage, "_wrapped", self.storage)  # default_storage is lazy
        if type(concrete) is FileSystemStorage:
            self.folder = os.path.join(concrete.location, "")
            self.prefix = absolute(concrete.base_url or "", base)

    def of(self, names: Sequence[str]) -> ProductPictures:
        there = [name for name in names if self._has(name)]
        urls = tuple(url for url in map(self._url, there) if url)
        if len(there) == len(names):
            return ProductPictures(urls)
        return ProductPictures(urls, tuple(set(names) - set(there)))

    def _url(self, name: str) -> str:
        """As the storage says. It quotes and joins, which a name like most does not need."""
        if self.prefix and UNQUOTED.fullmatch(name):
            return self.prefix + name
        return absolute(file_url(self.storage, name), self.base)

    def _has(self, name: str) -> bool:
        if self.folder:  # one look at the disk; the storage's own way takes five times as long
            return os.path.exists(self.folder + name)
        return not self.asks_remote or bool(self.storage.exists(name))
