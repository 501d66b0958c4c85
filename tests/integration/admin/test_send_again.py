"""“Send again” in the lists of records: who may, what the page says, what is done and logged."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from esputnik_connector.models import Attempt, Connection, OutboxMessage, SyncState
from tests.integration.admin.test_lists import main, root, staff, texts, url  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_worker(settings) -> None:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": ""}


def delivered(connection: Connection, kind: str, key: str) -> SyncState:
    state: SyncState = SyncState.objects.create(
        connection=connection, kind=kind, key=key, digest="d", delivered_at=timezone.now()
    )
    return state


def act(client: Client, *pks: int, model: str = "syncstate", **more: Any) -> Any:
    values = {"action": "send_again", "_selected_action": pks, **more}
    return client.post(url(model), values, follow=True)


def queued() -> list[tuple[str, str, str]]:
    rows = OutboxMessage.objects.filter(is_forced=True).order_by("kind", "key")
    return list(rows.values_list("kind", "key", "route"))


def test_a_page_asks_before_anything_is_done(root, main):  # noqa: F811
    one, other = delivered(main, "contact", "1"), delivered(main, "contact", "2")

    page = act(root, one.pk, other.pk).content.decode()

    assert "main · contact: 2" in page
    assert "Deleted people are not sent." in page
    assert queued() == []

    response = act(root, one.pk, other.pk, agreed="yes")

    assert queued() == [("contact", "1", ""), ("contact", "2", "")]
    assert not SyncState.objects.exclude(digest="").exists()
    assert "Sent again: main · contact: 2." in texts(response)
    assert "main · contact: 2" in LogEntry.objects.get().change_message


def test_orders_need_a_route_that_a_person_chooses(root, main):  # noqa: F811
    one = delivered(main, "order", "100")
    name = f"route_{main.pk}"

    assert f'name="{name}"' in act(root, one.pk).content.decode()
    act(root, one.pk, agreed="yes")
    assert queued() == []
    assert SyncState.objects.get().digest == "d"

    act(root, one.pk, agreed="yes", **{name: "past_events"})
    assert queued() == [("order", "100", "past_events")]


def test_what_cannot_go_again_is_left_out_and_told(root, main):  # noqa: F811
    off = Connection.objects.create(name="old", api_key="k", is_enabled=False)
    rows = [
        delivered(main, "contact", "1"),
        delivered(main, "event", "back_in_stock:7"),
        delivered(off, "contact", "9"),
    ]

    text = texts(act(root, *[row.pk for row in rows], agreed="yes"))

    assert queued() == [("contact", "1", "")]
    assert "Left out: event: it happened once, and is told once: 1" in text
    assert "the connection “old” is off: 1" in text
    assert "Nothing of this can be sent again" in act(root, rows[1].pk).content.decode()


def test_every_chosen_record_goes_once_however_many_deliveries_it_had(root, main):  # noqa: F811
    for _time in range(3):
        Attempt.objects.create(connection=main, kind="cart", key="7", outcome="delivered")
    pks = Attempt.objects.values_list("pk", flat=True)

    act(root, *pks, model="attempt", agreed="yes")

    assert queued() == [("cart", "7", "")]


def test_all_rows_of_a_list_can_be_chosen_at_once(root, main):  # noqa: F811
    pks = [delivered(main, "contact", str(number)).pk for number in range(60)]

    page = act(root, *pks[:50], select_across="1").content.decode()
    assert "main · contact: 60" in page
    act(root, *pks[:50], select_across="1", agreed="yes")

    assert len(queued()) == 60


def test_a_change_that_waits_can_be_sent_although_it_turns_out_unchanged(root, main):  # noqa: F811
    row = OutboxMessage.objects.create(connection=main, kind="contact", key="1")
    act(root, row.pk, model="outboxmessage", agreed="yes")
    assert queued() == [("contact", "1", "")]


@pytest.mark.parametrize("model", ["syncstate", "attempt", "outboxmessage"])
def test_it_needs_the_permission_to_change(main, model):  # noqa: F811
    delivered(main, "contact", "1")
    Attempt.objects.create(connection=main, kind="contact", key="1", outcome="delivered")
    OutboxMessage.objects.create(connection=main, kind="contact", key="1")
    rows = {"syncstate": SyncState, "attempt": Attempt, "outboxmessage": OutboxMessage}
    pk = rows[model].objects.get().pk
    viewer = staff(f"view_{model}")

    assert "Send again" not in viewer.get(url(model)).content.decode()
    act(viewer, pk, model=model, agreed="yes")
    assert queued() == []

    act(staff(f"view_{model}", f"change_{model}"), pk, model=model, agreed="yes")
    assert queued() == [("contact", "1", "")]


def test_a_look_at_the_address_does_nothing(root, main):  # noqa: F811
    row = delivered(main, "contact", "1")
    values = {"action": "send_again", "_selected_action": row.pk, "agreed": "yes"}
    root.get(url("syncstate"), values)
    assert queued() == []
