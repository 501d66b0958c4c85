"""How a note gets into the database: in one round trip, and never at the cost of the shop's own."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator

import pytest
from django.contrib.auth import get_user_model
from django.db import (
    DatabaseError,
    DataError,
    InternalError,
    OperationalError,
    connections,
    transaction,
)
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from esputnik_connector.fields import reveal
from esputnik_connector.models import CartSession, Connection, OutboxMessage
from esputnik_connector.models.insert import SAVEPOINT, execute_together, takes_several
from esputnik_connector.pipeline.capture import CART_SESSION, NOTE, capture

pytestmark = pytest.mark.django_db(transaction=True)

BOUND = "bound"  # the alias of a line to the same database that binds values at the server
LIGHT = "light"  # and that of a database which takes one statement at a time
TOO_LONG = "9" * 300  # for the column: what the database refuses
UNSENDABLE = "5\x00"  # what the driver refuses, before anything is sent
needs_postgres = pytest.mark.skipif(
    database.vendor != "postgresql", reason="psycopg alone takes several statements at once"
)


class Rollback(Exception):
    pass


class To:
    """A router: the connector's rows go to that database."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def db_for_write(self, model, **_hints):
        return self.alias if model._meta.app_label == "esputnik_connector" else None

    db_for_read = db_for_write


@pytest.fixture(scope="module")
def other_lines(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[None]:
    """To the database of the test, and to one of SQLite that has the outbox."""
    here = connections["default"].settings_dict
    name = str(tmp_path_factory.mktemp("light") / "light.sqlite")
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": {}}
    server = {"OPTIONS": {**here["OPTIONS"], "server_side_binding": True}}
    connections.databases.update({BOUND: {**here, **server}, LIGHT: {**here, **sqlite}})
    with django_db_blocker.unblock():
        with connections[LIGHT].schema_editor() as editor:
            editor.create_model(Connection)
            editor.create_model(OutboxMessage)
        yield
        for alias in (BOUND, LIGHT):
            connections[alias].close()
            del connections[alias], connections.databases[alias]


@pytest.fixture
def main(connection):
    """A connection that this process knows already."""
    capture.contact_changed("warms up")
    OutboxMessage.objects.all().delete()
    return connection


def row(main: Connection, key: str = "100", kind: str = "order") -> tuple:
    now = timezone.now()
    return (main.pk, kind, key, None, now, now)


def noted(alias: str = "default") -> list[tuple[str, str]]:
    return list(OutboxMessage.objects.using(alias).order_by("pk").values_list("kind", "key"))


def make_user(alias: str = "default"):
    return get_user_model().objects.db_manager(alias).create_user("olena", "olena@example.com")


def has_our_savepoint() -> bool:
    """Was one left behind in the transaction that is open?"""
    try:
        with transaction.atomic(), database.cursor() as cursor:
            cursor.execute(f"RELEASE SAVEPOINT {SAVEPOINT}")
    except DatabaseError:
        return False
    return True


# --- what is written ------------------------------------------------------------------------------


def test_a_row_has_what_the_model_would_give_it(main):
    now = timezone.now()
    payload = {"fingerprints": ["ґ", 'a "quote"', "100 %s"]}
    execute_together("default", NOTE.of("default", (main.pk, "order", "100", payload, now, now)))
    usual = OutboxMessage.objects.create(
        connection=main, kind="order", key="100", payload=payload, captured_at=now, due_at=now
    )
    ours, theirs = OutboxMessage.objects.order_by("pk").values()
    assert {**ours, "id": usual.pk} == theirs


def test_what_is_personal_is_encrypted_as_the_model_does(main):
    now = timezone.now()
    statement = CART_SESSION.of("default", ("7", "guest@example.com", now))
    assert "guest" not in str(statement.values)
    execute_together("default", statement)
    (session,) = CartSession.objects.all()
    assert reveal(session.email) == "guest@example.com"


def test_several_rows_are_one_statement(main):
    statement = NOTE.of("default", row(main, "1"), row(main, "2"))
    with CaptureQueriesContext(database) as queries:
        execute_together("default", statement)
    assert len(queries) == 1
    assert noted() == [("order", "1"), ("order", "2")]


# --- one round trip -------------------------------------------------------------------------------


@needs_postgres
def test_a_note_and_its_savepoint_are_one_round_trip(main):
    with transaction.atomic(), CaptureQueriesContext(database) as queries:
        capture.order_changed("100")
    assert len(queries) == 1
    assert queries[0]["sql"].startswith(f"SAVEPOINT {SAVEPOINT}; INSERT INTO")
    assert noted() == [("order", "100")]


@needs_postgres
def test_a_guests_email_and_the_note_are_one_round_trip(main):
    for is_in_transaction in (True, False):
        with CaptureQueriesContext(database) as queries:
            if is_in_transaction:
                with transaction.atomic():
                    capture.cart_identified("7", email="guest@example.com")
            else:
                capture.cart_identified("7", email="guest@example.com")
        ours = [one for one in queries if "esputnik" in one["sql"]]
        assert len(ours) == 1
    assert noted() == [("cart", "7")] * 2
    assert CartSession.objects.count() == 2


def test_outside_of_a_transaction_all_of_it_is_written_or_none(main):
    session = CART_SESSION.of("default", ("7", "guest@example.com", timezone.now()))
    refused = NOTE.of("default", (main.pk, "cart", "7", None, None, None))  # a moment is a must
    with pytest.raises(Exception, match=r"(?i)null"):
        execute_together("default", session, refused)
    assert not CartSession.objects.exists()
    assert not database.in_atomic_block
    make_user()


# --- what fails -----------------------------------------------------------------------------------


@needs_postgres
@pytest.mark.parametrize("key", [TOO_LONG, UNSENDABLE])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_note_that_fails_leaves_the_shops_transaction_as_it_was(main, caplog, key, depth):
    with transaction.atomic():
        if depth == 2:
            with transaction.atomic():
                user = make_user()
                capture.order_changed(key)
        else:
            user = make_user()
            capture.order_changed(key)
        capture.order_changed("100")
        user.first_name = "Olena"
        user.save()
        assert not has_our_savepoint()
    assert get_user_model().objects.get().first_name == "Olena"
    assert ("order", "100") in noted()
    assert "could not note a change of order" in caplog.text
    assert "olena@example.com" not in caplog.text


@needs_postgres
def test_a_note_that_failed_is_tried_again_in_the_same_transaction(main):
    table = OutboxMessage._meta.db_table
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO gone_for_a_while")
        capture.order_changed("100")
        cursor.execute(f"ALTER TABLE gone_for_a_while RENAME TO {table}")
        capture.order_changed("100")
    assert noted() == [("order", "100")]


@needs_postgres
def test_a_transaction_that_the_shop_lost_itself_is_for_the_shop_to_mend(main):
    """Between SQL that failed and the roll-back by hand, a receiver may report a change."""
    with transaction.atomic():
        savepoint = transaction.savepoint()
        with database.cursor() as cursor, pytest.raises(DataError):
            cursor.execute("SELECT 1 / 0")
        with pytest.raises(InternalError, match="current transaction is aborted"):
            execute_together("default", NOTE.of("default", row(main)))
        capture.order_changed("100")
        transaction.savepoint_rollback(savepoint)
        make_user()
        capture.order_changed("200")
    assert [key for kind, key in noted() if kind == "order"] == ["200"]
    assert get_user_model().objects.count() == 1


@needs_postgres
def test_a_note_that_fails_where_the_project_commits_by_hand_costs_nothing(main, caplog):
    transaction.set_autocommit(False)
    try:
        user = make_user()
        capture.order_changed(TOO_LONG)
        capture.order_changed("100")
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert get_user_model().objects.get() == user
    assert noted() == [("contact", str(user.pk)), ("order", "100")]
    (failure,) = caplog.records
    assert "DataError" in failure.getMessage()


@needs_postgres
def test_a_line_that_the_server_cuts_does_no_more_than_it_did_before(main, caplog):
    """The shop sees what it would have seen at its own next statement."""
    with pytest.raises(OperationalError), transaction.atomic():
        make_user()
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (line,) = cursor.fetchone()
        other = database.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [line])
        other.close()
        capture.order_changed("100")
        make_user("default")
    database.close()
    assert not get_user_model().objects.exists()
    assert noted() == []


# --- a savepoint of the shop's own ----------------------------------------------------------------


def test_an_inner_block_that_is_rolled_back_after_the_note_forgets_it(main):
    with transaction.atomic():
        capture.cart_changed("1")
        with pytest.raises(Rollback), transaction.atomic():
            with transaction.atomic():
                capture.order_changed("100")
            raise Rollback
        capture.order_changed("100")
        capture.order_changed("100")
    assert sorted(noted()) == [("cart", "1"), ("order", "100")]


def test_each_thread_has_a_transaction_and_notes_of_its_own(main):
    both = threading.Barrier(2)

    def change(is_kept: bool) -> None:
        try:
            with transaction.atomic():
                both.wait(10)
                capture.order_changed("100")
                both.wait(10)
                capture.order_changed("100" if is_kept else "200")
                if not is_kept:
                    raise Rollback
        except Rollback:
            pass
        finally:
            database.close()

    threads = [threading.Thread(target=change, args=(one,)) for one in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert noted() == [("order", "100")]


# --- drivers that take one statement at a time ----------------------------------------------------


@pytest.fixture
def bound(main, settings) -> str:
    """The connector's rows go by a line on which psycopg binds at the server."""
    settings.DATABASE_ROUTERS = [To(BOUND)]
    capture.forget_connections()
    capture.contact_changed("warms up", using=BOUND)
    OutboxMessage.objects.all().delete()
    return BOUND


@needs_postgres
@pytest.mark.usefixtures("other_lines")
@pytest.mark.django_db(transaction=True, databases=["default", BOUND])
def test_where_values_travel_beside_the_text_a_note_takes_three_statements(bound):
    with transaction.atomic(using=bound), CaptureQueriesContext(connections[bound]) as queries:
        capture.order_changed("100", using=bound)
    assert [one["sql"].partition(" ")[0] for one in queries] == ["SAVEPOINT", "INSERT", "RELEASE"]
    assert noted(bound) == [("order", "100")]


@needs_postgres
@pytest.mark.usefixtures("other_lines")
@pytest.mark.django_db(transaction=True, databases=["default", BOUND])
@pytest.mark.parametrize("key", [TOO_LONG, UNSENDABLE])
def test_a_note_that_fails_there_is_as_harmless(bound, key):
    with transaction.atomic(using=bound):
        make_user(bound)
        capture.order_changed(key, using=bound)
        capture.order_changed("100", using=bound)
    assert get_user_model().objects.count() == 1
    assert ("order", "100") in noted(bound)


@pytest.mark.usefixtures("other_lines")
@pytest.mark.django_db(transaction=True, databases=["default", LIGHT])
def test_sqlite_gets_its_notes_one_statement_at_a_time(main):
    light = LIGHT
    with connections[light].cursor() as cursor:
        assert not takes_several(connections[light], cursor)
    with transaction.atomic(using=light):
        execute_together(light, NOTE.of(light, row(main, "1"), row(main, "2")))
        refused = NOTE.of(light, (main.pk, "order", "3", None, None, None))
        with pytest.raises(Exception, match="NOT NULL"):
            execute_together(light, NOTE.of(light, row(main, "3")), refused)
    assert noted(light) == [("order", "1"), ("order", "2")]
    with sqlite3.connect(connections[light].settings_dict["NAME"]) as plain:
        (kept,) = plain.execute(
            "SELECT count(*) FROM esputnik_connector_outboxmessage WHERE attempts = 0"
        ).fetchone()
    plain.close()
    assert kept == 2
    stored = OutboxMessage.objects.using(light).first()
    assert abs(stored.captured_at - timezone.now()).total_seconds() < 60
