"""The list of connections, their state, and what deleting one says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from esputnik_connector.models import (
    Connection,
    Heartbeat,
    OutboxMessage,
    OutcomeCount,
    SyncState,
    Tombstone,
)
from tests.connection_page import KEY, url

pytestmark = pytest.mark.django_db


def moment_text(moment) -> str:
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")


def test_the_list_counts_what_waits_and_what_is_set_aside(merchant, stored):
    for number in range(3):
        OutboxMessage.objects.create(
            connection=stored, kind="order", key=str(number), is_dead=number == 0
        )
    delivered = OutcomeCount.objects.create(connection=stored, kind="order", outcome="delivered")

    page = merchant.get(url("changelist")).content.decode()

    assert 'class="field-pending">2<' in page
    assert 'class="field-set_aside">1<' in page
    assert f'class="field-last_delivery nowrap">{moment_text(delivered.last_at)}<' in page
    page = merchant.get(url("change", stored.pk)).content.decode()
    assert "Unsent changes: 2" in page
    assert "Set aside: 1" in page
    assert "Nothing was delivered yet" not in page


def test_what_waits_at_a_connection_that_is_off_is_counted_too(merchant, stored):
    Connection.objects.update(is_enabled=False)
    OutboxMessage.objects.create(connection=stored, kind="cart", key="1")
    assert 'class="field-pending">1<' in merchant.get(url("changelist")).content.decode()
    page = merchant.get(url("change", stored.pk)).content.decode()
    assert "Unsent changes: 1" in page
    assert "Nothing was delivered yet" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"is_enabled": False}, "Off"),
        ({"api_key": ""}, "There is no API key"),
        ({"verified_at": timezone.now()}, "The sending service on the server has never run"),
    ],
)
def test_the_state_is_in_words(merchant, stored, changes, words):
    for name, value in changes.items():
        setattr(stored, name, value)
    stored.save()

    assert words in merchant.get(url("changelist")).content.decode()


def test_connected_is_said_only_when_somebody_sends(merchant, stored):
    stored.accept_key("Kobzar", "1")
    Heartbeat.objects.create(name="sweep", beaten_at=timezone.now() - timedelta(hours=7))
    for view in (url("changelist"), url("change", stored.pk)):
        page = merchant.get(view).content.decode()
        assert "Connected to Kobzar" not in page
        assert "has not run for 7 h" in page

    Heartbeat.beat("sweep")

    assert "Connected to Kobzar" in merchant.get(url("changelist")).content.decode()
    assert "Connected to Kobzar" in merchant.get(url("change", stored.pk)).content.decode()


def test_the_list_takes_one_look_for_all_connections(merchant, stored):
    merchant.get(url("changelist"))  # content types, session
    with CaptureQueriesContext(database) as few:
        merchant.get(url("changelist"))
    for number in range(5):
        Connection.objects.create(name=f"more-{number}", api_key=KEY)
    with CaptureQueriesContext(database) as many:
        merchant.get(url("changelist"))
    assert len(many) == len(few)


def test_deleting_a_connection_counts_instead_of_listing(
    merchant, stored, django_assert_max_num_queries
):
    for number in range(40):
        SyncState.objects.create(connection=stored, kind="order", key=f"order-{number}")
    Tombstone.objects.create(connection=stored, fingerprint="f" * 64)

    with django_assert_max_num_queries(20):
        page = merchant.get(url("delete", stored.pk)).content.decode()
    assert "order-1" not in page

    merchant.post(url("delete", stored.pk), {"post": "yes"})
    assert not Connection.objects.exists()
    assert not SyncState.objects.exists()
    assert Tombstone.objects.exists()


def test_the_links_of_the_page_hold_where_numbers_are_grouped(merchant, stored, settings):
    settings.USE_THOUSAND_SEPARATOR = True
    Connection.objects.filter(pk=stored.pk).update(id=12345)

    page = merchant.get(url("change", 12345)).content.decode()

    assert page.count("?connection__id__exact=12345") == 3
    assert "12,345" not in page
