"""What an HTTP answer means, decided in one place: an :class:`Answer`, or the error it stands for.

:class:`ResponseRules` is a table, closed by default: an answer that no row names is refused, never
a success. A destination whose platform says something of its own puts a row in front, or replaces
the table: see :class:`~.esputnik.responses.EsputnikResponses`. With a row comes one test with a
captured answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import ClassVar, NoReturn

from esputnik_connector.exceptions import (
    CredentialsError,
    DestinationError,
    RejectedError,
    TemporaryError,
)
from esputnik_connector.explanations import gettext as _
from esputnik_connector.identity import redact
from esputnik_connector.records import JSONValue

RETRY_AFTER_LIMIT = 3600.0  # a longer pause is a mistake of the server: a look an hour is cheap
WORDS_LENGTH = 300  # of the vendor's explanation: a sentence or two
SHORT_TEXT = 500  # a refusal in plain text; whatever is longer is a page of some proxy


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
    :param text: the body as text, without blanks around it.
    :param content: the body as it came.
    :param is_duplicate: the same request came a moment ago and was accepted then.
    :param was_readable: False when the body of a success is broken JSON: what it said about the
        records is unknown.
    :param clock_ahead: seconds by which its clock is ahead of ours; ``None`` when it did not say.
    """

    status: int
    body: JSONValue = field(default=None, repr=False)
    text: str = field(default="", repr=False)
    content: bytes = field(default=b"", repr=False)
    is_duplicate: bool = False
    was_readable: bool = True
    clock_ahead: float | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """An answer as the rows of a table see it: parsed, and with the moment it came."""

    raw: RawAnswer
    body: JSONValue = field(repr=False)
    was_readable: bool
    status: int  # what the platform means by it, which need not be what HTTP says
    now: datetime
    destination: str  # its label, for texts

    @property
    def words(self) -> str:
        """The platform's own explanation, redacted; ``""`` when it gave none."""
        return vendor_words(self.body, self.raw.text)

    def answer(self, *, is_duplicate: bool = False) -> Answer:
        return Answer(
            status=self.status,
            body=self.body,
            text=self.raw.text,
            content=self.raw.content,
            is_duplicate=is_duplicate,
            was_readable=self.was_readable or is_duplicate,  # then it says nothing of records
            clock_ahead=_clock_ahead(self.raw, self.now),
        )

    def temporary(self, words: str) -> TemporaryError:
        """The error for an answer worth another try, with the pause that it asks for."""
        text = _("Answered %(status)d: %(words)s")
        return TemporaryError(
            text % {"status": self.status, "words": words or _("no explanation")},
            status=self.status,
            retry_after=retry_after(self.raw.headers.get("Retry-After"), now=self.now),
            was_received=self.status != HTTPStatus.TOO_MANY_REQUESTS,
        )

    def refusal(self, kind: type[CredentialsError | RejectedError]) -> DestinationError:
        text = _("Refused with %(status)d: %(words)s")
        words = self.words or _("no explanation")
        return kind(text % {"status": self.status, "words": words}, status=self.status)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Which answers, and what they mean."""

    fits: Callable[[Reading], bool]
    means: Callable[[Reading], Answer]


def _web_page(reading: Reading) -> NoReturn:
    """Proxies, CDNs and firewalls answer in HTML, whatever the status; it says nothing of us."""
    raise reading.temporary(_("an HTML page instead of an answer (a proxy or CDN?)"))


def _redirect(reading: Reading) -> NoReturn:
    """Not followed: the key would travel to whoever the answer names."""
    raise reading.temporary(_("a redirect, which is not followed; check the address"))


def _busy(reading: Reading) -> NoReturn:
    raise reading.temporary(reading.words)


def _foreign_refusal(reading: Reading) -> NoReturn:
    """A pause of the whole connection needs a person, so it takes the platform's own word."""
    text = _("a refusal that is not %(destination)s's own (a proxy?)")
    raise reading.temporary(text % {"destination": reading.destination})


def _key_refused(reading: Reading) -> NoReturn:
    raise reading.refusal(CredentialsError)


def _refused(reading: Reading) -> NoReturn:
    raise reading.refusal(RejectedError)


BUSY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
KEY_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

WEB_PAGE = Row(fits=lambda reading: reading.raw.is_html, means=_web_page)
SUCCESS = Row(fits=lambda reading: 200 <= reading.status < 300, means=Reading.answer)
REDIRECT = Row(fits=lambda reading: reading.status < 400, means=_redirect)
BUSY_ROW = Row(fits=lambda reading: reading.status in BUSY or reading.status >= 500, means=_busy)
STANDARD_ROWS = (
    WEB_PAGE,
    SUCCESS,
    REDIRECT,
    BUSY_ROW,
    Row(
        fits=lambda reading: reading.status in KEY_REFUSED and not _is_platforms_own(reading),
        means=_foreign_refusal,
    ),
    Row(fits=lambda reading: reading.status in KEY_REFUSED, means=_key_refused),
)


class ResponseRules:
    """What the answers of one platform mean. Rows are tried from top to bottom; what fits none of
    them is a refusal.

    :param destination: the platform's name, for texts.
    """

    rows: ClassVar[tuple[Row, ...]] = STANDARD_ROWS

    def __init__(self, destination: str = "") -> None:
        self.destination = destination or _("the destination")

    def status_of(self, raw: RawAnswer, body: JSONValue) -> int:
        """The status that the platform means; here HTTP's own."""
        return raw.status

    def classify(self, raw: RawAnswer, *, now: datetime) -> Answer:
        """The meaning of one answer.

        :raises TemporaryError, CredentialsError, RejectedError: what its row says.
        """
        body, was_readable = _parsed(raw)
        reading = Reading(
            raw=raw,
            body=body,
            was_readable=was_readable,
            status=self.status_of(raw, body),
            now=now,
            destination=self.destination,
        )
        for row in self.rows:
            if row.fits(reading):
                return row.means(reading)
        _refused(reading)


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


def _is_platforms_own(reading: Reading) -> bool:
    """The platform itself said so: JSON or short text. A bare 403 is what firewalls send."""
    if not reading.raw.text:
        return reading.status == HTTPStatus.UNAUTHORIZED
    return reading.body is not None or len(reading.raw.text) <= SHORT_TEXT
