"""Contacts and orders by the batch."""

from __future__ import annotations

from .batches import failed_contacts, failed_orders, sift
from .exchange import Answer, Call, RefusedError, json_answer
from .state import State


def add_contacts(state: State, call: Call) -> Answer:
    """POST /v1/contacts: whoever is not refused at once is imported later."""
    accepted, refused = sift(call)
    session = state.imports.accept(call, accepted)
    failed = failed_contacts(call, refused, state.settings)
    return json_answer({"asyncSessionId": session.id, **failed})


def import_status(state: State, call: Call) -> Answer:
    session = state.imports.sessions.get(call.arguments["sessionId"])
    if session is None:
        raise RefusedError(404, "Import session not found")
    session.polls += 1
    state.settle()
    return json_answer(session.wire(state.settings))


def add_orders(state: State, call: Call) -> Answer:
    accepted, refused = sift(call)
    for order in accepted:
        state.orders.add_or_update(order, by=call.path)
    return json_answer(failed_orders(call, refused, state.settings))


def delete_orders(state: State, call: Call) -> Answer:
    state.orders.schedule_deletion(call.query, seconds=state.settings.order_deletion_seconds)
    return Answer(status=200)
