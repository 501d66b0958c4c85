"""What a shop's own code does with the connector."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from esputnik_connector import api
from esputnik_connector.destinations.base import Receipt
from esputnik_connector.exceptions import BadRequestError, ConfigurationError, RejectedError
from esputnik_connector.models import Lane, OutboxMessage, StatusMapping, SyncState
from esputnik_connector.records import Contact, Kind, Outcome, Reason

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def olena(plain_shop, connection) -> str:
    plain_shop.people["7"] = Contact(key="7", email="olena@example.com", first_name="Olena")
    return "7"


def test_a_change_that_no_signal_reports_is_captured_and_relayed_by_hand(recording):
    api.capture.contact_changed("7")
    assert api.unsent("main") == 1

    assert api.relay("main") == {Outcome.DELIVERED.value: 1}

    assert recording.keys() == ["7"]
    assert api.unsent("main") == 0


def test_a_connection_is_named_or_handed_over(connection):
    assert api.get_connection("main") == connection
    assert api.get_connection(connection) is connection
    with pytest.raises(ConfigurationError, match="no connection 'other'; there are: main"):
        api.get_connection("other")


def test_a_preview_says_what_would_be_sent_and_sends_nothing(recording):
    shown = api.preview("main", Kind.CONTACT, "7")
    assert shown.request is not None
    assert shown.reason is None
    assert api.preview("main", Kind.CONTACT, "8").reason is Reason.GONE
    assert recording.calls == []


def test_what_was_set_aside_is_replayed_by_reason(recording):
    def refuse(envelopes):
        raise RejectedError("bad", status=400)

    recording.answer = refuse
    api.capture.contact_changed("7")
    api.relay("main")
    assert OutboxMessage.objects.get().is_dead
    recording.answer = None

    assert api.replay("main", reason=Reason.TOO_LARGE) == 0
    assert api.replay("main", kind=Kind.CONTACT, keys=["7"]) == 1

    assert api.relay("main") == {Outcome.DELIVERED.value: 1}


def test_an_import_is_started_once_forecast_worked_at_paused_and_ended(recording, olena):
    run, is_new = api.start_import("main", Kind.CONTACT)
    assert is_new
    assert api.start_import("main", Kind.CONTACT) == (run, False)
    assert api.forecast_import(run).to_send == 1

    assert api.pause_import(run)
    assert api.work_at_import(run) is None
    assert recording.calls == []

    assert api.resume_import(run)
    api.work_at_import(run)
    run.refresh_from_db()
    assert (run.state, run.counts) == ("finished", {"delivered": 1})
    assert not api.cancel_import(run)


def test_an_import_without_sense_is_refused_in_words():
    tomorrow = timezone.now() + timedelta(days=1)
    with pytest.raises(BadRequestError):
        api.start_import("main", Kind.CONTACT, since=tomorrow)


def test_a_reconciliation_counts_and_puts_what_differs_in_line(plain_shop, recording):
    assert api.reconcile("main", Kind.CONTACT, is_dry=True).counts == {"missing": 1}
    assert api.unsent("main") == 0

    run = api.reconcile("main", Kind.CONTACT)

    assert (run.counts, run.queued) == ({"missing": 1}, 1)
    assert api.unsent("main") == 1


def test_forgotten_deliveries_are_sent_again(recording):
    api.capture.contact_changed("7")
    api.relay("main")
    api.capture.contact_changed("7")
    assert api.relay("main") == {Outcome.SKIPPED.value: 1}

    api.forget_deliveries("main")
    assert SyncState.objects.get().digest == ""

    api.capture.contact_changed("7")
    assert api.relay("main") == {Outcome.DELIVERED.value: 1}


def test_a_lane_that_rests_sends_again_at_once(recording, connection):
    def busy(envelopes):
        return [
            Receipt(
                kind=Kind.CONTACT,
                key=envelope.key,
                outcome=Outcome.DEFERRED,
                reason=Reason.UNREACHABLE,
            )
            for envelope in envelopes
        ]

    recording.answer = busy
    api.capture.contact_changed("7")
    api.relay("main")
    assert Lane.objects.get(kind="contact").paused_until is not None
    recording.answer = None

    assert api.end_pauses("main", [Kind.ORDER]) == 0
    assert api.end_pauses("main") == 1

    assert api.relay("main") == {Outcome.DELIVERED.value: 1}


def test_the_key_is_verified(connection):
    assert api.verify("main").organisation == "Recording"
    connection.refresh_from_db()
    assert connection.verified_at is not None


def test_statuses_are_proposed_and_a_mapping_of_the_merchant_stays(connection, plain_shop):
    before = set(StatusMapping.objects.values_list("shop_status", "status"))
    added = api.add_proposed_statuses("main")
    after = set(StatusMapping.objects.values_list("shop_status", "status"))
    assert after - before == set(added.items())


def test_everything_is_examined_without_asking_anybody():
    subjects = {finding.subject for finding in api.examine([], is_offline=True)}
    assert "SHOP_URL" in subjects
