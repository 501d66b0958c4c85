"""Events that only a moment knew: the outbox row carries the record, encrypted, until it goes."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from esputnik_connector.event_names import BACK_IN_STOCK, EventName
from esputnik_connector.event_types import EventType, register, unregister
from esputnik_connector.fields import encrypt
from esputnik_connector.models import Attempt, Connection, OutboxMessage, SyncState
from esputnik_connector.operations.connection.rotate_keys import rotate
from esputnik_connector.operations.health import queue
from esputnik_connector.operations.health.snapshot import take
from esputnik_connector.operations.prune import prune
from esputnik_connector.operations.record.replay import replay
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.events.carried import opened, sealed
from esputnik_connector.records import Event
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "0123456789ABCDEF0123456789ABCDEF"
MOMENT = datetime.now(timezone.utc) - timedelta(hours=1)
PAGE_VIEWED = EventType(
    name=EventName("page_viewed"), label="page view", event_key="PageViewed", load=None
)


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def main(fake, plain_shop, settings) -> Iterator[Connection]:
    esputnik = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RATE_LIMIT_STORAGE": "",
        "DESTINATIONS": {"esputnik": {"BACKEND": esputnik, "OPTIONS": {"rate": "100/second"}}},
    }
    register(PAGE_VIEWED)
    yield Connection.objects.create(name="main", api_key=KEY, api_url=fake.api_url)
    unregister(PAGE_VIEWED.name)


def viewed(number: int = 1, **changes: Any) -> Event:
    values: dict[str, Any] = {
        "key": PAGE_VIEWED.key(number),
        "name": PAGE_VIEWED.name,
        "contact_key": "42",
        "email": f"ada{number}@example.com",
        "happened_at": MOMENT,
        "params": {
            "page": f"https://shop.example/kobzar?visit={number}",
            "price": Decimal("250.10"),
            "since": MOMENT,
            "seen": ("a", 2, True, None),
            "$": {"nested": Decimal(1)},
        },
    }
    return Event(**{**values, **changes})


def send(connection: Connection, **later: float) -> dict[str, int]:
    connection.refresh_from_db()
    now = datetime.now(timezone.utc) + timedelta(**later)
    return dict(Relay(connection, clock=lambda: now).run())


def told(fake: FakeEsputnik) -> list[str]:
    return [event["params"]["email"] for event in fake.events("PageViewed")]


def outcomes() -> list[tuple[str, str]]:
    return list(Attempt.objects.order_by("pk").values_list("outcome", "reason"))


# -- the ordinary way ------------------------------------------------------------------------------


def test_it_is_delivered_as_it_was_and_nobody_asks_the_shop(main, fake, plain_shop):
    def asked(_keys: object) -> None:
        raise AssertionError("the shop knows nothing of it")

    plain_shop.before_reading = asked
    capture.event_recorded(viewed())
    assert send(main) == {"delivered": 1}
    (event,) = fake.events("PageViewed")
    assert event["params"] == {
        "externalCustomerId": "42",
        "email": "ada1@example.com",
        "page": "https://shop.example/kobzar?visit=1",
        "price": 250.1,
        "since": MOMENT.isoformat(),
        "seen": ["a", 2, True, None],
        "$": {"nested": 1.0},
    }
    assert fake.violations == []
    assert not OutboxMessage.objects.exists()


def test_the_row_shows_nothing_of_the_person_and_is_gone_when_it_is_settled(main):
    capture.event_recorded(viewed())
    with database.cursor() as cursor:
        cursor.execute("SELECT * FROM esputnik_connector_outboxmessage")
        stored = repr(cursor.fetchall())
    assert "page_viewed:1" in stored
    for secret in ("ada1", "example.com", "kobzar", "250.1"):
        assert secret not in stored
    send(main)
    assert not OutboxMessage.objects.exists()
    left = repr([vars(row) for row in (*Attempt.objects.all(), *SyncState.objects.all())])
    assert "ada1" not in left
    assert "kobzar" not in left


def test_each_is_delivered_once_however_often_it_is_reported(main, fake):
    for number in (3, 1, 2):
        capture.event_recorded(viewed(number))
    capture.event_recorded(viewed(1))  # the same one, reported twice
    send(main)
    capture.event_recorded(viewed(2))
    send(main)
    assert sorted(told(fake)) == ["ada1@example.com", "ada2@example.com", "ada3@example.com"]
    assert outcomes()[-1] == ("skipped", "unchanged")


def test_every_connection_gets_it(main, fake):
    other = Connection.objects.create(name="other", api_key=KEY, api_url=fake.api_url)
    capture.event_recorded(viewed())
    send(main)
    send(other)
    assert told(fake) == ["ada1@example.com"] * 2


def test_without_a_moment_of_its_own_it_happened_when_it_was_captured(main):
    before = datetime.now(timezone.utc)
    capture.event_recorded(viewed(happened_at=None))
    row = OutboxMessage.objects.get()
    event = opened(row.key, row.payload)
    assert event.happened_at is not None
    assert before <= event.happened_at <= datetime.now(timezone.utc)
    assert event.asked_at == event.happened_at


def test_what_waited_too_long_is_not_sent(main, fake):
    capture.event_recorded(viewed(happened_at=MOMENT - timedelta(days=40)))
    send(main)
    assert outcomes() == [("skipped", "too_late")]
    assert not OutboxMessage.objects.exists()


def test_it_costs_the_request_one_insert(main):
    capture.event_recorded(viewed(1))
    with transaction.atomic(), CaptureQueriesContext(database) as queries:
        capture.event_recorded(viewed(2))
    texts = "; ".join(query["sql"] for query in queries).split("; ")
    assert [text.partition(" ")[0] for text in texts] == ["SAVEPOINT", "INSERT", "RELEASE"]


def test_a_batch_is_read_by_one_query_however_large_it_is(main):
    counts = []
    for numbers in (range(2), range(100, 120)):
        for number in numbers:
            capture.event_recorded(viewed(number))
        with CaptureQueriesContext(database) as queries:
            send(main)
        counts.append(len([each for each in queries if '"payload" FROM' in each["sql"]]))
    assert counts[0] == counts[1]


# -- transactions ----------------------------------------------------------------------------------


def test_what_is_rolled_back_did_not_happen(main, fake):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        capture.event_recorded(viewed())
        raise ZeroDivisionError
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            capture.event_recorded(viewed(2))
            raise ZeroDivisionError
        capture.event_recorded(viewed(3))
    send(main)
    assert told(fake) == ["ada3@example.com"]


def test_a_record_that_cannot_be_written_breaks_nothing_and_shows_nothing(main, caplog):
    with transaction.atomic():
        get_user_model().objects.create_user("ada", "ada@example.com")
        capture.event_recorded(viewed(params={"who": {"ada1@example.com"}}))  # a set
        capture.event_recorded(viewed(params={"price": float("nan")}))
    assert get_user_model().objects.filter(username="ada").exists()
    assert not OutboxMessage.objects.filter(kind="event").exists()
    assert "could not note a change of event page_viewed:1" in caplog.text
    assert "ada1@" not in caplog.text


def test_a_type_is_captured_in_the_one_way_that_it_declares(main, caplog):
    capture.event_happened(PAGE_VIEWED.key(1))
    Connection.objects.update(send_back_in_stock=True)
    capture.forget_connections()
    capture.event_recorded(viewed(key=BACK_IN_STOCK.key("1"), name=BACK_IN_STOCK))
    assert not OutboxMessage.objects.exists()
    assert caplog.text.count("could not note a change of event") == 2


# -- when it does not go at once -------------------------------------------------------------------


def test_while_esputnik_is_away_the_record_waits(main, fake):
    capture.event_recorded(viewed())
    fake.script(Fault("status", path="/api/v3/event", status=503))
    assert send(main) == {"deferred": 1}
    assert OutboxMessage.objects.get().payload is not None
    send(main, hours=1)
    assert told(fake) == ["ada1@example.com"]


def test_one_that_is_refused_is_set_aside_with_its_record_and_can_be_replayed(main, fake):
    capture.event_recorded(viewed(1))
    capture.event_recorded(viewed(2))
    fake.script(Fault("status", path="/api/v3/event", status=400, body={"message": "no such type"}))
    send(main)
    assert told(fake) == ["ada2@example.com"]
    (row,) = OutboxMessage.objects.dead()
    assert (row.key, row.reason) == ("page_viewed:1", "refused")
    assert replay(OutboxMessage.objects.dead()) == 1
    send(main)
    assert told(fake) == ["ada2@example.com", "ada1@example.com"]
    assert not OutboxMessage.objects.exists()


def test_of_a_person_who_was_erased_nothing_is_sent(main, fake):
    capture.event_recorded(viewed())
    capture.contact_deleted("42", locators=["ada1@example.com"])
    send(main)
    assert told(fake) == []
    assert ("skipped", "erased") in outcomes()
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize(("days", "is_told"), [(-1, False), (1, True)])
def test_a_guest_who_was_only_marked_as_deleted_is_known_by_what_they_do_since(
    main, fake, days, is_told
):
    main.erase_mode = "deactivate"
    main.save()
    capture.contact_deleted("42", locators=["ada1@example.com"])
    send(main)
    moment = datetime.now(timezone.utc) + timedelta(days=days)
    capture.event_recorded(viewed(contact_key="", happened_at=moment))
    send(main)
    assert bool(told(fake)) is is_told


# -- what a person sees ----------------------------------------------------------------------------


def previewed(key: str) -> dict[str, Any]:
    output = io.StringIO()
    with suppress(SystemExit):  # it is gone
        call_command("esputnik_preview", "event", key, "--json", stdout=output)
    found: dict[str, Any] = json.loads(output.getvalue())
    return found


def test_the_preview_shows_what_waits_and_not_what_is_over(main, fake):
    capture.event_recorded(viewed())
    shown = previewed("page_viewed:1")
    assert (shown["label"], shown["in_outbox"]) == ("page view", "waiting")
    assert OutboxMessage.objects.get().payload is not None
    send(main)
    assert shown["request"]["body"] == fake.log[-1].body
    assert previewed("page_viewed:1")["skipped"] == "gone"


def test_the_doctor_misses_no_scan_and_tells_what_is_set_aside(main):
    capture.event_recorded(viewed())
    now = datetime.now(timezone.utc)
    assert list(queue.watched(main, take(now=now))) == []
    assert queue.set_aside(main, take().waiting_of(main)).text == "No change is set aside."
    OutboxMessage.objects.update(payload={"record": "nonsense"})
    send(main)
    assert queue.set_aside(main, take().waiting_of(main)).text == "Changes set aside: 1"


# -- what cannot be read ---------------------------------------------------------------------------

LOST = "none of ESPUTNIK_CONNECTOR['ENCRYPTION_KEYS'] opens it"
DAMAGED = "damaged or was removed"


def by_a_lost_key() -> str:
    lost = Fernet(Fernet.generate_key())
    return "fernet:" + lost.encrypt(b"{}").decode()


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (lambda: {"record": by_a_lost_key()}, LOST),
        (lambda: {"record": "in clear"}, LOST),
        (lambda: None, DAMAGED),
        (dict, DAMAGED),
        (lambda: ["a list"], DAMAGED),
        (lambda: {"record": 5}, DAMAGED),
        (lambda: {"record": ""}, DAMAGED),
        (lambda: {"record": encrypt("no JSON")}, DAMAGED),
        (lambda: {"record": encrypt("[]")}, DAMAGED),
        (lambda: {"record": encrypt('{"name": "page_viewed"}')}, DAMAGED),
        (lambda: {"record": encrypt('{"key": "page_viewed:2", "name": "x", "new": 1}')}, DAMAGED),
        (lambda: {"record": encrypt('{"key": {"$": "what"}, "name": "x"}')}, DAMAGED),
        (lambda: sealed(viewed(77)), DAMAGED),  # of another row
    ],
)
def test_what_cannot_be_read_is_set_aside_with_a_reason_and_stops_no_other(
    main, fake, caplog, payload, words
):
    caplog.set_level(logging.INFO)
    for number in range(1, 6):
        capture.event_recorded(viewed(number))
    OutboxMessage.objects.filter(key="page_viewed:2").update(payload=payload())
    assert send(main) == {"delivered": 4, "rejected": 1}
    assert sorted(told(fake)) == [f"ada{number}@example.com" for number in (1, 3, 4, 5)]
    (row,) = OutboxMessage.objects.all()
    assert (row.key, row.is_dead, row.reason) == ("page_viewed:2", True, "unbuildable")
    assert words in row.detail
    assert previewed("page_viewed:2")["skipped"] == "unbuildable"
    assert "example.com" not in caplog.text


def test_when_the_old_key_is_back_a_replay_sends_it(main, fake, settings):
    """Whoever rotates keys by hand may forget the rows that wait."""
    (current,) = settings.ESPUTNIK_CONNECTOR["ENCRYPTION_KEYS"]
    old = Fernet.generate_key().decode()

    def keys(*those: str) -> None:
        settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [*those]}

    keys(old, current)
    capture.event_recorded(viewed())
    keys(current)
    send(main)
    assert LOST in OutboxMessage.objects.dead().get().detail
    keys(current, old)
    replay(OutboxMessage.objects.dead())
    send(main)
    assert told(fake) == ["ada1@example.com"]


def test_a_rotation_of_keys_takes_the_records_along(main, fake, settings):
    capture.event_recorded(viewed(1))
    capture.event_recorded(viewed(2))
    OutboxMessage.objects.filter(key="page_viewed:2").update(payload={"record": by_a_lost_key()})
    old, new = settings.ESPUTNIK_CONNECTOR["ENCRYPTION_KEYS"], Fernet.generate_key().decode()
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [new, *old]}
    rotation = rotate()
    assert (rotation.sealed, rotation.unreadable) == (4, ["event page_viewed:2"])
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [new]}
    send(main)
    assert told(fake) == ["ada1@example.com"]


# -- how long it is kept ---------------------------------------------------------------------------


def test_a_row_set_aside_loses_its_record_when_it_is_too_old_to_be_sent(main, fake):
    for number in (1, 2):
        capture.event_recorded(viewed(number))
    OutboxMessage.objects.update(is_dead=True, reason="refused")
    long_ago = datetime.now(timezone.utc) - timedelta(days=31)
    OutboxMessage.objects.filter(key="page_viewed:1").update(captured_at=long_ago)
    prune()
    payloads = dict(OutboxMessage.objects.values_list("key", "payload"))
    assert payloads["page_viewed:1"] is None
    assert payloads["page_viewed:2"] is not None
    replay(OutboxMessage.objects.dead())
    send(main)
    assert told(fake) == ["ada2@example.com"]
    assert DAMAGED in OutboxMessage.objects.dead().get().detail


def test_that_it_was_sent_is_forgotten_in_time_without_asking_the_shop(main, plain_shop):
    capture.event_recorded(viewed())
    send(main)
    SyncState.objects.update(delivered_at=datetime.now(timezone.utc) - timedelta(days=31))
    assert prune()["esputnik_connector_syncstate"] == 1


def test_a_record_survives_the_way_through_the_outbox(main):
    event = replace(viewed(), asked_at=MOMENT, price=Decimal("10.00"), is_in_stock=True)
    capture.event_recorded(event)
    row = OutboxMessage.objects.get()
    assert opened(row.key, row.payload) == event
