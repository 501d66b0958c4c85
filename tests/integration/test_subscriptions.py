"""Subscriptions: what somebody wrote into a form of the shop reaches eSputnik, or stays in line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command

from esputnik_connector.models import Attempt, Connection, OutboxMessage, SyncState, Tombstone
from esputnik_connector.operations.connection.rotate_keys import rotate
from esputnik_connector.operations.prune import prune
from esputnik_connector.operations.record.replay import replay
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Subscription
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.accounts import account_at

pytestmark = pytest.mark.django_db(transaction=True)

MAIL = "ada@example.com"
SUBSCRIBE = "/api/v1/contact/subscribe"
ADA = Subscription(
    key="footer:1",
    email=MAIL,
    language="uk",
    form_type="footer",
    groups=("Newsletter",),
    categories=("sales",),
)


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik() as server:
        server.configure(categories=("sales",), duplicate_seconds=60.0)
        yield server


@pytest.fixture
def main(fake, plain_shop, settings) -> Connection:
    return account_at(fake, settings)


def note(subscription: Subscription = ADA, **changes: Any) -> bool:
    return capture.subscription_recorded(
        replace(subscription, **changes), only=lambda _connection: True
    )


def send(connection: Connection, **later: float) -> dict[str, int]:
    connection.refresh_from_db()
    now = datetime.now(timezone.utc) + timedelta(**later)
    return dict(Relay(connection, clock=lambda: now).run())


def asked(fake: FakeEsputnik) -> list[dict[str, Any]]:
    """The bodies of the calls."""
    return [entry.body for entry in fake.log if entry.path == SUBSCRIBE]


def outcomes() -> list[tuple[str, str, str]]:
    found = Attempt.objects.filter(kind="subscribe").order_by("pk")
    return list(found.values_list("outcome", "reason", "detail"))


# -- the ordinary way ------------------------------------------------------------------------------


def test_the_address_is_stored_unconfirmed_and_the_event_of_its_form_is_raised(main, fake):
    assert note()
    assert send(main) == {"delivered": 1}
    assert asked(fake) == [
        {
            "contact": {"channels": [{"type": "email", "value": MAIL}]},
            "groups": ["Newsletter"],
            "subscriptions": ["sales"],
            "formType": "footer",
        }
    ]
    assert fake.addresses == {MAIL: "unconfirmed"}
    (event,) = fake.events("subscribeFromApi-footer")
    assert event["params"]["EmailAddress"] == MAIL
    assert not OutboxMessage.objects.exists()


def test_what_esputnik_says_of_the_address_is_kept_without_the_address(main, fake):
    fake.put_address("eve@example.com", "blacklisted")
    note()
    note(key="footer:2", email="eve@example.com")
    send(main)
    assert outcomes() == [("delivered", "", "NEED_CONFIRMATION"), ("delivered", "", "BLACKLISTED")]
    stored = str(list(Attempt.objects.values())) + str(list(SyncState.objects.values()))
    assert "example.com" not in stored
    assert not SyncState.objects.exists()


def test_an_odd_word_in_the_place_of_the_status_is_not_kept(main, fake):
    body = {"id": 5, "emailStatus": f"<b>{MAIL}</b>", "new": True}
    fake.script(Fault("status", status=200, body=body, path=SUBSCRIBE))
    note()
    assert send(main) == {"delivered": 1}
    assert outcomes() == [("delivered", "", "")]


def test_a_phone_alone_is_enough(main, fake):
    note(email="", phone="+380501112233")
    assert send(main) == {"delivered": 1}
    (body,) = asked(fake)
    assert body["contact"]["channels"] == [{"type": "sms", "value": "380501112233"}]


def test_neither_is_skipped_with_a_reason(main, fake):
    note(email="")
    assert send(main) == {"skipped": 1}
    assert outcomes() == [("skipped", "no_contact_data", "")]


def test_who_confirmed_to_the_shop_is_mailable_at_once(main, fake):
    note(is_confirmed=True, phone="+380501112233", first_name="Ада")
    assert send(main) == {"delivered": 1}
    first, second = (entry for entry in fake.log if entry.method == "POST")
    assert (first.path, second.path) == ("/api/v1/contact", SUBSCRIBE)
    assert first.body == {"channels": [{"type": "email", "value": MAIL}]}  # nobody else's phone
    assert second.body["contact"]["firstName"] == "Ада"
    assert fake.addresses == {MAIL: "confirmed"}
    assert outcomes() == [("delivered", "", "ALREADY_SUBSCRIBED")]


def test_who_unsubscribed_is_not_made_mailable_by_a_form(main, fake):
    fake.put_address(MAIL, "unsubscribed")
    note(is_confirmed=True)
    send(main)
    assert fake.addresses == {MAIL: "unsubscribed"}


def test_it_goes_before_the_contact_of_the_same_person(main, fake, plain_shop):
    """Whose ordinary call would make an unconfirmed address mailable."""
    plain_shop.people["7"] = Contact(key="7", email=MAIL)
    capture.contact_changed("7")
    note()
    send(main)
    posts = [entry.path for entry in fake.log if entry.method == "POST"]
    assert posts == [SUBSCRIBE, "/api/v1/contact"]
    assert fake.addresses == {MAIL: "unconfirmed"}


def test_nobody_is_created_in_the_shop(main, fake, plain_shop):
    note()
    send(main)
    assert not plain_shop.people


def test_the_merchant_who_withholds_people_without_a_yes_sends_who_asks(main, fake):
    Connection.objects.update(consent_policy="withhold")
    note()
    assert send(main) == {"delivered": 1}


def test_the_record_hook_may_hold_it_back(main, fake, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RECORD_HOOK": "tests.integration.test_subscriptions.refuse_all",
    }
    note()
    assert send(main) == {"skipped": 1}
    assert outcomes() == [("skipped", "vetoed", "robots write this")]


def refuse_all(record: object, _connection: Connection) -> object:
    from esputnik_connector.exceptions import Veto

    raise Veto("robots write this")


# -- eSputnik away, or odd -------------------------------------------------------------------------


def test_a_dead_esputnik_loses_none(main, fake):
    fake.script(Fault("status", status=503, path=SUBSCRIBE, times=20))
    for number in range(3):
        note(key=f"footer:{number}", email=f"ada{number}@example.com")
    assert "delivered" not in send(main)
    assert OutboxMessage.objects.filter(kind="subscribe").count() == 3
    fake.clear_faults()
    assert send(main, hours=1) == {"delivered": 3}
    assert set(fake.addresses) == {f"ada{number}@example.com" for number in range(3)}


def test_a_repeat_within_the_minute_is_taken(main, fake):
    note()
    note(key="footer:2")
    assert send(main) == {"delivered": 2}
    assert ("delivered", "already_accepted", "") in outcomes()
    assert len(fake.events(source="subscribe")) == 1


def test_a_lost_answer_is_asked_for_again(main, fake):
    fake.script(Fault("close", path=SUBSCRIBE, when="after"))
    note()
    send(main)
    assert OutboxMessage.objects.count() == 1
    assert send(main, hours=1) == {"delivered": 1}
    assert outcomes()[-1][1] == "already_accepted"


@pytest.mark.parametrize("body", [{}, [], {"id": 0}, {"id": None, "new": True}, "OK", {"id": "x"}])
def test_an_answer_without_a_proof_proves_nothing(main, fake, body):
    fake.script(Fault("status", status=200, body=body, path=SUBSCRIBE))
    note()
    assert "delivered" not in send(main)
    assert OutboxMessage.objects.filter(is_dead=False).count() == 1


def test_a_refused_one_is_set_aside_and_holds_back_no_other(main, fake):
    fake.script(Fault("status", status=400, body="Wrong form", path=SUBSCRIBE))
    note()
    note(key="footer:2", email="eve@example.com")
    assert send(main) == {"rejected": 1, "delivered": 1}
    row = OutboxMessage.objects.get()
    assert (row.is_dead, row.reason) == (True, "refused")
    assert replay(OutboxMessage.objects.dead()) == 1
    assert send(main, minutes=5) == {"delivered": 1}


# -- secrets ---------------------------------------------------------------------------------------


def test_the_row_names_nobody(main):
    note(first_name="Ada", phone="+380501112233")
    row = OutboxMessage.objects.values().get()
    assert not [secret for secret in (MAIL, "Ada", "380501112233") if secret in str(row)]


def test_new_encryption_keys_open_what_waits(main, fake, settings):
    note()
    new, (old, *_rest) = (
        Fernet.generate_key().decode(),
        settings.ESPUTNIK_CONNECTOR["ENCRYPTION_KEYS"],
    )
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [new, old]}
    rotate()
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [new]}
    assert send(main) == {"delivered": 1}


def test_a_record_that_no_key_opens_is_kept_for_a_person(main, fake):
    note()
    OutboxMessage.objects.update(payload={"record": "damaged"})
    assert send(main) == {"rejected": 1}
    assert OutboxMessage.objects.get().reason == "unbuildable"
    assert not asked(fake)


def test_without_a_key_it_is_not_said_to_be_written_down(main, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": []}
    assert not note()
    assert not OutboxMessage.objects.exists()


def test_without_a_connection_it_is_not_said_to_be_written_down(main):
    Connection.objects.update(is_enabled=False)
    capture.forget_connections()
    assert not note()


def test_what_was_set_aside_forgets_the_person_in_the_end(main, fake, settings):
    fake.script(Fault("status", status=400, path=SUBSCRIBE))
    note()
    send(main)
    OutboxMessage.objects.update(captured_at=datetime.now(timezone.utc) - timedelta(days=31))
    prune()
    assert OutboxMessage.objects.get().payload is None


# -- erased people ---------------------------------------------------------------------------------


def test_who_is_erased_before_it_is_sent_is_not_sent(main, fake):
    note()
    capture.contact_deleted("7", locators=[MAIL])
    send(main)
    assert outcomes() == [("skipped", "erased", "")]
    assert not asked(fake)


def test_who_asks_after_their_erasure_is_sent_and_stays_banned_otherwise(main, fake, plain_shop):
    capture.contact_deleted("7", locators=[MAIL])
    send(main)
    assert Tombstone.objects.exists()
    note()
    assert send(main) == {"delivered": 1}
    assert fake.addresses == {MAIL: "unconfirmed"}
    assert Tombstone.objects.exists()
    plain_shop.people["guest"] = Contact(key="guest", email=MAIL, is_guest=True)
    capture.contact_changed("guest")
    assert send(main) == {"skipped": 1}


def test_support_sees_and_replays_them_by_kind(main, fake):
    fake.script(Fault("status", status=400, path=SUBSCRIBE))
    note()
    send(main)
    output = io.StringIO()
    call_command("esputnik_replay", "--kind", "subscribe", "--yes", stdout=output)
    assert OutboxMessage.objects.get().is_dead is False
