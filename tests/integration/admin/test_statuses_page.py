"""“Statuses”: the shop's own list with its orders, beside what each is sent as."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.db import transaction
from django.test import Client
from django.urls import reverse
from oscar.test import factories

from esputnik_connector import registry
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.models import (
    Backfill,
    Connection,
    OutboxMessage,
    ReleasedStatus,
    SyncState,
)
from esputnik_connector.operations.connection import status_orders
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.records import Kind
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.connection_page import KEY, rows, staff, table_url, texts, token_of

pytestmark = pytest.mark.django_db

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
def merchant(client: Client) -> Client:
    client.force_login(staff(is_superuser=True))
    return client


def shown(client: Client, query: str = "") -> str:
    answer = client.get(table_url("statuses") + query)
    assert answer.status_code == 200
    return answer.content.decode()


def row_of(page: str, status: str) -> str:
    """The row of one status, as HTML."""
    found = re.search(rf'(?s)<tr data-status="{re.escape(status)}".*?</tr>', page)
    assert found is not None, status
    return found[0]


def order_of_rows(page: str) -> list[str]:
    return re.findall(r'<tr data-status="([^"]*)"', page)


def post(client: Client, table: dict[str, str], **more: Any) -> Any:
    """As a browser does: each row has a form, whose number counts."""
    listed = [{"shop_status": name, "status": word} for name, word in table.items()]
    given = rows("status_mappings", listed) | {"status_mappings-INITIAL_FORMS": len(listed)}
    return client.post(table_url("statuses"), given | more)


def mapped(connection: Connection) -> dict[str, str]:
    return dict(connection.status_mappings.values_list("shop_status", "status"))


def placed(connection: Connection, number: str, status: str, *, is_delivered: bool = True) -> None:
    factories.create_order(number=number, status=status)
    OutboxMessage.objects.all().delete()
    if is_delivered:
        SyncState.objects.create(
            connection=connection, kind="order", key=number, delivered_at=connection.created_at
        )


# -- what is shown ---------------------------------------------------------------------------------


def test_each_status_of_the_shop_stands_with_the_number_of_its_orders(merchant, stored):
    for number, status in (("1", "Paid"), ("2", "Paid"), ("3", "Oddity")):
        placed(stored, number, status)
    page = shown(merchant)
    assert set(order_of_rows(page)) == set(registry.shop().statuses())
    for status, count in (("Paid", "2"), ("Oddity", "1"), ("Shipped", "0")):
        assert re.search(rf'esputnik-number"[^>]*>{count}</td>', row_of(page, status)), status


def test_those_without_a_row_come_first_and_are_marked(merchant, stored):
    stored.status_mappings.create(shop_status="New", status="INITIALIZED")
    page = shown(merchant)
    assert order_of_rows(page)[-1] == "New"
    assert "is-unmapped" not in row_of(page, "New")
    assert "is-unmapped" in row_of(page, "Paid")
    assert "not mapped: sent as “INITIALIZED" in row_of(page, "Paid")
    missing = len(registry.shop().statuses()) - 1
    assert f"{missing} statuses of the shop are not mapped" in page


def test_the_words_to_choose_from_are_the_destinations(merchant, stored):
    row = row_of(shown(merchant), "Paid")
    backend = registry.destination_class("esputnik")
    offered = re.findall(r'<option value="([^"]*)"', row)
    assert offered == ["", *(one.value for one in backend.statuses), "DO_NOT_SEND"]
    assert 'aria-label="What “Paid” is sent as"' in row


def test_a_status_that_the_shop_gave_up_is_shown_as_such(merchant, stored):
    stored.status_mappings.create(shop_status="Gone", status="DELIVERED")
    page = shown(merchant)
    assert order_of_rows(page)[-1] == "Gone"
    assert "The shop no longer has this status" in row_of(page, "Gone")
    assert "is-gone" not in row_of(page, "Paid")


def test_a_word_that_the_platform_does_not_have_is_said_to_be_none(merchant, stored):
    stored.status_mappings.create(shop_status="Paid", status="NONSENSE")
    stored.status_mappings.create(shop_status="New", status="INITIALIZED")
    row = row_of(shown(merchant), "Paid")
    assert "NONSENSE — there is no such status at the platform" in row
    assert "esputnik-is-warning" in row
    assert "esputnik-is-warning" not in row_of(shown(merchant), "New")


def test_a_shop_that_lists_and_counts_nothing_says_so_and_takes_typed_rows(
    merchant, stored, settings
):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "SHOP": "tests.integration.test_capabilities.BareShop",
    }
    page = shown(merchant)
    assert "SupportsStatuses" in page
    assert "SupportsStatusOrders" in page
    assert 'aria-label="status in the shop"' in page
    post(merchant, {"Anything": "DELIVERED"})
    assert mapped(stored) == {"Anything": "DELIVERED"}
    assert "is-gone" not in shown(merchant)


def test_html_in_a_status_stays_text(merchant, stored):
    placed(stored, "1", "<script>alert(1)</script>")
    page = shown(merchant)
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_shop_without_connections_has_a_page_and_two_have_one_each(merchant, stored):
    Connection.objects.create(name="second", api_key=KEY).status_mappings.create(
        shop_status="Paid", status="CANCELLED"
    )
    assert 'value="CANCELLED" selected' in row_of(shown(merchant, "?connection=second"), "Paid")
    assert 'value="CANCELLED" selected' not in row_of(shown(merchant), "Paid")
    Connection.objects.all().delete()
    assert "There is no connection yet" in shown(merchant)


def test_a_destination_that_the_settings_lost_still_has_a_page(merchant, stored):
    Connection.objects.update(destination="gone")
    assert "Paid" in order_of_rows(shown(merchant))
    assert post(merchant, {"Paid": "ANY"}).status_code == 302


def test_the_checklist_and_a_refusal_lead_here(merchant, stored):
    stored.accept_key("Kobzar", "1")
    link = f'href="{table_url("statuses")}?connection=main"'
    overview = merchant.get(reverse("admin:esputnik_connector_overview")).content.decode()
    assert link in overview
    assert f'href="{table_url("fields")}?connection=main"' in overview
    OutboxMessage.objects.create(
        connection=stored, kind="order", key="1", is_dead=True, reason="refused",
        detail="Unknown status",
    )  # fmt: skip
    problems = merchant.get(reverse("admin:esputnik_connector_problems")).content.decode()
    assert link in problems


# -- proposals -------------------------------------------------------------------------------------


def test_proposals_are_shown_and_nothing_is_saved_by_them(merchant, stored):
    stored.status_mappings.create(shop_status="New", status="DO_NOT_SEND")
    page = shown(merchant, "?propose=1")
    assert 'value="IN_PROGRESS" selected' in row_of(page, "Paid")
    assert 'value="DO_NOT_SEND" selected' in row_of(page, "New")
    assert mapped(stored) == {"New": "DO_NOT_SEND"}
    assert 'id="esputnik-propose"' in page


def test_where_nothing_is_to_be_proposed_there_is_no_button(merchant, stored):
    post(merchant, dict.fromkeys(registry.shop().statuses(), "DELIVERED"))
    assert 'id="esputnik-propose"' not in shown(merchant)


# -- saving ----------------------------------------------------------------------------------------


def test_rows_are_stored_changed_and_taken_away_and_leave_a_trace(merchant, stored):
    stored.status_mappings.create(shop_status="New", status="INITIALIZED")
    stored.status_mappings.create(shop_status="Gone", status="DELIVERED")
    answer = post(merchant, {"Paid": "IN_PROGRESS", "New": "CANCELLED", "Gone": ""})
    assert answer.status_code == 302
    assert mapped(stored) == {"Paid": "IN_PROGRESS", "New": "CANCELLED"}
    entry = LogEntry.objects.get()
    assert entry.object_id == str(stored.pk)
    assert "Paid → IN_PROGRESS, New → CANCELLED, Gone → —" in entry.change_message


def test_saving_what_stands_there_changes_and_logs_nothing(merchant, stored):
    stored.status_mappings.create(shop_status="New", status="INITIALIZED")
    answer = post(merchant, {"New": "INITIALIZED", "Paid": ""})
    assert "Nothing was changed" in texts(answer)
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"Dreamt": "DELIVERED"}, "The shop has no order status “Dreamt”. It has: "),
        ({"Paid": "LOST"}, "LOST is not one of the available choices"),
        ({"": "DELIVERED"}, "Write which status of the shop this is"),
        ({"x" * 101: "DELIVERED"}, "at most 100 characters"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(merchant, stored, table, said):
    page = post(merchant, table).content.decode()
    assert said in page
    assert not stored.status_mappings.exists()


def test_a_status_in_two_rows_is_named(merchant, stored):
    table = rows(
        "status_mappings",
        [
            {"shop_status": "Paid", "status": "IN_PROGRESS"},
            {"shop_status": "Paid ", "status": "DELIVERED"},
        ],
    )
    page = merchant.post(table_url("statuses"), table).content.decode()
    assert "The status “Paid” is mapped twice" in page
    assert not stored.status_mappings.exists()


def test_a_status_that_was_given_up_can_stay_and_be_mapped_anew(merchant, stored):
    stored.status_mappings.create(shop_status="Gone", status="DELIVERED")
    assert post(merchant, {"Gone": "CANCELLED"}).status_code == 302
    assert mapped(stored) == {"Gone": "CANCELLED"}


def test_the_second_of_two_is_told_and_nothing_is_undone(merchant, stored):
    token = token_of(shown(merchant))
    post(merchant, {"Paid": "IN_PROGRESS"}, esputnik_version=token)
    page = post(merchant, {"Paid": "CANCELLED"}, esputnik_version=token).content.decode()
    assert "Somebody else has changed this while the page was open: the table of statuses" in page
    assert mapped(stored) == {"Paid": "IN_PROGRESS"}
    again = post(merchant, {"Paid": "CANCELLED"}, esputnik_version=token_of(page))
    assert "Somebody else has changed" in again.content.decode()
    assert mapped(stored) == {"Paid": "IN_PROGRESS"}


def test_what_others_change_elsewhere_is_no_conflict(merchant, stored):
    token = token_of(shown(merchant))
    Connection.objects.update(erase_mode="deactivate")
    stored.field_mappings.create(attribute="order_count", field_id="7")
    assert post(merchant, {"Paid": "IN_PROGRESS"}, esputnik_version=token).status_code == 302


# -- the question ----------------------------------------------------------------------------------


def test_a_new_word_for_delivered_orders_asks_and_saves_nothing_yet(merchant, stored):
    stored.status_mappings.create(shop_status="Paid", status="INITIALIZED")
    for number in ("1", "2"):
        placed(stored, number, "Paid")
    placed(stored, "3", "Paid", is_delivered=False)  # from before; the history was not imported
    page = post(merchant, {"Paid": "DELIVERED"}).content.decode()
    assert "Send 2 orders again?" in page
    assert "orderDELIVERED</code> · 2" in page
    assert "starts a workflow event at" in page
    assert "INITIALIZED – received → DELIVERED" in page
    assert mapped(stored) == {"Paid": "INITIALIZED"}
    assert not OutboxMessage.objects.exists()


def test_the_question_posts_what_was_entered_once_more(merchant, stored):
    placed(stored, "1", "Paid")
    token = token_of(shown(merchant))
    asked = post(merchant, {"Paid": "DELIVERED", "New": ""}, esputnik_version=token)
    hidden = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', asked.content.decode())
    )
    answer = merchant.post(table_url("statuses"), {**hidden, "orders": "new"})
    assert answer.status_code == 302
    assert mapped(stored) == {"Paid": "DELIVERED"}


def test_again_puts_the_orders_in_line_and_the_log_has_the_number(merchant, stored):
    for number in ("1", "2"):
        placed(stored, number, "Paid")
    placed(stored, "3", "Shipped")
    answer = post(merchant, {"Paid": "DELIVERED"}, orders="again")
    assert "2 orders go again" in texts(answer)
    waiting = OutboxMessage.objects.order_by("key")
    assert list(waiting.values_list("key", "is_forced", "route")) == [
        ("1", True, "orders"),
        ("2", True, "orders"),
    ]
    assert "2 orders go again" in LogEntry.objects.get().change_message


def test_only_new_puts_nothing_in_line_and_says_how_to_send_them_later(merchant, stored):
    stored.status_mappings.create(shop_status="Paid", status="DO_NOT_SEND")
    placed(stored, "1", "Paid")
    answer = post(merchant, {"Paid": "DELIVERED"}, orders="new")
    assert "not sent again for the new word alone, nor at night: Paid." in texts(answer)
    assert not OutboxMessage.objects.exists()
    assert [str(one) for one in ReleasedStatus.objects.all()] == ["Paid"]


def test_a_conflict_is_found_when_the_question_is_answered_too(merchant, stored):
    placed(stored, "1", "Paid")
    token = token_of(shown(merchant))
    post(merchant, {"Paid": "DELIVERED"}, esputnik_version=token)
    stored.status_mappings.create(shop_status="Paid", status="CANCELLED")
    page = post(merchant, {"Paid": "DELIVERED"}, esputnik_version=token, orders="again")
    assert "Somebody else has changed" in page.content.decode()
    assert mapped(stored) == {"Paid": "CANCELLED"}
    assert not OutboxMessage.objects.exists()


def test_a_word_that_sends_nothing_asks_nothing(merchant, stored):
    placed(stored, "1", "Paid")
    assert post(merchant, {"Paid": "DO_NOT_SEND"}).status_code == 302


def test_the_same_word_as_before_asks_nothing(merchant, stored):
    placed(stored, "1", "Paid")
    assert post(merchant, {"Paid": "INITIALIZED"}).status_code == 302
    assert mapped(stored) == {"Paid": "INITIALIZED"}


@pytest.mark.parametrize("off", [{"is_enabled": False}, {"sync_orders": False}])
def test_a_connection_that_sends_no_orders_asks_nothing(merchant, stored, off):
    Connection.objects.update(**off)
    placed(stored, "1", "Paid")
    assert post(merchant, {"Paid": "DELIVERED"}, orders="again").status_code == 302
    assert not OutboxMessage.objects.exists()


def test_too_many_for_a_page_can_only_hold_for_new_changes(merchant, stored, monkeypatch):
    monkeypatch.setattr(status_orders, "MOST", 1)
    for number in ("1", "2"):
        placed(stored, number, "Paid")
    page = post(merchant, {"Paid": "DELIVERED"}).content.decode()
    assert "2 orders have these statuses: too many" in page
    assert 'value="again"' not in page
    again = post(merchant, {"Paid": "DELIVERED"}, orders="again")  # as they were few at first
    assert "2 orders have these statuses: too many" in again.content.decode()
    assert not mapped(stored)
    post(merchant, {"Paid": "DELIVERED"}, orders="new")
    assert mapped(stored) == {"Paid": "DELIVERED"}
    assert not OutboxMessage.objects.exists()


def test_many_go_by_a_worker_and_the_page_tells_how_far(merchant, stored, monkeypatch):
    monkeypatch.setattr(status_orders, "FEW", 1)
    Connection.objects.update(consent_policy="confirmed")
    for number in ("1", "2"):
        placed(stored, number, "Paid")
    stored.status_mappings.create(shop_status="Paid", status="INITIALIZED")
    assert "esputnik-under-way" not in shown(merchant)
    answer = post(merchant, {"Paid": "DELIVERED"}, orders="again")
    assert "2 orders go again: the import says how far they are" in texts(answer)
    assert not OutboxMessage.objects.exists()
    page = shown(merchant)
    assert "Orders: 0 of 2, running" in page
    assert f'href="{reverse("admin:esputnik_connector_backfill_changelist")}"' in page
    asked = post(merchant, {"Paid": "CANCELLED"}).content.decode()
    assert "An import of orders is under way" in asked
    assert 'value="again"' not in asked


@pytest.mark.django_db(transaction=True)
def test_who_sends_many_again_when_an_import_begins_in_that_very_moment_is_told_so(
    merchant, stored, monkeypatch
):
    """Neither waits for the other until the database gives one of them up."""
    monkeypatch.setattr(status_orders, "FEW", 1)
    stored.consent_policy = "confirmed"
    stored.save()
    for number in ("1", "2"):
        placed(stored, number, "Paid")
    is_begun = threading.Event()

    def import_orders() -> None:
        with closing(database), transaction.atomic():
            control.start(stored, Kind.ORDER, route="past_events")
            is_begun.set()
            until_somebody_waits()

    with ThreadPoolExecutor(1) as pool:
        importing = pool.submit(import_orders)
        assert is_begun.wait(20)
        answer = post(merchant, {"Paid": "DELIVERED"}, orders="again")
        importing.result(20)
    assert "An import of orders is under way" in answer.content.decode()
    assert 'value="again"' not in answer.content.decode()
    assert Backfill.objects.get().route == "past_events"
    assert not mapped(stored)


def until_somebody_waits() -> None:
    """For what this transaction holds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with database.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
            if cursor.fetchone():
                return
        time.sleep(0.02)


def test_orders_that_travel_as_events_are_said_to(merchant, stored):
    Connection.objects.update(order_route="events")
    placed(stored, "1", "Paid")
    page = post(merchant, {"Paid": "DELIVERED"}).content.decode()
    assert "Generate event v3" in page
    post(merchant, {"Paid": "DELIVERED"}, orders="again")
    assert OutboxMessage.objects.get().route == "events"


# -- who may, and what it costs --------------------------------------------------------------------


def test_who_may_not_see_connections_sees_nothing(client, stored):
    client.force_login(staff())
    assert client.get(table_url("statuses")).status_code == 403


def test_who_may_only_look_sees_the_table_and_changes_nothing(client, stored):
    viewer = staff()
    viewer.user_permissions.add(Permission.objects.get(codename="view_connection"))
    client.force_login(viewer)
    page = shown(client)
    assert '<fieldset class="esputnik-bare" disabled>' in page
    assert 'name="save"' not in page
    assert post(client, {"Paid": "DELIVERED"}).status_code == 403
    assert not stored.status_mappings.exists()


def test_a_forged_request_is_refused(stored):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff(is_superuser=True))
    assert post(client, {"Paid": "DELIVERED"}).status_code == 403


def test_the_number_of_queries_grows_neither_with_statuses_nor_with_orders(
    merchant, stored, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(status_orders, "MOMENT", 0)  # each view asks the shop
    shown(merchant)
    with django_assert_num_queries(11):
        shown(merchant)
    for number in range(20):
        placed(stored, str(number), f"Status {number}")
        stored.status_mappings.create(shop_status=f"Status {number}", status="DELIVERED")
    with django_assert_num_queries(11):
        assert "Status 19" in order_of_rows(shown(merchant))


def test_orders_are_counted_once_a_minute_by_one_query(
    merchant, stored, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(status_orders, "_last", [])
    placed(stored, "1", "Paid")
    with django_assert_num_queries(2):
        assert status_orders.statuses_of_shop().counts == {"Paid": 1}
    placed(stored, "2", "Paid")
    with django_assert_num_queries(0):
        assert status_orders.statuses_of_shop().counts == {"Paid": 1}
    monkeypatch.setattr(status_orders, "monotonic", lambda: status_orders._last[0][1] + 61)
    assert status_orders.statuses_of_shop().counts == {"Paid": 2}


class OtherName(EsputnikDestination):
    label = "Yespo"


def test_the_pages_of_a_connection_name_its_destination(merchant, stored, settings) -> None:
    destinations = {"esputnik": {"BACKEND": f"{__name__}.OtherName", "OPTIONS": {}}}
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DESTINATIONS": destinations}
    placed(stored, "1", "Paid")
    assert "what Yespo is told" in shown(merchant)
    question = post(merchant, {"Paid": "DELIVERED"}).content.decode()
    assert "stay as Yespo knows them" in question
    fields = merchant.get(reverse("admin:esputnik_connector_fields")).content.decode()
    assert "in which field Yespo keeps it" in fields
    overview = merchant.get(reverse("admin:esputnik_connector_overview")).content.decode()
    assert "which status of the shop is which at Yespo" in overview
    assert "Only if Yespo shall know more" in overview
