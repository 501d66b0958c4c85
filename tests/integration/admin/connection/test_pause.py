"""Pause is the ordinary way to stop; off says before what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.operations.connection.verify import verify
from esputnik_connector.operations.health.judgement import judge
from esputnik_connector.operations.health.snapshot import take
from esputnik_connector.operations.sweep import recheck_keys
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from tests.connection_page import OTHER_KEY, form, texts, url

pytestmark = pytest.mark.django_db


def pause(merchant, stored: Connection) -> Connection:
    merchant.post(url("pause", stored.pk))
    return Connection.objects.get()


def wait(stored: Connection, **ago: float) -> None:
    then = timezone.now() - timedelta(**ago)
    OutboxMessage.objects.create(
        connection=stored, kind="contact", key="7", captured_at=then, due_at=then
    )


def test_paused_changes_are_noted_and_wait_until_a_person_resumes(merchant, stored, fake):
    paused = pause(merchant, stored)
    assert paused.paused_by == "staff"
    capture.forget_connections()
    capture.contact_changed("7")
    assert OutboxMessage.objects.count() == 1
    Relay(paused).run()
    assert fake.requests("/api/v1/contact") == []
    answer = merchant.post(url("resume", stored.pk))
    assert "Sending goes on" in texts(answer)
    assert Connection.objects.get().paused_at is None
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == [
        "Sending was paused.",
        "Sending was resumed.",
    ]


def test_a_key_that_is_accepted_does_not_end_a_persons_pause(merchant, stored):
    paused = pause(merchant, stored)
    verify(paused)
    assert Connection.objects.get().paused_by == "staff"
    assert Connection.objects.get().paused_at is not None
    merchant.post(url("change", stored.pk), form(stored, new_key=stored.api_key))
    assert Connection.objects.get().paused_at is not None


def test_nobody_asks_about_the_key_of_what_a_person_paused(merchant, stored, fake):
    verify(stored)
    pause(merchant, stored)
    Connection.objects.update(checked_at=timezone.now() - timedelta(hours=1))
    asked = len(fake.log)
    recheck_keys()
    assert len(fake.log) == asked


def test_a_refused_key_ends_as_before(merchant, stored):
    stored.pause("The key was refused")
    verify(stored)
    assert Connection.objects.get().paused_at is None


def test_the_sentence_names_the_person_and_no_fault(merchant, stored):
    wait(stored, hours=5)
    paused = pause(merchant, stored)
    said = judge(paused, take(connections=[paused]))
    assert (said.code, said.level.value) == ("paused_by_person", "warning")
    assert "Sending is paused by staff. 1 change waits, nothing is lost." in said.sentence
    page = merchant.get(url("change", stored.pk)).content.decode()
    assert "Resume" in page
    assert url("pause", stored.pk) not in page


def test_off_counts_what_waits_before_it_is_done(merchant, stored):
    wait(stored)
    page = merchant.get(url("off", stored.pk)).content.decode()
    assert "1 change waits to be sent (contact: 1)" in page
    assert "not even noted" in page
    assert Connection.objects.get().is_enabled
    merchant.post(url("off", stored.pk))
    assert not Connection.objects.get().is_enabled
    assert OutboxMessage.objects.count() == 1
    page = merchant.get(url("change", stored.pk)).content.decode()
    assert "Switch on" in page
    merchant.post(url("on", stored.pk))
    assert Connection.objects.get().is_enabled


def test_saving_the_page_switches_nothing(merchant, stored):
    Connection.objects.update(is_enabled=False)
    merchant.post(url("change", stored.pk), form(stored, new_key=OTHER_KEY, is_enabled="on"))
    assert not Connection.objects.get().is_enabled


@pytest.mark.parametrize("name", ["pause", "resume", "on"])
def test_only_a_post_of_somebody_who_may_changes_anything(client, merchant, stored, name):
    assert merchant.get(url(name, stored.pk)).status_code == 405
    client.logout()
    client.force_login(staff_without_rights())
    assert client.post(url(name, stored.pk)).status_code == 403
    assert client.post(url("off", stored.pk)).status_code == 403
    assert Connection.objects.get().is_enabled


def staff_without_rights():
    from django.contrib.auth import get_user_model

    return get_user_model().objects.create_user("guest", is_staff=True)
