"""The token of the app inbox (esputnik-api.md#inbox-token)."""

from __future__ import annotations

import re

from esputnik_connector.exceptions import TemporaryError
from esputnik_connector.explanations import gettext as _

from .client import EsputnikClient

TOKEN = re.compile(r"[A-Za-z0-9._~+/=:-]{1,4096}")  # it goes into a page of the shop


def token_of(client: EsputnikClient, key: str) -> str:
    """:raises TemporaryError: the answer holds none, or eSputnik did not answer.
    :raises RejectedError, CredentialsError: as any call.
    """
    answer = client.contact_token(key)
    token = answer.body.get("token") if isinstance(answer.body, dict) else None
    if not (isinstance(token, str) and TOKEN.fullmatch(token)):
        message = _("The answer holds no token")
        raise TemporaryError(message, status=answer.status, was_received=True)
    return token
