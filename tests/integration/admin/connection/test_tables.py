"""What a connection has to choose from, and the lines that lead to its tables."""

from __future__ import annotations

import re

import pytest

from esputnik_connector import registry
from esputnik_connector.models import Connection, StatusMapping
from tests.connection_page import KEY, form, table_url, texts, url

pytestmark = pytest.mark.django_db


def test_status_proposals_come_with_a_new_connection(merchant, fake):
    response = merchant.post(url("add"), form(new_key=KEY, api_url=fake.api_url), follow=True)

    mapped = dict(StatusMapping.objects.values_list("shop_status", "status"))
    assert mapped["Delivered"] == "DELIVERED"
    assert mapped["Cancelled"] == "CANCELLED"
    assert "please check them" in texts(response)


def test_the_tables_have_a_line_each_that_leads_to_their_page(merchant, stored):
    StatusMapping.objects.create(connection=stored, shop_status="Paid", status="IN_PROGRESS")
    stored.field_mappings.create(attribute="order_count", field_id="7")

    lines = {
        name: text.strip()
        for name, text in re.findall(
            r'<li data-table="(\w+)"[^>]*>(.*?)</li>',
            merchant.get(url("change", stored.pk)).content.decode(),
        )
    }

    missing = len(registry.shop().statuses()) - 1
    assert f"mapped: 1, not mapped: {missing}" in lines["statuses"]
    assert f'href="{table_url("statuses")}?connection=main"' in lines["statuses"]
    assert f'href="{table_url("fields")}?connection=main"' in lines["fields"]
    assert "mapped: 1" in lines["fields"]


def test_the_tables_are_not_on_the_page_itself(merchant, stored):
    page = merchant.get(url("change", stored.pk)).content.decode()
    assert "status_mappings" not in page
    assert "field_mappings" not in page


def test_another_word_for_unmapped_statuses_says_what_it_means(merchant, stored):
    answer = merchant.post(
        url("change", stored.pk), form(stored, default_status="CANCELLED"), follow=True
    )
    assert "not sent again for the new word alone, nor at night: New, Paid" in texts(answer)


def test_saving_without_a_change_says_nothing_of_it(merchant, stored):
    answer = merchant.post(url("change", stored.pk), form(stored), follow=True)
    assert "nor at night" not in texts(answer)


def test_an_empty_address_is_the_destinations_own(merchant, stored):
    page = merchant.get(url("change", stored.pk)).content.decode()
    assert 'placeholder="https://esputnik.com/api"' in page

    merchant.post(url("change", stored.pk), form(stored, tracker_url=""))

    stored.refresh_from_db()
    assert stored.tracker_url == ""


@pytest.mark.parametrize(
    "unknown", [{"default_status": "LOST"}, {"order_route": "pigeon"}, {"erase_mode": "maybe"}]
)
def test_what_the_destination_does_not_have_cannot_be_chosen(merchant, stored, unknown):
    response = merchant.post(url("change", stored.pk), form(stored, **unknown))
    assert set(response.context["adminform"].form.errors) == set(unknown)


def test_a_page_of_a_destination_that_the_settings_lost_still_opens(merchant, stored):
    Connection.objects.update(destination="gone", order_route="events")

    page = merchant.get(url("change", stored.pk)).content.decode()

    assert '<option value="gone" selected>gone</option>' in page
    assert 'value="events"' in page
