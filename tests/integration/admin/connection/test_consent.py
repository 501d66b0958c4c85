"""The choice about people without consent, on the pages of a connection and of an import."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from oscar.test import factories

from esputnik_connector import registry
from esputnik_connector.admin.connection import consent
from esputnik_connector.models import Backfill, Connection
from tests.connection_page import form, staff, url
from tests.import_pages import url as import_url
from tests.oscar_rows import OSCAR_WARNINGS

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]


@pytest.fixture
def account() -> Connection:
    return Connection.objects.create(name="main", api_key="a key of some length")


@pytest.fixture
def merchant(client):
    client.force_login(staff(is_superuser=True))
    return client


def test_a_connection_is_not_saved_before_it_is_chosen(merchant):
    answer = merchant.post(url("add"), form(consent_policy=""))
    assert answer.status_code == 200
    assert "consent_policy" in answer.context["adminform"].form.errors
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("policy", "text", "is_warning"),
    [
        ("", "Nobody has chosen yet what happens to people", True),
        ("confirmed", "the next campaign may reach them: up to 1.", True),
        ("unconfirmed", "no e-mail campaign reaches them until they confirm: up to 1.", False),
        ("withhold", "stay in the shop: up to 1.", False),
    ],
)
def test_the_page_says_what_it_means_for_how_many(merchant, account, policy, text, is_warning):
    Connection.objects.update(consent_policy=policy)
    page = merchant.get(url("change", account.pk)).content.decode()
    assert text in page
    (kind,) = [
        line for line in page.splitlines() if text in line and ("errornote" in line) == is_warning
    ]
    assert kind


def buy(number: int) -> None:
    factories.OrderFactory(number=f"N{number}", guest_email=f"g{number}@x.com", user=None)


def test_guests_are_counted_too_where_that_is_quick(account):
    get_user_model().objects.create(username="buyer")
    for number in range(3):
        buy(number)
    assert consent.how_many(registry.shop()) == "up to 4"


@pytest.mark.parametrize(("customers", "orders", "text"), [(6, 0, "5"), (2, 6, "2")])
def test_of_a_large_shop_is_said_that_it_is_large(account, monkeypatch, customers, orders, text):
    monkeypatch.setattr(consent, "MOST_COUNTED", 5)
    for number in range(customers):
        get_user_model().objects.create(username=f"buyer{number}")
    for number in range(orders):
        buy(number)
    with CaptureQueriesContext(database) as captured:
        assert consent.how_many(registry.shop()) == f"at least {text}"
    assert not [each["sql"] for each in captured if "COUNT" in each["sql"]]


def test_an_import_asks_once_and_keeps_the_answer(merchant, account):
    get_user_model().objects.create(username="buyer", email="buyer@example.com")
    address = import_url("new", account.pk)
    page = merchant.get(address).content.decode()
    assert 'name="consent"' in page
    assert "checked" not in page.split('name="consent"', 1)[1].split("</fieldset>", 1)[0]
    refused = merchant.get(address, {"what": "contacts"})
    assert refused.context["form"].errors.keys() == {"consent"}
    forecast = merchant.get(address, {"what": "contacts", "consent": "withhold"}).content.decode()
    assert "stay in the shop: 1." in forecast
    account.refresh_from_db()
    assert account.consent_policy == ""
    merchant.post(address, {"what": "contacts", "consent": "withhold"})
    account.refresh_from_db()
    assert account.consent_policy == "withhold"
    assert Backfill.objects.count() == 1
    assert 'name="consent"' not in merchant.get(address).content.decode()


def test_a_destination_that_makes_no_difference_asks_nothing(merchant, connection):
    page = merchant.get(url("change", connection.pk)).content.decode()
    assert "consent_policy" not in page
    assert 'name="consent"' not in merchant.get(import_url("new", connection.pk)).content.decode()
