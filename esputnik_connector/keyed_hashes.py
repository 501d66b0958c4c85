"""Keyed hashes of many short texts with few keys. Pure.

HMAC-SHA-256 (RFC 2104). For a text of one line nearly all of its time goes into the key, and an
import hashes each address, each phone and each digest with the salt of one connection: so the two
states that depend on the key alone are made once.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

BLOCK = 64  # bytes that SHA-256 takes at a time
INNER = bytes(byte ^ 0x36 for byte in range(256))
OUTER = bytes(byte ^ 0x5C for byte in range(256))


def keyed_hash(text: str, *, key: str) -> str:
    """The HMAC of ``text``, in hexadecimal digits. Equal to ``hmac.digest`` of the same."""
    began, ended = _begun(key)
    inner, outer = began.copy(), ended.copy()
    inner.update(text.encode())
    outer.update(inner.digest())
    return str(outer.hexdigest())


@lru_cache(maxsize=16)  # a salt for each connection, and those by which somebody was erased
def _begun(key: str) -> tuple[Any, Any]:
    """The states that the key brings both hashes to. They are copied, never written to."""
    secret = key.encode()
    if len(secret) > BLOCK:
        secret = hashlib.sha256(secret).digest()
    padded = secret.ljust(BLOCK, b"\0")
    return hashlib.sha256(padded.translate(INNER)), hashlib.sha256(padded.translate(OUTER))
