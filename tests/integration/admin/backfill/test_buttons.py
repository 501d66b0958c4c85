"""A merchant pauses, resumes, cancels and repeats a historical import."""

from __future__ import annotations

import pytest

from esputnik_connector.models import Backfill
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.records import Kind
from tests.import_pages import (
    buttons,
    page_of,
    press,
    refuse,
    url,
    work,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_buttons_follow_the_state(merchant, recording, connection, run, woken):
    assert buttons(merchant, run) == {"pause", "cancel"}
    assert "Paused" in press(merchant, run, "pause")
    assert run.state == "paused"
    assert "Paused by hand." in page_of(merchant, "page", connection.pk)
    assert buttons(merchant, run) == {"resume", "restart", "cancel"}
    assert woken == []
    assert "goes on" in press(merchant, run, "resume")
    assert (run.state, woken) == ("running", [run.pk])
    assert "Cancelled" in press(merchant, run, "cancel")
    assert run.state == "cancelled"
    assert buttons(merchant, run) == {"restart"}
    assert "on its way" in press(merchant, run, "restart")
    assert Backfill.objects.open().get() != run


def test_orders_that_wait_for_paused_customers_say_so(merchant, connection, run, people):
    control.start(connection, Kind.ORDER, route="past_events")
    press(merchant, run, "pause")
    page = page_of(merchant, "page", connection.pk)
    assert "Waits for the import of customers, which is paused: Paused by hand." in page


def test_a_button_that_comes_too_late_changes_nothing(merchant, run):
    control.cancel(run)
    assert "in another state already" in press(merchant, run, "pause")
    assert run.state == "cancelled"


def test_what_was_refused_goes_again(merchant, recording, run):
    recording.answer = refuse("3", "4")
    work(run, seconds=60)
    assert run.state == "finished"
    assert buttons(merchant, run) == {"restart", "retry"}
    press(merchant, run, "retry")
    again = Backfill.objects.open().get()
    assert again.keys == ["3", "4"]
    assert "only chosen records" in page_of(merchant, "change", again.pk)


def test_refused_orders_go_again_by_the_route_they_came(merchant, recording, connection, people):
    run, _ = control.start(connection, Kind.ORDER, route="past_events")
    recording.answer = refuse("101")
    work(run, seconds=60)
    press(merchant, run, "retry")
    assert Backfill.objects.open().get().route == "past_events"


def test_an_unknown_button_is_not_found(merchant, run):
    assert merchant.post(url("do", run.pk, "explode")).status_code == 404
