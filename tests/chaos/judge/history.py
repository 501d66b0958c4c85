"""In the order of the requests: for each record, states only ever get newer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tests.chaos.evidence import Evidence, Exchange

from .breach import Breach, is_disturbed, lines_about
from .wire_words import CART, CONTACT, ORDER, sent_records, total_quantity

CLOSED = 1 << 30  # the age of a cart that was ordered, emptied or merged

Sighting = tuple[Exchange, int, str]  # when, how new, in words


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
    newest, newest_said = -1, ""
    for index, (exchange, age, said) in enumerate(sightings):
        if age >= newest:
            newest, newest_said = age, said
            continue
        is_mended = any(later >= newest for _, later, _ in sightings[index + 1 :])
        if is_mended and is_disturbed(exchange, evidence.disturbances):
            continue
        yield Breach(
            f"{kind} {key}",
            f"nothing older than {newest_said} from then on",
            f"{said} at {exchange.arrived:.2f} s" + (", mended later" if is_mended else ""),
            lines_about(evidence, kind, key),
        )
        return


def _sightings(evidence: Evidence) -> Mapping[tuple[str, str], list[Sighting]]:
    names = {person.key: list(person.names) for person in evidence.people}
    statuses = {order.number: list(order.statuses) for order in evidence.orders}
    found: defaultdict[tuple[str, str], list[Sighting]] = defaultdict(list)
    for exchange in evidence.exchanges:
        for sent in sent_records(exchange):
            if sent.kind == CONTACT:
                said = str(sent.body.get("firstName", ""))
                age = _last_index(names.get(sent.key, []), said)
            elif sent.kind == ORDER:
                said = str(sent.body.get("statusDescription", ""))
                age = _last_index(statuses.get(sent.key, []), said)
            elif sent.kind == CART:
                count = total_quantity(sent.body.get("products"))
                said, age = f"{count} pieces", count or CLOSED
            else:
                continue
            if age is not None:
                found[sent.kind, sent.key].append((exchange, age, said))
    return found


def _last_index(values: Sequence[str], value: str) -> int | None:
    """How new a value is; None when the shop never said it."""
    places = [index for index, one in enumerate(values) if one == value]
    return places[-1] if places else None
