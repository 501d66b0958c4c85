"""``POST /v1/orders`` starts a workflow each time: once per status, unless an answer got lost."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.chaos.evidence import Evidence, Exchange

from .breach import Breach, is_disturbed, lines_about
from .wire_words import ORDER, sent_records

FOREIGN = ("email", "firstName", "lastName", "status")  # the customer's, or the mapping's
Said = tuple[str, str]  # order number, event type or the shop's own status


def no_event_was_started_more_often_than_the_answers_allow(evidence: Evidence) -> list[Breach]:
    """One for each state of the order that means it, and one more for every request with it whose
    answer was lost, refused or odd, or whose sender was disturbed before it could write the answer
    down."""
    started: Counter[Said] = Counter(
        (str(event["key"]), str(event["type"]))
        for event in evidence.held.events
        if event.get("source") == "orders"
    )
    carried = _requests(evidence, lambda body: f"order{body.get('status')}")
    return [
        breach
        for said, count in started.items()
        for breach in _too_many(evidence, said, count, carried.get(said, []))
    ]


def no_order_was_sent_again_without_a_change_of_its_own(evidence: Evidence) -> list[Breach]:
    """A customer's new name or e-mail, or another mapping, starts no workflow of old orders."""
    carried = _requests(evidence, lambda body: str(body.get("statusDescription")))
    return [
        breach
        for said, requests in carried.items()
        for breach in _too_many(evidence, said, len(requests), requests)
    ]


def _too_many(
    evidence: Evidence, said: Said, count: int, requests: Sequence[Exchange]
) -> Iterator[Breach]:
    number, what = said
    allowed = max(1, _versions(requests, number))
    doubts = sum(not _is_settled(one, number, evidence) for one in requests)
    if count > allowed + doubts:
        expected = f"{what} at most {allowed + doubts} times: {doubts} answers were in doubt"
        history = [*lines_about(evidence, ORDER, number), *_differences(requests, number)]
        yield Breach(f"order {number}", expected, f"{count} times", history)


def _versions(requests: Sequence[Exchange], number: str) -> int:
    """How many states of the order itself these requests told of."""
    return len(
        {
            json.dumps({k: v for k, v in sent.body.items() if k not in FOREIGN}, sort_keys=True)
            for one in requests
            for sent in sent_records(one)
            if sent.is_of(ORDER, number)
        }
    )


def _requests(
    evidence: Evidence, word: Callable[[Mapping[str, Any]], str]
) -> Mapping[Said, list[Exchange]]:
    found: defaultdict[Said, list[Exchange]] = defaultdict(list)
    for exchange in evidence.exchanges:
        if exchange.path == "/api/v1/orders":
            for sent in sent_records(exchange):
                found[sent.key, word(sent.body)].append(exchange)
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
    """Also one that names nobody."""
    named = refusal.get("order", refusal)
    return str(named.get("externalOrderId", number)) == number


def _differences(requests: Sequence[Exchange], number: str) -> list[str]:
    """In which fields an order differed from the request before."""
    bodies = [
        sent.body for one in requests for sent in sent_records(one) if sent.is_of(ORDER, number)
    ]
    lines = []
    for before, after in pairwise(bodies):
        names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        lines.append(f"   the next one differed in: {', '.join(names) or 'nothing'}")
    return lines
