"""Who has said yes, in an Oscar shop: the option CONSENT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from esputnik_connector.records import Consent, Person
from esputnik_connector.shops.oscar.adapter import OscarShop

pytestmark = pytest.mark.django_db


def by_first_name(users: Sequence[Any]) -> dict[Any, bool | None]:
    """The callable of a project: some are left out, one was not asked."""
    answers = {"Yes": True, "No": False, "Open": None}
    return {user.pk: answers[user.first_name] for user in users if user.first_name in answers}


def person(name: str) -> Person:
    user = get_user_model().objects.create(
        username=name, email=f"{name}@example.com", first_name=name
    )
    return Person(contact_key=str(user.pk), email=user.email)


def test_the_projects_callable_is_asked_once_for_a_batch(django_assert_num_queries):
    shop = OscarShop({"CONSENT": f"{__name__}.by_first_name"})
    yes, no, unasked, other = map(person, ("Yes", "No", "Open", "Else"))
    guest, gone = Person(email="guest@example.com"), Person(contact_key="999999")
    with django_assert_num_queries(1):
        found = shop.consents([yes, no, unasked, other, guest, gone])
    assert found == {yes: Consent.YES, no: Consent.NO, unasked: Consent.NOT_ASKED}


def test_without_the_option_nobody_was_asked(django_assert_num_queries):
    customer = person("Yes")
    with django_assert_num_queries(0):
        assert OscarShop().consents([customer]) == {}


def test_a_path_that_leads_nowhere_is_found_by_the_checks():
    (found,) = OscarShop({"CONSENT": "nowhere.at.all"}).check()
    assert found.id == "esputnik_connector.E023"
    assert "CONSENT" in found.msg
