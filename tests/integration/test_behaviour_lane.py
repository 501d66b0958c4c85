"""Behaviour from a visitor's request to the tracker: one row, one request, and nothing left."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from esputnik_connector.behaviour import (
    ALLOWED_ROUTES,
    Behaviour,
    BehaviourType,
    Impression,
    Route,
    ViewedProduct,
    Visitor,
    purchase_key,
)
from esputnik_connector.carts import CartItem
from esputnik_connector.models import (
    Attempt,
    Connection,
    OutboxMessage,
    OutcomeCount,
    SkippedBehaviour,
    Storefront,
    SyncState,
)
from esputnik_connector.operations.connection.rotate_keys import rotate
from esputnik_connector.operations.prune import prune
from esputnik_connector.operations.sweep import what_is_due
from esputnik_connector.pipeline.behaviour.carried import opened, sealed
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Kind
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "0123456789ABCDEF0123456789ABCDEF"
TRACKER = "/api/v2"
T = BehaviourType
VISITOR = Visitor(
    cookie="1f5f0f3e-6bb4-4d6c-a3a0-3c6f5b0a9d11",
    user_agent="Mozilla/5.0 (X11; Linux x86_64)",
    page_url="https://shop.example/catalogue/socks/?q=secret",
    language="uk",
    contact_key="42",
    email="olena@example.com",
    phone="+380501234567",
    name="Олена Шевченко",
)
STRANGER = replace(VISITOR, contact_key="", email="", phone="", name="")
ITEM = CartItem(product_key="301", quantity=2, unit_price=Decimal("33.40"))


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def main(fake, plain_shop, settings) -> Connection:
    esputnik = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"
    options = {"rate": "10000/second", "deadline": 5.0, "read_timeout": 0.5}
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RATE_LIMIT_STORAGE": "",
        "DESTINATIONS": {"esputnik": {"BACKEND": esputnik, "OPTIONS": options}},
    }
    return Connection.objects.create(
        name="main", api_key=KEY, api_url=fake.api_url, tracker_url=fake.tracker_url
    )


@pytest.fixture
def storefront(main) -> Storefront:
    """Everything that the tracker takes goes by it."""
    routes = {
        each.value: Route.TRACKER.value
        for each in BehaviourType
        if Route.TRACKER in ALLOWED_ROUTES[each] and each is not T.STATUS_CART
    }
    return Storefront.objects.create(
        connection=main, domain="shop.example", site_id="8A412DC", routes=routes
    )


def seen(number: int = 1, *, visitor: Visitor = VISITOR, **changes) -> Behaviour:
    product = ViewedProduct(
        product_key=str(number), price=Decimal("33.40"), currency="UAH", tags={"size": ("42",)}
    )
    values = {"key": T.PRODUCT_PAGE.key(f"visit-{number}"), "product": product, **changes}
    return Behaviour(**{"type": T.PRODUCT_PAGE, "visitor": visitor, **values})


def bought(number: str = "100017", **changes) -> Behaviour:
    return Behaviour(
        type=T.PURCHASED_ITEMS,
        key=purchase_key(number),
        visitor=replace(VISITOR, **changes),
        items=(ITEM,),
        currency="UAH",
        order_number=number,
    )


def send(connection: Connection, **later: float) -> dict[str, int]:
    connection.refresh_from_db()
    rested = timedelta(seconds=3)  # a purchase waits for what says who bought
    now = datetime.now(timezone.utc) + timedelta(**later) + rested
    return dict(Relay(connection, clock=lambda: now).run())


def told(fake: FakeEsputnik, *, name: str | None = None) -> list[dict]:
    return fake.events(name, source="tracker")


def counts() -> dict[tuple[str, str], int]:
    rows = OutcomeCount.objects.filter(kind=Kind.BEHAVIOUR.value)
    return {(row.outcome, row.reason): row.records for row in rows}


# Capture


def test_a_page_view_costs_one_insert_and_no_read(storefront, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CONNECTIONS_TTL": 600}
    capture.behaviour_recorded(seen(0))  # reads connections and storefronts, once in ten minutes
    with CaptureQueriesContext(database) as queries:
        capture.behaviour_recorded(seen(1))
    assert [re.match(r"\w+", query["sql"])[0] for query in queries] == ["INSERT"]
    with CaptureQueriesContext(database) as queries, transaction.atomic():
        capture.behaviour_recorded(seen(2))
    texts = "; ".join(query["sql"] for query in queries).split("; ")
    verbs = [text.partition(" ")[0] for text in texts]
    assert verbs == ["BEGIN", "SAVEPOINT", "INSERT", "RELEASE", "COMMIT"]


def test_visits_that_are_not_told_of_are_written_down_once_in_a_while(storefront, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CONNECTIONS_TTL": 600}
    Storefront.objects.update(routes={"ProductPage": "event"})  # which needs to know who it was
    Storefront.objects.forget()
    for number in range(5):
        capture.behaviour_recorded(seen(number, visitor=STRANGER))
    assert [row.records for row in SkippedBehaviour.objects.all()] == [1]
    capture.wanted._write_at = 0.0  # ten minutes later
    capture.behaviour_recorded(seen(5, visitor=STRANGER))
    assert sorted(row.records for row in SkippedBehaviour.objects.all()) == [1, 5]


def test_a_page_view_that_travels_by_the_browser_costs_nothing(main, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CONNECTIONS_TTL": 600}
    Storefront.objects.create(connection=main, domain="shop.example")
    capture.behaviour_recorded(seen(0))
    with CaptureQueriesContext(database) as queries:
        capture.behaviour_recorded(seen(1))
    assert len(queries) == 0
    assert not OutboxMessage.objects.exists()


def test_the_row_holds_nothing_that_can_be_read(storefront):
    capture.behaviour_recorded(seen())
    row = OutboxMessage.objects.get()
    assert (row.kind, row.key) == ("behaviour", "ProductPage:visit-1")
    written = json.dumps(row.payload)
    for personal in (VISITOR.cookie, "olena", "secret", "Mozilla", "380501234567"):
        assert personal not in written
    assert opened(row.key, row.payload).visitor == VISITOR


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"product": None},
        {"product": ViewedProduct(product_key="1", price=None)},
        {"type": T.SEARCH_REQUEST, "search": "</script><b>", "is_found": True},
        {"type": T.PURCHASED_ITEMS, "items": (ITEM,), "guid": "g", "order_number": "1"},
        {
            "type": T.PRODUCT_IMPRESSIONS,
            "impressions": (Impression(product_key="1", container="c"),),
        },
        {"happened_at": datetime(2026, 3, 1, 12, tzinfo=timezone.utc), "location": "/x"},
    ],
)
def test_what_a_row_carries_comes_out_as_it_went_in(changes):
    behaviour = seen(**changes)
    assert opened(behaviour.key, sealed(behaviour)) == behaviour


def test_a_visit_on_a_page_of_another_domain_concerns_nobody_here(storefront):
    elsewhere = replace(VISITOR, page_url="https://other.example/")
    capture.behaviour_recorded(seen(visitor=elsewhere))
    assert not OutboxMessage.objects.exists()


def test_each_connection_hears_of_its_own_domain(storefront, fake):
    other = Connection.objects.create(name="b2b", api_key=KEY, api_url=fake.api_url)
    Storefront.objects.create(
        connection=other, domain="b2b.example", routes={"ProductPage": "tracker"}
    )
    capture.behaviour_recorded(seen(1))
    capture.behaviour_recorded(seen(2, visitor=replace(VISITOR, page_url="https://b2b.example/")))
    assert list(OutboxMessage.objects.order_by("pk").values_list("connection__name", "key")) == [
        ("main", "ProductPage:visit-1"), ("b2b", "ProductPage:visit-2"),
    ]  # fmt: skip


def test_the_state_of_a_cart_never_travels_as_behaviour(storefront):
    storefront.routes = {**storefront.routes, "StatusCart": "tracker"}
    storefront.save()
    capture.behaviour_recorded(seen(type=T.STATUS_CART, items=(ITEM,)))
    assert not OutboxMessage.objects.exists()


def test_a_request_survives_whatever_is_wrong(storefront, monkeypatch, caplog):
    def broken(*_args, **_more):
        raise RuntimeError("olena@example.com")

    monkeypatch.setattr("esputnik_connector.pipeline.capture.sealed_behaviour", broken)
    capture.behaviour_recorded(seen())
    assert "could not note" in caplog.text
    assert "olena" not in caplog.text


def test_nor_does_it_mind_tags_that_are_none(storefront, caplog):
    odd = ViewedProduct(product_key="1", tags={"size": None})
    capture.behaviour_recorded(seen(product=odd))
    assert "could not note" in caplog.text


def test_strangers_on_the_way_of_events_are_counted_and_not_put_in_line(storefront):
    storefront.routes = {"ProductPage": "event"}
    storefront.save()
    for number in range(3):
        capture.behaviour_recorded(seen(number, visitor=STRANGER))
    capture.wanted._write_at = 0
    capture.behaviour_recorded(seen(3, visitor=STRANGER))
    assert not OutboxMessage.objects.exists()
    list(what_is_due())
    assert counts() == {("skipped", "anonymous"): 4}
    assert not SkippedBehaviour.objects.exists()


def test_a_count_that_could_not_be_written_is_written_later(storefront):
    storefront.routes = {"ProductPage": "event"}
    storefront.save()
    table = SkippedBehaviour._meta.db_table
    with database.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO away')
        try:
            capture.behaviour_recorded(seen(1, visitor=STRANGER))
        finally:
            cursor.execute(f'ALTER TABLE away RENAME TO "{table}"')
    capture.wanted._write_at = 0
    capture.behaviour_recorded(seen(2, visitor=STRANGER))
    assert [each.records for each in SkippedBehaviour.objects.all()] == [2]


def test_a_lane_that_is_full_takes_no_more_and_says_how_much_it_refused(storefront, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "BEHAVIOUR_BACKLOG": 5, "CONNECTIONS_TTL": 0,
    }  # fmt: skip
    for number in range(10):
        capture.behaviour_recorded(seen(number))
    assert OutboxMessage.objects.count() == 6  # the bound, and the one that went beyond it
    list(what_is_due())
    assert counts() == {("skipped", "crowded_out"): 4}


def test_a_full_lane_of_behaviour_holds_no_customer_back(storefront, settings, plain_shop, fake):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "BEHAVIOUR_BACKLOG": 1}
    for number in range(5):
        capture.behaviour_recorded(seen(number))
    plain_shop.people["7"] = Contact(key="7", email="a@example.com")
    capture.contact_changed("7")
    send(storefront.connection)
    assert next(entry.path for entry in fake.log) == "/api/v1/contact"


# Delivery


def test_a_visit_reaches_the_tracker_once_and_leaves_nothing_personal(storefront, fake):
    capture.behaviour_recorded(seen())
    assert send(storefront.connection) == {"delivered": 1}
    (event,) = told(fake)
    assert event["type"] == "ProductPage"
    assert event["params"]["Product"]["price"] == "33.40 UAH"
    assert event["general"]["cookies"] == {"sc": VISITOR.cookie}
    assert event["user_agent"] == VISITOR.user_agent
    assert not OutboxMessage.objects.exists()
    assert not SyncState.objects.exists()
    assert not Attempt.objects.exists()
    assert counts() == {("delivered", ""): 1}


def test_the_key_never_goes_to_the_tracker(storefront, fake):
    capture.behaviour_recorded(seen())
    send(storefront.connection)
    (entry,) = fake.requests(TRACKER)
    assert entry.authorized is None
    assert "Authorization" not in entry.headers
    assert KEY not in json.dumps(entry.body) + json.dumps(dict(entry.headers))


def test_what_happened_tells_when_although_it_is_sent_later(storefront, fake):
    moment = datetime.now(timezone.utc) - timedelta(hours=2)
    capture.behaviour_recorded(seen(happened_at=moment))
    send(storefront.connection)
    assert told(fake)[0]["general"]["datetime"] == round(moment.timestamp() * 1000)


def test_people_whom_the_shop_can_name_are_told_as_events(storefront, fake):
    storefront.routes = {"ProductPage": "event", "SearchRequest": "event"}
    storefront.save()
    capture.behaviour_recorded(seen())
    assert send(storefront.connection) == {"delivered": 1}
    (event,) = fake.events("productViewed")
    assert event["params"]["product"]["price"] == 33.4
    assert event["params"]["email"] == "olena@example.com"
    assert fake.requests("/api/v3/event")[0].authorized is True


def test_in_version_two_the_objects_are_text(storefront, fake, settings):
    settings.ESPUTNIK_CONNECTOR["DESTINATIONS"]["esputnik"]["OPTIONS"]["event_version"] = "v2"
    storefront.routes = {"ProductPage": "event"}
    storefront.save()
    capture.behaviour_recorded(seen())
    send(storefront.connection)
    (entry,) = fake.requests("/api/v2/event")
    pairs = {pair["name"]: pair["value"] for pair in entry.body["params"]}
    assert json.loads(pairs["product"])["productId"] == "1"


@pytest.mark.parametrize("status", [200, 204])
def test_any_success_counts_whatever_it_says(storefront, fake, status):
    fake.configure(tracker_status=status)
    capture.behaviour_recorded(seen())
    assert send(storefront.connection) == {"delivered": 1}


def test_a_success_whose_body_speaks_of_an_error_is_a_success(storefront, fake):
    fake.script(Fault("status", path=TRACKER, status=200, body={"status": 401, "message": "no"}))
    capture.behaviour_recorded(seen())
    assert send(storefront.connection) == {"delivered": 1}
    storefront.connection.refresh_from_db()
    assert storefront.connection.paused_at is None


def test_a_web_page_is_no_answer_and_it_is_tried_again(storefront, fake):
    fake.script(Fault("html", path=TRACKER, status=200))
    capture.behaviour_recorded(seen())
    assert send(storefront.connection) == {"deferred": 1}
    assert send(storefront.connection, hours=1) == {"delivered": 1}


def test_a_late_answer_is_waited_for_and_nothing_is_told_twice(storefront, fake):
    """A second and a half here, where other requests are given half a second; as 30 of 60."""
    fake.script(Fault("delay", path=TRACKER, seconds=1.5))
    capture.behaviour_recorded(seen())
    started = time.monotonic()
    assert send(storefront.connection) == {"delivered": 1}
    assert time.monotonic() - started > 1.4
    assert len(told(fake)) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_is_of_one_alone(storefront, fake, status):
    fake.script(Fault("status", path=TRACKER, status=status, body={"message": "bad"}))
    for number in range(3):
        capture.behaviour_recorded(seen(number))
    assert send(storefront.connection) == {"rejected": 1, "delivered": 2}
    row = OutboxMessage.objects.get()
    assert (row.is_dead, row.reason) == (True, "refused")
    assert Attempt.objects.get().status == status


@pytest.mark.parametrize("status", [401, 403, 404, 405, 429, 500, 503])
def test_what_says_nothing_of_the_visit_is_tried_again_and_pauses_no_connection(
    storefront, fake, status
):
    fake.script(Fault("status", path=TRACKER, status=status))
    capture.behaviour_recorded(seen())
    assert send(storefront.connection) == {"deferred": 1}
    storefront.connection.refresh_from_db()
    assert storefront.connection.paused_at is None
    assert send(storefront.connection, hours=1) == {"delivered": 1}


def test_while_the_tracker_is_away_customers_go_on(storefront, fake, plain_shop):
    fake.script(Fault("reset", path=TRACKER, times=None))
    capture.behaviour_recorded(seen())
    plain_shop.people["7"] = Contact(key="7", email="a@example.com")
    capture.contact_changed("7")
    assert send(storefront.connection) == {"deferred": 1, "delivered": 1}
    fake.clear_faults()
    assert send(storefront.connection, hours=1) == {"delivered": 1}


def test_what_was_looked_at_yesterday_is_not_told_any_more(storefront, fake):
    for number, hours in enumerate((25, 23)):
        moment = datetime.now(timezone.utc) - timedelta(hours=hours)
        capture.behaviour_recorded(seen(number, happened_at=moment))
    assert send(storefront.connection) == {"skipped": 1, "delivered": 1}
    assert counts()[("skipped", "too_late")] == 1


def test_what_was_bought_the_day_before_yesterday_still_is(storefront, fake):
    moment = datetime.now(timezone.utc) - timedelta(hours=60)
    capture.behaviour_recorded(replace(bought(), happened_at=moment))
    assert send(storefront.connection) == {"delivered": 1}


# Purchases


def test_a_page_that_is_loaded_again_adds_no_purchase(storefront, fake):
    capture.behaviour_recorded(bought())
    capture.behaviour_recorded(bought())
    assert send(storefront.connection) == {"delivered": 1}
    capture.behaviour_recorded(bought(cookie="another-visitor"))
    assert send(storefront.connection) == {"skipped": 1}
    (event,) = told(fake, name="PurchasedItems")
    assert event["tracked_order_id"] == bought().key.partition(":")[2]


def test_a_purchase_leaves_after_what_says_who_bought(storefront, fake):
    """Requests go side by side, so the one that must be second waits for a moment."""
    capture.behaviour_recorded(bought())
    who = Behaviour(type=T.CUSTOMER_DATA, key=T.CUSTOMER_DATA.new_key(), visitor=VISITOR)
    capture.behaviour_recorded(who)
    storefront.connection.refresh_from_db()
    Relay(storefront.connection).run(seconds=1)
    assert [event["type"] for event in told(fake)] == ["CustomerData"]
    send(storefront.connection)
    assert [event["type"] for event in told(fake)] == ["CustomerData", "PurchasedItems"]


def test_what_is_remembered_of_a_purchase_is_forgotten_in_time(storefront, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "EVENT_RETENTION_DAYS": 1}
    capture.behaviour_recorded(bought())
    send(storefront.connection)
    assert SyncState.objects.get().kind == "behaviour"
    SyncState.objects.update(delivered_at=datetime.now(timezone.utc) - timedelta(days=2))
    prune()
    assert not SyncState.objects.exists()


# People


def test_whoever_was_erased_is_not_told_of(storefront, fake, plain_shop):
    capture.behaviour_recorded(seen())
    capture.contact_deleted("42", locators=["olena@example.com"])
    send(storefront.connection)
    assert told(fake) == []
    assert counts()[("skipped", "erased")] == 1
    assert not OutboxMessage.objects.filter(kind="behaviour").exists()


def test_a_guest_with_the_e_mail_of_an_erased_person_is_not_told_of(storefront, fake):
    capture.contact_deleted("42", locators=["olena@example.com"])
    send(storefront.connection)
    guest = replace(VISITOR, contact_key="", phone="", name="")
    capture.behaviour_recorded(seen(visitor=guest))
    assert send(storefront.connection)["skipped"] == 1
    assert told(fake) == []


def test_a_stranger_goes_on_being_told_of_after_somebody_was_erased(storefront, fake):
    capture.contact_deleted("42", locators=["olena@example.com"])
    send(storefront.connection)
    capture.behaviour_recorded(seen(visitor=STRANGER))
    assert send(storefront.connection) == {"delivered": 1}


def test_people_without_a_yes_stay_in_the_shop_where_the_merchant_wants_that(storefront, fake):
    Connection.objects.update(consent_policy="withhold")
    storefront.connection.refresh_from_db()
    capture.behaviour_recorded(seen(1))
    capture.behaviour_recorded(seen(2, visitor=STRANGER))
    assert send(storefront.connection) == {"skipped": 1, "delivered": 1}
    assert counts()[("skipped", "no_consent")] == 1
    assert "user_email" not in told(fake)[0]["general"]


def test_what_the_merchant_gave_to_the_browser_meanwhile_is_not_sent(storefront, fake):
    capture.behaviour_recorded(seen())
    storefront.routes = {"ProductPage": "browser"}
    storefront.save()
    assert send(storefront.connection) == {"skipped": 1}
    assert counts() == {("skipped", "by_browser"): 1}


# Keys of encryption, and time


def test_rows_follow_a_rotation_of_keys(storefront, settings, fake):
    capture.behaviour_recorded(seen())
    old = settings.ESPUTNIK_CONNECTOR["ENCRYPTION_KEYS"]
    new = Fernet.generate_key().decode()
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [new, *old]}
    assert rotate().unreadable == []
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [new]}
    row = OutboxMessage.objects.get(kind="behaviour")
    assert opened(row.key, row.payload).visitor == VISITOR


def test_a_damaged_row_is_set_aside_alone(storefront, fake):
    for number in range(3):
        capture.behaviour_recorded(seen(number))
    OutboxMessage.objects.filter(key="ProductPage:visit-1").update(payload={"record": "x"})
    assert send(storefront.connection) == {"rejected": 1, "delivered": 2}
    assert OutboxMessage.objects.get().reason == "unbuildable"


def test_what_was_set_aside_keeps_nobody_longer_than_events_are_kept(storefront, fake, settings):
    fake.script(Fault("status", path=TRACKER, status=400))
    capture.behaviour_recorded(seen())
    send(storefront.connection)
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "EVENT_RETENTION_DAYS": 1}
    OutboxMessage.objects.update(captured_at=datetime.now(timezone.utc) - timedelta(days=2))
    prune()
    row = OutboxMessage.objects.get()
    assert (row.payload, row.reason) == (None, "refused")
