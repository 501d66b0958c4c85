"""Who may look at historical imports, and who may press their buttons."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from tests.import_pages import (
    QUIET,
    page_of,
    staff,
    url,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("view", ["page", "new", "progress", "changelist", "change", "do"])
def test_staff_without_permissions_sees_nothing(client, connection, run, view):
    client.force_login(staff())
    arguments = {
        "page": [connection.pk], "new": [connection.pk], "change": [run.pk],
        "do": [run.pk, "pause"],
    }.get(view, [])  # fmt: skip
    ask = client.post if view == "do" else client.get
    assert ask(url(view, *arguments)).status_code == 403
    run.refresh_from_db()
    assert run.state == "running"


def test_a_viewer_watches_and_presses_nothing(client, connection, run):
    client.force_login(staff("view_backfill"))
    page = page_of(client, "page", connection.pk)
    assert "Customers: running" in page
    assert "/do/" not in page
    assert "Start another import" not in page
    assert client.get(url("progress"), {"run": run.pk}).status_code == 200
    assert client.get(url("new", connection.pk)).status_code == 403
    assert client.post(url("new", connection.pk), QUIET).status_code == 403
    assert client.post(url("do", run.pk, "cancel")).status_code == 403
    run.refresh_from_db()
    assert run.state == "running"


def test_whoever_operates_imports_and_cannot_touch_the_key(client, connection, run):
    client.force_login(staff("operate"))
    assert "/do/" in page_of(client, "page", connection.pk)
    assert client.post(url("do", run.pk, "pause")).status_code == 302
    run.refresh_from_db()
    assert run.state == "paused"
    change = reverse("admin:esputnik_connector_connection_change", args=[connection.pk])
    assert client.get(change).status_code == 403
    assert client.post(change, {"new_key": "stolen"}).status_code == 403


def test_nobody_signed_in_is_sent_to_the_door(client, connection, run):
    for address in (url("page", connection.pk), url("progress"), url("new", connection.pk)):
        assert "/login/" in client.get(address).headers["Location"]


def test_buttons_are_pressed_by_post_and_not_by_a_forged_request(merchant, connection, run):
    assert merchant.get(url("do", run.pk, "cancel")).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(get_user_model().objects.get())
    assert strict.post(url("do", run.pk, "cancel")).status_code == 403
    assert strict.post(url("new", connection.pk), QUIET).status_code == 403
    run.refresh_from_db()
    assert run.state == "running"


def test_a_connection_that_is_gone_is_not_found(merchant, run):
    assert merchant.get(url("page", 999)).status_code == 404
    assert merchant.post(url("do", 999, "pause")).status_code == 404
