"""Users → contacts, in six queries per batch, besides those of ``CONTACT_ATTRIBUTES``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.contrib.auth import get_user_model

from esputnik_connector.records import Contact
from esputnik_connector.shops.oscar import attributes, people
from esputnik_connector.shops.oscar.mending import Mender
from esputnik_connector.shops.oscar.tables import aware, values_of


def contacts(keys: Sequence[str]) -> dict[str, Contact]:
    """Key → contact for the users that exist."""
    users = people.users_by_pk(values_of(get_user_model()._meta.pk, keys))
    books = people.address_books(users)
    bought = attributes.purchase_attributes(list(users))
    extra = attributes.extra_attributes(list(users.values()))
    found = {}
    for pk, user in users.items():
        contact = contact_of(user, books.get(pk, []))
        told = attributes.profile_attributes(contact) | bought[pk] | extra.get(contact.key, {})
        found[contact.key] = replace(contact, attributes=told)
    return found


def contact_of(user: Any, book: people.AddressBook) -> Contact:
    """The contact of one user and address book, without attributes and without queries."""
    mender = Mender()
    first_name, last_name = people.names_of(user)
    return Contact(
        key=str(user.pk),
        email=mender.email(people.email_of(user)),
        phone=mender.phone(people.phone_candidates(user, book)),
        first_name=mender.text(first_name),
        last_name=mender.text(last_name),
        language=people.language_of(user),
        address=mender.address(book[0] if book else {}),
        joined_at=aware(getattr(user, "date_joined", None)),
        notes=mender.notes,  # evaluated last: the calls above write it
    )
