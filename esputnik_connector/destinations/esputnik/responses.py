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


def _is_duplicate(reading: Reading) -> bool:
    """eSputnik turns a repeated request away for a minute, with 409 or with these words
    (esputnik-api.md#repeated-requests)."""
    return reading.status == 409 or "duplicated request" in reading.raw.text.lower()


def _duplicate(reading: Reading) -> Answer:
    return reading.answer(is_duplicate=True)


class EsputnikResponses(ResponseRules):
    """The common table, with eSputnik's word for "you have just sent this" before it."""

    rows: ClassVar[tuple[Row, ...]] = (
        WEB_PAGE,  # first: a page of a CDN may quote any words
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
