"""The tables of fields and statuses inside a connection."""

from __future__ import annotations

import pytest

from esputnik_connector.models import (
    Connection,
    FieldMapping,
    StatusMapping,
)
from tests.connection_page import KEY, form, rows, texts, url

pytestmark = pytest.mark.django_db


def test_status_proposals_come_with_a_new_connection(merchant, fake):
    response = merchant.post(url("add"), form(new_key=KEY, api_url=fake.api_url), follow=True)

    mapped = dict(StatusMapping.objects.values_list("shop_status", "status"))
    assert mapped["Delivered"] == "DELIVERED"
    assert mapped["Cancelled"] == "CANCELLED"
    assert "please check them" in texts(response)


def test_the_button_proposes_only_what_nobody_chose(merchant, stored):
    StatusMapping.objects.create(connection=stored, shop_status="New", status="DO_NOT_SEND")

    assert "Propose status mappings" in merchant.get(url("change", stored.pk)).content.decode()
    merchant.post(url("propose", stored.pk))
    again = texts(merchant.post(url("propose", stored.pk), follow=True))

    mapped = dict(stored.status_mappings.values_list("shop_status", "status"))
    assert mapped["New"] == "DO_NOT_SEND"
    assert mapped["Paid"] == "IN_PROGRESS"
    assert "nothing to propose" in again


def test_unmapped_statuses_are_listed_with_their_default(merchant, stored):
    StatusMapping.objects.create(connection=stored, shop_status="Paid", status="IN_PROGRESS")

    page = merchant.get(url("change", stored.pk)).content.decode()

    assert "travel as “INITIALIZED" in page
    assert "<li>Shipped</li>" in page
    assert "<li>Paid</li>" not in page
    assert '<option value="Shipped">' in page


def test_a_status_mapped_twice_is_named(merchant, stored):
    table = [
        {"shop_status": "Paid", "status": "IN_PROGRESS"},
        {"shop_status": "Paid ", "status": "DELIVERED"},
    ]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("status_mappings", table))
    )

    assert "The status “Paid” is mapped twice" in response.content.decode()
    assert not StatusMapping.objects.exists()


def test_a_status_that_is_mapped_already_is_a_form_error(merchant, stored):
    kept = StatusMapping.objects.create(connection=stored, shop_status="Paid", status="IN_PROGRESS")
    table = [
        {"id": kept.pk, "connection": stored.pk, "shop_status": "Paid", "status": "IN_PROGRESS"},
        {"connection": stored.pk, "shop_status": "Paid", "status": "DELIVERED"},
    ]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("status_mappings", table))
    )

    assert "mapped twice" in response.content.decode()
    assert StatusMapping.objects.count() == 1


def test_a_field_id_mapped_twice_is_named(merchant, stored):
    table = [
        {"attribute": "order_count", "field_id": 7},
        {"attribute": "total_spent", "field_id": 7},
    ]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("field_mappings", table))
    )

    assert "The field id 7 is in the table twice" in response.content.decode()


def test_changed_mappings_say_when_they_take_effect(merchant, stored):
    table = [{"attribute": "order_count", "field_id": 7}]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("field_mappings", table)), follow=True
    )

    assert "when they next change" in texts(response)
    assert str(FieldMapping.objects.get()) == "order_count → 7"
    unchanged = merchant.post(
        url("change", stored.pk),
        form(
            stored,
            **rows(
                "field_mappings",
                [{**table[0], "id": FieldMapping.objects.get().pk, "connection": stored.pk}],
            ),
        ),
        follow=True,
    )
    assert "when they next change" not in texts(unchanged)


def test_an_attribute_the_shop_no_longer_has_stays_visible(merchant, stored):
    FieldMapping.objects.create(connection=stored, attribute="shoe_size", field_id=9)

    page = merchant.get(url("change", stored.pk)).content.decode()

    assert "shoe_size — the shop has no such attribute" in page
    assert '<option value="order_count">Number of orders</option>' in page
    assert 'aria-label="Contact attribute"' in page


def test_one_field_id_in_two_spellings_is_one_field(merchant, stored):
    table = [
        {"attribute": "order_count", "field_id": "7"},
        {"attribute": "total_spent", "field_id": " 007"},
    ]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("field_mappings", table))
    )

    assert "The field id 7 is in the table twice" in response.content.decode()


@pytest.mark.parametrize("written", ["0", "-1", "1.5", "size", "١٧", "²"])
def test_a_field_id_that_esputnik_cannot_have_is_refused(merchant, stored, written):
    table = [{"attribute": "order_count", "field_id": written}]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("field_mappings", table))
    )

    assert "a whole number above 0" in response.content.decode()
    assert not FieldMapping.objects.exists()


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


def test_a_status_that_the_destination_does_not_have_cannot_be_mapped_to(merchant, stored):
    table = [{"shop_status": "Paid", "status": "LOST"}]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("status_mappings", table))
    )
    assert "LOST is not one of the available choices" in response.content.decode()


def test_a_page_of_a_destination_that_the_settings_lost_still_opens(merchant, stored):
    Connection.objects.update(destination="gone", order_route="events")

    page = merchant.get(url("change", stored.pk)).content.decode()

    assert '<option value="gone" selected>gone</option>' in page
    assert 'value="events"' in page
