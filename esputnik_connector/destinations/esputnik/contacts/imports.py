"""What became of the contacts of an upload, read from ``GET /v1/importstatus``. Pure.

Its ``mapping`` is the only word about a contact: it names whoever was stored. There is no list of
failures (esputnik-api.md#import-status).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from esputnik_connector.destinations.base import Receipt
from esputnik_connector.destinations.esputnik.answers.values import entries, number_of, text_of
from esputnik_connector.destinations.esputnik.receipts import readable, upload_failed
from esputnik_connector.destinations.responses import Answer, vendor_words
from esputnik_connector.exceptions import RejectedError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.identity import fingerprint
from esputnik_connector.records import JSONValue, Kind, Outcome, Reason

Locators = Mapping[str, Mapping[str, str]]  # key → salted hashes of e-mail and phone


def from_import(
    session: str, keys: Sequence[str], answer: Answer, *, locators: Locators, salt: str
) -> list[Receipt]:
    """Receipts for the contacts of an upload.

    :raises TemporaryError: the answer cannot be read.
    """
    body = readable(answer)
    blank = (_blank(key, session=session, status=answer.status) for key in keys)
    state = text_of(body, "status").upper()
    words = vendor_words(body) if isinstance(body, dict) and body.get("description") else ""
    if state == "ERROR":
        return [upload_failed(receipt, words) for receipt in blank]
    if state != "FINISHED":  # an unknown word means "not yet"
        return [replace(receipt, reason=Reason.UPLOADING, detail=state[:50]) for receipt in blank]
    stored = _stored(body, keys, locators, salt=salt)
    missing = _("eSputnik did not store this contact: the result of the upload does not name it")
    return [
        _stored_as(key, stored[key], session=session, status=answer.status)
        if key in stored
        else upload_failed(
            _blank(key, session=session, status=answer.status),
            f"{missing}. {words}" if words else missing,
        )
        for key in keys
    ]


def lost_import(session: str, keys: Sequence[str], error: RejectedError) -> list[Receipt]:
    """eSputnik does not know the upload (any more): its contacts are to be sent again."""
    blank = (_blank(key, session=session, status=error.status) for key in keys)
    return [upload_failed(receipt, str(error)) for receipt in blank]


def _stored(
    body: JSONValue, keys: Sequence[str], locators: Locators, *, salt: str
) -> dict[str, str]:
    """Key → eSputnik's own number, of whoever the mapping names together with a person.

    It names them by the value that the upload searched by: the external id, the e-mail or the
    phone. Of the last two only hashes are kept.
    """
    rows = entries(body.get("mapping") if isinstance(body, dict) else None)
    told = [(text_of(row, "dedupeValue"), number_of(row, "contactId")) for row in rows]
    numbers = {value: number for value, number in told if value and number}
    found = {key: numbers[key] for key in keys if key in numbers}
    if len(found) < len(keys):  # those that were searched by another value than their id
        prints = {
            print_: number for value, number in numbers.items() for print_ in _prints(value, salt)
        }
        for key in keys:
            names = [name for name in locators.get(key, {}).values() if name in prints]
            if key not in found and names:
                found[key] = prints[names[0]]
    return found


def _prints(value: str, salt: str) -> list[str]:
    """Of an e-mail, or of a phone as the shop writes it and as eSputnik does, without a plus."""
    if "@" in value:
        return [fingerprint(value, salt=salt)]
    bare = value.lstrip("+")
    return [fingerprint(one, salt=salt) for one in (bare, f"+{bare}")]


def _stored_as(key: str, number: str, *, session: str, status: int) -> Receipt:
    """Nearly every receipt of an upload is one of these, so it is made at once."""
    return Receipt(
        kind=Kind.CONTACT,
        key=key,
        outcome=Outcome.DELIVERED,
        session=session,
        remote_id=number,
        status=status,
    )


def _blank(key: str, *, session: str, status: int) -> Receipt:
    return Receipt(
        kind=Kind.CONTACT, key=key, outcome=Outcome.DEFERRED, session=session, status=status
    )
