"""A third event type, declared while the process runs, in a shop that is not Oscar."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection as database
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from esputnik_connector import checks, event_types
from esputnik_connector.admin.connection.admin import ConnectionAdmin
from esputnik_connector.event_names import BACK_IN_STOCK, EventName
from esputnik_connector.event_types import PRODUCT_PARAMS, EventType, register, unregister
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import Attempt, Connection, Heartbeat, OutboxMessage, SyncState
from esputnik_connector.operations.health import queue
from esputnik_connector.operations.health.snapshot import take
from esputnik_connector.operations.record.replay import replay
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.events.scan import scan_for_events
from esputnik_connector.records import Event, Reason
from esputnik_connector.testing.fake_esputnik import FakeEsputnik

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "0123456789ABCDEF0123456789ABCDEF"
NOW = datetime.now(timezone.utc)
SWITCH = "send_wishlist_add"  # a migration would add it; here it is an attribute of the model


class Wishes:
    """The shop's wishes, and the loader that reads them."""

    known: ClassVar[dict[str, Event]] = {}
    asked: ClassVar[list[list[str]]] = []
    error: ClassVar[Exception | None] = None

    @classmethod
    def load(cls, _shop: object, keys: Sequence[str]) -> Mapping[str, Event]:
        cls.asked.append(list(keys))
        if cls.error is not None:
            raise cls.error
        return {key: cls.known[key] for key in keys if key in cls.known}


WISHLIST_ADD = EventType(
    name=EventName("wishlist_add"),
    label="wish list addition",
    switch=SWITCH,
    event_key="ProductWished",
    load=Wishes.load,
    params={**PRODUCT_PARAMS, "wishedAt": "happened_at"},
    still_true={Reason.SOLD_OUT: lambda event: event.is_in_stock},
    lifetime=timedelta(days=2),
)


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def main(fake, plain_shop, settings, monkeypatch) -> Iterator[Connection]:
    esputnik = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RATE_LIMIT_STORAGE": "",
        "DESTINATIONS": {"esputnik": {"BACKEND": esputnik, "OPTIONS": {"rate": "100/second"}}},
    }
    monkeypatch.setattr(Connection, SWITCH, True, raising=False)
    Wishes.known, Wishes.asked, Wishes.error = {}, [], None
    register(WISHLIST_ADD)
    yield Connection.objects.create(name="main", api_key=KEY, api_url=fake.api_url)
    unregister(WISHLIST_ADD.name)


def wished(number: int = 1, **changes: Any) -> str:
    """The key of a wish that the shop has."""
    key = WISHLIST_ADD.key(number)
    values: dict[str, Any] = {
        "key": key,
        "name": WISHLIST_ADD.name,
        "contact_key": "42",
        "email": f"ada{number}@example.com",
        "product_key": "301",
        "product_name": "Kobzar",
        "price": Decimal("250.00"),
        "currency": "uah",
        "is_in_stock": True,
        "happened_at": NOW,
        "params": {"list": "birthday"},
    }
    Wishes.known[key] = Event(**{**values, **changes})
    return key


def send(connection: Connection) -> dict[str, int]:
    connection.refresh_from_db()
    return dict(Relay(connection).run())


def rows() -> list[str]:
    return list(OutboxMessage.objects.order_by("pk").values_list("key", flat=True))


def outcomes() -> list[tuple[str, str]]:
    return list(Attempt.objects.order_by("pk").values_list("outcome", "reason"))


def printed(*arguments: str) -> str:
    output = io.StringIO()
    call_command(*arguments, stdout=output, no_color=True)
    return output.getvalue()


# -- the way of one event --------------------------------------------------------------------------


def test_it_is_captured_loaded_and_delivered_with_its_params_and_its_event_key(main, fake):
    key = wished()
    capture.event_happened(key)
    assert rows() == [key]
    assert OutboxMessage.objects.get().payload is None
    assert send(main) == {"delivered": 1}
    (event,) = fake.events("ProductWished")
    assert event["params"] == {
        "externalCustomerId": "42",
        "email": "ada1@example.com",
        "productId": "301",
        "name": "Kobzar",
        "price": 250.0,
        "currencyCode": "UAH",
        "isInStock": True,
        "wishedAt": NOW.isoformat(),
        "list": "birthday",
    }
    assert fake.violations == []
    assert rows() == []


def test_it_is_sent_once_however_often_it_is_captured(main, fake):
    key = wished()
    for _again in range(2):
        capture.event_happened(key)
        send(main)
    assert len(fake.events("ProductWished")) == 1
    assert outcomes() == [("delivered", ""), ("skipped", "unchanged")]


def test_a_batch_is_loaded_at_once_and_sent_in_order(main, fake):
    keys = [wished(number) for number in (3, 1, 2)]
    for key in keys:
        capture.event_happened(key)
    send(main)
    assert Wishes.asked == [keys]
    emails = [event["params"]["email"] for event in fake.events("ProductWished")]
    assert emails == ["ada3@example.com", "ada1@example.com", "ada2@example.com"]


def test_the_account_may_call_it_otherwise(main, fake, settings):
    entry = settings.ESPUTNIK_CONNECTOR["DESTINATIONS"]["esputnik"]
    entry["OPTIONS"]["event_keys"] = {"wishlist_add": "shop.isWished"}
    capture.event_happened(wished())
    send(main)
    assert len(fake.events("shop.isWished")) == 1


def test_without_an_event_key_it_goes_by_its_name(main, fake):
    plain = EventType(name=EventName("wish_shared"), label="shared wish", load=Wishes.load)
    register(plain)
    try:
        key = plain.key(5)
        Wishes.known[key] = Event(key=key, name=plain.name, email="ada@example.com")
        capture.event_happened(key)
        send(main)
    finally:
        unregister(plain.name)
    assert fake.events("wish_shared")[0]["params"] == {"email": "ada@example.com"}


# -- what is not sent ------------------------------------------------------------------------------


def test_switched_off_it_is_no_row(main, monkeypatch):
    monkeypatch.setattr(Connection, SWITCH, False)
    capture.event_happened(wished())
    assert rows() == []


def test_switched_off_meanwhile_it_is_skipped(main, fake, monkeypatch):
    main.send_price_drop = True  # another type is on
    main.save()
    capture.event_happened(wished())
    monkeypatch.setattr(Connection, SWITCH, False)
    send(main)
    assert outcomes() == [("skipped", "sync_off")]
    assert fake.events("ProductWished") == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"happened_at": NOW - timedelta(days=3)}, "too_late"),  # its own lifetime is two days
        ({"is_in_stock": False}, "sold_out"),
        ({"is_wanted": False}, "not_wanted"),
        ({"contact_key": "", "email": ""}, "no_contact_data"),
    ],
)
def test_what_is_not_true_any_more_is_skipped_with_its_reason(main, fake, changes, reason):
    capture.event_happened(wished(**changes))
    send(main)
    assert outcomes() == [("skipped", reason)]
    assert fake.events("ProductWished") == []


def test_a_lifetime_cannot_outlive_the_memory_of_what_was_sent(main, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "EVENT_RETENTION_DAYS": 1}
    capture.event_happened(wished(happened_at=NOW - timedelta(hours=30)))
    send(main)
    assert outcomes() == [("skipped", "too_late")]


def test_what_the_loader_does_not_know_is_gone(main):
    capture.event_happened(WISHLIST_ADD.key("9"))
    send(main)
    assert outcomes() == [("skipped", "gone")]


# -- how it is shown -------------------------------------------------------------------------------


def test_the_preview_shows_its_label_and_where_each_value_comes_from(main, fake):
    key = wished()
    output = printed("esputnik_preview", "event", key)
    assert f"event {key} (wish list addition): never delivered" in output
    assert '  params.name = "Kobzar"  ← product_name' in output
    assert '  params.list = "birthday"  ← params' in output
    assert "set by the connector" not in output
    shown = json.loads(printed("esputnik_preview", "event", key, "--json"))
    assert shown["label"] == "wish list addition"
    capture.event_happened(key)
    send(main)
    assert shown["request"]["body"] == fake.log[-1].body


def test_the_merchant_finds_its_switch_beside_the_others(main, monkeypatch):
    request = RequestFactory().get("/")
    request.user = get_user_model()(is_superuser=True, is_staff=True, is_active=True)
    sections = dict(ConnectionAdmin(Connection, admin.site).get_fieldsets(request))
    assert sections["What to send"]["fields"][-3:] == [
        "send_back_in_stock",
        "send_price_drop",
        SWITCH,
    ]


def test_what_is_not_scanned_for_is_no_line_of_the_scan_and_no_matter_to_the_doctor(main):
    assert scan_for_events() == {}
    Heartbeat.objects.all().delete()
    assert list(queue.watched(main, take(now=NOW))) == []
    main.send_back_in_stock = True
    (finding,) = queue.watched(main, take(now=NOW))
    assert "No scan" in finding.text


def test_what_is_scanned_for_is_put_in_line_and_shown_with_its_label(main, fake):
    key = wished()
    unregister(WISHLIST_ADD.name)
    scanned = EventType(
        name=WISHLIST_ADD.name,
        label="wish list addition",
        event_key="ProductWished",
        load=Wishes.load,
        scan=lambda run: run.enqueue([key]),
    )
    register(scanned)
    assert "wish list addition: 1 to be sent" in printed("esputnik_watch", "--dry-run")
    assert rows() == []
    assert "wish list addition: 1 to be sent" in printed("esputnik_watch")
    assert rows() == [key]
    send(main)
    assert "wish list addition: 0 to be sent" in printed("esputnik_watch")
    assert len(fake.events("ProductWished")) == 1


# -- nothing else changes --------------------------------------------------------------------------


def test_the_types_of_the_connector_are_what_they_were(main):
    names = [each.name for each in event_types.event_types()]
    assert names == ["back_in_stock", "price_drop", "wishlist_add"]
    assert event_types.event_keys() == {
        "back_in_stock": "ProductBackInStock",
        "price_drop": "ProductPriceDrop",
        "wishlist_add": "ProductWished",
    }


def test_it_costs_the_queries_of_any_other_event(main):
    Connection.objects.update(send_back_in_stock=True)
    capture.forget_connections()
    capture.event_happened(BACK_IN_STOCK.key("warms the list of connections up"))
    counts = []
    for key in (BACK_IN_STOCK.key("7"), wished()):
        with CaptureQueriesContext(database) as queries:
            capture.event_happened(key)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_loader_that_raises_sets_its_own_events_aside_and_no_other(main, fake, plain_shop):
    """All at once are read; then by halves, until the culprit stands alone."""
    other = EventType(name=EventName("wish_shared"), label="x", load=lambda _shop, _keys: broken())

    def broken() -> Mapping[str, Event]:
        raise LookupError("ada1@example.com")

    register(other)
    try:
        for number in (1, 2):
            capture.event_happened(wished(number))
            capture.event_happened(other.key(number))
        assert send(main) == {"delivered": 2, "rejected": 2}
    finally:
        unregister(other.name)
    dead = OutboxMessage.objects.dead()
    assert {(row.key, row.reason, row.detail) for row in dead} == {
        ("wish_shared:1", "unbuildable", "LookupError"),
        ("wish_shared:2", "unbuildable", "LookupError"),
    }
    assert len(fake.events("ProductWished")) == 2


def test_an_event_whose_type_is_gone_is_set_aside_and_sent_when_it_is_back(main, fake):
    main.send_price_drop = True
    main.save()
    capture.event_happened(wished())
    unregister(WISHLIST_ADD.name)
    send(main)
    (row,) = OutboxMessage.objects.dead()
    assert (row.reason, row.detail) == ("unbuildable", "There is no event type 'wishlist_add'.")
    register(WISHLIST_ADD)
    replay(OutboxMessage.objects.dead())
    send(main)
    assert len(fake.events("ProductWished")) == 1


def test_a_parameter_by_which_esputnik_finds_people_is_refused(main, fake):
    capture.event_happened(wished(params={"ContactId": "77"}))
    send(main)
    (row,) = OutboxMessage.objects.dead()
    assert "'ContactId' needs another name" in row.detail
    assert fake.events("ProductWished") == []


def test_what_was_sent_is_remembered_without_personal_data(main):
    capture.event_happened(wished())
    send(main)
    state = SyncState.objects.get()
    assert (state.key, state.owner_key) == ("wishlist_add:1", "42")
    assert "ada1@" not in repr(vars(state))


# -- declarations that contradict themselves -------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": EventName("Wish:add")}, "small letters"),
        ({"name": EventName("")}, "small letters"),
        ({"name": EventName("w" * 51)}, "at most 50"),
        ({"load": None, "scan": lambda run: 0}, "needs a “load”"),
        ({"params": {"colour": "color"}}, "no field color"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_explained(changes, words):
    values = {"name": EventName("wish"), "label": "wish", "load": Wishes.load}
    with pytest.raises(ConfigurationError, match=words):
        EventType(**{**values, **changes})


def test_two_types_of_one_name_are_refused_and_one_type_twice_is_not(main):
    assert register(WISHLIST_ADD) is WISHLIST_ADD
    with pytest.raises(ConfigurationError, match="two event types of the name 'wishlist_add'"):
        register(EventType(name=WISHLIST_ADD.name, label="another", load=None))


def test_a_name_that_was_mistyped_is_guessed(main):
    with pytest.raises(ConfigurationError, match="Did you mean 'wishlist_add'"):
        event_types.event_type("wishlist_ad")


def test_a_switch_that_is_no_field_is_found_by_the_system_checks(main):
    (found,) = checks.check_events()
    assert found.id == "esputnik_connector.E032"
    assert f"no field '{SWITCH}'" in found.msg


def test_an_option_for_a_type_that_does_not_exist_is_found_by_the_system_checks(main, settings):
    unregister(WISHLIST_ADD.name)
    entry = settings.ESPUTNIK_CONNECTOR["DESTINATIONS"]["esputnik"]
    entry["OPTIONS"]["event_keys"] = {"price_dropp": "Cheaper"}
    (found,) = checks.check_events()
    assert found.id == "esputnik_connector.E033"
    assert "Did you mean 'price_drop'" in found.msg
