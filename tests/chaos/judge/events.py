"""``POST /v1/orders`` starts a workflow each time: once per status, unless an answer got lost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from tests.chaos.evidence import Evidence, Exchange

from .breach import Breach, is_disturbed, lines_about
from .wire_words import ORDER, sent_records

Said = tuple[str, str]  # order number, event type


def no_event_was_started_more_often_than_the_answers_allow(evidence: Evidence) -> list[Breach]:
    """One each, and one more for every request with it whose answer was lost, refused or odd, or
    whose sender was disturbed before it could write the answer down."""
    started: Counter[Said] = Counter(
        (str(event["key"]), str(event["type"]))
        for event in evidence.held.events
        if event.get("source") == "orders"
    )
    carried = _requests(evidence)
    breaches = []
    for (number, event), count in started.items():
        requests = carried.get((number, event), [])
        excused = sum(not _is_settled(one, number, evidence) for one in requests)
        if count > 1 + excused:
            expected = f"{event} at most {1 + excused} times: {excused} answers were in doubt"
            history = [*lines_about(evidence, ORDER, number), *_differences(requests, number)]
            breaches.append(Breach(f"order {number}", expected, f"{count} times", history))
    return breaches


def _requests(evidence: Evidence) -> Mapping[Said, list[Exchange]]:
    found: defaultdict[Said, list[Exchange]] = defaultdict(list)
    for exchange in evidence.exchanges:
        if exchange.path == "/api/v1/orders":
            for sent in sent_records(exchange):
                found[sent.key, f"order{sent.body.get('status')}"].append(exchange)
    return found


def _is_settled(exchange: Exchange, number: str, evidence: Evidence) -> bool:
    """A plain yes for this order, and somebody there to hear it."""
    answer = exchange.answer
    if exchange.answered is None or exchange.status != 200 or not isinstance(answer, Mapping):
        return False
    failed = answer.get("failedOrders")
    if not isinstance(failed, (list, Mapping)) or set(answer) - {"id", "failedOrders"}:
        return False
    named = [failed] if isinstance(failed, Mapping) else failed
    if any(not isinstance(one, Mapping) or _is_about(one, number) for one in named):
        return False
    return not is_disturbed(exchange, evidence.disturbances)


def _is_about(refusal: Mapping[str, Any], number: str) -> bool:
    return str(refusal.get("externalOrderId", number)) == number


def _differences(requests: list[Exchange], number: str) -> list[str]:
    """In which fields an order differed from the request before."""
    bodies = [
        sent.body for one in requests for sent in sent_records(one) if sent.is_of(ORDER, number)
    ]
    lines = []
    for before, after in pairwise(bodies):
        names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        lines.append(f"   the next one differed in: {', '.join(names) or 'nothing'}")
    return lines
