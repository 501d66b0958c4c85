"""The verdict on the Overview and the badges: what it says, where it leads, what it costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from esputnik_connector.models import Connection, Heartbeat, OutboxMessage, OutcomeCount

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Oscar's dashboard
]


def staff(*permissions: str, **traits: Any) -> Client:
    user = get_user_model().objects.create_user("somebody", is_staff=True, **traits)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def root() -> Client:
    return staff(is_superuser=True)


@pytest.fixture
def main() -> Connection:
    connection = Connection.objects.create(name="main", api_key="a key of many characters")
    connection.accept_key("Kobzar", "1")
    Heartbeat.beat("sweep")
    return connection


PAGES = ["admin:esputnik_connector_overview", "admin:index", "dashboard:index"]


def shown(client: Client, page: str = PAGES[0]) -> str:
    return client.get(reverse(page), follow=True).content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_each_place_says_the_same(root: Client, main: Connection, page: str) -> None:
    assert "Connected to Kobzar; there was nothing to send yet." in shown(root, page)
    assert "esputnik-is-ok" in shown(root, page)

    Heartbeat.objects.update(beaten_at=timezone.now() - timedelta(hours=3))

    assert "The sending service on the server has not run for 3 h." in shown(root, page)
    assert "esputnik-is-problem" in shown(root, page)
    assert "Connected to Kobzar" not in shown(root, page)


def test_a_refused_key_leads_to_the_field_for_a_new_one(root: Client, main: Connection) -> None:
    main.pause("Refused with 401: <b>Unauthorized</b>")
    page = shown(root)
    field = reverse("admin:esputnik_connector_connection_change", args=[main.pk]) + "#id_new_key"
    assert f'href="{field}"' in page
    assert "the key was refused" in page
    assert "&lt;b&gt;Unauthorized&lt;/b&gt;" in page


def test_who_may_not_change_the_connection_gets_no_button(main: Connection) -> None:
    main.pause("Refused with 401")
    page = shown(staff("view_connection"))
    assert "the key was refused" in page
    assert "#id_new_key" not in page


def test_a_dead_worker_comes_with_a_text_for_the_administrator(
    root: Client, main: Connection
) -> None:
    Heartbeat.objects.update(beaten_at=timezone.now() - timedelta(hours=3))
    page = shown(root)
    assert 'id="esputnik-administrator"' in page
    assert "manage.py esputnik_doctor" in page
    assert page.count("a key of many characters") == 0


def test_without_a_connection_the_way_to_the_first_is_shown(root: Client) -> None:
    assert reverse("admin:esputnik_connector_connection_add") in shown(root)


def test_the_badge_is_for_those_who_may_see_the_overview(main: Connection) -> None:
    assert "esputnik-badge" not in shown(staff("view_group"), "admin:index")


def test_a_broken_table_costs_the_badge_and_not_the_page(
    root: Client, main: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with database.cursor() as cursor:
        cursor.execute('ALTER TABLE "esputnik_connector_lane" RENAME TO "somewhere_else"')
    page = root.get(reverse("admin:index"))
    assert page.status_code == 200
    assert "esputnik-badge" not in page.content.decode()
    assert "the badge cannot be shown" in caplog.text


@pytest.mark.parametrize("page", PAGES)
def test_it_takes_the_same_queries_however_much_there_is(
    root: Client, main: Connection, page: str
) -> None:
    shown(root, page)
    with CaptureQueriesContext(database) as few:
        shown(root, page)
    for number in range(4):
        connection = Connection.objects.create(name=f"shop-{number}", api_key="a key")
        for kind in ("order", "contact", "cart"):
            OutboxMessage.objects.create(connection=connection, kind=kind, key="1", is_dead=True)
            OutcomeCount.objects.create(connection=connection, kind=kind, outcome="delivered")
    if page.startswith("dashboard"):
        # For the connector it is a page of the shop: after a connection was saved, a process reads
        # its storefronts anew, once, in a savepoint of their own.
        shown(root, page)
    with CaptureQueriesContext(database) as many:
        shown(root, page)
    assert len(many) == len(few)
