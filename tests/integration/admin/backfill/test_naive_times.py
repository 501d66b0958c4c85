"""The screens of a historical import in a shop that keeps naive times."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone as clock

from esputnik_connector.models import Backfill, Lane, OutboxMessage
from tests.import_pages import (
    QUIET,
    page_of,
    press,
    staff,
    url,
    work,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def naive(settings: Any) -> None:
    settings.USE_TZ = False


@pytest.mark.usefixtures("naive")
@pytest.mark.parametrize("days", [{}, {"since": "2025-11-21"}, {"until": "2025-11-21"}])
def test_without_time_zones_an_import_is_foretold_started_and_shown(
    merchant, recording, connection, people, woken, days
):
    foretold = page_of(merchant, "new", connection.pk, **QUIET, **days)
    assert "150" in foretold
    response = merchant.post(url("new", connection.pk), {**QUIET, **days}, follow=True)
    contacts, orders = Backfill.objects.order_by("kind")
    assert woken == [contacts.pk, orders.pk]
    assert (contacts.total, orders.total) == (150, 3)
    for name, wanted in (("since", datetime(2025, 11, 21)), ("until", datetime(2025, 11, 22))):
        assert getattr(orders, name) == (wanted if name in days else None)
    assert ("to 11/21/2025" in response.content.decode()) == ("until" in days)
    work(contacts)
    assert contacts.counts["delivered"] == 99
    assert "Customers: running" in page_of(merchant, "page", connection.pk)
    asked = f"{contacts.pk}:{clock.now().timestamp() - 10}:0"
    (told,) = merchant.get(url("progress"), {"run": asked}).json()["runs"]
    assert told["pace"] == "10 a second, about 0:05 to go"


@pytest.mark.usefixtures("naive")
def test_without_time_zones_a_range_is_started_again(merchant, connection, people):
    choice = {"what": "contacts", "since": "2025-11-21", "until": "2025-11-21"}
    merchant.post(url("new", connection.pk), choice)
    run = Backfill.objects.get()
    assert "on its way" in press(merchant, run, "restart")
    again = Backfill.objects.open().get()
    assert (again.since, again.until) == (datetime(2025, 11, 21), datetime(2025, 11, 22))


@pytest.mark.usefixtures("naive")
def test_without_time_zones_a_choice_is_checked_as_well(merchant, connection, people):
    choice = {"what": "contacts", "since": "2999-01-01"}
    response = merchant.post(url("new", connection.pk), choice)
    assert "in the future" in response.content.decode()


@pytest.mark.usefixtures("naive")
def test_without_time_zones_changes_and_lanes_are_shown(client, connection):
    client.force_login(staff("view_outboxmessage", "view_lane"))
    soon = clock.now() + timedelta(hours=1)
    OutboxMessage.objects.create(
        connection=connection, kind="order", key="100", attempts=1, due_at=soon
    )
    Lane.objects.create(connection=connection, kind="order", paused_until=soon)
    for model, words in (("outboxmessage", "trying again at"), ("lane", "paused until")):
        page = client.get(reverse(f"admin:esputnik_connector_{model}_changelist"))
        assert words in page.content.decode()
