"""Asking eSputnik what it really holds of everybody, and sending again what it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.exceptions import NotSupportedError, TemporaryError
from esputnik_connector.models import OutboxMessage, Reconciliation, Restore, SyncState
from esputnik_connector.operations.health.examine import examine
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.reconcile import remote
from esputnik_connector.pipeline.reconcile.remote import RemoteReconciler, remote_run
from esputnik_connector.pipeline.reconcile.run import Overtaken, reconcile_all
from esputnik_connector.records import Kind
from esputnik_connector.testing.fake_esputnik import Fault
from tests.integration.test_reconcile_oscar import (  # noqa: F401  fixtures
    _edit,
    _forget,
    command,
    connection,
    fake,
    person,
    queued,
    send,
    synced,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]


@pytest.fixture
def keys(synced: list[Any], fake, clock) -> list[str]:  # noqa: F811
    """One customer edited there, one deleted there, one as the shop has them."""
    keys = [str(order.user_id) for order in synced]
    _edit(fake, keys[0], firstName="Edited in eSputnik")
    _forget(fake, keys[1])
    return keys


def counts(output: str) -> dict[str, int]:
    (run,) = json.loads(output)
    found: dict[str, int] = run["counts"]
    return found


def test_looking_alone_names_what_is_amiss_and_changes_nothing(keys, fake):  # noqa: F811
    before = len(fake.log)

    output, code = command("--remote")

    assert code == 1
    assert f"{keys[0]}: there, but otherwise than the shop has it (firstName)" in output
    assert f"{keys[1]}: not there, although it was delivered" in output
    assert f"  {keys[2]}:" not in output
    assert "@" not in output
    assert {entry.method for entry in fake.log[before:]} == {"GET"}
    assert queued() == []


def test_repairing_sends_again_exactly_what_is_amiss(keys, fake, connection, clock):  # noqa: F811
    output, code = command("--remote", "--repair", "--json")

    assert code == 0
    assert counts(output) == {"altered": 1, "absent": 1, "equal": 1}
    assert queued() == [("contact", keys[0]), ("contact", keys[1])]
    fake.configure(duplicate_seconds=0)
    clock.forward(minutes=5)
    Relay(connection, clock=clock).run()
    assert fake.contact(keys[0])["firstName"] == "Ада"
    assert fake.contact(keys[1]) is not None
    assert counts(command("--remote", "--json")[0]) == {"equal": 3}


def test_after_a_restore_nobody_who_is_absent_comes_back_unasked(keys):
    Restore.objects.create()

    output, code = command("--remote", "--repair")

    assert code == 1
    assert "1 are not there any more and were left out" in output
    assert queued() == [("contact", keys[0])]
    _output, code = command("--remote", "--repair", "--with-absent")
    assert code == 0
    assert queued() == [("contact", keys[0]), ("contact", keys[1])]


def test_it_goes_on_where_it_was_left(keys, fake, monkeypatch):  # noqa: F811
    monkeypatch.setattr(remote, "PAGE", 1)
    number = fake.contact(keys[2])["id"]
    fake.script(Fault("status", path=f"/api/v1/contact/{number}", status=503))

    with pytest.raises(CommandError, match=r"After 2 records\. Run the same command again"):
        command("--remote", "--repair")
    assert queued() == [("contact", keys[0]), ("contact", keys[1])]
    asked = len(fake.log)
    output, code = command("--remote", "--repair")

    assert code == 0
    assert "goes on after 2 records" in output
    assert "3 looked at, 2 in line" in output
    assert len(fake.log) - asked == 2  # the search, and the contact as a whole
    assert Reconciliation.objects.count() == 1


def test_it_can_begin_anew(keys):
    remote_run(SyncState.objects.first().connection, Kind.CONTACT, is_repairing=False)
    Reconciliation.objects.update(cursor="999999999", counts={"equal": 7})

    output, _code = command("--remote", "--anew", "--json")

    assert counts(output) == {"altered": 1, "absent": 1, "equal": 1}


def test_whoever_waits_or_is_being_uploaded_is_left_alone(keys):
    capture.contact_changed(keys[0])
    SyncState.objects.filter(key=keys[1]).update(session="s1")

    output, code = command("--remote", "--repair", "--json")

    assert code == 0
    assert counts(output) == {"waiting": 1, "importing": 1, "equal": 1}


def test_when_it_is_asked_to_wait_it_waits(keys, fake, connection):  # noqa: F811
    fake.script(
        Fault("status", path="/api/v1/contacts", status=429, headers={"Retry-After": "7"}, times=2)
    )
    waited: list[float] = []
    run = remote_run(connection, Kind.CONTACT, is_repairing=False)

    RemoteReconciler(
        run, registry.destination(connection), registry.shop(), wait=waited.append
    ).work()

    assert waited == [7.0, 7.0]
    assert run.total == 3


def test_a_destination_that_is_always_busy_is_an_error_and_no_endless_wait(
    keys,
    fake,  # noqa: F811
    connection,  # noqa: F811
):
    fake.script(
        Fault("status", path="/api/v1/contacts", status=429, headers={"Retry-After": "7"}, times=99)
    )
    run = remote_run(connection, Kind.CONTACT, is_repairing=False)
    reconciler = RemoteReconciler(
        run, registry.destination(connection), registry.shop(), wait=lambda _seconds: None
    )
    with pytest.raises(TemporaryError):
        reconciler.work()


def test_two_at_once_put_each_in_line_once(keys, connection):  # noqa: F811
    first = remote_run(connection, Kind.CONTACT, is_repairing=True)
    second = remote_run(connection, Kind.CONTACT, is_repairing=True)
    destination, shop = registry.destination(connection), registry.shop()

    RemoteReconciler(first, destination, shop).work()
    with pytest.raises(Overtaken):
        RemoteReconciler(second, destination, shop).work()

    assert queued() == [("contact", keys[0]), ("contact", keys[1])]


def test_orders_cannot_be_asked_about_and_say_so(keys, connection):  # noqa: F811
    with pytest.raises(CommandError, match="order"):
        command("--remote", "--kind", "order")
    run = remote_run(connection, Kind.ORDER, is_repairing=True)
    with pytest.raises(NotSupportedError):
        RemoteReconciler(run, registry.destination(connection), registry.shop()).work()


def test_repairing_without_asking_is_no_choice(keys):
    with pytest.raises(CommandError, match="--remote"):
        command("--repair")


def test_the_nightly_run_neither_goes_on_with_it_nor_takes_it_for_its_own(
    keys,
    connection,  # noqa: F811
):
    held = Reconciliation.objects.create(
        connection=connection, kind="contact", held=5, finished_at=timezone.now()
    )
    mine = remote_run(connection, Kind.CONTACT, is_repairing=True)

    assert not reconcile_all(seconds=60)

    mine.refresh_from_db()
    assert mine.finished_at is None
    assert not OutboxMessage.objects.filter(kind="contact").exists()
    Reconciliation.objects.exclude(pk__in=[held.pk, mine.pk]).delete()
    Reconciliation.objects.filter(pk=mine.pk).update(finished_at=timezone.now())
    assert "reconciliation_held" in {one.code for one in examine([connection], is_offline=True)}


def test_a_sample_ends_with_one_when_something_is_amiss(keys):
    assert command("--remote-sample", "10", "--kind", "contact")[1] == 1


def test_a_sample_of_what_is_well_ends_with_zero(synced):  # noqa: F811
    assert command("--remote-sample", "10", "--kind", "contact")[1] == 0
    assert command("--remote-sample", "10", "--kind", "order")[1] == 0
