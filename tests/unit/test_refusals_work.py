"""How much work the reading of an answer is: it must not outlast the lease of the lane."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from esputnik_connector.destinations.base import Envelope
from esputnik_connector.destinations.esputnik.answers.refusals import refusals
from esputnik_connector.records import Kind

RECORDS, REFUSED = 1000, 400


def envelopes(kind: Kind) -> list[Envelope]:
    channels = [{"type": "email", "value": "buyer%d@example.com"}]
    return [
        Envelope(
            kind=kind,
            key=str(number),
            payload={"contact": {"channels": [{**channels[0], "value": f"b{number}@x.example"}]}},
            digest="",
        )
        for number in range(RECORDS)
    ]


def steps(work: Callable[[], Any]) -> int:
    """How many instructions of Python it takes."""
    count = 0

    def trace(frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(former)
    return count


def texts() -> list[Any]:
    return [f"Order {number} for b{number}@x.example was refused" for number in range(REFUSED)]


def named_orders() -> list[Any]:
    return [{"order": {"externalOrderId": str(number)}, "description": "no"}
            for number in range(REFUSED)]  # fmt: skip


def named_contacts() -> list[Any]:
    return [
        {"channels": [{"type": "email", "value": f"b{number}@x.example"}], "description": "no"}
        for number in range(REFUSED)
    ]


@pytest.mark.parametrize(
    ("kind", "name", "items"),
    [
        (Kind.ORDER, "failedOrders", texts()),
        (Kind.ORDER, "failedOrders", named_orders()),
        (Kind.CONTACT, "failedContacts", texts()),
        (Kind.CONTACT, "failedContacts", named_contacts()),
    ],
    ids=["texts of orders", "orders by number", "texts of contacts", "contacts by channel"],
)
def test_a_long_list_of_refusals_is_read_in_steps_that_add_and_do_not_multiply(kind, name, items):
    batch = envelopes(kind)
    one_record = steps(lambda: refusals({name: items[:1]}, batch)) / RECORDS
    one_item = steps(lambda: refusals({name: items}, batch[:2])) / REFUSED

    both = steps(lambda: refusals({name: items}, batch))

    assert both <= 1.2 * (one_record * RECORDS + one_item * REFUSED)
    assert len(refusals({name: items}, batch)) == REFUSED
