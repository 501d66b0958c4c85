"""Users → contacts, in six queries per batch, besides those of ``CONTACT_ATTRIBUTES``; in two where
nobody makes use of what was bought; one more for guests, who are known from their orders alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
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
    users = people.users_by_pk(values_of(get_user_model()._meta.pk, keys))
    books = address_books(users)
    bought = attributes.purchase_attributes(list(users), wanted)
    extra = attributes.extra_attributes(list(users.values()), wanted)
    found = {}
    for pk, user in users.items():
        contact = contact_of(user, books.get(pk, []))
        told = attributes.profile_attributes(contact) | bought[pk] | extra.get(contact.key, {})
        found[contact.key] = replace(contact, attributes=told)
    return found | _guests([key for key in keys if key.startswith(GUEST)])


def _guests(keys: Sequence[str]) -> dict[str, Contact]:
    """Key → contact, from the order that the key names."""
    model = get_model("order", "Order")
    numbers = values_of(model._meta.get_field("number"), [key.removeprefix(GUEST) for key in keys])
    guests = model._base_manager.filter(user_id=None).order_by("pk")
    names = ["number", "guest_email", *address_lookups(model)]
    return {guest.key: guest for guest in map(_guest, rows(guests, "number", numbers, names))}


def _guest(row: Row) -> Contact:
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
    return replace(contact, attributes=attributes.profile_attributes(contact))


def contact_of(user: Any, book: AddressBook) -> Contact:
    """The contact of one user and address book, without attributes and without queries."""
    clean = Cleaner()
    first_name, last_name = people.names_of(user)
    return Contact(
        key=str(user.pk),
        email=clean.email(people.email_of(user)),
        phone=clean.phone(people.phone_candidates(user, book)),
        first_name=clean.text(first_name),
        last_name=clean.text(last_name),
        language=people.language_of(user),
        address=postal_address(clean, book[0] if book else {}),
        joined_at=aware(getattr(user, "date_joined", None)),
        held_back=gettext(STAFF) if getattr(user, "is_staff", False) else "",
        notes=clean.notes,  # evaluated last: the calls above write it
    )


def owners_of(user_pks: Iterable[Any]) -> dict[Any, Contact]:
    """User pk → contact without attributes, in two queries."""
    users = people.users_by_pk(user_pks)
    books = address_books(users)
    return {pk: contact_of(user, books.get(pk, [])) for pk, user in users.items()}


def people_of(user_pks: Iterable[Any]) -> dict[Any, dict[str, str]]:
    """User pk → the fields of a cart or event that name this customer, in two queries."""
    return {pk: named(contact) for pk, contact in owners_of(user_pks).items()}


def named(contact: Contact) -> dict[str, str]:
    """The fields of a cart or event that name this customer."""
    return {"contact_key": contact.key, "email": contact.email, "phone": contact.phone}
