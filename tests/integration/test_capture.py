"""Capture: in the shop's own transaction, insert-only, and harmless whatever happens."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.db import transaction
from django.test import TestCase
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
    asked = [query["sql"] for query in queries]
    assert len([text for text in asked if "INSERT INTO" in text]) == 2
    assert all(text.startswith(("INSERT", "SAVEPOINT", "RELEASE")) for text in asked)


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


def test_what_a_savepoint_made_by_hand_took_away_is_noted_again(connection):
    with transaction.atomic():
        savepoint = transaction.savepoint()
        capture.order_changed("100")
        transaction.savepoint_rollback(savepoint)
        capture.order_changed("100")
    assert noted() == [("order", "100")]


def test_what_was_noted_before_a_savepoint_made_by_hand_stays(connection):
    with transaction.atomic():
        capture.order_changed("100")
        savepoint = transaction.savepoint()
        capture.order_changed("200")
        transaction.savepoint_rollback(savepoint)
        capture.order_changed("200")
    assert set(noted()) == {("order", "100"), ("order", "200")}


def test_each_transaction_notes_for_itself(connection):
    for _ in range(2):
        with transaction.atomic():
            capture.order_changed("100")
            capture.order_changed("100")
    with pytest.raises(Rollback), transaction.atomic():
        capture.order_changed("200")
        raise Rollback
    with transaction.atomic():
        capture.order_changed("200")
    assert noted() == [("order", "100"), ("order", "100"), ("order", "200")]


def test_where_the_project_commits_by_hand_every_change_is_noted(connection):
    transaction.set_autocommit(False)
    try:
        for _ in range(2):
            capture.order_changed("100")
            transaction.commit()
            OutboxMessage.objects.all().delete()  # a relay was faster than the next change
            transaction.commit()
        capture.order_changed("100")
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert noted() == [("order", "100")]


def test_blocks_of_a_project_that_commits_by_hand_note_for_themselves(connection):
    """Nobody tells of a commit by hand: what one block noted says nothing of the next."""
    transaction.set_autocommit(False)
    try:
        for _ in range(2):
            with transaction.atomic():
                capture.order_changed("100")
            transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert noted() == [("order", "100")] * 2


def test_however_much_a_transaction_notes_it_leaves_one_callback(connection):
    with transaction.atomic():
        for number in range(5):
            capture.order_changed(str(number))
        assert len(database.run_on_commit) == 1


def test_a_callback_that_a_test_runs_does_not_end_the_noting(connection):
    """Django's own ``captureOnCommitCallbacks`` runs them while the transaction stays open."""
    with transaction.atomic():
        for _ in range(2):
            with TestCase.captureOnCommitCallbacks(execute=True) as callbacks:
                capture.order_changed("100")
            assert len(callbacks) == 1
            OutboxMessage.objects.all().delete()  # as a relay does
        capture.order_changed("100")
    assert noted() == [("order", "100")]


@pytest.mark.usefixtures("_waking")
@pytest.mark.parametrize("by_hand", [True, False])
def test_savepoints_cost_one_wake_up_in_all(connection, by_hand):
    with transaction.atomic():
        for number in range(20):
            with transaction.atomic():
                capture.order_changed(str(number))
            if by_hand:
                savepoint = transaction.savepoint()
                capture.order_changed("kept")
                transaction.savepoint_commit(savepoint)
            else:
                with pytest.raises(Rollback), transaction.atomic():
                    capture.order_changed("taken away")
                    raise Rollback
    assert woken == [(connection.pk, 0)]
    assert {key for _kind, key in noted()} - {"kept"} == set(map(str, range(20)))


@pytest.mark.usefixtures("_waking")
def test_the_wake_up_outlives_the_savepoint_that_first_asked_for_it(connection):
    with transaction.atomic():
        with pytest.raises(Rollback), transaction.atomic():
            capture.order_changed("100")
            raise Rollback
        capture.order_changed("200")
    assert woken == [(connection.pk, 0)]
    assert noted() == [("order", "200")]


def test_code_that_is_deployed_before_migrate_says_so_once_and_in_one_line(connection, caplog):
    with database.schema_editor() as editor:
        editor.execute("ALTER TABLE esputnik_connector_connection RENAME TO gone_for_a_while")
    capture.forget_connections()
    try:
        with transaction.atomic():
            for number in range(8):
                capture.order_changed(str(number))
            user = get_user_model().objects.create_user("olena", "olena@example.com")
    finally:
        with database.schema_editor() as editor:
            editor.execute("ALTER TABLE gone_for_a_while RENAME TO esputnik_connector_connection")
    assert get_user_model().objects.get() == user
    (record,) = caplog.records
    assert "manage.py migrate" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_with_no_time_to_live_a_change_costs_the_same_each_time(connection, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CONNECTIONS_TTL": 0}
    costs = []
    for number in range(3):
        with CaptureQueriesContext(database) as queries:
            capture.contact_changed(str(number))
        costs.append(len(queries))
    assert len(set(costs)) == 1


A_NOTE = 1 if database.vendor == "postgresql" else 3  # with its savepoint


@pytest.mark.parametrize(("is_connected", "statements"), [(True, 3 + A_NOTE), (False, 3)])
def test_a_change_costs_what_the_docs_say(connection, settings, is_connected, statements):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CONNECTIONS_TTL": 0}
    Connection.objects.update(is_enabled=is_connected)
    with transaction.atomic(), CaptureQueriesContext(database) as queries:
        capture.contact_changed("5")
    assert len(queries) == statements


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
