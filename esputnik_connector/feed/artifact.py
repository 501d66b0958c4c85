"""The files of a build (plain, gzip, manifest): temporary ones first, then those in the storage."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from logging import getLogger
from types import TracebackType
from typing import IO

from django.core.files.base import File
from django.core.files.storage import InvalidStorageError, Storage, storages

from esputnik_connector.conf import conf
from esputnik_connector.exceptions import ConfigurationError, ConnectorError
from esputnik_connector.explanations import gettext as _

from .manifest import EXTENSION as MANIFEST_EXTENSION
from .manifest import Manifest

logger = getLogger(__name__)

FOLDER = "esputnik_feeds"
GZIP_WINDOW = 31  # zlib's number for a gzip header
GZIP_LEVEL = 6


class StorageError(ConnectorError):
    """The storage kept another number of bytes than it was given."""


def storage() -> Storage:
    """:raises ConfigurationError: ``FEED_STORAGE`` names none of ``STORAGES``."""
    try:
        return storages[conf.FEED_STORAGE]
    except InvalidStorageError as error:
        raise ConfigurationError(
            f"ESPUTNIK_CONNECTOR['FEED_STORAGE'] names {conf.FEED_STORAGE!r}, which is not in "
            "STORAGES."
        ) from error


@dataclass(frozen=True, kw_only=True)
class StoredFiles:
    """Names in the storage of the three files of one build."""

    file: str
    gzip_file: str
    manifest: str


class Artifact:
    """The files while they are built: everything goes to the disk, nothing stays in memory."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile(prefix="esputnik-feed-")  # noqa: SIM115
        self.gzip: IO[bytes] = tempfile.TemporaryFile(prefix="esputnik-feed-")  # noqa: SIM115
        self.manifest = Manifest()
        self.size = self.gzip_size = self.count = 0
        self._hash = hashlib.sha256()
        self._compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WINDOW)

    def __enter__(self) -> Artifact:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in (self.file, self.gzip):
            with suppress(OSError):  # a full disk may refuse to flush what is thrown away
                file.close()
        self.manifest.discard()

    def write(self, piece: bytes, count: int) -> None:
        """:param count: items in the piece."""
        self.file.write(piece)
        self._hash.update(piece)
        self.gzip.write(self._compressor.compress(piece))
        self.size += len(piece)
        self.count += count

    def close(self) -> None:
        """End the files; no piece follows. What the disk did not take is known after this.

        :raises OSError: the disk is full.
        """
        self.gzip.write(self._compressor.flush())
        self.gzip.flush()
        self.file.flush()
        self.gzip_size = self.gzip.tell()
        self.manifest.close()

    @property
    def digest(self) -> str:
        """SHA-256 of the plain file, in hexadecimal."""
        return self._hash.hexdigest()

    def store(self, name: str, extension: str) -> StoredFiles:
        """Store the files under new names that cannot be guessed: a media folder is often public.

        :raises StorageError: a file arrived with another size.
        """
        path = f"{FOLDER}/{name}-{secrets.token_urlsafe(24)}.{extension}"
        names: list[str] = []
        try:
            names.append(_store(self.file, path, self.size))
            names.append(_store(self.gzip, f"{path}.gz", self.gzip_size))
            manifest = self.manifest
            names.append(_store(manifest.file, f"{path}.{MANIFEST_EXTENSION}", manifest.size))
        except Exception:
            delete_files(names)
            raise
        return StoredFiles(file=names[0], gzip_file=names[1], manifest=names[2])


def _store(source: IO[bytes], path: str, size: int) -> str:
    """The name under which the storage keeps a file.

    :param size: bytes.
    :raises StorageError: it kept another number of bytes.
    """
    source.seek(0)
    target = storage()
    try:
        name = target.save(path, File(source, name=path))
    except Exception:
        delete_files([path])  # the part of it that arrived
        raise
    kept = target.size(name)
    if kept != size:
        delete_files([name])
        raise StorageError(
            _("The storage kept %(kept)s of %(size)s bytes.") % {"kept": kept, "size": size}
        )
    return str(name)


def delete_files(names: list[str]) -> None:
    """Delete files of former builds; one that cannot be deleted only takes space."""
    for name in filter(None, names):
        try:
            storage().delete(name)
        except Exception as error:  # storages raise what their vendors raise
            logger.warning("an old feed file was not deleted: %s", type(error).__name__)
