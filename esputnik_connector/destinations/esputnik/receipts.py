"""What became of each record, read from answers and errors. Pure.

"Delivered" is written only from a readable positive answer for that record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from esputnik_connector.destinations.base import AccountInfo, Envelope, Receipt
from esputnik_connector.destinations.responses import Answer, vendor_words
from esputnik_connector.exceptions import RejectedError, TemporaryError
from esputnik_connector.records import JSONObject, JSONValue, Kind, Outcome, Reason

from .refusals import Named, mentions, named, refusals, says_refusals

DUPLICATE_WINDOW = 60.0  # seconds that a repeat is refused (esputnik-api.md#repeated-requests)


def from_call(
    envelopes: Sequence[Envelope], answer: Answer, *, is_import: bool = False
) -> list[Receipt]:
    """Receipts for the records of one call: contacts, orders or one event.

    An order or an event of which it is unknown whether it was taken goes once more, and alone: each
    may start a workflow.

    :param is_import: the call was ``POST /v1/contacts``, whose work goes on after the answer.
    :raises RejectedError: some contact was refused and the answer does not say which; contacts
        start nothing, so the batch may be halved.
    :raises TemporaryError: the answer cannot be read.
    """
    body = _readable(answer)
    if answer.is_duplicate:
        return [_duplicate(envelope, answer, is_import=is_import) for envelope in envelopes]
    refused, nameless = _attributed(body, envelopes)
    if nameless and envelopes[0].kind is Kind.CONTACT:
        message = _("Some records were refused: %(why)s") % {"why": nameless}
        raise RejectedError(message, status=answer.status)
    session = _text_of(body, "asyncSessionId")
    remote_id = "" if is_import or len(envelopes) > 1 else _text_of(body, "id")
    return [
        _refused(_blank(envelope), refused[envelope.key], status=answer.status)
        if envelope.key in refused
        else _refused_among(envelope, nameless, status=answer.status)
        if nameless
        else _taken(envelope, answer, session=session, remote_id=remote_id)
        for envelope in envelopes
    ]


def from_import(session: str, records: Sequence[Named], answer: Answer) -> list[Receipt]:
    """Receipts for the contacts of an import (esputnik-api.md#import-status).

    No list of failures is documented in its answer. When it refuses somebody without a name, only
    the contacts in its ``mapping`` count as delivered and the others are to be sent again. A
    ``description`` beside a mapping is such a report; a contact that it names and that the mapping
    lacks is refused.
    """
    body = _readable(answer)
    blank = [
        Receipt(
            kind=Kind.CONTACT,
            key=record.key,
            outcome=Outcome.DEFERRED,
            session=session,
            status=answer.status,
        )
        for record in records
    ]
    state = _text_of(body, "status").upper()
    words = vendor_words(body) if isinstance(body, dict) and body.get("description") else ""
    if state == "ERROR":
        return [_import_failed(receipt, words) for receipt in blank]
    if state != "FINISHED":
        return [replace(receipt, reason=Reason.UPLOADING, detail=state[:50]) for receipt in blank]
    return _finished(blank, records, body, words, status=answer.status)


def lost_import(session: str, keys: Sequence[str], error: RejectedError) -> list[Receipt]:
    """eSputnik does not know the import (any more): its contacts are to be sent again."""
    blank = (Receipt(kind=Kind.CONTACT, key=key, outcome=Outcome.DEFERRED) for key in keys)
    return [
        _import_failed(replace(receipt, session=session, status=error.status), str(error))
        for receipt in blank
    ]


def rejected(envelope: Envelope, error: RejectedError) -> Receipt:
    return _refused(_blank(envelope), str(error), status=error.status)


def too_large(envelope: Envelope, size: int, limit: int) -> Receipt:
    detail = _("%(size)d bytes; eSputnik takes events of up to %(limit)d") % {
        "size": size,
        "limit": limit,
    }
    return replace(
        _blank(envelope), outcome=Outcome.REJECTED, reason=Reason.TOO_LARGE, detail=detail
    )


def is_unknown_contact(error: RejectedError) -> bool:
    """The person is not there (any more), which is what a deletion is for
    (esputnik-api.md#contact-delete)."""
    return error.status == 404 or "not found" in str(error).lower()


def account_info(answer: Answer) -> AccountInfo:
    """:raises RejectedError: somebody else answered."""
    organisation = _text_of(answer.body, "organisationName")
    if not organisation:
        message = _("The answer names no organisation. Is the address really eSputnik's?")
        raise RejectedError(message, status=answer.status)
    return AccountInfo(
        organisation=organisation,
        organisation_id=_text_of(answer.body, "orgId"),
        user=_text_of(answer.body, "userEmail"),
        clock_ahead=answer.clock_ahead,
    )


def _readable(answer: Answer) -> JSONValue:
    if not answer.was_readable:
        message = _("The answer broke off; what it said about the records is unknown")
        raise TemporaryError(message, status=answer.status, was_received=True)
    return answer.body


def _attributed(body: JSONValue, envelopes: Sequence[Envelope]) -> tuple[dict[str, str], str]:
    """Refused keys → words, and the words of a refusal that fits none or several, or ``""``."""
    if not says_refusals(body):
        return {}, ""
    found = refusals(body, [named(envelope) for envelope in envelopes], are_all=True)
    nameless = next((refusal.words for refusal in found if not refusal.key), "")
    return {refusal.key: refusal.words for refusal in found if refusal.key}, nameless


def _refused_among(envelope: Envelope, words: str, *, status: int) -> Receipt:
    return replace(
        _blank(envelope),
        reason=Reason.REFUSED_AMONG,
        detail=words,
        status=status,
        is_counted=True,
        goes_alone=True,
    )


def _finished(
    blank: Sequence[Receipt],
    records: Sequence[Named],
    body: JSONValue,
    words: str,
    *,
    status: int,
) -> list[Receipt]:
    mapping, said = _mapping(body), _text_of(body, "description")  # words are redacted already
    found = refusals(body, records, are_all=False)
    refused = {refusal.key: refusal.words for refusal in found if refusal.key}
    nameless = next((refusal.words for refusal in found if not refusal.key), "")
    if mapping:  # without one, a description is no more than a remark
        nameless = nameless or words or _("The import did not name this contact in its result")

    def receipt(one: Receipt, names: Iterable[str]) -> Receipt:
        if one.key in refused:
            return _refused(one, refused[one.key], status=status)
        stored = next((mapping[name] for name in names if name in mapping), None)
        if stored is not None or not nameless:
            return replace(one, outcome=Outcome.DELIVERED, remote_id=stored or "")
        if any(mentions(said, name) for name in names):
            return _refused(one, words, status=status)
        return _import_failed(one, nameless)

    return [
        receipt(one, (record.key, *record.locators))
        for one, record in zip(blank, records, strict=True)
    ]


def _mapping(body: JSONValue) -> dict[str, str]:
    """External id, e-mail or phone → internal id, of the contacts an import stored."""
    pairs = body.get("mapping") if isinstance(body, dict) else None
    rows = [pair for pair in pairs if isinstance(pair, dict)] if isinstance(pairs, list) else []
    stored = {str(row.get("dedupeValue")): _text_of(row, "contactId") for row in rows}
    return {name.lower().lstrip("+"): number for name, number in stored.items()} | stored


def _blank(envelope: Envelope) -> Receipt:
    return Receipt(kind=envelope.kind, key=envelope.key, outcome=Outcome.DEFERRED)


def _taken(
    envelope: Envelope, answer: Answer, *, session: str = "", remote_id: str = ""
) -> Receipt:
    """ACCEPTED when an import works on it. Orders have no import to ask about
    (esputnik-api.md#orders-add)."""
    if session and envelope.kind is Kind.CONTACT:
        return Receipt(
            kind=envelope.kind,
            key=envelope.key,
            outcome=Outcome.ACCEPTED,
            status=answer.status,
            session=session,
        )
    return Receipt(
        kind=envelope.kind,
        key=envelope.key,
        outcome=Outcome.DELIVERED,
        status=answer.status,
        remote_id=remote_id,
    )


def _duplicate(envelope: Envelope, answer: Answer, *, is_import: bool) -> Receipt:
    """The same request was accepted a moment ago, and its answer got lost.

    That is delivered; a repeated order or event would start workflows again. Only an import is
    asked for once more, which starts nothing: without its session nobody knows who was refused.
    """
    receipt = replace(_blank(envelope), reason=Reason.ALREADY_ACCEPTED, status=answer.status)
    if is_import:
        return replace(receipt, retry_after=DUPLICATE_WINDOW)
    return replace(receipt, outcome=Outcome.DELIVERED)


def _refused(receipt: Receipt, words: str, *, status: int) -> Receipt:
    return replace(
        receipt, outcome=Outcome.REJECTED, reason=Reason.REFUSED, detail=words, status=status
    )


def _import_failed(receipt: Receipt, words: str) -> Receipt:
    return replace(receipt, reason=Reason.UPLOAD_FAILED, detail=words, is_counted=True)


def _text_of(body: JSONValue | JSONObject, name: str) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    return "" if value is None or isinstance(value, (dict, list, bool)) else str(value)
