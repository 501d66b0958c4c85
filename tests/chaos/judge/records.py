"""Record by record: eSputnik holds what the shop has, or the record was set aside with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from tests.chaos.evidence import Evidence, Person, ShopOrder

from .breach import Breach, lines_about, lines_naming
from .wire_words import CART, CONTACT, ORDER, items_of

CENT = Decimal("0.01")


def every_customer_is_there_as_the_shop_has_them(evidence: Evidence) -> list[Breach]:
    held = {
        one["externalCustomerId"]: one
        for one in evidence.held.contacts
        if one.get("externalCustomerId")
    }
    return [
        Breach(
            f"contact {person.key}",
            expected,
            found,
            lines_naming(evidence, *evidence.emails.get(person.key, [person.email])),
        )
        for person in evidence.people
        if person.key not in evidence.staff and not evidence.dead(CONTACT, person.key)
        for expected, found in [_contact_difference(person, held.get(person.key))]
        if expected
    ]


def _contact_difference(person: Person, held: Mapping[str, Any] | None) -> tuple[str, str]:
    if held is None or held.get("deleted"):
        return f"{person.first_name} {person.email}", "nobody" if held is None else "deleted there"
    wanted = {
        "email": person.email, "firstName": person.first_name, "lastName": person.last_name,
        "sms": person.phone,
    }  # fmt: skip
    wrong = {
        name: (value, held.get(name))
        for name, value in wanted.items()
        if value and str(held.get(name) or "").lower() != value.lower()
    }
    return _in_words(wrong)


def every_order_is_there_as_the_shop_has_it(evidence: Evidence) -> list[Breach]:
    """A guest who has the address or the phone of somebody erased is kept back."""
    breaches = []
    living = {person.key for person in evidence.people}
    gone = {email.lower() for person in evidence.erased for email in person.emails} | {""}
    phones = {phone for person in evidence.erased for phone in person.phones}
    for order in evidence.orders:
        is_gone = order.email.lower() in gone or order.phone in phones
        if (order.owner not in living and is_gone) or evidence.dead(ORDER, order.number):
            continue
        expected, found = _order_difference(order, evidence.held.orders.get(order.number))
        if expected:
            history = lines_about(evidence, ORDER, order.number)
            breaches.append(Breach(f"order {order.number}", expected, found, history))
    return breaches


def _order_difference(order: ShopOrder, held: Mapping[str, Any] | None) -> tuple[str, str]:
    if held is None:
        return f"{order.status}, of {order.owner or order.email}", "no such order"
    body = held["body"]
    wanted: dict[str, Any] = {"statusDescription": order.status, "totalCost": order.total}
    wanted |= {"externalCustomerId": order.owner} if order.owner else {"email": order.email}
    there: dict[str, Any] = {name: body.get(name) for name in wanted}
    there["totalCost"] = Decimal(str(body.get("totalCost", 0))).quantize(CENT)
    if "items" in body:
        wanted["items"] = dict(order.items)
        there["items"] = items_of(body["items"], name="externalItemId")
    wrong = {name: (wanted[name], there[name]) for name in wanted if wanted[name] != there[name]}
    return _in_words(wrong)


def every_cart_is_there_as_the_shop_has_it(evidence: Evidence) -> list[Breach]:
    living = {person.key for person in evidence.people}
    breaches = []
    for cart in evidence.carts:
        held = evidence.held.carts.get(cart.token)
        there = items_of(held["products"]) if held else {}
        is_due = cart.owner in living or (held is not None and not cart.items)
        if not is_due or there == cart.items or evidence.dead(CART, cart.key):
            continue
        history = lines_about(evidence, CART, cart.key)
        found = str(there) if held else "no such cart"
        breaches.append(
            Breach(f"cart {cart.key} of {cart.owner}", str(dict(cart.items)), found, history)
        )
    return breaches


def _in_words(wrong: Mapping[str, tuple[Any, Any]]) -> tuple[str, str]:
    def told(side: int) -> Iterator[str]:
        return (f"{name} {pair[side]!s}" for name, pair in wrong.items())

    return ", ".join(told(0)), ", ".join(told(1))
