"""What a destination says, in a form that every database can store.

Half an emoji, a NUL or an id of a thousand characters in an answer must not keep what became of a
record from being written down: it would be sent again and again.
"""

from __future__ import annotations

import math
import re

from .explanations import Explanation

WORDS_LENGTH = 1000  # of an explanation; the destinations themselves cut at a sentence or two
ID_LENGTH = 100  # of a contact or an upload, as the columns are

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # NUL for PostgreSQL; half characters for all


def words(value: object, *, limit: int = WORDS_LENGTH) -> str:
    """A text for people: what cannot be stored becomes ``\N{REPLACEMENT CHARACTER}``, the rest is
    cut at ``limit`` characters."""
    if isinstance(value, Explanation):
        return value.mapped(lambda text: words(text, limit=limit))
    return UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", str(value))[:limit]


def identifier(value: object) -> str:
    """An id of the destination's; ``""`` when it could only be kept changed, and so would be
    another one."""
    text = str(value)
    return "" if len(text) > ID_LENGTH or UNSTORABLE.search(text) else text


def seconds(value: float) -> float:
    """A time to wait; 0 when it is none at all, as NaN, infinity and what is negative are."""
    return float(value) if math.isfinite(value) and value > 0 else 0.0
