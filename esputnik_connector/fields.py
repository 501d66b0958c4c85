"""A text column whose value is encrypted at rest."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.db import models
from django.utils.translation import gettext as _

from . import explanations
from .conf import conf
from .exceptions import ConfigurationError, DecryptionError

KEY_LENGTH = 44  # characters of 32 bytes in base64
PREFIX = "fernet:"  # tells a ciphertext from anything else, so that neither is taken for the other
# A Fernet token has 100 characters at least: no merchant types one, and no API key looks like it.
STORED = re.compile(PREFIX + r"gAAAAA[A-Za-z0-9_-]{92,}={0,2}")


def cipher() -> MultiFernet:
    """The cipher of ``ENCRYPTION_KEYS``.

    :raises ConfigurationError: no key, or one that is not a Fernet key.
    """
    return _cipher_of(tuple(written_keys()))


@lru_cache(maxsize=2)  # it is needed in a shopper's request, for each thing that a row carries
def _cipher_of(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ConfigurationError(
            _(
                "ESPUTNIK_CONNECTOR['ENCRYPTION_KEYS'] is empty: API keys cannot be stored. Make "
                "one with: manage.py esputnik_doctor --new-key"
            )
        )
    return MultiFernet([_fernet(key, number, len(keys)) for number, key in enumerate(keys, 1)])


def written_keys() -> list[str]:
    """The keys of ``ENCRYPTION_KEYS``, however they are written: a list, or one text of several
    with commas or spaces between them, as it comes out of an environment variable."""
    written = conf.ENCRYPTION_KEYS
    texts = [written] if isinstance(written, str) else written
    return [key for text in texts for key in re.split(r"[,\s]+", text) if key]


def _fernet(key: str, number: int, count: int) -> Fernet:
    """:raises ConfigurationError: it is none. The message tells which one, never the key."""
    try:
        if len(key) == KEY_LENGTH:
            return Fernet(key)
        what = _("it has %s characters") % len(key)
    except ValueError:
        what = _("it has characters that are in no key")
    raise ConfigurationError(
        _(
            "Key %(number)s of %(count)s in ESPUTNIK_CONNECTOR['ENCRYPTION_KEYS'] is not a Fernet "
            "key: %(what)s. A key has 44 letters, digits, - and _, and ends in =; between two keys "
            "stands a comma or a space. Make one with: manage.py esputnik_doctor --new-key"
        )
        % {"number": number, "count": count, "what": what}
    )


def encrypt(plain: str) -> str:
    """``plain`` as stored text; ``""`` stays ``""``."""
    if not plain:
        return ""
    return PREFIX + cipher().encrypt(plain.encode()).decode()


def decrypt(stored: str) -> str:
    """The plain text of what :func:`encrypt` made.

    :raises DecryptionError: no present key opens it. The ciphertext is never returned instead.
    """
    if not stored:
        return ""
    if not stored.startswith(PREFIX):
        raise DecryptionError(_("A stored secret is not encrypted. Enter it again in the admin."))
    try:
        return cipher().decrypt(stored[len(PREFIX) :].encode()).decode()
    except InvalidToken as error:
        raise DecryptionError(
            _(
                "A stored secret cannot be read with any of ESPUTNIK_CONNECTOR['ENCRYPTION_KEYS']. "
                "Bring the old key back, or enter the secret again in the admin."
            )
        ) from error


class EncryptedText(str):
    """A value as it stands in the database; :func:`reveal` opens it.

    Reading a row never decrypts, so a lost key breaks the one use of the secret and not the list
    it is shown in.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "EncryptedText(…)" if self else "EncryptedText()"


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Stores what is assigned encrypted, and gives :class:`EncryptedText` back."""

    def from_db_value(self, value: str | None, *_: Any) -> EncryptedText | None:
        return None if value is None else EncryptedText(value)

    def to_python(self, value: Any) -> Any:
        """What ``dumpdata`` wrote is a stored value already; anything shorter is a secret."""
        text = super().to_python(value)
        return EncryptedText(text) if text and STORED.fullmatch(text) else text

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = sealed(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else str(sealed(value))


def sealed(value: str) -> EncryptedText:
    """``value`` as :class:`EncryptedText`; what is one already stays as it is."""
    return value if isinstance(value, EncryptedText) else EncryptedText(encrypt(value))


def reveal(value: str) -> str:
    """The plain text of a model's encrypted attribute, saved or not.

    :raises DecryptionError: a key was lost or rotated away.
    """
    return decrypt(str(value)) if isinstance(value, EncryptedText) else value


class ExplanationField(models.TextField):  # type: ignore[type-arg]
    """A sentence of a worker: stored as code and parameters, read in the reader's language.

    To the database, and to migrations, it is a text. What a former version stored is read as it is.
    """

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> Any:
        return explanations.read(value) if value else value

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return explanations.stored(prepared) if isinstance(prepared, str) else prepared
