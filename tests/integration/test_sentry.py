"""Sentry as it is out of the box, in a worker: what it reports names no person and no secret.

The real SDK with its own integrations; only what would go over the wire is kept instead.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import sentry_sdk
from cryptography.fernet import Fernet
from django.db import OperationalError
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from esputnik_connector import signals, tasks
from esputnik_connector.destinations import exchanges
from esputnik_connector.destinations.auth import BasicAuth
from esputnik_connector.destinations.esputnik.client import EsputnikClient
from esputnik_connector.destinations.http import HttpClient
from esputnik_connector.models import Backfill, Connection, SyncState
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.records import Address, Contact, Kind
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.memory_shop import MemoryShop

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "0123456789ABCDEF0123456789ABCDEF"
PERSON = {
    "email": "olena.shevchenko@example.com",
    "phone": "+380671234567",
    "first_name": "Olena-Odarka",
    "last_name": "Shevchenko-Koval",
}
SECRETS = (*PERSON.values(), "380671234567", "olena.shevchenko", KEY, "T2xlbmE", "Khreshchatyk")


class Recorded(Transport):
    """Keeps what would go to Sentry, as the text that would go over the wire."""

    sent: list[str]

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.sent = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.sent.append(envelope.serialize().decode())


@pytest.fixture
def sentry() -> Iterator[Recorded]:
    transport = Recorded()
    client = sentry_sdk.get_client()
    sentry_sdk.init(
        dsn="https://public@sentry.invalid/1", transport=transport, traces_sample_rate=1.0
    )
    try:
        yield transport
    finally:
        sentry_sdk.flush()
        sentry_sdk.get_global_scope().set_client(client)
        sentry_sdk.get_client().close()


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def connection(plain_shop, settings, fake, db) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {
            "esputnik": {
                "BACKEND": "esputnik_connector.destinations.esputnik.destination."
                "EsputnikDestination",
                "OPTIONS": {},
            }
        },
    }
    person = Contact(key="1", address=Address(line="Khreshchatyk 1", town="Kyiv"), **PERSON)
    plain_shop.people["1"] = person
    connection = Connection.objects.create(name="main", api_key=KEY, api_url=fake.api_url)
    capture.forget_connections()
    return connection


def deliver(connection: Connection) -> None:
    capture.contact_changed("1")
    tasks.relay.apply((connection.pk,))


def events(sentry: Recorded) -> list[str]:
    """What was reported, each checked for what must not be in it."""
    sentry_sdk.flush()
    for text in sentry.sent:
        for secret in SECRETS:
            assert secret not in text, f"{secret!r} in {text}"
    return [text for text in sentry.sent if '"level":"error"' in text or "exception" in text]


def test_a_refused_key_is_reported_without_it(sentry, connection, fake):
    fake.script(
        Fault("status", status=401, body={"message": f"bad key {KEY} of {PERSON['email']}"})
    )
    deliver(connection)
    assert any("is paused" in text for text in events(sentry))


def test_a_refused_record_names_nobody(sentry, connection, fake):
    words = {"message": f"{PERSON['email']}, {PERSON['phone']} is not valid"}
    fake.script(Fault("status", status=400, body=words, times=10))
    deliver(connection)
    events(sentry)
    assert not SyncState.objects.exclude(delivered_at=None).exists()


def test_a_defect_while_sending_names_nobody(sentry, connection, monkeypatch):
    def fail(self: Any, envelopes: Any) -> Any:
        body = [envelope.payload for envelope in envelopes]
        raise ValueError(f"cannot send {body} with {self.account.api_key}")

    monkeypatch.setattr(
        "esputnik_connector.destinations.esputnik.destination.EsputnikDestination.deliver", fail
    )
    deliver(connection)
    assert any("a delivery of 1 contact failed" in text for text in events(sentry))


def test_a_shop_that_cannot_be_read_names_nobody(sentry, connection, monkeypatch):
    def fail(_keys: Any) -> None:
        raise LookupError(f"no address of {PERSON['email']}, {PERSON['phone']}")

    MemoryShop.before_reading = fail
    deliver(connection)
    assert events(sentry)


def test_a_database_that_goes_away_while_settling_names_nobody(sentry, connection, monkeypatch):
    def fail(*_args: Any, **_named: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("esputnik_connector.pipeline.delivery.settle.batch.settle_rows", fail)
    deliver(connection)
    assert any("OperationalError" in text for text in events(sentry))


def test_a_page_of_history_that_cannot_be_read_names_nobody(sentry, connection, monkeypatch):
    def fail(*_args: Any, **_named: Any) -> None:
        raise LookupError(f"duplicate key (email)=({PERSON['email']})")

    monkeypatch.setattr(MemoryShop, "keys", fail)
    run = Backfill.objects.create(connection=connection, kind=Kind.CONTACT.value, is_open=True)
    tasks.backfill.apply((run.pk,))
    assert any("cannot be read" in text for text in events(sentry))


def test_a_deletion_without_encryption_keys_names_nobody(sentry, connection, settings):
    lost = {"ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, **lost}
    capture.contact_deleted("1", locators=[PERSON["email"], PERSON["phone"]])
    assert any("the deletion of contact 1" in text for text in events(sentry))


def test_a_receiver_of_the_project_that_fails_names_nobody(sentry, connection):
    def fail(sender: Any, connection: Any, **named: Any) -> None:
        raise RuntimeError("the receiver's own trouble")

    signals.batch_settled.connect(fail)
    try:
        deliver(connection)
    finally:
        signals.batch_settled.disconnect(fail)
    assert any("the receiver's own trouble" in text for text in events(sentry))


def test_what_is_on_the_way_is_in_no_breadcrumb(sentry, connection):
    deliver(connection)
    logging.getLogger("shop").error("something of the project's own, in the same worker")
    assert any("of the project's own" in text for text in events(sentry))


def test_whom_we_look_for_is_in_no_breadcrumb_and_no_span(sentry, connection, fake):
    """The search by e-mail is a GET: its query holds the address."""
    with sentry_sdk.start_transaction(name="spot check"):
        with closing(HttpClient(fake.api_url, auth=BasicAuth("user", KEY))) as http:
            EsputnikClient(http, event_version="v3").search_by_email(PERSON["email"])
        logging.getLogger("shop").error("something of the project's own, just after")
    assert any("just after" in text for text in events(sentry))
    assert any("email" in call.query for call in fake.log)


def test_the_log_names_the_request_by_which_esputnik_finds_it(connection, fake, caplog):
    """Their support asks for it. What is no id stays out of the log, and so does an address."""
    answer = {"status": 500, "headers": {"X-Request-Id": "7f3a-01"}, "times": 1}
    fake.script(Fault("status", method="POST", **answer))
    with caplog.at_level(logging.INFO, "esputnik_connector"):
        deliver(connection)
    (line,) = [one for one in caplog.records if hasattr(one, "outcome")]
    assert (line.outcome, line.request_ids) == ("deferred", ["7f3a-01"])
    assert line.seconds > 0


@pytest.mark.parametrize("strange", ["two words", "a@example.com", "x" * 101])
def test_what_is_no_id_is_not_logged(strange):
    exchanges.taken()
    exchanges.note(0.25, {"X-Request-Id": strange})
    exchanges.note(0.5, {"X-Request-Id": "7f3a-02"})
    found = exchanges.taken()
    assert (found.seconds, found.request_ids) == (0.75, ("7f3a-02",))
    assert exchanges.taken() == exchanges.Exchanges()
