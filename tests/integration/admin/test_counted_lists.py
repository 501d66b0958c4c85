"""Lists that may have a million rows: counted, turned over and acted on as far as anybody reads."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from esputnik_connector.admin import counted_lists
from esputnik_connector.models import Attempt, Connection, OutboxMessage, SyncState
from tests.connection_page import url as connection_url

MODELS = {"outboxmessage": OutboxMessage, "attempt": Attempt, "syncstate": SyncState}
MOST = 100

pytestmark = pytest.mark.django_db


@pytest.fixture
def main(monkeypatch) -> Connection:
    """Of each list 20 rows more than are counted."""
    monkeypatch.setattr(counted_lists, "MOST_COUNTED", MOST)
    connection = Connection.objects.create(name="main", api_key="a key of many characters")
    for model in MODELS.values():
        extra = {"outcome": "delivered"} if model is Attempt else {}
        model.objects.bulk_create(
            model(connection=connection, kind="order", key=str(number), **extra)
            for number in range(MOST + 20)
        )
    return connection


def url(name: str) -> str:
    return reverse(f"admin:esputnik_connector_{name}_changelist")


def texts(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def keys(response: Any) -> list[str]:
    return [row.key for row in response.context["cl"].result_list]


@pytest.mark.parametrize("name", MODELS)
def test_a_long_list_says_that_there_is_more(admin_client: Client, main: Connection, name: str):
    page = admin_client.get(url(name)).content.decode()
    assert "There are more than 100, of which these are the first." in page
    MODELS[name].objects.filter(key__in=map(str, range(30))).delete()
    page = admin_client.get(url(name)).content.decode()
    assert "There are more than" not in page
    assert "90 " in page


@pytest.mark.parametrize("name", MODELS)
def test_pages_end_where_the_count_ends(admin_client: Client, main: Connection, name: str):
    assert len(keys(admin_client.get(url(name), {"p": 2}))) == 50
    beyond = admin_client.get(url(name), {"p": 3})
    assert beyond.status_code == 302
    assert beyond["Location"].endswith("?e=1")


@pytest.mark.parametrize("name", MODELS)
def test_no_statement_counts_or_skips_more_than_that(
    admin_client: Client, main: Connection, name: str
):
    with CaptureQueriesContext(database) as captured:
        admin_client.get(url(name), {"kind__exact": "order", "p": 2})
    table = MODELS[name]._meta.db_table
    mine = [each["sql"] for each in captured if f'FROM "{table}"' in each["sql"]]
    assert len(mine) >= 2
    assert all("LIMIT" in sql for sql in mine), mine


@pytest.mark.parametrize("name", MODELS)
def test_no_column_sorts_what_has_no_index(admin_client: Client, main: Connection, name: str):
    usual = admin_client.get(url(name))
    assert "?o=" not in usual.content.decode()
    for column in ("1", "-1", "3.-4"):
        assert keys(admin_client.get(url(name), {"o": column})) == keys(usual)


def test_what_was_narrowed_is_counted_to_the_last(admin_client: Client, main: Connection):
    OutboxMessage.objects.filter(key__in=["1", "2", "3"]).update(is_dead=True, reason="refused")
    for narrow in ({"is_dead__exact": 1}, {"reason__exact": "refused"}):
        response = admin_client.get(url("outboxmessage"), narrow)
        assert keys(response) == ["1", "2", "3"]
        assert response.context["cl"].result_count == 3


def chosen_all(client: Client, name: str, action: str) -> Any:
    first = MODELS[name].objects.values_list("pk", flat=True)[0]
    values = {"action": action, "_selected_action": [first], "select_across": "1"}
    return client.post(url(name), values)


def test_an_action_on_all_stops_where_nobody_counted(admin_client: Client, main: Connection):
    OutboxMessage.objects.update(is_dead=True)
    response = chosen_all(admin_client, "outboxmessage", "try_again")
    assert "more than 100 records, too many for one action; nothing was done" in texts(response)
    assert not OutboxMessage.objects.filter(is_dead=False).exists()

    OutboxMessage.objects.filter(key__in=map(str, range(30))).delete()
    response = chosen_all(admin_client, "outboxmessage", "try_again")
    assert "90 changes are in line again" in texts(response)
    assert not OutboxMessage.objects.filter(is_dead=True).exists()


def test_deleting_a_connection_counts_as_far_as_a_list_does(admin_client: Client, main: Connection):
    with CaptureQueriesContext(database) as captured:
        assert admin_client.get(connection_url("delete", main.pk)).status_code == 200
    counts = [each["sql"] for each in captured if "COUNT(" in each["sql"]]
    assert len([sql for sql in counts if "LIMIT 101" in sql]) == len(MODELS)
