"""Ask a destination about a key that is not stored yet, and say in words what it answered."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.admin.state import DOTS
from esputnik_connector.destinations.base import Account, AccountInfo
from esputnik_connector.exceptions import (
    ConfigurationError,
    ConnectorError,
    CredentialsError,
    DecryptionError,
    RejectedError,
    TemporaryError,
)


@dataclass(frozen=True, kw_only=True)
class KeyCheck:
    """The answer: whose key it is, or what is wrong with which form field, or why nobody knows."""

    info: AccountInfo | None = None
    field: str = ""
    error: str = ""
    doubt: str = ""


def checked(destination: str, account: Account) -> KeyCheck:
    """Check a key. Speaks HTTP: not to be called in a transaction."""
    try:
        with closing(registry.destination_for(destination, account)) as live:
            return KeyCheck(info=live.verify())
    except CredentialsError as error:
        return KeyCheck(field="new_key", error=_without(account.api_key, in_words(error)))
    except TemporaryError as error:
        return KeyCheck(doubt=_without(account.api_key, in_words(error)))
    except RejectedError as error:
        return KeyCheck(field="api_url", error=_without(account.api_key, in_words(error)))
    except ConfigurationError as error:
        return KeyCheck(field="destination", error=str(error))


def in_words(error: ConnectorError, name: str = "") -> str:
    """What a failed check means, and what to do next.

    :param name: of the stored connection; ``""`` while its form is being filled in.
    """
    if isinstance(error, CredentialsError):
        text = _(
            "eSputnik refused this key (%(why)s). Check that it was copied whole, is not disabled "
            "and has full access, then paste it again."
        )
    elif isinstance(error, TemporaryError):
        text = _(
            "eSputnik could not be reached (%(why)s), so the key is not checked. Nothing is lost: "
            "changes wait and are sent when eSputnik answers. Press “Test connection” later."
        )
    elif isinstance(error, RejectedError):
        text = _(
            "This address does not answer as eSputnik does (%(why)s). Check the API address under "
            "“Advanced”."
        )
    elif isinstance(error, DecryptionError):
        text = _("The stored key cannot be read. Paste it again and save. (%(why)s)")
    else:
        text = "%(why)s"
    words = text % {"why": str(error)}
    return f"{name}: {words}" if name else words


def _without(key: str, text: str) -> str:
    """A destination may quote the key it refuses; a page must not."""
    return text.replace(key, DOTS) if key else text
