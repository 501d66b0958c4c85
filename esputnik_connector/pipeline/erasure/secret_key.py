"""Texts that one process of a project leaves to another, encrypted with Django's ``SECRET_KEY``.

Every process has it, also one that lacks ``ENCRYPTION_KEYS`` or has those of another shop. It is
for what a worker takes over within minutes, not for what is kept.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from esputnik_connector.exceptions import DecryptionError

PURPOSE = b"esputnik_connector.secret_key:"  # no other use of the key makes the same cipher


def encrypted(texts: Iterable[str]) -> str:
    return _cipher().encrypt(json.dumps(list(texts)).encode()).decode()


def decrypted(token: str) -> list[str]:
    """:raises DecryptionError: neither ``SECRET_KEY`` nor one of its fallbacks opens it."""
    try:
        return [str(text) for text in json.loads(_cipher().decrypt(token.encode()))]
    except InvalidToken as error:
        raise DecryptionError("SECRET_KEY is another one now, and so are its fallbacks") from error


def _cipher() -> MultiFernet:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(_derived(str(key))) for key in keys])


def _derived(secret: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(PURPOSE + secret.encode()).digest())
