"""What an HTTP answer means, decided in one place: an :class:`Answer`, or the error it stands for.

A table, closed by default: an answer that no row names is refused or temporary, never a success.
To teach it something new, add one row to :func:`classify` and one test with a captured answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from django.utils.translation import gettext as _

from esputnik_connector.exceptions import CredentialsError, RejectedError, TemporaryError
from esputnik_connector.identity import redact
from esputnik_connector.records import JSONValue

RETRY_AFTER_LIMIT = 6 * 3600.0  # a longer pause than our own longest one is a mistake of the server
WORDS_LENGTH = 300  # of the vendor's explanation: a sentence or two
SHORT_TEXT = 500  # a vendor's refusal in plain text; whatever is longer is somebody's page


@dataclass(frozen=True, kw_only=True)
class RawAnswer:
    """An answer as it came off the wire."""

    status: int
    content: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # case-insensitive

    @property
    def text(self) -> str:
        return self.content.decode("utf-8-sig", errors="replace").strip()

    @property
    def media_type(self) -> str:
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    def is_html(self) -> bool:
        start = self.text[:200].lower()
        return self.media_type in HTML_TYPES or start.startswith(("<!doctype", "<html", "<head"))


HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer that is none of the errors.

    :param body: the parsed JSON; ``None`` for an empty body and for plain text.
    :param text: the body as text.
    :param is_duplicate: the same request came a moment ago and was accepted then.
    :param was_readable: False when the body of a success is broken JSON: what it said about the
        records is unknown.
    :param clock_ahead: seconds by which its clock is ahead of ours; ``None`` when it did not say.
    """

    status: int
    body: JSONValue = field(default=None, repr=False)
    text: str = field(default="", repr=False)
    is_duplicate: bool = False
    was_readable: bool = True
    clock_ahead: float | None = None


def classify(raw: RawAnswer, *, now: datetime) -> Answer:
    """The meaning of one answer. Rows are tried from top to bottom.

    :raises TemporaryError, CredentialsError, RejectedError: see the rows.
    """
    if raw.is_html:
        raise _temporary(raw, _("an HTML page instead of an answer (a proxy or CDN?)"), now=now)
    parsed, was_readable = _parsed(raw)
    status = _embedded_status(parsed) or raw.status
    if status == 409 or "duplicated request" in raw.text.lower():
        return Answer(status=status, body=parsed, text=raw.text, is_duplicate=True)
    if 200 <= status < 300:
        return Answer(
            status=status, body=parsed, text=raw.text, was_readable=was_readable,
            clock_ahead=_clock_ahead(raw, now),
        )  # fmt: skip
    if status < 400:
        raise _temporary(raw, _("a redirect, which is not followed; check the address"), now=now)
    if status in (408, 429) or status >= 500:
        raise _temporary(raw, vendor_words(parsed, raw.text), now=now, status=status)
    if status in (401, 403) and not _is_vendors_refusal(raw, status):
        raise _temporary(raw, _("a refusal that is not eSputnik's own (a proxy?)"), now=now)
    words = vendor_words(parsed, raw.text) or _("no explanation")
    refusal = CredentialsError if status in (401, 403) else RejectedError
    text = _("Refused with %(status)d: %(words)s") % {"status": status, "words": words}
    raise refusal(text, status=status)


def vendor_words(body: JSONValue, text: str = "") -> str:
    """The destination's own explanation: one line, redacted, cut."""
    words = text
    if isinstance(body, dict):
        named = (body.get(name) for name in ("message", "errorMessage", "description", "error"))
        words = next((word for word in named if isinstance(word, str) and word.strip()), "")
    if not words and body not in (None, {}, [], ""):
        words = json.dumps(body, ensure_ascii=False)
    return redact(words)[:WORDS_LENGTH].strip()


def retry_after(value: str | None, *, now: datetime) -> float:
    """``Retry-After`` in seconds: a number or an HTTP date, clamped; 0 when it says nothing."""
    text = (value or "").strip()
    try:
        seconds = float(text) if text else 0.0
    except ValueError:
        seconds = _seconds_until(text, now)
    if not 0 < seconds < float("inf"):  # also turns NaN away
        return 0.0
    return min(seconds, RETRY_AFTER_LIMIT)


def _seconds_until(text: str, now: datetime) -> float:
    moment = _http_date(text)
    return (moment - now).total_seconds() if moment else 0.0


def _clock_ahead(raw: RawAnswer, now: datetime) -> float | None:
    moment = _http_date(raw.headers.get("Date") or "")
    return (moment - now).total_seconds() if moment else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": UTC by RFC 9110
        moment = moment.replace(tzinfo=timezone.utc)
    return moment


def _parsed(raw: RawAnswer) -> tuple[JSONValue, bool]:
    """The JSON of a body, and whether it could be read. Plain text is read, but is no JSON."""
    if not raw.text:
        return None, True
    try:
        return json.loads(raw.text), True
    except (ValueError, RecursionError):
        claims_json = raw.media_type.endswith("json") or raw.text[0] in '{["'
        return None, not claims_json


def _embedded_status(body: JSONValue) -> int:
    """The error status that a 2xx carries in its body (``{"status": 401, …}``), else 0."""
    status = body.get("status") if isinstance(body, dict) else None
    is_error = isinstance(status, int) and not isinstance(status, bool) and 400 <= status < 600
    return int(status) if is_error and isinstance(status, int) else 0


def _is_vendors_refusal(raw: RawAnswer, status: int) -> bool:
    """The destination itself said so: JSON or short text. A bare 403 is what firewalls send."""
    if not raw.text:
        return status == 401
    return _parsed(raw)[0] is not None or len(raw.text) <= SHORT_TEXT


def _temporary(raw: RawAnswer, words: str, *, now: datetime, status: int = 0) -> TemporaryError:
    status = status or raw.status
    return TemporaryError(
        _("Answered %(status)d: %(words)s")
        % {"status": status, "words": words or _("no explanation")},
        status=status,
        retry_after=retry_after(raw.headers.get("Retry-After"), now=now),
        was_received=status != 429,
    )
