"""Which calls carry which envelopes. Pure: a plan, carried out by the destination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.destinations.encoding import encoded
from esputnik_connector.halving import halves
from esputnik_connector.records import JSONObject, Kind, Note

from . import receipts
from .answers import proof
from .behaviour.envelopes import BODY, USER_AGENT
from .client import EsputnikClient
from .contacts.erasure import send_erasure
from .contacts.fields import CHANNELS, NAMES, additional_ids, channels
from .contacts.subscribe import introducing
from .contacts.subscription import send_subscription
from .events.identity import EVENT_LIMIT
from .events.payload import PAST_EVENTS_PER_CALL
from .events.results import from_past_events
from .options import Options
from .orders.deletion import put_off, send_order_deletion

BY_ID = "externalCustomerId"
MOST_ORDER_DELETIONS = 20  # of one delivery: four seconds at the usual pace
FEW_ORDER_DELETIONS = 5  # that wait for nobody

Send = Callable[[EsputnikClient, Sequence[Envelope]], list[Receipt]]


@dataclass(frozen=True, kw_only=True)
class Call:
    """Envelopes that travel in one request."""

    envelopes: tuple[Envelope, ...]
    send: Send
    is_upload: bool = False

    def halves(self) -> list[Call]:
        """The same request with half the records each."""
        return [replace(self, envelopes=tuple(part)) for part in halves(self.envelopes)]


def planned(envelopes: Sequence[Envelope], options: Options) -> list[Call]:
    """The calls for envelopes of one kind. Every envelope is in exactly one of them."""
    return list(chain.from_iterable(_planned(envelopes, options)))


def _planned(envelopes: Sequence[Envelope], options: Options) -> Iterator[Iterable[Call]]:
    introduced = [envelope for envelope in envelopes if envelope.introduces]
    yield _introductions(introduced, options)
    envelopes = [envelope for envelope in envelopes if not envelope.introduces]
    contacts = [envelope for envelope in envelopes if envelope.kind is Kind.CONTACT]
    erasures = [envelope for envelope in envelopes if envelope.kind is Kind.ERASURE]
    orders = [envelope for envelope in envelopes if "order" in envelope.payload]
    events = [envelope for envelope in envelopes if "event" in envelope.payload]
    wishes = [envelope for envelope in envelopes if envelope.kind is Kind.SUBSCRIPTION]
    past = [envelope for envelope in envelopes if "past_event" in envelope.payload]
    tracked = [envelope for envelope in envelopes if BODY in envelope.payload]
    yield _contact_calls(contacts, options)
    yield _chunks(orders, send_orders, size=options.orders_per_call)
    yield _order_deletions([one for one in envelopes if "order_deletion" in one.payload])
    yield _chunks(events, send_event, size=1)
    yield _chunks(tracked, send_tracked, size=1)
    yield _chunks(past, send_past_events, size=PAST_EVENTS_PER_CALL)
    yield _chunks(wishes, send_subscription, size=1)
    yield _chunks(erasures, send_erasure, size=1)


def _introductions(envelopes: Sequence[Envelope], options: Options) -> Iterator[Call]:
    """Each person alone: first as an unconfirmed address, then the record itself."""
    for envelope in envelopes:
        send = next(way for name, way in WAYS.items() if name in envelope.payload)
        # eSputnik knows the e-mail by then, but it does not say that it looks for that one first.
        is_upload = envelope.kind is Kind.CONTACT and not _may_go_alone(envelope, options)
        if is_upload:
            send = partial(send_contacts, restores=options.restore_deleted)
        yield Call(envelopes=(envelope,), send=introducing(send), is_upload=is_upload)


def _contact_calls(envelopes: Sequence[Envelope], options: Options) -> Iterator[Call]:
    """Few alike contacts go one by one, many as an upload, where both do the same."""
    groups: dict[tuple[str, bool, frozenset[str]], list[Envelope]] = {}
    for envelope in envelopes:
        likeness = _dedupe_on(envelope), _has_id(envelope), envelope.fields | envelope.clears
        groups.setdefault(likeness, []).append(envelope)
    send = partial(send_contacts, restores=options.restore_deleted)
    for group in groups.values():
        alone = [one for one in group if _may_go_alone(one, options)]
        if len(alone) < options.bulk_from:
            yield from _chunks(alone, send_contact, size=1)
            gone_alone = {envelope.key for envelope in alone}
            group = [envelope for envelope in group if envelope.key not in gone_alone]
        for part in _apart(group) if group else []:
            for call in _chunks(part, send, size=options.contacts_per_call):
                yield replace(call, is_upload=True)


def _apart(envelopes: Sequence[Envelope]) -> list[list[Envelope]]:
    """Never two of one address in an upload that searches by it: its result names whoever was
    stored by that address alone, so the one would speak for the other
    (esputnik-api.md#import-status)."""
    searched = _dedupe_on(envelopes[0])
    if searched == BY_ID:
        return [list(envelopes)]
    parts: list[list[Envelope]] = []
    met: Counter[str] = Counter()
    for envelope in envelopes:
        address = next(iter(channels(_inner(envelope, "contact"), searched)), "")
        if met[address] == len(parts):
            parts.append([])
        parts[met[address]].append(envelope)
        met[address] += 1
    return parts


def _may_go_alone(envelope: Envelope, options: Options) -> bool:
    """Would ``POST /v1/contact`` find and write just what an upload would?

    It looks for an unknown id by e-mail *and* phone (esputnik-api.md#contact-add), so whoever
    shares a phone with a customer could overwrite them; it restores whoever was deleted; and it
    cannot empty or replace a field.
    """
    if envelope.clears or envelope.is_replacing or not options.restore_deleted:
        return False
    has_one_channel = len(envelope.fields & set(CHANNELS)) == 1
    return _has_id(envelope) and (has_one_channel or not envelope.is_first)


def _order_deletions(envelopes: Sequence[Envelope]) -> Iterator[Call]:
    """One by one, some at a time: a shop that removes years of orders must not hold back those that
    are placed meanwhile."""
    some = min(MOST_ORDER_DELETIONS, max(FEW_ORDER_DELETIONS, len(envelopes) // 4))
    now, later = envelopes[:some], envelopes[some:]
    yield from _chunks(now, send_order_deletion, size=1)
    yield from _chunks(later, put_off, size=len(later) or 1)


def _chunks(envelopes: Sequence[Envelope], send: Send, *, size: int) -> Iterator[Call]:
    for start in range(0, len(envelopes), size):
        yield Call(envelopes=tuple(envelopes[start : start + size]), send=send)


def send_contact(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    (envelope,) = envelopes
    answer = client.add_contact(_inner(envelope, "contact"))
    return receipts.from_call(envelopes, answer, proof.CONTACT)


def send_contacts(
    client: EsputnikClient, envelopes: Sequence[Envelope], *, restores: bool
) -> list[Receipt]:
    answer = client.add_contacts(contacts_body(envelopes, restores=restores))
    return receipts.from_call(envelopes, answer, proof.UPLOAD)


def send_orders(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    answer = client.add_orders([_inner(envelope, "order") for envelope in envelopes])
    return receipts.from_call(envelopes, answer, proof.ORDERS)


def send_event(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    (envelope,) = envelopes
    event = _inner(envelope, "event")
    if (size := len(encoded(event))) > EVENT_LIMIT:
        return [receipts.too_large(envelope, size, EVENT_LIMIT)]
    return receipts.from_call(envelopes, client.generate_event(event), proof.EVENT)


def send_tracked(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    """Any 2xx is a yes; what it says is not read (esputnik-api.md#web-tracking)."""
    (envelope,) = envelopes
    user_agent = envelope.payload.get(USER_AGENT)
    if client.tracker is None:
        raise TypeError("this client was made without a tracker")
    answer = client.tracker.track(_inner(envelope, BODY), user_agent=str(user_agent or ""))
    return [receipts.taken(envelope, status=answer.status)]


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
        settled += from_past_events(small, answer)
    return settled


WAYS: Mapping[str, Send] = {  # part of a payload → how it goes alone
    "contact": send_contact,
    "order": send_orders,
    "event": send_event,
    "past_event": send_past_events,
    BODY: send_tracked,
}


def contacts_body(envelopes: Sequence[Envelope], *, restores: bool = True) -> JSONObject:
    """The body of ``POST /v1/contacts`` for contacts with the same fields.

    Without ``contactFields`` every field would be written, and a listed field without data becomes
    null (esputnik-api.md#contact-fields). So the lists name exactly what each contact of the call
    carries or clears: nothing that the merchant keeps in eSputnik is touched.

    :param restores: a contact that was deleted in eSputnik comes back.
    """
    owned = envelopes[0].fields | envelopes[0].clears
    extra = additional_ids(owned)
    dedupe_on = _dedupe_on(envelopes[0])
    named = owned & NAMES
    if _has_id(envelopes[0]) and dedupe_on != BY_ID:
        named |= {BY_ID}  # it is found by a channel, and takes the id
    body: JSONObject = {
        "contacts": [_inner(envelope, "contact") for envelope in envelopes],
        "dedupeOn": dedupe_on,
        "contactFields": [*sorted(named)],
        "restoreDeleted": restores,
    }
    return {**body, "customFieldsIDs": [*extra]} if extra else body


def _has_id(envelope: Envelope) -> bool:
    """A guest has no id of a customer."""
    return BY_ID in _inner(envelope, "contact")


def _dedupe_on(envelope: Envelope) -> str:
    """By what an upload finds a contact that it does not know by id
    (esputnik-api.md#contacts-matching).

    The first time by e-mail, else by phone, so that a subscriber or guest of before becomes the
    customer; later by id, since the field that it searches by is not updated.
    """
    if _has_id(envelope) and (not envelope.is_first or envelope.is_replacing):
        return BY_ID
    return "email" if "email" in envelope.fields else "sms"


def _inner(envelope: Envelope, name: str) -> JSONObject:
    found = envelope.payload[name]
    if not isinstance(found, dict):
        raise TypeError(f"{envelope.kind.value} {envelope.key}: payload has no {name}")
    return found
