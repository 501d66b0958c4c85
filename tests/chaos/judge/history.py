"""In the order of the requests: for each record, states only ever get newer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tests.chaos.evidence import Evidence, Exchange

from .breach import Breach, basket_key, is_disturbed, lines_about
from .wire_words import CART, CONTACT, ORDER, Sent, sent_records, total_quantity

POLL = "/api/v1/importstatus"
GIVEN_UP = 30 * 60.0  # seconds after which the connector no longer waits for an upload
CLOSED = 1 << 30  # the age of a cart that was ordered, emptied or merged

# How new a state is, by each thing that only ever grows. No part of it may get smaller.
Age = tuple[int, ...]
Sighting = tuple[Exchange, Age, str]  # when, how new, in words


def no_older_state_came_after_a_newer_one(evidence: Evidence) -> list[Breach]:
    """But for a sender that was stopped while it sent: nobody can call its request back, so what it
    overwrote must have been sent again."""
    return [
        breach
        for (kind, key), sightings in _sightings(evidence).items()
        for breach in _regressions(evidence, kind, key, sightings)
    ]


def _regressions(
    evidence: Evidence, kind: str, key: str, sightings: Sequence[Sighting]
) -> Iterator[Breach]:
    newest, newest_said = sightings[0][1], sightings[0][2]
    for index, (exchange, age, said) in enumerate(sightings):
        if _is_as_new(age, newest):
            newest, newest_said = age, said
            continue
        is_mended = any(_is_as_new(later, newest) for _, later, _ in sightings[index + 1 :])
        if is_mended and is_disturbed(exchange, evidence.disturbances):
            continue
        yield Breach(
            f"{kind} {key}",
            f"nothing older than {newest_said} from then on",
            f"{said} at {exchange.arrived:.2f} s" + (", mended later" if is_mended else ""),
            lines_about(evidence, kind, key),
        )
        return


def no_upload_put_an_older_state_over_a_newer_one(evidence: Evidence) -> list[Breach]:
    """An upload is worked off later: while it is open, nothing newer of its people may go out.

    Unless nobody could know of it (its answer was lost, or whoever got it was disturbed), it was
    said to be over, or it was given up; then the newer state must have been stored once more.
    """
    names = {person.key: list(person.names) for person in evidence.people}
    writes: defaultdict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for one in evidence.held.writes:
        key, said = str(one["externalCustomerId"]), str(one["firstName"] or "")
        if (age := _last_index(names.get(key, []), said)) is not None:
            writes[key].append((age, said, str(one["session"])))
    return [breach for key, stored in writes.items() for breach in _undone(evidence, key, stored)]


def _undone(
    evidence: Evidence, key: str, stored: Sequence[tuple[int, str, str]]
) -> Iterator[Breach]:
    newest, newest_said = -1, ""
    for index, (age, said, session) in enumerate(stored):
        if age >= newest:
            newest, newest_said = age, said
            continue
        is_mended = any(later >= newest for later, _, _ in stored[index + 1 :])
        if session and not (is_mended and _was_over(evidence, key, session, newest_said)):
            yield Breach(
                f"contact {key}",
                f"{newest_said} waits for upload {session}, or is stored again after it",
                f"{said} was stored over it" + (", mended later" if is_mended else ""),
                lines_about(evidence, CONTACT, key),
            )
            return


def _was_over(evidence: Evidence, key: str, session: str, newer: str) -> bool:
    """Whether the connector could take the upload for over when the newer state went out."""
    upload = next((one for one in evidence.exchanges if _session_of(one) == session), None)
    if upload is None or is_disturbed(upload, evidence.disturbances):
        return True
    sent = (
        exchange.arrived
        for exchange in evidence.exchanges
        if exchange.arrived > upload.arrived
        and any(
            one.is_of(CONTACT, key) and one.body.get("firstName") == newer
            for one in sent_records(exchange)
        )
    )
    until = next(sent, None)
    if until is None:  # it went out before: then the order of the requests is the question
        return True
    waited = sum(one.seconds for one in evidence.leaps if upload.arrived <= one.at <= until)
    polls = (one for one in evidence.exchanges if one.path == f"{POLL}/{session}")
    return waited >= GIVEN_UP or any(
        one.answered is not None and one.answered <= until and not _is_running(one.answer)
        for one in polls
    )


def _session_of(exchange: Exchange) -> str:
    answer = exchange.answer
    return str(answer.get("asyncSessionId", "")) if isinstance(answer, Mapping) else ""


def _is_running(answer: object) -> bool:
    return isinstance(answer, Mapping) and answer.get("status") in ("STARTED", "IMPORTING")


def _sightings(evidence: Evidence) -> Mapping[tuple[str, str], list[Sighting]]:
    names = {person.key: list(person.names) for person in evidence.people}
    statuses = {order.number: list(order.statuses) for order in evidence.orders}
    found: defaultdict[tuple[str, str], list[Sighting]] = defaultdict(list)
    for exchange in evidence.exchanges:
        for sent in sent_records(exchange):
            if sent.kind == CONTACT:
                said = str(sent.body.get("firstName", ""))
                ages = [_last_index(names.get(sent.key, []), said)]
            elif sent.kind == ORDER:
                said = str(sent.body.get("statusDescription", ""))
                ages = [_last_index(statuses.get(sent.key, []), said)]
            elif sent.kind == CART:
                said, ages = sent.summary, _of_cart(evidence, sent)
            else:
                continue
            known = tuple(age for age in ages if age is not None)
            if known:
                key = basket_key(evidence, sent).key
                found[sent.kind, key].append((exchange, known, said))
    return found


def _of_cart(evidence: Evidence, sent: Sent) -> Sequence[int]:
    """How new a state of a cart is: by its GUID among those of its basket, and by what is in it, as
    visitors only ever add. A GUID that no basket has tells only the latter."""
    cart = evidence.carts_by_guid.get(sent.key)
    pieces = total_quantity(sent.body.get("products")) or CLOSED
    place = _last_index(cart.guids, sent.key) if cart else None
    return [pieces] if place is None else [pieces, place]


def _is_as_new(age: Age, other: Age) -> bool:
    return all(mine >= theirs for mine, theirs in zip(age, other, strict=False))


def _last_index(values: Sequence[str], value: str) -> int | None:
    """How new a value is; None when the shop never said it."""
    places = [index for index, one in enumerate(values) if one == value]
    return places[-1] if places else None
