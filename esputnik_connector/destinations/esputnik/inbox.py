"""The token of the app inbox (esputnik-api.md#inbox-token).

Neither call is documented in full. What is asked by is the shop's id alone, under either of the
names that the vendor's own connectors use; by an e-mail or a phone it might be another contact's.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from esputnik_connector.exceptions import RejectedError, TemporaryError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import JSONValue

from .client import EsputnikClient

TOKEN = re.compile(r"[A-Za-z0-9._~+/=:-]{1,4096}")  # it goes into a page of the shop
BARE_TOKEN = 16  # characters of one that stands alone: "OK" is none
ID_FIELDS = ("externalCustomerId", "extid")
TOKEN_FIELDS = ("token", "accessToken", "access_token")
AROUND = ("data", "result", "success")  # in which the object with the token may stand


def token_of(client: EsputnikClient, key: str) -> str:
    """:raises TemporaryError: the answer holds none, or eSputnik did not answer.
    :raises RejectedError, CredentialsError: as any call.
    """
    refusal: RejectedError | None = None
    for name in ID_FIELDS:
        try:
            answer = client.contact_token(key, name=name)
        except RejectedError as error:
            if error.status != HTTPStatus.BAD_REQUEST:
                raise
            refusal = refusal or error
            continue
        if token := token_in(answer.body):
            return token
        message = _("The answer holds no token")
        raise TemporaryError(message, status=answer.status, was_received=True)
    raise refusal or RejectedError(key)


def token_in(body: JSONValue) -> str:
    """The token of an answer, in whichever of its shapes; ``""`` for none."""
    if isinstance(body, str):
        return body if len(body) >= BARE_TOKEN and TOKEN.fullmatch(body) else ""
    if not isinstance(body, dict):
        return ""
    for name in TOKEN_FIELDS:
        found = body.get(name)
        if isinstance(found, str) and TOKEN.fullmatch(found):
            return found
    return next((found for name in AROUND if (found := token_in(body.get(name)))), "")
