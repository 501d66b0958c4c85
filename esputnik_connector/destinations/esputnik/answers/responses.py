"""What eSputnik's answers mean, where that is not what HTTP says."""

from __future__ import annotations

from typing import ClassVar

from esputnik_connector.destinations.responses import (
    STANDARD_ROWS,
    WEB_PAGE,
    Answer,
    RawAnswer,
    Reading,
    ResponseRules,
    Row,
)
from esputnik_connector.records import JSONValue

DUPLICATED = "duplicated request"
ERROR_NAMES = ("message", "errorMessage", "error", "description")


def is_duplicated(words: str) -> bool:
    """eSputnik's words for "the same came a moment ago" (esputnik-api.md#repeated-requests)."""
    return DUPLICATED in words.lower()


def _is_duplicate(reading: Reading) -> bool:
    """eSputnik turns a repeated request away for a minute, with 409 or with its words as the error
    of the whole request. Anywhere else they belong to one record, or mean nothing."""
    return reading.status == 409 or is_duplicated(_whole_error(reading))


def _whole_error(reading: Reading) -> str:
    """The error of the whole request: text alone, or an object that holds nothing but words."""
    body = reading.body
    if body is None:
        return reading.raw.text if reading.was_readable else ""
    if isinstance(body, str):
        return body
    if not isinstance(body, dict):
        return ""
    is_result = any(value for name, value in body.items() if name not in (*ERROR_NAMES, "status"))
    words = [value for name in ERROR_NAMES if isinstance(value := body.get(name), str)]
    return "" if is_result and reading.status < 400 else " ".join(words)


def _duplicate(reading: Reading) -> Answer:
    return reading.answer(is_duplicate=True)


def _is_snippet(reading: Reading) -> bool:
    """The site script is HTML, and may be called so (esputnik-api.md#site-script)."""
    return reading.status == 200 and reading.raw.text[:7].lower() == "<script"


class EsputnikResponses(ResponseRules):
    """The common table, with eSputnik's word for "you have just sent this" before it."""

    rows: ClassVar[tuple[Row, ...]] = (
        Row(fits=_is_snippet, means=Reading.answer),
        WEB_PAGE,  # early: a page of a CDN may quote any words
        Row(fits=_is_duplicate, means=_duplicate),
        *STANDARD_ROWS,
    )

    def status_of(self, raw: RawAnswer, body: JSONValue) -> int:
        """A 2xx of eSputnik may carry the error in its body: ``{"status": 401, …}``
        (esputnik-api.md#answers)."""
        status = body.get("status") if isinstance(body, dict) else None
        if isinstance(status, int) and not isinstance(status, bool) and 400 <= status < 600:
            return status
        return raw.status
