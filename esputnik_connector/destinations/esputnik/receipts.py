"""What became of each record of a call, read from answers and errors. Pure.

"Delivered" is written only from a readable positive answer for that record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from esputnik_connector.destinations.base import AccountInfo, Envelope, Receipt
from esputnik_connector.destinations.responses import Answer, vendor_words
from esputnik_connector.exceptions import RejectedError, TemporaryError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import JSONValue, Kind, Outcome, Reason

from .answers.proof import UPLOAD, Proof
from .answers.refusals import refusals
from .answers.responses import is_duplicated
from .answers.values import number_of, text_of

DUPLICATE_WINDOW = 60.0  # seconds that a repeat is refused (esputnik-api.md#repeated-requests)


def from_call(envelopes: Sequence[Envelope], answer: Answer, proof: Proof) -> list[Receipt]:
    """Receipts for the records of one call: contacts, orders, one event or one deletion.

    An order or an event of which it is unknown whether it was taken goes once more, and alone: each
    may start a workflow.

    :param proof: what the answer to this call must look like.
    :raises RejectedError: some contact was refused and the answer does not say which; contacts
        start nothing, so the batch may be halved.
    :raises TemporaryError: the answer cannot be read, or says nothing of the records.
    """
    body = readable(answer)
    if answer.is_duplicate:
        return [_duplicate(envelope, status=answer.status) for envelope in envelopes]
    refused, nameless = _attributed(body, envelopes)
    if not (refused or nameless or proof.is_in(answer)):
        raise TemporaryError(says_nothing(answer, proof), status=answer.status, was_received=True)
    if nameless and envelopes[0].kind is Kind.CONTACT:
        message = _("Some records were refused: %(why)s") % {"why": nameless}
        raise RejectedError(message, status=answer.status)
    shown = _names_refusals(body, is_nameless=bool(nameless))
    is_alone = len(envelopes) == 1
    return [
        _taken(envelope, answer, proof, is_alone=is_alone, names_refusals=shown)
        if envelope.key not in refused and not nameless
        else replace(
            _refused(envelope, refused[envelope.key], status=answer.status)
            if envelope.key in refused
            else _refused_among(envelope, nameless, status=answer.status),
            names_refusals=shown,
        )
        for envelope in envelopes
    ]


def rejected(envelope: Envelope, error: RejectedError) -> Receipt:
    return _rejected(envelope, str(error), status=error.status)


def too_large(envelope: Envelope, size: int, limit: int) -> Receipt:
    detail = _("%(size)d bytes; eSputnik takes events of up to %(limit)d") % {
        "size": size,
        "limit": limit,
    }
    return replace(
        blank(envelope), outcome=Outcome.REJECTED, reason=Reason.TOO_LARGE, detail=detail
    )


def is_unknown_contact(error: RejectedError) -> bool:
    """The person is not there (any more), which is what a deletion is for
    (esputnik-api.md#contact-delete)."""
    return error.status == 404 or "not found" in str(error).lower()


def account_info(answer: Answer) -> AccountInfo:
    """:raises RejectedError: the answer is about another person."""
    organisation = text_of(answer.body, "organisationName")
    if not organisation:
        message = _("The answer names no organisation. Is the address really eSputnik's?")
        raise RejectedError(message, status=answer.status)
    return AccountInfo(
        organisation=organisation,
        organisation_id=text_of(answer.body, "orgId"),
        user=text_of(answer.body, "userEmail"),
        clock_ahead=answer.clock_ahead,
    )


def readable(answer: Answer) -> JSONValue:
    """:raises TemporaryError: the body of a success is broken."""
    if not answer.was_readable:
        message = _("The answer broke off; what it said about the records is unknown")
        raise TemporaryError(message, status=answer.status, was_received=True)
    return answer.body


def blank(envelope: Envelope) -> Receipt:
    """A receipt of which nothing is known yet."""
    return Receipt(kind=envelope.kind, key=envelope.key, outcome=Outcome.DEFERRED)


def taken(
    envelope: Envelope, *, status: int, remote_id: str = "", names_refusals: bool | None = None
) -> Receipt:
    """eSputnik holds the record. Nearly every receipt is one of these, so it is made at once."""
    return Receipt(
        kind=envelope.kind,
        key=envelope.key,
        outcome=Outcome.DELIVERED,
        status=status,
        remote_id=remote_id,
        names_refusals=names_refusals,
    )


def upload_failed(receipt: Receipt, words: str) -> Receipt:
    """The contact goes again, and the try counts."""
    return replace(receipt, reason=Reason.UPLOAD_FAILED, detail=words, is_counted=True)


def repeated(envelope: Envelope, *, status: int) -> Receipt:
    """The same came a moment ago: it is asked for again after the minute."""
    return replace(
        blank(envelope),
        reason=Reason.ALREADY_ACCEPTED,
        status=status,
        retry_after=DUPLICATE_WINDOW,
        is_counted=True,
    )


def says_nothing(answer: Answer, proof: Proof) -> str:
    """What is told of a 2xx that is none to this call."""
    said = vendor_words(answer.body, answer.text) or _("nothing")
    text = _("The answer to %(call)s does not say that anything arrived: %(words)s")
    return text % {"call": proof.call, "words": said}


def _attributed(body: JSONValue, envelopes: Sequence[Envelope]) -> tuple[dict[str, str], str]:
    """Refused keys → words, and the words of a refusal that fits none or several, or ``""``."""
    found = refusals(body, envelopes)
    nameless = next((refusal.words for refusal in found if not refusal.key), "")
    return {refusal.key: refusal.words for refusal in found if refusal.key}, nameless


def _names_refusals(body: JSONValue, *, is_nameless: bool) -> bool | None:
    """What the answer shows of how the account tells of refused orders: as documented, with a list
    that has their numbers (esputnik-api.md#failed-orders), or in a way that names nobody."""
    if is_nameless:
        return False
    return True if isinstance(body, dict) and "failedOrders" in body else None


def _refused(envelope: Envelope, words: str, *, status: int) -> Receipt:
    """In a list of failures the words of a repetition belong to their record alone."""
    if is_duplicated(words):
        return _duplicate(envelope, status=status)
    return _rejected(envelope, words, status=status)


def _rejected(envelope: Envelope, words: str, *, status: int) -> Receipt:
    return replace(
        blank(envelope),
        outcome=Outcome.REJECTED,
        reason=Reason.REFUSED,
        detail=words,
        status=status,
    )


def _refused_among(envelope: Envelope, words: str, *, status: int) -> Receipt:
    return replace(
        blank(envelope),
        reason=Reason.REFUSED_AMONG,
        detail=words,
        status=status,
        is_counted=True,
        goes_alone=True,
    )


def _taken(
    envelope: Envelope,
    answer: Answer,
    proof: Proof,
    *,
    is_alone: bool,
    names_refusals: bool | None,
) -> Receipt:
    """ACCEPTED when an upload works on it. Orders have none to ask about
    (esputnik-api.md#orders-add)."""
    if proof is not UPLOAD:
        remote_id = number_of(answer.body, "id") if is_alone else ""
        return taken(
            envelope, status=answer.status, remote_id=remote_id, names_refusals=names_refusals
        )
    if session := text_of(answer.body, "asyncSessionId"):
        return Receipt(
            kind=envelope.kind,
            key=envelope.key,
            outcome=Outcome.ACCEPTED,
            session=session,
            status=answer.status,
        )
    receipt = replace(blank(envelope), status=answer.status)
    return upload_failed(receipt, says_nothing(answer, proof))


def _duplicate(envelope: Envelope, *, status: int) -> Receipt:
    """An equal request was taken within the last minute, which does not prove that eSputnik holds
    it *now*: of A, B and A again the last is turned away, and B stays.

    So a contact is asked for again after the minute, which starts nothing. An order or an event
    may start a workflow each time: it is delivered, since it was the answer that got lost; unless
    eSputnik is known to hold something else of that order.
    """
    receipt = repeated(envelope, status=status)
    if envelope.kind is Kind.CONTACT or envelope.is_change:
        return receipt
    return replace(receipt, outcome=Outcome.DELIVERED, retry_after=0, is_counted=False)
