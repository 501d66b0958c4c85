"""May this build replace the last good file? Counts and well-formedness; pure but for reading."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import IO
from xml.parsers import expat

from esputnik_connector.explanations import gettext as _
from esputnik_connector.feed.formats.base import Writer
from esputnik_connector.models.feed_build import BuildStatus

PART = 1 << 18  # bytes of the file in memory at a time


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What to do with a finished build, and why, for the merchant to read."""

    status: BuildStatus
    detail: str = ""


def verdict(
    *,
    written: int,
    found: int | str,
    former: int,
    largest_shrink: int,
    is_changed: bool,
    removed: int = 0,
) -> Verdict:
    """May a finished build be published?

    :param written: items that were written.
    :param found: entries that a parser found in the file, or its complaint.
    :param former: items of the file that is served now; 0 if there is none.
    :param removed: how many of those are not in this one, whatever came instead.
    :param largest_shrink: percent that may be lost without the merchant's consent.
    """
    if isinstance(found, str):
        return Verdict(status=BuildStatus.REFUSED, detail=_("Not well-formed: %s") % found)
    if found != written:
        text = _("The file holds %(found)s items, %(written)s were written.")
        counts = {"found": found, "written": written}
        return Verdict(status=BuildStatus.REFUSED, detail=text % counts)
    if not written:
        return Verdict(status=BuildStatus.HELD, detail=_("The feed would be empty."))
    if written * 100 < former * (100 - largest_shrink):
        text = _("Only %(written)s items instead of %(former)s (%(percent)s %% less).")
        percent = round(100 - written * 100 / former)
        counts = {"written": written, "former": former, "percent": percent}
        return Verdict(status=BuildStatus.HELD, detail=text % counts)
    if removed * 100 > former * largest_shrink:
        text = _(
            "%(removed)s of the %(former)s items that are served would be gone (%(percent)s %%), "
            "with others in their place."
        )
        percent = round(removed * 100 / former)
        counts = {"removed": removed, "former": former, "percent": percent}
        return Verdict(status=BuildStatus.HELD, detail=text % counts)
    return Verdict(status=BuildStatus.PUBLISHED if is_changed else BuildStatus.UNCHANGED)


def entries_in(file: IO[bytes], writer: Writer) -> int | str:
    """How many entries a real parser finds; its complaint if it does not get through."""
    file.seek(0)
    return _elements(file, writer.ITEM) if writer.ITEM else _lines(file)


def _elements(file: IO[bytes], name: str) -> int | str:
    parser = expat.ParserCreate()
    closed: list[str] = []  # names of a part's elements: a list takes them without a call of ours
    parser.EndElementHandler = closed.append
    count = 0
    try:
        while part := file.read(PART):
            parser.Parse(part, False)
            count += closed.count(name)
            closed.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        return str(error)
    return count


def _lines(file: IO[bytes]) -> int | str:
    count = 0
    for line in file:
        try:
            json.loads(line)
        except ValueError as error:
            return f"{count + 1}: {error}"
        count += 1
    return count
