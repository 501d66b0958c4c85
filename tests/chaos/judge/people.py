"""The right person, or nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.chaos.evidence import Erased, Evidence

from .breach import Breach, lines_about, lines_naming
from .wire_words import CONTACT, ERASURE, ORDER

PERSONAL = ("externalCustomerId", "email", "phone", "firstName", "lastName", "deliveryAddress")


def nobody_was_overwritten_by_somebody_else(evidence: Evidence) -> list[Breach]:
    """A contact under a customer's id has an e-mail that this customer once had."""
    breaches = []
    for held in evidence.held.contacts:
        key, email = held.get("externalCustomerId"), str(held.get("email") or "").lower()
        known = evidence.emails.get(str(key))
        if key and known is not None and email and email not in {one.lower() for one in known}:
            breaches.append(
                Breach(f"contact {key}", " or ".join(known), email,
                       lines_naming(evidence, email, *known))
            )  # fmt: skip
    return breaches


def nobody_erased_is_there(evidence: Evidence) -> list[Breach]:
    """Neither under their id, nor by an e-mail or phone that no living customer has, nor in an
    order. Unless the deletion itself was refused, and was set aside."""
    living = {person.email.lower() for person in evidence.people}
    phones = {person.phone for person in evidence.people if person.phone}
    return [
        Breach(f"contact {person.key}", "nobody", found, lines_about(evidence, kind, key))
        for person in evidence.erased
        if not evidence.dead(ERASURE, person.key)
        for found, kind, key in _traces(evidence, person, living, phones)
    ]


def _traces(
    evidence: Evidence, person: Erased, living: set[str], phones: set[str]
) -> Iterator[tuple[str, str, str]]:
    """What is there in words, and the record whose history tells why."""
    emails = {email.lower() for email in person.emails} - living
    numbers = set(person.phones) - phones
    for held in evidence.held.contacts:
        if _is_of(held, person.key, emails, numbers, email="email", phone="sms"):
            who = held.get("email") or held.get("sms")
            deleted = ", marked as deleted" if held.get("deleted") else ""
            yield f"contact {held.get('id')} {who}{deleted}", CONTACT, person.key
    for number, order in evidence.held.orders.items():
        if _is_of(order["body"], person.key, emails, numbers, email="email", phone="phone"):
            said = [name for name in PERSONAL if name in order["body"]]
            yield f"order {number} with {', '.join(said)}", ORDER, number


def _is_of(
    held: Mapping[str, Any], key: str, emails: set[str], phones: set[str], *, email: str, phone: str
) -> bool:
    """A phone that stands beside somebody else's address is theirs too: a family shares one."""
    address = str(held.get(email) or "").lower()
    is_somebody_else = bool(address or held.get("externalCustomerId"))
    return (
        held.get("externalCustomerId") == key
        or address in emails
        or (not is_somebody_else and str(held.get(phone) or "") in phones)
    )


def nobody_is_there_whom_the_shop_never_had(evidence: Evidence) -> list[Breach]:
    """What was rolled back was never said."""
    known = {person.key for person in evidence.people} | {one.key for one in evidence.erased}
    return [
        Breach(
            f"contact {key}", "nobody", str(held.get("email")), lines_about(evidence, CONTACT, key)
        )
        for held in evidence.held.contacts
        if (key := str(held.get("externalCustomerId") or "")) and key not in known | evidence.staff
    ]
