"""What a broken promise looks like."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from tests.chaos.evidence import Disturbance, Evidence, Exchange

from .wire_words import CART, Sent, sent_records

AFTERMATH = 3.0  # seconds after a disturbance in which its victims recover
SETTLING = 3.0  # seconds after an answer in which it is written down
BYSTANDERS = ("beat", "web")  # they neither send nor settle
SHOWN = 14  # lines of a history


@dataclass(frozen=True)
class Breach:
    """One record that is not as promised."""

    record: str
    expected: str
    found: str
    history: Sequence[str] = ()


def lines_about(evidence: Evidence, kind: str, key: str) -> list[str]:
    """The exchanges that carried a record, and what disturbed them.

    :param key: of a cart, the basket's.
    """
    return _lines(evidence, lambda sent: basket_key(evidence, sent).is_of(kind, key))


def basket_key(evidence: Evidence, sent: Sent) -> Sent:
    """A state of a cart under its basket's own key: on the wire each state has a GUID of its own.
    What is no cart, or none that the shop still has, stays as it is."""
    cart = evidence.carts_by_guid.get(sent.key) if sent.kind == CART else None
    return replace(sent, key=cart.key) if cart else sent


def lines_naming(evidence: Evidence, *names: str) -> list[str]:
    """The same for all records, of whatever kind, that name one of these: an id, an e-mail."""
    quoted = [json.dumps(name) for name in names]

    def is_named(sent: Sent) -> bool:
        return any(name in json.dumps(sent.body) for name in quoted)

    return _lines(evidence, is_named)


def _lines(evidence: Evidence, is_meant: Callable[[Sent], bool]) -> list[str]:
    carried = [
        (exchange, [sent.summary for sent in sent_records(exchange) if is_meant(sent)])
        for exchange in evidence.exchanges
    ]
    lines = [
        (exchange.arrived, f"{exchange.line()}  [{'; '.join(said)}]")
        for exchange, said in carried
        if said
    ]
    if lines:
        first, last = lines[0][0] - AFTERMATH, lines[-1][0] + AFTERMATH
        lines += [
            (one.start, one.line())
            for one in evidence.disturbances
            if one.end >= first and one.start <= last and one.target not in BYSTANDERS
        ]
    return [line for _, line in sorted(lines)][-SHOWN:]


def is_disturbed(exchange: Exchange, disturbances: Iterable[Disturbance]) -> bool:
    """Whether what came of an exchange may not have been written down."""
    end = (exchange.arrived if exchange.answered is None else exchange.answered) + SETTLING
    return any(
        one.target not in BYSTANDERS and one.start <= end
        and one.end + AFTERMATH >= exchange.arrived
        for one in disturbances
    )  # fmt: skip
