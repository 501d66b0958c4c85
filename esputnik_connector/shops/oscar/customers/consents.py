"""Who has said yes to messages, as the project's own callable tells it."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string

from esputnik_connector.records import Consent, Person
from esputnik_connector.shops.bulk import values_of
from esputnik_connector.shops.oscar.customers import people as customers

ANSWERS = {True: Consent.YES, False: Consent.NO}


def consents(people: Sequence[Person], *, path: str) -> dict[Person, Consent]:
    """Person → answer, in one query besides the callable's own. Oscar itself asks no customer.

    A guest, and a customer who is no longer in the shop, was not asked.

    :param path: the option ``CONSENT``; ``""``: no customer was asked.
    """
    keys = {person.contact_key for person in people if person.contact_key}
    if not path or not keys:
        return {}
    users = customers.users_by_pk(values_of(get_user_model()._meta.pk, list(keys)))
    told = import_string(path)(list(users.values()))
    answers = {str(pk): answer for pk, answer in told.items()}
    return {
        person: ANSWERS.get(answers[person.contact_key], Consent.NOT_ASKED)
        for person in people
        if person.contact_key in answers
    }
