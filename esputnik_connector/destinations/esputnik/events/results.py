"""What became of each event of the past (esputnik-api.md#past-events-answer). Pure.

A 200 says nothing: there is one result for each event, in their order, and only ACCEPTED counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.destinations.esputnik.answers.proof import says_no_trouble
from esputnik_connector.destinations.esputnik.answers.values import entries, text_of
from esputnik_connector.destinations.esputnik.receipts import blank, readable, repeated, taken
from esputnik_connector.destinations.responses import Answer
from esputnik_connector.exceptions import TemporaryError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import JSONObject, JSONValue, Outcome, Reason

ACCEPTED = "ACCEPTED"
SEGMENTATION_OFF = "EVENT_SEGMENTATION_DISABLED"
REFUSED = frozenset(
    {"OCCURRED_DATE_IS_REQUIRED", "INCORRECT_OCCURRED_DATE_FORMAT"}
    | {"OCCURRED_TIME_TOO_DEPTH", "OCCURRED_TIME_IN_FUTURE"}
)


def from_past_events(envelopes: Sequence[Envelope], answer: Answer) -> list[Receipt]:
    """Receipts for events of the past, by their position.

    :raises TemporaryError: the answer cannot be read, speaks of something else, or contradicts
        itself; then nothing of it counts.
    """
    body = readable(answer)
    if answer.is_duplicate:  # what the first answer said of each is lost; they start nothing
        return [repeated(envelope, status=answer.status) for envelope in envelopes]
    results = body.get("results") if isinstance(body, dict) else None
    if results is None:
        if not says_no_trouble(answer):
            raise _temporary(answer, _("The answer is none to past events."))
        return [_unconfirmed(envelope, answer) for envelope in envelopes]
    words = [text_of(one, "status").upper() for one in entries(results)]
    if len(words) != len(envelopes) or not _counts_agree(body, words):
        raise _temporary(answer, _("The answer to past events contradicts itself."))
    return [
        _receipt(envelope, word, status=answer.status)
        for envelope, word in zip(envelopes, words, strict=True)
    ]


def _temporary(answer: Answer, text: str) -> TemporaryError:
    return TemporaryError(text, status=answer.status, was_received=True)


def _counts_agree(body: JSONValue, words: Sequence[str]) -> bool:
    successes = words.count(ACCEPTED)
    found = {"successCount": str(successes), "errorCount": str(len(words) - successes)}
    return all(text_of(body, name) in ("", count) for name, count in found.items())


def _receipt(envelope: Envelope, word: str, *, status: int) -> Receipt:
    if word == ACCEPTED:
        return taken(envelope, status=status)
    receipt = replace(blank(envelope), status=status, detail=word)
    if word in REFUSED:
        return replace(receipt, outcome=Outcome.REJECTED, reason=Reason.REFUSED)
    if word == SEGMENTATION_OFF:
        detail = _segmentation_is_off(_event_type(envelope))
        return replace(receipt, reason=Reason.SWITCHED_OFF, detail=detail, is_counted=True)
    return replace(receipt, reason=Reason.UNREACHABLE, is_counted=True)


def _segmentation_is_off(event_type: str) -> str:
    """Nothing of this type can arrive until the merchant clicks (esputnik-api.md#segmentation)."""
    text = _(
        "In eSputnik open Automation → Event types, choose %(type)s, switch “Use event for "
        "segmentation” on, and then resume the import here."
    )
    return text % {"type": event_type}


def _unconfirmed(envelope: Envelope, answer: Answer) -> Receipt:
    """The answer of v3 is not documented, so a person has to look whether anything arrived."""
    text = _(
        "eSputnik's answer does not say whether the events arrived: look there whether order "
        "%(key)s has appeared (Contacts → a customer → Orders, or Automation → Event types → "
        "%(type)s), and confirm it here, or set the option event_version to v2."
    )
    detail = text % {"key": envelope.key, "type": _event_type(envelope)}
    return replace(
        blank(envelope),
        reason=Reason.UNCONFIRMED,
        status=answer.status,
        detail=detail,
        is_counted=True,
    )


def _event_type(envelope: Envelope) -> str:
    event: JSONValue | JSONObject = envelope.payload.get("past_event")
    return text_of(event, "eventTypeKey")
