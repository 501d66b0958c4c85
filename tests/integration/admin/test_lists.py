"""The lists support looks at: what waits, what was delivered, who stays deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from esputnik_connector.models import (
    Attempt,
    Connection,
    Lane,
    OutboxMessage,
    SyncState,
    Tombstone,
)

LISTS = ["outboxmessage", "attempt", "syncstate", "tombstone", "lane", "connection"]
woken: list[int] = []

pytestmark = pytest.mark.django_db


def wake(connection_id: int, delay: float) -> None:
    woken.append(connection_id)


@pytest.fixture(autouse=True)
def _settings(settings) -> None:
    woken.clear()
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": f"{__name__}.wake"}


def staff(*permissions: str, **traits: Any) -> Client:
    user = get_user_model().objects.create_user(
        f"staff {'root' if traits else permissions}", is_staff=True, **traits
    )
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def root(db) -> Client:
    return staff(is_superuser=True)


@pytest.fixture
def main(db) -> Connection:
    return Connection.objects.create(name="main", api_key="a key of many characters")


def url(model: str, view: str = "changelist", *arguments: Any) -> str:
    return reverse(f"admin:esputnik_connector_{model}_{view}", args=arguments)


def texts(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def add(connection: Connection, number: int) -> None:
    """A row in every list."""
    OutboxMessage.objects.create(
        connection=connection, kind="order", key=f"1000{number}", attempts=1, reason="refused"
    )
    Attempt.objects.create(
        connection=connection, kind="order", key=f"1000{number}", outcome="delivered",
        notes=["text_cut"], captured_at=timezone.now(),
    )  # fmt: skip
    SyncState.objects.create(connection=connection, kind="order", key=f"1000{number}")
    Tombstone.objects.create(connection=connection, fingerprint=f"{number:064}")


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        database,
    ) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


# --- reading --------------------------------------------------------------------------------------


def test_lists_take_as_many_queries_for_twenty_rows_as_for_one(root, main):
    add(main, 0)
    Lane.objects.create(connection=main, kind="order")
    one = {name: queries(root, url(name)) for name in LISTS}
    for number in range(1, 20):
        other = Connection.objects.create(name=f"shop{number}", api_key="k")
        Lane.objects.create(connection=other, kind="order")
        add(other, number)

    twenty = {name: queries(root, url(name)) for name in LISTS}

    assert twenty == one


@pytest.mark.parametrize("name", LISTS)
def test_lists_and_rows_can_be_read_in_both_languages(root, main, name):
    add(main, 0)
    Lane.objects.create(connection=main, kind="order")
    model = {"connection": Connection, "lane": Lane, "outboxmessage": OutboxMessage,
             "attempt": Attempt, "syncstate": SyncState, "tombstone": Tombstone}[name]  # fmt: skip
    for language in ("en", "uk"):
        with translation.override(language):
            assert root.get(url(name)).status_code == 200
            row = model._default_manager.get()
            assert root.get(url(name, "change", row.pk)).status_code == 200


def test_unsent_changes_say_what_they_wait_for(root, main):
    rows = [
        {"key": "waits"},
        {"key": "tried", "attempts": 2, "reason": "unreachable", "detail": "Answered 503"},
        {"key": "imported", "session": "a1"},
        {"key": "dead", "is_dead": True, "reason": "refused", "detail": "Bad <b>status</b>"},
    ]
    for row in rows:
        OutboxMessage.objects.create(connection=main, kind="order", **row)

    page = root.get(url("outboxmessage")).content.decode()

    assert ">waiting<" in page
    assert "because: the destination could not be reached: Answered 503" in page
    assert "eSputnik is still working on the upload" in page
    assert "set aside: the destination refused it: Bad &lt;b&gt;status&lt;/b&gt;" in page


def test_deliveries_are_told_in_sentences(root, main):
    now = timezone.now()
    attempt = Attempt.objects.create(
        connection=main, kind="order", key="10001", outcome="rejected", reason="refused",
        detail="status is unknown", status=400, notes=["status_unmapped", "of_a_later_version"],
        captured_at=now - timedelta(seconds=2.5), created_at=now,
    )  # fmt: skip

    page = root.get(url("attempt")).content.decode()

    assert "the destination refused it: status is unknown" in page
    assert "This order status is not mapped; the default was sent. of_a_later_version" in page
    assert ">2.5<" in page
    assert ">400<" in root.get(url("attempt", "change", attempt.pk)).content.decode()


def test_a_key_is_found_whole(root, main):
    for key in ("100", "1001"):
        OutboxMessage.objects.create(connection=main, kind="order", key=key)

    found = root.get(url("outboxmessage"), {"q": "100"}).context["cl"].result_list

    assert [row.key for row in found] == ["100"]


def test_lists_can_be_narrowed(root, main):
    add(main, 0)
    OutboxMessage.objects.create(connection=main, kind="cart", key="7", is_dead=True)
    narrow = {"connection__id__exact": main.pk, "kind__exact": "cart", "is_dead__exact": 1}

    found = root.get(url("outboxmessage"), narrow).context["cl"].result_list

    assert [row.key for row in found] == ["7"]
    narrow = {"outcome__exact": "delivered", "kind__exact": "order", "reason__exact": ""}
    assert root.get(url("attempt"), narrow).status_code == 200


def test_a_resting_lane_says_why(root, main):
    Lane.objects.create(
        connection=main, kind="order", failures=3, pause_detail="Answered 429",
        paused_until=timezone.now() + timedelta(minutes=5),
    )  # fmt: skip

    page = root.get(url("lane")).content.decode()

    assert "main · order" in page
    assert "because: Answered 429" in page


def test_facts_of_a_change_are_not_shown(root, main):
    row = OutboxMessage.objects.create(
        connection=main, kind="erasure", key="7", payload={"fingerprints": ["feedface"]}
    )

    assert "feedface" not in root.get(url("outboxmessage", "change", row.pk)).content.decode()


# --- nobody edits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["outboxmessage", "attempt", "syncstate", "tombstone", "lane"])
def test_read_only_lists_cannot_be_changed(root, main, name):
    add(main, 0)
    Lane.objects.create(connection=main, kind="order")
    model = {"lane": Lane, "outboxmessage": OutboxMessage, "attempt": Attempt,
             "syncstate": SyncState, "tombstone": Tombstone}[name]  # fmt: skip
    pk = model._default_manager.get().pk

    assert root.get(url(name, "add")).status_code == 403
    assert root.post(url(name, "add"), {}).status_code == 403
    assert root.post(url(name, "change", pk), {"key": "x"}).status_code == 403
    if name != "tombstone":
        assert root.post(url(name, "delete", pk), {"post": "yes"}).status_code == 403
    assert model._default_manager.count() == 1


def test_lists_need_a_permission(main):
    client = staff("view_attempt")

    assert client.get(url("attempt")).status_code == 200
    assert client.get(url("outboxmessage")).status_code == 403


# --- trying again ---------------------------------------------------------------------------------


def act(client: Client, action: str, *pks: int, model: str = "outboxmessage", **more: str) -> Any:
    values = {"action": action, "_selected_action": pks, **more}
    return client.post(url(model), values, follow=True)


def test_try_again_puts_changes_back_in_line_and_wakes_the_relay(
    root, main, django_capture_on_commit_callbacks
):
    later = timezone.now() + timedelta(hours=5)
    common = {"connection": main, "kind": "order", "due_at": later}
    dead = OutboxMessage.objects.create(**common, key="1", is_dead=True, attempts=9)
    waits = OutboxMessage.objects.create(**common, key="2", attempts=3)
    imports = OutboxMessage.objects.create(**common, key="3", session="a1")
    other = OutboxMessage.objects.create(**common, key="4")

    with django_capture_on_commit_callbacks(execute=True):
        response = act(root, "try_again", dead.pk, waits.pk, imports.pk)

    assert "2 changes are in line again" in texts(response)
    for row in (dead, waits, imports, other):
        row.refresh_from_db()
    assert (dead.is_dead, dead.attempts) == (False, 0)
    assert dead.due_at <= timezone.now()
    assert waits.due_at <= timezone.now()
    assert waits.attempts == 3
    assert (imports.due_at, other.due_at) == (later, later)
    assert woken == [main.pk]


def test_try_again_needs_the_permission_to_change(main):
    row = OutboxMessage.objects.create(connection=main, kind="order", key="1", is_dead=True)
    viewer = staff("view_outboxmessage")

    assert "Try again" not in viewer.get(url("outboxmessage")).content.decode()
    act(viewer, "try_again", row.pk)
    row.refresh_from_db()
    assert row.is_dead

    act(staff("change_outboxmessage"), "try_again", row.pk)
    row.refresh_from_db()
    assert not row.is_dead


def resting_lane(connection: Connection) -> Lane:
    lane = Lane.objects.create(connection=connection, kind="order")
    lane.pause(until=timezone.now() + timedelta(hours=1), detail="Answered 429", failures=3)
    return lane


def test_a_person_ends_the_pause_of_a_lane_and_a_worker_is_woken(
    root, main, django_capture_on_commit_callbacks
):
    lane = resting_lane(main)

    with django_capture_on_commit_callbacks(execute=True):
        response = act(root, "end_pause", lane.pk, model="lane")

    assert "1 lane sends again" in texts(response)
    lane.refresh_from_db()
    assert not lane.is_paused(timezone.now())
    assert woken == [main.pk]
    assert "Answered 429" in LogEntry.objects.get().change_message


def test_ending_a_pause_needs_the_permission_to_change(main):
    lane = resting_lane(main)
    act(staff("view_lane"), "end_pause", lane.pk, model="lane")
    lane.refresh_from_db()
    assert lane.is_paused(timezone.now())

    act(staff("view_lane", "change_lane"), "end_pause", lane.pk, model="lane")
    lane.refresh_from_db()
    assert not lane.is_paused(timezone.now())


# --- lifting a ban --------------------------------------------------------------------------------


def test_only_a_superuser_lifts_a_ban_and_is_warned(root, main):
    add(main, 0)
    pk = Tombstone.objects.get().pk
    helper = staff("view_tombstone", "delete_tombstone")

    assert helper.post(url("tombstone", "delete", pk), {"post": "yes"}).status_code == 403
    assert "Lift the ban" not in helper.get(url("tombstone")).content.decode()
    assert "Lift the ban" in root.get(url("tombstone")).content.decode()
    assert "lifts the ban" in root.get(url("tombstone", "delete", pk)).content.decode()

    values = {"action": "delete_selected", "_selected_action": [pk]}
    assert "lifts the ban" in root.post(url("tombstone"), values).content.decode()
    assert Tombstone.objects.exists()

    root.post(url("tombstone"), values | {"post": "yes"})
    assert not Tombstone.objects.exists()


def test_events_are_shown_and_filtered_like_everything_else(root, main):
    key = "back_in_stock:7"
    OutboxMessage.objects.create(
        connection=main, kind="event", key=key, is_dead=True, reason="refused"
    )
    Attempt.objects.create(
        connection=main, kind="event", key=key, outcome="skipped", reason="sold_out"
    )
    for name in ("outboxmessage", "attempt"):
        assert key in root.get(url(name), {"kind__exact": "event"}).content.decode()
        assert key not in root.get(url(name), {"kind__exact": "order"}).content.decode()
    page = root.get(url("attempt")).content.decode()
    assert "sold out again before it could be sent" in page


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"session": "s1"}, "eSputnik is still working on the upload"),
        ({"digest": "d"}, "delivered"),
        ({}, "sent, not confirmed yet"),
        ({"delivered_at": timezone.now()}, "the last sending is not confirmed"),
    ],
)
def test_a_delivered_record_says_how_sure_it_is(root, main, values, text):
    SyncState.objects.create(connection=main, kind="order", key="10001", **values)
    assert text in root.get(url("syncstate")).content.decode()


def test_a_lane_that_a_worker_holds_is_being_sent(root, main):
    soon = timezone.now() + timedelta(minutes=1)
    Lane.objects.create(connection=main, kind="order", holder="worker", leased_until=soon)
    assert "being sent" in root.get(url("lane")).content.decode()


def test_a_warning_of_a_later_version_is_shown_as_it_stands(root, main):
    Attempt.objects.create(
        connection=main, kind="order", key="10001", outcome="delivered", notes=["from_the_future"]
    )
    assert "from_the_future" in root.get(url("attempt")).content.decode()
