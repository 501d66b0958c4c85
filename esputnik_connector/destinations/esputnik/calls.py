"""Which calls carry which envelopes. Pure: a plan, carried out by the destination."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.destinations.http import encoded
from esputnik_connector.destinations.responses import Answer
from esputnik_connector.exceptions import RejectedError
from esputnik_connector.halving import halves
from esputnik_connector.records import JSONObject, Kind, Note

from . import receipts
from .client import EsputnikClient
from .contact_fields import NAMES, additional_ids
from .events import EVENT_LIMIT, PAST_EVENTS_PER_CALL
from .options import Options
from .subscribe import introducing

Send = Callable[[EsputnikClient, Sequence[Envelope]], list[Receipt]]


@dataclass(frozen=True, kw_only=True)
class Call:
    """Envelopes that travel in one request."""

    envelopes: tuple[Envelope, ...]
    send: Send

    def halves(self) -> list[Call]:
        """The same request with half the records each."""
        return [replace(self, envelopes=tuple(part)) for part in halves(self.envelopes)]


def planned(envelopes: Sequence[Envelope], options: Options) -> list[Call]:
    """The calls for envelopes of one kind. Every envelope is in exactly one of them."""
    return list(chain.from_iterable(_planned(envelopes, options)))


def _planned(envelopes: Sequence[Envelope], options: Options) -> Iterator[Iterable[Call]]:
    introduced = [envelope for envelope in envelopes if envelope.introduces]
    yield _introductions(introduced)
    envelopes = [envelope for envelope in envelopes if not envelope.introduces]
    contacts = [envelope for envelope in envelopes if envelope.kind is Kind.CONTACT]
    erasures = [envelope for envelope in envelopes if envelope.kind is Kind.ERASURE]
    orders = [envelope for envelope in envelopes if "order" in envelope.payload]
    events = [envelope for envelope in envelopes if "event" in envelope.payload]
    past = [envelope for envelope in envelopes if "past_event" in envelope.payload]
    yield _contact_calls(contacts, options)
    yield _chunks(orders, send_orders, size=options.orders_per_call)
    yield _chunks(events, send_event, size=1)
    yield _chunks(past, send_past_events, size=PAST_EVENTS_PER_CALL)
    yield _chunks(erasures, send_erasure, size=1)


def _introductions(envelopes: Sequence[Envelope]) -> Iterator[Call]:
    """Each person alone: first as an unconfirmed address, then the record itself."""
    for envelope in envelopes:
        send = next(way for name, way in WAYS.items() if name in envelope.payload)
        if envelope.clears or envelope.is_replacing:
            send = send_contacts
        yield Call(envelopes=(envelope,), send=introducing(send))


def _contact_calls(envelopes: Sequence[Envelope], options: Options) -> Iterator[Call]:
    """Few contacts go one by one, many as imports.

    Emptying or replacing a field is documented for the import alone, so those contacts always go
    that way.
    """
    are_few = len(envelopes) < options.bulk_from
    alone = [one for one in envelopes if are_few and not (one.clears or one.is_replacing)]
    yield from _chunks(alone, send_contact, size=1)
    gone_alone = {envelope.key for envelope in alone}
    groups: dict[tuple[str, frozenset[str]], list[Envelope]] = {}
    for envelope in envelopes:
        if envelope.key not in gone_alone:
            likeness = _dedupe_on(envelope), envelope.fields | envelope.clears
            groups.setdefault(likeness, []).append(envelope)
    for group in groups.values():
        yield from _chunks(group, send_contacts, size=options.contacts_per_call)


def _chunks(envelopes: Sequence[Envelope], send: Send, *, size: int) -> Iterator[Call]:
    for start in range(0, len(envelopes), size):
        yield Call(envelopes=tuple(envelopes[start : start + size]), send=send)


def send_contact(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    (envelope,) = envelopes
    return receipts.from_call(envelopes, client.add_contact(_inner(envelope, "contact")))


def send_contacts(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    answer = client.add_contacts(contacts_body(envelopes))
    return receipts.from_call(envelopes, answer, is_import=True)


def send_orders(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    answer = client.add_orders([_inner(envelope, "order") for envelope in envelopes])
    return receipts.from_call(envelopes, answer)


def send_event(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    (envelope,) = envelopes
    event = _inner(envelope, "event")
    if (size := len(encoded(event))) > EVENT_LIMIT:
        return [receipts.too_large(envelope, size, EVENT_LIMIT)]
    return receipts.from_call(envelopes, client.generate_event(event))


def send_past_events(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    small, settled = [], []
    for envelope in envelopes:
        # What kept its items was small enough when it was prepared.
        is_short = Note.DETAILS_DROPPED in envelope.notes
        size = len(encoded(_inner(envelope, "past_event"))) if is_short else 0
        if size > EVENT_LIMIT:
            settled.append(receipts.too_large(envelope, size, EVENT_LIMIT))
        else:
            small.append(envelope)
    if small:
        answer = client.add_past_events([_inner(envelope, "past_event") for envelope in small])
        settled += receipts.from_call(small, answer)
    return settled


def send_erasure(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    (envelope,) = envelopes
    try:
        answer = client.delete_contact(envelope.key, erase=bool(envelope.payload["erase"]))
    except RejectedError as error:
        if not receipts.is_unknown_contact(error):
            raise
        answer = Answer(status=error.status)
    return receipts.from_call(envelopes, answer)


WAYS: Mapping[str, Send] = {  # part of a payload → how it goes alone
    "contact": send_contact,
    "order": send_orders,
    "event": send_event,
    "past_event": send_past_events,
}


def contacts_body(envelopes: Sequence[Envelope]) -> JSONObject:
    """The body of ``POST /v1/contacts`` for contacts with the same fields.

    Without ``contactFields`` every field would be written, and a listed field without data becomes
    null (esputnik-api.md#contact-fields). So the lists name exactly what each contact of the call
    carries or clears: nothing that the merchant keeps in eSputnik is touched.
    """
    owned = envelopes[0].fields | envelopes[0].clears
    extra = additional_ids(owned)
    body: JSONObject = {
        "contacts": [_inner(envelope, "contact") for envelope in envelopes],
        "dedupeOn": _dedupe_on(envelopes[0]),
        "contactFields": [*sorted(owned & NAMES)],
        "restoreDeleted": False,
    }
    return {**body, "customFieldsIDs": [*extra]} if extra else body


def _dedupe_on(envelope: Envelope) -> str:
    """By what eSputnik finds a contact again; a guest has no id of a customer."""
    if "externalCustomerId" in _inner(envelope, "contact"):
        return "externalCustomerId"
    return "email" if "email" in envelope.fields else "sms"


def _inner(envelope: Envelope, name: str) -> JSONObject:
    found = envelope.payload[name]
    if not isinstance(found, dict):
        raise TypeError(f"{envelope.kind.value} {envelope.key}: payload has no {name}")
    return found
