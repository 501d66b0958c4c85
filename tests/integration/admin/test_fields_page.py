"""“Fields”: attributes of the shop beside the fields of the account, and what is wrong."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from esputnik_connector.models import Connection, FieldMapping
from esputnik_connector.operations.connection.account import keep_fields
from esputnik_connector.registry import destination
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.connection_page import KEY, rows, staff, token_of

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "esputnik_connector_fields"
BOOKS = "/api/v1/addressbooks"
ESPUTNIK = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def stored(fake, settings) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"esputnik": {"BACKEND": ESPUTNIK, "OPTIONS": {"rate": "100/second"}}},
        "RATE_LIMIT_STORAGE": "",
        "WAKE": "",
    }
    return Connection.objects.create(name="main", api_key=KEY, api_url=fake.api_url)


@pytest.fixture
def known(stored) -> Connection:
    """The account was asked for its fields."""
    live = destination(stored)
    keep_fields(stored, live.account_fields())
    live.close()
    return stored


@pytest.fixture
def merchant(client: Client) -> Client:
    client.force_login(staff(is_superuser=True))
    return client


def url() -> str:
    return reverse(f"admin:{PAGE}")


def shown(merchant: Client) -> str:
    answer = merchant.get(url())
    assert answer.status_code == 200
    return answer.content.decode()


def told(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def post(merchant: Client, table: list[dict[str, Any]], **more: Any) -> Any:
    return merchant.post(url(), {**rows("field_mappings", table), **more})


def customer() -> Any:
    return get_user_model().objects.create_user("ada", "ada@example.com", first_name="Ада")


# -- what is shown ---------------------------------------------------------------------------------


def test_fields_are_offered_by_name_and_type_beside_a_real_customer(merchant, known):
    user = customer()
    page = shown(merchant)
    assert "Birthday · date · 10001" in page
    assert "Date of registration" in page
    assert re.search(rf"First name: Ада\s*<span[^>]*>customer {user.pk}", page)


def test_the_menu_leads_there_and_back(merchant, known):
    assert f'href="{url()}"' in shown(merchant)


def test_a_shop_without_connections_and_one_without_customers_have_a_page(merchant, settings):
    assert "There is no connection yet" in shown(merchant)
    Connection.objects.create(name="main", api_key=KEY)
    assert "The fields are not known yet" in shown(merchant)


def test_a_field_that_the_account_took_away_is_explained(merchant, known):
    FieldMapping.objects.create(connection=known, attribute="first_name", field_id="777")
    page = shown(merchant)
    assert "The account has no field 777 any more" in page
    assert "777 — the account has no such field" in page


def test_a_field_of_another_type_is_explained_with_the_value(merchant, known):
    customer()
    FieldMapping.objects.create(connection=known, attribute="first_name", field_id="10001")
    page = shown(merchant)
    assert "A field of the type “date” does not take “Ада”" in page


def test_a_field_that_fits_is_not_complained_about(merchant, known):
    customer()
    FieldMapping.objects.create(connection=known, attribute="date_joined", field_id="10001")
    assert 'role="note"' not in shown(merchant)


def test_html_in_names_and_values_stays_text(merchant, known):
    get_user_model().objects.create_user("eve", first_name="<script>alert(1)</script>")
    known.known_fields = [{"id": "5", "name": "<b>bold</b>", "type": "<i>"}]
    known.save()
    page = shown(merchant)
    assert "<script>alert(1)" not in page
    assert "<b>bold" not in page


# -- fetching --------------------------------------------------------------------------------------


def test_the_fields_are_fetched_by_a_button(merchant, stored, fake):
    answer = merchant.post(url(), {"fetch": "1"})
    assert answer.status_code == 302
    assert "Fields of the account: 3." in told(answer)
    assert "Loyalty level · combobox · 10002" in shown(merchant)


def test_a_hanging_account_is_waited_for_five_seconds_and_an_id_can_be_typed(
    merchant, stored, fake
):
    fake.script(Fault("delay", path=BOOKS, seconds=30, times=None))
    started = time.monotonic()
    answer = merchant.post(url(), {"fetch": "1"})
    assert time.monotonic() - started < 6
    assert "could not be fetched" in told(answer)
    fake.clear_faults()
    post(merchant, [{"attribute": "first_name", "field_id": "", "other_id": " 10003 "}])
    assert FieldMapping.objects.get().field_id == "10003"


def test_what_was_known_stays_when_the_account_cannot_tell(merchant, known, fake):
    fake.script(Fault("status", path=BOOKS, status=500, body="<b>down</b>", times=None))
    merchant.post(url(), {"fetch": "1"})
    page = shown(merchant)
    assert "Birthday · date · 10001" in page
    assert "<b>down" not in page


# -- saving ----------------------------------------------------------------------------------------


def test_a_chosen_field_is_mapped_and_leaves_a_trace(merchant, known):
    answer = post(merchant, [{"attribute": "date_joined", "field_id": "10001", "other_id": ""}])
    assert answer.status_code == 302
    assert str(FieldMapping.objects.get()) == "date_joined → 10001"
    assert "Fields were mapped" in LogEntry.objects.get().change_message


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"field_id": "", "other_id": "999999"}, "The account has no field 999999"),
        ({"field_id": "", "other_id": "abc"}, "a whole number above 0"),
        ({"field_id": "", "other_id": ""}, "Choose a field of the account"),
        ({"field_id": "999999", "other_id": ""}, "Select a valid choice"),
    ],
)
def test_what_the_account_does_not_have_is_refused_and_said(merchant, known, row, said):
    page = post(merchant, [{"attribute": "first_name", **row}]).content.decode()
    assert said in page
    assert not FieldMapping.objects.exists()


def test_several_are_mapped_at_once_and_what_it_means_is_said(merchant, known):
    table = [
        {"attribute": "date_joined", "field_id": "10001"},
        {"attribute": "first_name", "field_id": "10003"},
    ]
    assert "when they next change" in told(post(merchant, table))
    assert FieldMapping.objects.count() == 2


def test_saving_without_a_change_says_and_logs_nothing(merchant, known):
    row = FieldMapping.objects.create(connection=known, attribute="date_joined", field_id="10001")
    answer = post(merchant, [{"id": row.pk, "attribute": "date_joined", "field_id": "10001"}])
    assert told(answer) == ""
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(("first", "second"), [("10003", "10003"), ("10003", " 010003")])
def test_a_field_in_two_rows_is_named_however_it_is_spelled(merchant, known, first, second):
    table = [
        {"attribute": "order_count", "other_id": first},
        {"attribute": "total_spent", "other_id": second},
    ]
    page = post(merchant, table).content.decode()
    assert "The field id 10003 is in the table twice" in page
    assert not FieldMapping.objects.exists()


@pytest.mark.parametrize("written", ["0", "-1", "1.5", "size", "١٧", "²"])
def test_an_id_that_esputnik_cannot_have_is_refused(merchant, stored, written):
    page = post(merchant, [{"attribute": "order_count", "other_id": written}]).content.decode()
    assert "a whole number above 0" in page
    assert not FieldMapping.objects.exists()


def test_an_attribute_that_the_shop_no_longer_has_stays_visible(merchant, stored):
    FieldMapping.objects.create(connection=stored, attribute="shoe_size", field_id="9")
    page = shown(merchant)
    assert "shoe_size — the shop has no such attribute" in page
    assert '<option value="order_count">Number of orders</option>' in page
    assert 'aria-label="Contact attribute"' in page


def test_a_row_can_be_removed(merchant, known):
    row = FieldMapping.objects.create(connection=known, attribute="first_name", field_id="10003")
    post(
        merchant,
        [{"id": row.pk, "attribute": "first_name", "field_id": "10003", "DELETE": "on"}],
    )
    assert not FieldMapping.objects.exists()


def test_the_second_of_two_is_told_and_nothing_is_undone(merchant, known):
    token = token_of(shown(merchant))
    FieldMapping.objects.create(connection=known, attribute="date_joined", field_id="10001")
    page = post(
        merchant,
        [{"attribute": "first_name", "field_id": "10003", "other_id": ""}],
        esputnik_version=token,
    ).content.decode()
    assert "Somebody else has changed this while the page was open: the table of fields" in page
    assert [row.attribute for row in FieldMapping.objects.all()] == ["date_joined"]


def test_each_connection_has_its_own_table(merchant, known):
    Connection.objects.create(name="second", api_key=KEY)
    post(merchant, [{"attribute": "date_joined", "field_id": "10001", "other_id": ""}])
    page = merchant.get(f"{url()}?connection=second").content.decode()
    assert "<strong>second</strong>" in page
    assert "The fields are not known yet" in page


# -- who may ---------------------------------------------------------------------------------------


def test_who_may_not_configure_sees_nothing(client, known):
    client.force_login(staff())
    assert client.get(url()).status_code == 403
    assert client.post(url(), {"fetch": "1"}).status_code == 403


def test_who_may_only_look_sees_the_table_and_no_customer(client, known):
    customer()
    FieldMapping.objects.create(connection=known, attribute="first_name", field_id="10003")
    viewer = staff()
    viewer.user_permissions.add(Permission.objects.get(codename="view_connection"))
    client.force_login(viewer)
    page = shown(client)
    assert '<fieldset class="esputnik-bare" disabled>' in page
    assert 'name="save"' not in page
    assert 'name="fetch"' not in page
    assert "Ада" not in page
    assert post(client, [{"attribute": "date_joined", "field_id": "10001"}]).status_code == 403
    assert FieldMapping.objects.count() == 1


def test_the_number_of_queries_does_not_grow_with_the_customers(
    merchant, known, django_assert_max_num_queries
):
    for number in range(20):
        get_user_model().objects.create_user(f"buyer{number}", first_name="Buyer")
    shown(merchant)
    with django_assert_max_num_queries(45):
        shown(merchant)
