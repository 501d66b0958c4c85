"""Lists as eSputnik writes them: a list of one element is often the bare element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .settings import Settings

PAGE = 500


def listed(found: Sequence[Any], settings: Settings, *, is_documented: bool = False) -> Any:
    """A list, or its only element where the account answers so.

    :param is_documented: the document says of this list that one element is a bare object.
    """
    form = settings.lists_of_one
    is_bare = form == "objects" or (form == "documented" and is_documented)
    return found[0] if is_bare and len(found) == 1 else list(found)


def paged(found: Sequence[Any], query: Mapping[str, str]) -> list[Any]:
    """The page that ``startindex`` (from one) and ``maxrows`` ask for."""
    start = int(query.get("startindex", 1)) - 1
    return list(found[start : start + int(query.get("maxrows", PAGE))])
