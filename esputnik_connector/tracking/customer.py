"""The customer who is logged in, as the shop itself knows them: nothing a request says counts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from esputnik_connector import identity, registry
from esputnik_connector.records import Person
from esputnik_connector.shops.pages import SupportsBehaviour

NOBODY = Person()


def customer_of(request: HttpRequest) -> Person:
    """Key and e-mail of whoever is logged in; :data:`NOBODY` for anybody else."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return NOBODY
    shop = registry.shop()
    if isinstance(shop, SupportsBehaviour):
        named = shop.identity(request)
        return Person(contact_key=named.contact_key, email=identity.email(named.email))
    email = identity.email(getattr(user, user.get_email_field_name(), ""))
    return Person(contact_key=str(user.pk), email=email)
