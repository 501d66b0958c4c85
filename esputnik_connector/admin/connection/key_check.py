"""Ask a destination about a key that is not stored yet, and say what its answer means."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.destinations.base import Account, AccountInfo
from esputnik_connector.exceptions import (
    ConfigurationError,
    ConnectorError,
    CredentialsError,
    DecryptionError,
    RejectedError,
    TemporaryError,
)

from .state import DOTS


@dataclass(frozen=True, kw_only=True)
class KeyCheck:
    """The answer: the account, or what is wrong with which field, or why neither is known."""

    info: AccountInfo | None = None
    field: str = ""
    error: str = ""
    doubt: str = ""


def check_key(destination: str, account: Account) -> KeyCheck:
    """Ask the destination whether it accepts the key of this account.

    Waits for HTTP, so it must not be called in a transaction.
    """
    try:
        with closing(registry.destination_for(destination, account)) as live:
            return KeyCheck(info=live.verify())
    except CredentialsError as error:
        return KeyCheck(field="new_key", error=_without(account.api_key, failure_text(error)))
    except TemporaryError as error:
        return KeyCheck(doubt=_without(account.api_key, failure_text(error)))
    except RejectedError as error:
        return KeyCheck(field="api_url", error=_without(account.api_key, failure_text(error)))
    except ConfigurationError as error:
        return KeyCheck(field="destination", error=str(error))


def failure_text(error: ConnectorError, name: str = "") -> str:
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
    told = text % {"why": str(error)}
    return f"{name}: {told}" if name else told


def _without(key: str, text: str) -> str:
    """A destination may quote the key it refuses; a page must not."""
    return text.replace(key, DOTS) if key else text
