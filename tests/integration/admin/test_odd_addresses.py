"""Addresses that nobody made: they name nothing, and cost nobody an error page."""

from __future__ import annotations

import html
import re
from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import reverse

from esputnik_connector.models import Connection, OutboxMessage

pytestmark = pytest.mark.django_db

HELD_BY_NO_DATABASE = ["a\x00b", "9" * 300]
UNFIT_FOR_A_PATH = ["a\nb", "\r\n", "a/b//c", "..", ".", "100%2F1", "?a#b&c", "a\u2028b", "a\\b"]
ODD = ["%", "'\"<script>alert(1)</script>", "²", "９９", "1e5", "-1", "9" * 40, "a/b", "=1+1", " "]


@pytest.fixture
def main() -> Connection:
    return Connection.objects.create(name="main", api_key="a key of many characters")


def record(kind: str, key: str) -> str:
    return reverse("admin:esputnik_connector_record", args=[kind, key])


@pytest.mark.parametrize("key", HELD_BY_NO_DATABASE, ids=["NUL", "long"])
@pytest.mark.parametrize("kind", ["order", "contact", "cart", "event"])
def test_what_no_database_can_hold_is_not_found(
    admin_client: Client, main: Connection, kind: str, key: str
) -> None:
    assert admin_client.get(record(kind, key)).status_code == 404
    for name in ("send_now", "send_unchanged", "compare"):
        url = reverse(f"admin:esputnik_connector_{name}", args=[main.pk, kind, key])
        assert admin_client.post(url).status_code == 404
    for name in ("erase", "holdings"):
        url = reverse(f"admin:esputnik_connector_{name}", args=[key])
        assert admin_client.post(url).status_code == 404
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize("key", [*UNFIT_FOR_A_PATH, *ODD])
def test_a_problem_leads_to_its_record_whatever_the_key(
    admin_client: Client, main: Connection, key: str
) -> None:
    """As a browser goes: it follows the link that stands on the page."""
    for kind in ("order", "contact", "cart"):
        OutboxMessage.objects.create(
            connection=main, kind=kind, key=key, is_dead=True, reason="refused", detail=f"no {kind}"
        )
    page = admin_client.get(reverse("admin:esputnik_connector_problems")).content.decode()
    links = sorted({*re.findall(r'href="([^"]*/search/(?:order|contact|cart)/[^"]+)"', page)})
    assert len(links) == 3
    for link in map(html.unescape, links):
        assert not re.search(r"/\.|//|\s|\\\\", link)
        answer = admin_client.get(link)
        assert answer.status_code == 200
        assert answer.context["key"] == key
    for name in ("overview", "outboxmessage_changelist"):
        assert admin_client.get(reverse(f"admin:esputnik_connector_{name}")).status_code == 200


@pytest.mark.parametrize("key", ["100002", "кошик 7", "A-1_b~c@d.e"])
def test_a_usual_key_stands_in_the_address_as_it_is(key: str) -> None:
    assert unquote(record("order", key)).endswith(f"/search/order/{key}/")


@pytest.mark.parametrize("key", ODD)
def test_an_odd_key_is_only_unknown(admin_client: Client, main: Connection, key: str) -> None:
    for kind in ("order", "contact", "cart", "event"):
        page = admin_client.get(record(kind, key))
        assert page.status_code == 200
        assert "<script>alert" not in page.content.decode()


def test_a_strangers_address_shows_no_more_than_that_one_may_not(
    client: Client, django_user_model, main: Connection
) -> None:
    client.force_login(django_user_model.objects.create_user("guest", is_staff=True))
    for key in ("1", *HELD_BY_NO_DATABASE):
        assert client.get(record("order", key)).status_code == 403


@pytest.mark.parametrize("name", ["\x00", "x" * 5000, "%", "none"])
def test_a_connection_that_is_none_is_the_first_one(
    admin_client: Client, main: Connection, name: str
) -> None:
    for page in ("overview", "fields"):
        url = reverse(f"admin:esputnik_connector_{page}")
        assert admin_client.get(url, {"connection": name, "chart": name}).status_code == 200


@pytest.mark.parametrize("row", ["9" * 5000, "²", "-1", "1.5", "\x00", "9" * 19])
def test_rows_that_cannot_be_are_no_choice(
    admin_client: Client, main: Connection, row: str
) -> None:
    set_aside = OutboxMessage.objects.create(
        connection=main, kind="order", key="1", is_dead=True, reason="refused"
    )
    url = reverse("admin:esputnik_connector_problems_act")
    answer = admin_client.post(url, {"row": row, "cause": "\x00"}, follow=True)
    assert "nothing was done" in answer.content.decode()
    set_aside.refresh_from_db()
    assert set_aside.is_dead
