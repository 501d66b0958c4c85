"""Users → contacts, in six queries per batch, besides those of ``CONTACT_ATTRIBUTES``; in two where
nobody makes use of what was bought; one more for guests, who are known from their orders alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext, gettext_noop
from oscar.core.loading import get_model

from esputnik_connector.records import Contact
from esputnik_connector.shops.bulk import Row, aware, rows, values_of
from esputnik_connector.shops.normalise import Cleaner
from esputnik_connector.shops.oscar.customers import attributes, people
from esputnik_connector.shops.oscar.customers.addresses import (
    AddressBook,
    address_books,
    address_lookups,
    address_of,
    postal_address,
)
from esputnik_connector.shops.oscar.keys import GUEST

NO_PERSON = {"contact_key": "", "email": "", "phone": ""}
STAFF = gettext_noop("an account of the shop's staff (SEND_STAFF in SHOP_OPTIONS)")


def contacts(keys: Sequence[str], wanted: Collection[str] | None = None) -> dict[str, Contact]:
    """Key → contact for the users and the guests that exist.

    :param wanted: names of the attributes that are made use of; ``None``: all.
    """
    pks = values_of(get_user_model()._meta.pk, keys)
    users = people.users_by_pk(pks) if attributes.has_extra(wanted) else {}
    customers = people.customers_by_pk(pks, users)
    books = address_books(customers)
    bought = attributes.purchase_attributes(list(customers), wanted)
    extra = attributes.extra_attributes(list(users.values()), wanted)
    found = {}
    for pk, customer in customers.items():
        told = bought[pk] | extra.get(str(pk), {})
        contact = contact_of(customer, books.get(pk, []), told=told, wanted=wanted)
        found[contact.key] = contact
    return found | _guests([key for key in keys if key.startswith(GUEST)], wanted)


def _guests(keys: Sequence[str], wanted: Collection[str] | None) -> dict[str, Contact]:
    """Key → contact, from the order that the key names."""
    model = get_model("order", "Order")
    numbers = values_of(model._meta.get_field("number"), [key.removeprefix(GUEST) for key in keys])
    guests = model._base_manager.filter(user_id=None).order_by("pk")
    names = ["number", "guest_email", *address_lookups(model)]
    found = (_guest(row, wanted) for row in rows(guests, "number", numbers, names))
    return {guest.key: guest for guest in found}


def _guest(row: Row, wanted: Collection[str] | None) -> Contact:
    clean = Cleaner()
    shipping, billing = address_of(row, "shipping_address"), address_of(row, "billing_address")
    named = shipping if shipping.get("first_name") or shipping.get("last_name") else billing
    contact = Contact(
        key=f"{GUEST}{row['number']}",
        email=clean.email(row["guest_email"]),
        phone=clean.phone([(shipping.get("phone_number"), shipping.get("country_id") or "")]),
        first_name=clean.text(named.get("first_name") or ""),
        last_name=clean.text(named.get("last_name") or ""),
        address=postal_address(clean, shipping),
        is_guest=True,
        notes=clean.notes,  # evaluated last: the calls above write it
    )
    return attributes.added(contact, {}, wanted)


def contact_of(
    customer: people.Customer,
    book: AddressBook,
    *,
    told: attributes.Attributes | None = None,
    wanted: Collection[str] | None = (),
) -> Contact:
    """The contact of one customer and address book, without queries.

    :param told: attributes that come from elsewhere.
    :param wanted: see :func:`contacts`; here none, unless it is said.
    """
    clean = Cleaner()
    contact = Contact(
        key=str(customer.pk),
        email=clean.email(customer.email),
        phone=clean.phone(people.phone_candidates(customer, book)),
        first_name=clean.text(customer.first_name),
        last_name=clean.text(customer.last_name),
        language=customer.language,
        address=postal_address(clean, book[0] if book else {}),
        joined_at=aware(customer.joined_at),
        held_back=gettext(STAFF) if customer.is_staff else "",
        notes=clean.notes,  # evaluated last: the calls above write it
    )
    return attributes.added(contact, told or {}, wanted)


def owners_of(user_pks: Iterable[Any]) -> dict[Any, Contact]:
    """User pk → contact without attributes, in two queries."""
    customers = people.customers_by_pk(user_pks)
    books = address_books(customers)
    return {pk: contact_of(one, books.get(pk, [])) for pk, one in customers.items()}


def people_of(user_pks: Iterable[Any]) -> dict[Any, dict[str, str]]:
    """User pk → the fields of a cart or event that name this customer, in two queries."""
    return {pk: named(contact) for pk, contact in owners_of(user_pks).items()}


def named(contact: Contact) -> dict[str, str]:
    """The fields of a cart or event that name this customer."""
    return {"contact_key": contact.key, "email": contact.email, "phone": contact.phone}
