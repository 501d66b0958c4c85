"""Ask a destination about a key that is not stored yet, and say what its answer means."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.destinations.base import Account, AccountField, AccountInfo
from esputnik_connector.destinations.deadline import patience
from esputnik_connector.exceptions import (
    ConfigurationError,
    ConnectorError,
    CredentialsError,
    DecryptionError,
    DestinationError,
    RejectedError,
    TemporaryError,
)
from esputnik_connector.operations.connection.account import fields_of

from .state import DOTS

PATIENCE = 5.0  # seconds; a web server ends a request that takes much longer, with a bare 500


@dataclass(frozen=True, kw_only=True)
class KeyCheck:
    """The answer: the account, or what is wrong with which field, or why neither is known."""

    info: AccountInfo | None = None
    fields: Sequence[AccountField] | None = None
    field: str = ""
    error: str = ""
    doubt: str = ""


def check_key(destination: str, account: Account) -> KeyCheck:
    """Ask the destination whether it accepts the key of this account.

    Waits for HTTP, so it must not be called in a transaction.
    """
    try:
        with closing(registry.destination_for(destination, account)) as live, patience(PATIENCE):
            return KeyCheck(info=live.verify(), fields=fields_of(live))
    except ConfigurationError as error:
        return KeyCheck(field="destination", error=str(error))
    except DestinationError as error:
        text = _without(account.api_key, failure_text(error, destination))
        if isinstance(error, TemporaryError):
            return KeyCheck(doubt=text)
        field = "new_key" if isinstance(error, CredentialsError) else "api_url"
        return KeyCheck(field=field, error=text)


def failure_text(error: ConnectorError, destination: str) -> str:
    """What a failed check means, and what to do next.

    :param destination: its name in the settings.
    """
    if isinstance(error, CredentialsError):
        text = _(
            "%(destination)s refused this key (%(why)s). Check that it was copied whole, is not "
            "disabled and has full access, then paste it again."
        )
    elif isinstance(error, TemporaryError):
        text = _(
            "%(destination)s could not be reached (%(why)s), so the key is not checked. Nothing is "
            "lost: changes wait and are sent when it answers. Press “Test connection” later."
        )
    elif isinstance(error, RejectedError):
        text = _(
            "This address does not answer as %(destination)s does (%(why)s). Check the API address "
            "under “Advanced”."
        )
    elif isinstance(error, DecryptionError):
        text = _("The stored key cannot be read. Paste it again and save. (%(why)s)")
    else:
        text = "%(why)s"
    return text % {"why": str(error), "destination": registry.destination_label(destination)}


def _without(key: str, text: str) -> str:
    """A destination may quote the key it refuses; a page must not."""
    return text.replace(key, DOTS) if key else text
