"""What eSputnik must have received after a step of the journey; each can say what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from .received import Received


class Expectation(Protocol):
    def missing_in(self, received: Received) -> str:
        """Empty when it is there, else what is wrong."""


@dataclass(frozen=True, kw_only=True)
class ContactReceived:
    key: str
    email: str
    phone: str = ""  # digits
    first_name: str = ""
    last_name: str = ""

    def __str__(self) -> str:
        details = " ".join(filter(None, (self.first_name, self.last_name, self.phone)))
        return f"contact {self.key} {self.email} {details}".strip()

    def missing_in(self, received: Received) -> str:
        contact = received.contact(self.key)
        if contact is None:
            return "no such contact"
        wanted = {
            "e-mail": (self.email, contact.email),
            "phone": (self.phone, contact.phone),
            "first name": (self.first_name, contact.first_name),
            "last name": (self.last_name, contact.last_name),
        }
        return "; ".join(
            f"{name} is {actual!r}"
            for name, (expected, actual) in wanted.items()
            if expected and expected != actual
        )


@dataclass(frozen=True, kw_only=True)
class ContactGone:
    key: str
    email: str

    def __str__(self) -> str:
        return f"contact {self.key} {self.email} is erased"

    def missing_in(self, received: Received) -> str:
        if received.contact(self.key) is not None:
            return "the contact is still there"
        if any(contact.email == self.email for contact in received.contacts):
            return "a contact still has the e-mail"
        return ""


@dataclass(frozen=True, kw_only=True)
class OrderReceived:
    """An order that was told with this status at some time, and has these contents now."""

    number: str
    status: str
    total: Decimal
    items: Mapping[str, int]
    email: str = ""

    def __str__(self) -> str:
        return f"order {self.number} {self.status} {self.total} with {len(self.items)} items"

    def missing_in(self, received: Received) -> str:
        order = received.order(self.number)
        if order is None:
            return "no such order"
        problems = []
        if self.status not in order.statuses:
            problems.append(f"statuses are {order.statuses}")
        if order.total != self.total:
            problems.append(f"total is {order.total}")
        if order.items != dict(self.items):
            problems.append(f"items are {order.items}")
        if self.email and order.email != self.email:
            problems.append(f"e-mail is {order.email!r}")
        return "; ".join(problems)


@dataclass(frozen=True, kw_only=True)
class CartReceived:
    """A cart event of this customer with exactly these products."""

    contact_key: str
    items: Mapping[str, int]

    def __str__(self) -> str:
        contents = ", ".join(f"{key} x {count}" for key, count in self.items.items()) or "empty"
        return f"cart of contact {self.contact_key}: {contents}"

    def missing_in(self, received: Received) -> str:
        carts = received.carts_of(self.contact_key)
        if any(cart.items == dict(self.items) for cart in carts):
            return ""
        return f"their carts are {[cart.items for cart in carts]}"


@dataclass(frozen=True, kw_only=True)
class VisitorSeen:
    """What a visitor did, in this order; what else they did may stand between."""

    visitor: str
    types: tuple[str, ...]

    def __str__(self) -> str:
        return f"visitor {self.visitor[:12]}: {', '.join(self.types)}"

    def missing_in(self, received: Received) -> str:
        told = [one.type for one in received.behaviour if one.visitor == self.visitor]
        rest = iter(told)
        return "" if all(wanted in rest for wanted in self.types) else f"told was {told}"
