"""Bodies as bytes, and answers without the secrets that they quote. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from esputnik_connector.records import JSONObject

from .auth import Authentication
from .responses import RawAnswer

SECRET = "[secret]"  # noqa: S105
# A body is a tree: to look for circles in it takes an eighth of the time.
WIRE = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
)


def encoded(body: JSONObject) -> bytes:
    """``body`` as it goes over the wire. Half a surrogate pair becomes a question mark: it must not
    stop a batch.

    :raises ValueError: it holds NaN or an infinity.
    """
    return WIRE.encode(body).encode("utf-8", errors="replace")


SHORTEST_SECRET = 8  # bytes; replacing anything shorter would only spoil the answer


def secrets_of(auth: Authentication) -> tuple[bytes, ...]:
    """What is replaced in answers; the longest first, since one may hold another."""
    given = sorted((secret.encode() for secret in auth.secrets), key=len, reverse=True)
    return tuple(secret for secret in given if len(secret) >= SHORTEST_SECRET)


def without_secrets(raw: RawAnswer, secrets: Iterable[bytes]) -> RawAnswer:
    """A refusal may quote the key it refuses."""
    content = raw.content
    for secret in secrets:
        content = content.replace(secret, SECRET.encode())
    return RawAnswer(status=raw.status, content=content, headers=raw.headers)
