"""What a merchant and support see of a historical import while it runs."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone as clock
from django.utils.html import escape

from esputnik_connector.models import Backfill, Heartbeat, Lane, OutboxMessage
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.records import Kind
from tests.import_pages import (
    LOUD,
    alerts,
    page_of,
    refuse,
    url,
    work,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_page_tells_what_became_of_every_record(support, recording, connection, run):
    recording.answer = refuse("3", "4")
    work(run)
    page = page_of(support, "page", connection.pk)
    rows = {
        part.split('"')[0]: part.split('data-part="count"')[1].split(">")[1].split("<")[0]
        for part in page.split('data-row="')[1:]
    }
    assert rows == {
        "delivered": "97", "accepted": "0", "skipped": "1", "refused": "2", "retrying": "0",
        "left": "50",
    }  # fmt: skip
    assert "1 held back by the shop" in page
    aside = reverse("admin:esputnik_connector_outboxmessage_changelist")
    link = f"{aside}?connection__id__exact={connection.pk}&kind__exact=contact&is_dead__exact=1"
    assert escape(link) in page
    assert OutboxMessage.objects.dead().count() == 2
    assert support.get(link).status_code == 200
    (told,) = support.get(url("progress"), {"run": run.pk}).json()["runs"]
    assert link in [row["url"] for row in told["rows"]]


def test_nobody_is_sent_to_a_list_that_is_closed_to_them(merchant, recording, connection, run):
    recording.answer = refuse("3", "4")
    work(run)
    assert "outboxmessage" not in page_of(merchant, "page", connection.pk)
    (told,) = merchant.get(url("progress"), {"run": run.pk}).json()["runs"]
    assert {row["url"] for row in told["rows"]} == {""}


def test_the_script_gets_numbers_and_a_pace_in_words(merchant, recording, run):
    with time_machine.travel(clock.now(), tick=False):  # or a busy machine has a pace of its own
        began = clock.now() - timedelta(seconds=10)
        work(run)
        answer = merchant.get(url("progress"), {"run": f"{run.pk}:{began.timestamp()}:0"})
    (told,) = answer.json()["runs"]
    assert (told["state"], told["done"], told["total"]) == ("running", 100, 150)
    assert told["share"] == "66 % of 150"
    assert told["pace"] == "10 a second, about 0:05 to go"
    (first,) = merchant.get(url("progress"), {"run": run.pk}).json()["runs"]
    assert first["pace"] == ""


@pytest.mark.parametrize(
    "asked",
    ["x", "1:2", "1:x:3", "1:2:3:4", "1:nan:0", "1:inf:0", "1:-inf:0", "1:-1e308:0", "1:1:-1"],
)
def test_nonsense_in_the_address_is_no_server_error(merchant, run, asked):
    assert merchant.get(url("progress"), {"run": asked}).status_code == 400


@pytest.mark.parametrize("done", [10**400, 10**26], ids=["huge", "big"])
def test_a_number_beyond_all_measure_has_no_pace(merchant, recording, run, done):
    work(run)
    (told,) = merchant.get(url("progress"), {"run": f"{run.pk}:1:{done}"}).json()["runs"]
    assert told["pace"] == ""


def test_the_script_asks_about_nobody_else(merchant, run):
    assert merchant.get(url("progress"), {"run": run.pk + 1}).json() == {"runs": []}


def test_the_script_can_read_the_page_where_numbers_are_grouped(
    merchant, connection, run, settings
):
    settings.USE_THOUSAND_SEPARATOR = True
    Backfill.objects.filter(pk=run.pk).update(id=12345, total=6789)
    page = page_of(merchant, "change", 12345)
    assert 'data-run="12345"' in page
    assert 'max="6789"' in page
    assert "6,789" in page  # for people


def test_the_pages_need_no_inline_script_or_style(merchant, connection, run):
    for page in (
        page_of(merchant, "page", connection.pk),
        page_of(merchant, "new", connection.pk),
        page_of(merchant, "new", connection.pk, **LOUD),
    ):
        content = page.split('id="content"')[1]
        assert "<script" not in content
        assert "style=" not in content
        assert "onclick" not in content
        assert "esputnik_connector/progress.js" in page


def test_a_worker_that_nobody_has_seen_is_said(merchant, run, recording):
    assert "No worker has been seen yet." in alerts(merchant, run)
    Heartbeat.objects.create(name="sweep", beaten_at=clock.now() - timedelta(minutes=12))
    assert "No worker has been seen for 12" in alerts(merchant, run)
    Heartbeat.beat("sweep")
    assert alerts(merchant, run) == ""


def test_whoever_works_without_beat_is_not_called_dead(merchant, run):
    later = clock.now() + timedelta(seconds=60)
    Backfill.objects.update(holder="somebody", leased_until=later)
    assert alerts(merchant, run) == ""
    Backfill.objects.update(holder="", leased_until=None, wake_at=clock.now())
    assert alerts(merchant, run) == ""


def test_a_resting_lane_and_a_paused_connection_are_said(merchant, connection, run):
    Heartbeat.beat("sweep")
    lane = Lane.objects.create(connection=connection, kind="contact")
    lane.pause(until=clock.now() + timedelta(minutes=5), detail="429 too many", failures=1)
    assert "429 too many" in alerts(merchant, run)
    connection.pause("the key was refused")
    assert "the key was refused" in alerts(merchant, run)


def test_the_list_shows_all_imports_and_leads_to_each(merchant, connection, run):
    control.cancel(run)
    newer, _ = control.start(connection, Kind.CONTACT)
    page = page_of(merchant, "changelist")
    assert page.count("0 / 150") == 2
    old = page_of(merchant, "change", run.pk)
    assert "Customers: cancelled" in old
    assert f'data-run="{newer.pk}"' not in old
    assert merchant.get(url("change", 999)).status_code == 404


def test_an_import_into_a_former_account_says_that_it_does_not_count(merchant, connection, run):
    control.start_over(connection)
    assert "paused" in page_of(merchant, "page", connection.pk)
    Backfill.objects.update(is_former=True)
    assert "went to a former account" in alerts(merchant, run)
