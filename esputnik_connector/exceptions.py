"""Everything the connector raises on purpose.

::

    ConnectorError
    ├── ConfigurationError (+ ImproperlyConfigured)   the developer must act; never retried
    │   ├── NotInstalledError                         a setting needs a library that is not there
    │   └── NotSupportedError                         the shop's adapter leaves that out
    ├── DecryptionError                               a key was lost or rotated away
    ├── UnreadableEventError                          a row of the outbox cannot be opened
    ├── BadRequestError                               what was asked for cannot be done
    ├── HookError                                     RECORD_HOOK answered with something else
    ├── RecordError                                   the shop's adapter gave what is no record
    ├── Veto                                          the shop's own code said no to one record
    ├── Skip                                          there is nothing to send, for a reason
    └── DestinationError
        ├── TemporaryError                            network, time-out, 408, 429, 5xx, proxy pages
        ├── CredentialsError                          the vendor's own 401/403
        └── RejectedError                             other 4xx: halve the batch
"""

from __future__ import annotations

import traceback

from django.core.exceptions import ImproperlyConfigured

from . import storable
from .records import Reason

LOGGED_FRAMES = 8  # the innermost ones: enough to find the line, without the worker's own


class ConnectorError(Exception):
    """Base of all; raise one of its children."""


class ConfigurationError(ConnectorError, ImproperlyConfigured):
    """A setting is missing or wrong. The message names it and says what to write there."""


class NotInstalledError(ConfigurationError):
    """A setting names code that needs a library which is not installed. The message says which."""


class NotSupportedError(ConfigurationError):
    """The shop's adapter leaves out the capability that is needed. The message says which."""


class DecryptionError(ConnectorError):
    """A stored secret cannot be read with any key of ``ENCRYPTION_KEYS``."""


class UnreadableEventError(ConnectorError):
    """The event that a row of the outbox carries cannot be read any more."""


class BadRequestError(ConnectorError):
    """What a person or a program asked for cannot be done; the text says why, and what to do
    instead."""


class HookError(ConnectorError):
    """``RECORD_HOOK`` did not return the record it was given, changed or not."""


class RecordError(ConnectorError):
    """The shop's adapter gave something that is no record. The message names record and field, and
    says what was expected; it quotes no value, which may be personal."""


class Veto(ConnectorError):
    """Raised by a shop's ``RECORD_HOOK`` to keep one record back; its text is shown."""


class Skip(ConnectorError):
    """There is nothing to send for this record, and why."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail or reason.value)
        self.reason = reason
        self.detail = detail


class DestinationError(ConnectorError):
    """The destination did not take a request.

    Its text may be the destination's own, and is made storable.

    :param status: the HTTP status, 0 when there was no answer.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(storable.words(message))
        self.status = status


class TemporaryError(DestinationError):
    """Worth another try.

    :param retry_after: seconds the destination asked us to wait, 0 if it did not say.
    :param was_received: the request may have reached the destination (an answer, or a read
        time-out); False when the connection itself failed, or when the answer says that the
        request was not looked at (429).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        retry_after: float = 0,
        was_received: bool = False,
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after = storable.seconds(retry_after)
        self.was_received = was_received


class CredentialsError(DestinationError):
    """The destination itself said 401 or 403: the key is wrong, disabled or lacks rights."""


class RejectedError(DestinationError):
    """The destination refused the request for what is in it; sending it again is no use."""


def without_message(error: BaseException) -> str:
    """Type and place of an error for a log. Its text stays out: it may quote personal data."""
    frames = traceback.extract_tb(error.__traceback__)[-LOGGED_FRAMES:]
    places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    return "\n  ".join([type(error).__name__, *places])
