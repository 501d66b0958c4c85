"""Which answer to which call proves that its records arrived (esputnik-api.md#answers). Pure.

A table, closed by default: a 2xx that a row does not recognise says nothing, and what was sent goes
again. Refusals inside an answer are read first (:mod:`.refusals`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from esputnik_connector.destinations.responses import Answer

from .values import number_of, text_of

# What a 2xx says of an order: its own fields, and what older answers held besides.
ORDER_NAMES = frozenset({"failedOrders", "id", "asyncSessionId", "errorMessage", "errors"})
WORDS = ("result", "status", "message", "error", "errorMessage", "description")
GOOD_WORDS = frozenset({"", "ok", "success", "successful", "accepted", "queued", "done", "200"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What an answer to one call must look like.

    :param call: as a person reads it.
    :param is_in: whether an answer of no refusal is the call's own.
    """

    call: str
    is_in: Callable[[Answer], bool]


def _names_the_contact(answer: Answer) -> bool:
    return bool(number_of(answer.body, "id"))


def _numbers_the_contact(answer: Answer) -> bool:
    return number_of(answer.body, "id").isdecimal()


def _names_the_upload(answer: Answer) -> bool:
    return bool(text_of(answer.body, "asyncSessionId"))


def _speaks_of_orders(answer: Answer) -> bool:
    """An empty answer does too: there is nothing that it would have to say."""
    body = answer.body
    if isinstance(body, dict):
        return not body or bool(ORDER_NAMES & body.keys())
    return body == [] or (body is None and not answer.text)


def says_no_trouble(answer: Answer) -> bool:
    """No answer is declared: anything will do but words that are none of success, such as those
    of a maintenance."""
    words = (text_of(answer.body, name).lower() for name in WORDS)
    return all(word in GOOD_WORDS for word in words)


CONTACT = Proof(call="POST /v1/contact", is_in=_names_the_contact)
UPLOAD = Proof(call="POST /v1/contacts", is_in=_names_the_upload)
SUBSCRIPTION = Proof(call="POST /v1/contact/subscribe", is_in=_numbers_the_contact)
ORDERS = Proof(call="POST /v1/orders", is_in=_speaks_of_orders)
EVENT = Proof(call="POST …/event", is_in=says_no_trouble)
SEARCH = Proof(call="GET /v1/contacts", is_in=_names_the_contact)
BY_NUMBER = Proof(call="GET /v1/contact/{id}", is_in=_names_the_contact)
ORDER_DELETION = Proof(call="DELETE /v1/orders", is_in=says_no_trouble)
DELETION = Proof(call="DELETE /v1/contact", is_in=says_no_trouble)
