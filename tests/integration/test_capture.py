"""Capture: in the shop's own transaction, insert-only, and harmless whatever happens."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from esputnik_connector.models import CartSession, Connection, OutboxMessage
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.records import Kind

pytestmark = pytest.mark.django_db(transaction=True)

woken: list[tuple[int, float]] = []


def remember_wake(connection_id: int, delay: float) -> None:
    woken.append((connection_id, delay))


def failing_wake(connection_id: int, delay: float) -> None:
    raise ConnectionError("the broker is gone")


@pytest.fixture
def _waking(settings, connection):
    woken.clear()
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "WAKE": f"{__name__}.remember_wake",
    }


class Rollback(Exception):
    pass


def noted() -> list[tuple[str, str]]:
    return list(OutboxMessage.objects.values_list("kind", "key"))


def test_a_change_is_noted(connection):
    capture.contact_changed("5")
    assert noted() == [("contact", "5")]


def test_a_rolled_back_transaction_leaves_nothing(connection):
    with pytest.raises(Rollback), transaction.atomic():
        capture.order_changed("100")
        raise Rollback
    assert noted() == []


def test_one_record_costs_one_insert_in_a_transaction(connection):
    capture.contact_changed("warms the list of connections up")
    with transaction.atomic(), CaptureQueriesContext(database) as queries:
        for _ in range(5):
            capture.order_changed("100")
            capture.contact_changed("5")
    inserts = [query["sql"] for query in queries if query["sql"].startswith("INSERT")]
    others = [
        query["sql"]
        for query in queries
        if not query["sql"].startswith(("INSERT", "SAVEPOINT", "RELEASE"))
    ]
    assert len(inserts) == 2
    assert others == []


def test_what_a_savepoint_took_away_is_noted_again(connection):
    with transaction.atomic():
        with pytest.raises(Rollback), transaction.atomic():
            capture.order_changed("100")
            raise Rollback
        capture.order_changed("100")
    assert noted() == [("order", "100")]


def test_what_a_kept_savepoint_noted_is_not_noted_again(connection):
    with transaction.atomic():
        with transaction.atomic():
            capture.order_changed("100")
        capture.order_changed("100")
    assert noted() == [("order", "100")]


def test_a_note_before_a_savepoint_survives_its_rollback(connection):
    with transaction.atomic():
        capture.order_changed("100")
        with pytest.raises(Rollback), transaction.atomic():
            capture.order_changed("100")
            raise Rollback
    assert noted() == [("order", "100")]


@pytest.mark.skipif(
    database.vendor == "sqlite", reason="SQLite has no limit that a row could break"
)
def test_sql_that_fails_in_capture_does_not_harm_the_shops_transaction(connection, caplog):
    too_long_for_the_column = "9" * 300
    with transaction.atomic():
        user = get_user_model().objects.create_user("olena", "olena@example.com")
        capture.order_changed(too_long_for_the_column)
        user.first_name = "Olena"
        user.save()
    assert get_user_model().objects.get().first_name == "Olena"
    assert "could not note a change of order" in caplog.text


def test_a_connection_deleted_elsewhere_does_not_break_the_shops_commit(connection):
    capture.contact_changed("1")
    # another process: no signal reaches this one, which still knows the connection
    Connection.objects.all()._raw_delete("default")
    with transaction.atomic():
        capture.contact_changed("2")
    assert ("contact", "2") in noted()


def test_a_disabled_connection_notes_nothing(connection):
    connection.is_enabled = False
    connection.save()
    capture.contact_changed("5")
    assert noted() == []


def test_each_enabled_connection_has_its_own_note(connection):
    other = Connection.objects.create(name="second", destination="recording")
    capture.contact_changed("5")
    assert set(OutboxMessage.objects.values_list("connection_id", flat=True)) == {
        connection.pk,
        other.pk,
    }


@pytest.mark.usefixtures("_waking")
def test_the_relay_is_woken_once_and_only_after_the_commit(connection):
    with transaction.atomic():
        capture.order_changed("100")
        capture.contact_changed("5")
        assert woken == []
    assert woken == [(connection.pk, 0)]


@pytest.mark.usefixtures("_waking")
def test_a_rolled_back_transaction_wakes_nobody():
    with pytest.raises(Rollback), transaction.atomic():
        capture.order_changed("100")
        raise Rollback
    assert woken == []


@pytest.mark.parametrize("in_transaction", [True, False])
def test_a_wake_up_that_fails_does_no_harm(settings, connection, in_transaction):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "WAKE": f"{__name__}.failing_wake",
    }
    if in_transaction:
        with transaction.atomic():
            capture.order_changed("100")
    else:
        capture.order_changed("100")
    assert noted() == [("order", "100")]


def test_a_deletion_keeps_hashes_and_no_personal_data(connection):
    capture.contact_deleted("5", locators=["olena@example.com", "+380501234567"])
    row = OutboxMessage.objects.get()
    assert row.kind == Kind.ERASURE
    assert len(row.payload["fingerprints"]) == 3
    assert "olena" not in str(row.payload)
    assert "380501234567" not in str(row.payload)


def test_a_guests_email_is_stored_encrypted(connection):
    capture.cart_identified("7", email="guest@example.com")
    with database.cursor() as cursor:
        cursor.execute("SELECT email FROM esputnik_connector_cartsession")
        (stored,) = cursor.fetchone()
    assert "guest" not in stored
    assert CartSession.objects.get().cart_key == "7"
    assert noted() == [("cart", "7")]
