"""Delivered states are written in one statement, by either way to the same end."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from esputnik_connector.models import SyncState
from esputnik_connector.pipeline.reconcile import etags
from esputnik_connector.records import Kind
from esputnik_connector.shops.bulk import among

pytestmark = pytest.mark.django_db

# What an array in PostgreSQL's own spelling could take for something else.
ODD_KEYS = ['say "hi"', "back\\slash", "a,b", "{}", "NULL", " ", "", "№ 7", '"', "\\", "a\tb\n"]
NOON = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=timezone.utc)


@pytest.fixture(params=["this database", "any database"])
def way(request, monkeypatch) -> None:
    """PostgreSQL takes the rows as JSON; the others, and here PostgreSQL too, by bulk_create."""
    if request.param == "any database":
        monkeypatch.setattr(database, "vendor", "another")


def row(connection, key: str, **values: Any) -> dict[str, Any]:
    return {"connection_id": connection.pk, "kind": "contact", "key": key, **values}


def stored(key: str) -> dict[str, Any]:
    state = SyncState.objects.values().get(key=key)
    del state["id"]
    return state


def test_what_is_left_out_has_its_default(connection, way):
    SyncState.objects.upsert([row(connection, "1")], ["digest"])
    blank = SyncState(connection=connection, kind="contact", key="1")
    expected = {field.attname: getattr(blank, field.attname) for field in SyncState._meta.fields}
    del expected["id"]
    assert stored("1") == expected


def test_every_column_arrives_as_it_was_given(connection, way):
    given = [
        row(
            connection, key, owner_key="Олена “О'Коваль”\\", digest="d" * 64, remote_id="7",
            fields=["email", "field:17"], locators={"email": f"hash {key}"}, delivered_at=NOON,
            status="DELIVERED",
            session="s", session_digest="e" * 64, session_since=NOON, poll_at=None,
            backfill_id=None, etag="",
        )
        for key in ("1", "two", "“3'")
    ]  # fmt: skip
    with CaptureQueriesContext(database) as captured:
        SyncState.objects.upsert(given, ["digest"])
    assert len([each for each in captured if "INSERT" in each["sql"]]) == 1
    assert [stored(each["key"]) for each in given] == given


def test_of_a_state_that_exists_only_the_named_columns_change(connection, way):
    SyncState.objects.upsert([row(connection, "1", digest="old", etag="kept")], ["digest"])
    changes = [
        row(connection, "1", digest="new", etag="lost", delivered_at=NOON),
        row(connection, "2", digest="first", etag="its own", delivered_at=NOON),
    ]
    SyncState.objects.upsert(changes, ["digest", "delivered_at"])
    one, two = stored("1"), stored("2")
    assert (one["digest"], one["etag"], one["delivered_at"]) == ("new", "kept", NOON)
    assert (two["digest"], two["etag"], two["delivered_at"]) == ("first", "its own", NOON)


def test_nothing_to_write_is_no_statement(connection, way, django_assert_num_queries):
    with django_assert_num_queries(0):
        SyncState.objects.upsert([], ["digest"])


def test_what_is_being_imported_is_found_by_its_session(connection):
    SyncState.objects.upsert(
        [row(connection, "1", session=""), row(connection, "2", session="abc")], ["session"]
    )
    assert [state.key for state in SyncState.objects.uploading()] == ["2"]


class Replica:
    """A router as shops have it whose reads go to a copy of the database."""

    def db_for_read(self, model: object, **_: object) -> str:
        return "replica"  # there is none here: to ask it raises

    def db_for_write(self, model: object, **_: object) -> str:
        return "default"


def test_a_state_is_written_where_a_router_writes(connection, way, settings):
    settings.DATABASE_ROUTERS = [Replica()]
    SyncState.objects.upsert([row(connection, "1", digest="d")], ["digest"])
    etags.write(connection, Kind.CONTACT, {"1": "etag"})
    state = SyncState.objects.using("default").get()
    assert (state.key, state.digest, state.etag) == ("1", "d", "etag")


# -- the end of an upload --------------------------------------------------------------------------


def uploading(connection, *keys: str, session: str = "s", **values: Any) -> dict[str, Any]:
    """Records in an upload, held from an earlier one; what names the upload."""
    given = {
        "digest": "of before", "remote_id": "7", "session": session, "session_digest": "of now",
        "session_since": NOON, "poll_at": NOON, **values,
    }  # fmt: skip
    SyncState.objects.upsert([row(connection, key, **given) for key in keys], ["digest"])
    return {"connection_id": connection.pk, "kind": "contact", "session": session}


def test_what_an_upload_stored_holds_what_was_sent(connection, way):
    upload = uploading(connection, "1", "“2'", "3")
    assert SyncState.objects.end_upload(upload, {"1": "12", "“2'": ""}, now=NOON) == {"1", "“2'"}
    of_now = {"digest": "of now", "delivered_at": NOON, "session": "", "session_digest": ""}
    assert stored("1").items() >= {**of_now, "remote_id": "12", "poll_at": None}.items()
    assert stored("“2'").items() >= {**of_now, "remote_id": "7", "session_since": None}.items()
    assert stored("3").items() >= {"digest": "of before", "session": "s"}.items()


def test_what_an_upload_did_not_store_is_as_it_was_before(connection, way):
    upload = uploading(connection, "1", "2")
    assert SyncState.objects.end_upload(upload, {"1": "12"}, ["2"], now=NOON) == {"1", "2"}
    expected = {"digest": "of before", "delivered_at": None, "remote_id": "7", "session": ""}
    assert stored("2").items() >= {**expected, "session_digest": "", "backfill_id": None}.items()


def test_an_upload_that_was_given_up_meanwhile_changes_nothing(connection, way):
    upload = uploading(connection, "1", session="of the account before")
    before = stored("1")
    assert not SyncState.objects.end_upload({**upload, "session": "s"}, {"1": "12"}, now=NOON)
    assert not SyncState.objects.end_upload({**upload, "kind": "order"}, {"1": "12"}, now=NOON)
    assert stored("1") == before


def test_nothing_that_ended_costs_nothing(connection, way, django_assert_num_queries):
    upload = uploading(connection, "1")
    with django_assert_num_queries(0):
        assert SyncState.objects.end_upload(upload, {}, [], now=NOON) == set()


def test_the_end_of_an_upload_is_one_statement_here(connection, django_assert_num_queries):
    keys = [str(number) for number in range(500)]
    upload = uploading(connection, *keys)
    with django_assert_num_queries(1):
        ended = SyncState.objects.end_upload(upload, dict.fromkeys(keys, "9"), now=NOON)
    assert ended == set(keys)


@pytest.mark.parametrize("known", [ODD_KEYS, ODD_KEYS[:1], ["1001", "1002"], ['"']])
def test_records_are_found_by_any_key_that_a_shop_may_have(connection, way, known):
    SyncState.objects.bulk_create(SyncState(**row(connection, key)) for key in [*ODD_KEYS, "1001"])
    there = {*ODD_KEYS, "1001"}
    found = SyncState.objects.filter(among("key", known)).values_list("key", flat=True)
    assert sorted(found) == sorted(there.intersection(known))
    for key in known:
        alone = SyncState.objects.filter(among("key", [key]))
        assert [state.key for state in alone] == [key] * (key in there)


def test_records_are_found_by_key_through_the_index(connection):
    keys = [f"ORD-{number}" for number in range(20)]
    with database.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = SyncState.objects.filter(
        among("key", keys), connection=connection, kind="order"
    ).explain()
    assert "esputnik_sync_state_once" in plan
    assert "ANY" in plan.split("Index Cond")[1]
