"""Whether two payloads are the same, without keeping either."""

from __future__ import annotations

import hashlib
import json

from esputnik_connector.records import JSONValue

CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False
)


def digest(payload: JSONValue) -> str:
    """Equal exactly when the payload is; the order of its names does not count.

    :raises ValueError: the payload holds NaN or an infinity.
    """
    return measured_digest(payload)[0]


def measured_digest(payload: JSONValue) -> tuple[str, int]:
    """The digest, and a number of bytes that the payload does not exceed on the wire: here every
    character outside of ASCII is written out, with six bytes or more."""
    canonical = CANONICAL.encode(payload).encode()
    return hashlib.sha256(canonical).hexdigest(), len(canonical)
