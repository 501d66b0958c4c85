"""A merchant chooses a historical import, reads the forecast, and starts it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone as clock

from esputnik_connector.models import Backfill, Connection, Heartbeat
from esputnik_connector.records import Kind
from tests.import_pages import (
    LOUD,
    NOW,
    QUIET,
    page_of,
    texts,
    url,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_connection_leads_to_its_first_import(merchant, connection, people):
    change = reverse("admin:esputnik_connector_connection_change", args=[connection.pk])
    assert url("page", connection.pk) in merchant.get(change).content.decode()
    response = merchant.get(url("page", connection.pk))
    assert response.headers["Location"] == url("new", connection.pk)


def test_no_route_is_preselected_and_each_says_what_it_does(merchant, connection, people):
    page = page_of(merchant, "new", connection.pk)
    routes = [part for part in page.split("<input") if 'name="route"' in part]
    assert len(routes) == 2
    assert not any("checked" in part.split(">")[0] for part in routes)
    assert "however old it is" in page
    assert "no workflow starts: try a single day first" in page


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"what": "orders"}, "Choose how orders shall travel."),
        ({"what": "all"}, "Choose how orders shall travel."),
        ({"what": "contacts", "since": "2999-01-01"}, "in the future"),
        ({"what": "contacts", "since": "2024-02-01", "until": "2024-01-01"}, "before the first"),
        ({"what": "carts"}, "not one of the available choices"),
        ({"what": "contacts", "since": "yesterday"}, "valid date"),
        ({"what": "contacts", "since": "0001-01-01"}, "between 1900 and 2999"),
        ({"what": "contacts", "until": "9999-12-31"}, "between 1900 and 2999"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_choice_that_cannot_be_is_explained_at_its_field(
    merchant, connection, people, choice, words, method
):
    response = getattr(merchant, method)(url("new", connection.pk), choice)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not Backfill.objects.exists()


@pytest.mark.parametrize("day", ["1900-01-01", "2999-12-31"])
def test_the_outermost_days_can_be_chosen(merchant, connection, people, day):
    name = "since" if day < "2000" else "until"
    choice = {"what": "contacts", name: day}
    assert merchant.get(url("new", connection.pk), choice).status_code == 200
    response = merchant.post(url("new", connection.pk), choice, follow=True)
    assert "Customers: running" in response.content.decode()
    assert Backfill.objects.get().total == 150


def test_the_forecast_says_who_is_sent_and_who_is_skipped_and_sends_nothing(
    merchant, recording, connection, people
):
    page = page_of(merchant, "new", connection.pk, **QUIET)
    assert "150" in page
    assert "149" in page
    assert "1 held back by the shop" in page
    assert "Quiet" not in page
    assert "segmentation" in page
    assert not Backfill.objects.exists()
    assert recording.calls == []


def test_the_loud_route_is_a_warning_on_the_forecast(merchant, connection, people):
    page = page_of(merchant, "new", connection.pk, **LOUD)
    warning = page.split('class="errornote"')[1]
    assert "starts for every old order" in warning.split("</p>")[0]


def test_a_changed_mind_comes_back_to_the_filled_in_form(merchant, connection, people):
    page = page_of(merchant, "new", connection.pk, **LOUD, since="2024-01-01", back="1")
    assert 'value="2024-01-01"' in page
    assert "See what would be sent" in page
    (loud,) = (
        part for part in page.split("<input") if 'name="route"' in part and 'value="orders"' in part
    )
    assert "checked" in loud.split(">")[0]


def test_confirming_starts_customers_and_orders_and_wakes_a_worker(
    merchant, connection, people, woken
):
    Heartbeat.beat("sweep")
    choice = {**QUIET, "since": "2024-01-01", "until": "2025-12-31", "newest_first": "on"}
    response = merchant.post(url("new", connection.pk), choice, follow=True)
    contacts, orders = Backfill.objects.order_by("kind")
    assert (contacts.kind, contacts.route) == ("contact", "")
    assert (orders.kind, orders.route, orders.newest_first) == ("order", "past_events", True)
    zone = clock.get_current_timezone()
    assert clock.localtime(orders.since, zone).date() == date(2024, 1, 1)
    last = clock.localtime(orders.until - timedelta(seconds=1), zone)
    assert last.date() == date(2025, 12, 31)  # that day is included
    assert woken == [contacts.pk, orders.pk]
    page = response.content.decode()
    assert "Customers: running" in page
    assert "Quiet: dated events of the past" in page
    assert "Waits until the import of customers has ended." in page
    assert LogEntry.objects.filter(change_message="Started.").count() == 2


def test_an_import_that_runs_already_is_shown_and_not_doubled(merchant, connection, run, woken):
    response = merchant.post(url("new", connection.pk), {"what": "contacts"}, follow=True)
    assert "under way already" in texts(response)
    assert list(Backfill.objects.all()) == [run]
    assert woken == []
    assert "An import is under way" in page_of(merchant, "new", connection.pk)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"is_enabled": False}, "Off"),
        ({"paused_at": NOW, "pause_detail": "wrong key"}, "wrong key"),
        ({"environment": "elsewhere"}, "Bound to another installation"),
        ({"api_key": ""}, "Not connected"),
    ],
)
def test_a_connection_that_sends_nothing_starts_nothing(
    merchant, connection, people, run, state, words
):
    for name, value in state.items():
        setattr(connection, name, value)
    connection.save()
    for response in (
        merchant.get(url("new", connection.pk)),
        merchant.post(url("new", connection.pk), LOUD),
        merchant.post(url("do", run.pk, "restart"), follow=True),
    ):
        assert words in response.content.decode()
    assert Backfill.objects.count() == 1


def test_one_start_begins_all_of_it_or_nothing(
    merchant, connection, people, plain_shop, woken, monkeypatch
):
    count = plain_shop.count

    def but_no_orders(shop: Any, kind: Kind, **range_: Any) -> int:
        if kind is Kind.ORDER:
            raise OperationalError("statement timeout")
        return int(count(shop, kind, **range_))

    monkeypatch.setattr(plain_shop, "count", but_no_orders)
    with pytest.raises(OperationalError):
        merchant.post(url("new", connection.pk), QUIET)
    assert not Backfill.objects.exists()
    assert not LogEntry.objects.exists()
    assert woken == []


def test_a_forecast_that_the_connection_cannot_make_leads_back_to_the_form(
    merchant, connection, people
):
    Connection.objects.update(destination="nowhere")
    response = merchant.get(url("new", connection.pk), LOUD)
    assert "nowhere" in texts(response)
    assert "See what would be sent" in response.content.decode()
