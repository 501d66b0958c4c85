"""Order statuses: what the shop does not have cannot be mapped; a new word sends no old orders."""

from __future__ import annotations

import pytest

from esputnik_connector.models import ReleasedStatus, StatusMapping
from tests.connection_page import form, rows, texts, url

pytestmark = pytest.mark.django_db


def test_an_invented_status_is_refused_with_those_that_there_are(merchant, stored):
    table = [{"shop_status": "Dreamt", "status": "DELIVERED"}]
    page = merchant.post(
        url("change", stored.pk), form(stored, **rows("status_mappings", table))
    ).content.decode()
    assert "The shop has no order status “Dreamt”. It has: " in page
    assert "Delivered" in page
    assert not StatusMapping.objects.exists()


def test_a_status_that_the_shop_gave_up_can_stay_and_be_mapped_anew(merchant, stored):
    row = StatusMapping.objects.create(connection=stored, shop_status="Gone", status="DELIVERED")
    table = [{"id": row.pk, "shop_status": "Gone", "status": "CANCELLED"}]
    answer = merchant.post(url("change", stored.pk), form(stored, **rows("status_mappings", table)))
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.status == "CANCELLED"


def test_a_new_word_says_that_old_orders_stay_and_how_they_are_sent(merchant, stored):
    row = StatusMapping.objects.create(
        connection=stored, shop_status="Delivered", status="DO_NOT_SEND"
    )
    table = [{"id": row.pk, "shop_status": "Delivered", "status": "DELIVERED"}]
    answer = merchant.post(
        url("change", stored.pk), form(stored, **rows("status_mappings", table)), follow=True
    )
    assert "not sent again for the new word alone, nor at night: Delivered." in texts(answer)
    assert [str(one) for one in ReleasedStatus.objects.all()] == ["Delivered"]


def test_saving_without_a_change_says_nothing_of_it(merchant, stored):
    answer = merchant.post(url("change", stored.pk), form(stored), follow=True)
    assert "nor at night" not in texts(answer)
