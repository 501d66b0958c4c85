"""Price and stock between two reads of the feed: from a build to the tracker, each change once."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from esputnik_connector.behaviour import BehaviourType, Route
from esputnik_connector.feed.artifact import storage
from esputnik_connector.feed.build import Build
from esputnik_connector.feed.manifest import Line
from esputnik_connector.feed.publish import accept_build
from esputnik_connector.feed.updates import Updates, feed_of
from esputnik_connector.models import (
    Connection,
    Feed,
    OutboxMessage,
    OutcomeCount,
    SkippedBehaviour,
    Storefront,
)
from esputnik_connector.models.feed_build import BuildStatus
from esputnik_connector.operations.sweep import what_is_due
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Availability, Kind
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.feeds import product
from tests.integration.test_behaviour_lane import seen

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "0123456789ABCDEF0123456789ABCDEF"
TRACKER = "/api/v2"
UPDATE = BehaviourType.PRODUCT_UPDATE
SOLD_OUT = Availability.OUT_OF_STOCK


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture(autouse=True)
def _shop(settings, tmp_path, plain_shop):
    esputnik = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"
    options = {"rate": "10000/second", "deadline": 5.0, "read_timeout": 0.5}
    settings.MEDIA_ROOT = tmp_path
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RATE_LIMIT_STORAGE": "",
        "SHOP_URL": "https://shop.example",
        "DESTINATIONS": {"esputnik": {"BACKEND": esputnik, "OPTIONS": options}},
    }
    plain_shop.goods = shelf(10)


@pytest.fixture
def main(fake) -> Connection:
    return Connection.objects.create(
        name="main", api_key=KEY, api_url=fake.api_url, tracker_url=fake.tracker_url
    )


@pytest.fixture
def storefront(main) -> Storefront:
    return tracked(main, "shop.example")


@pytest.fixture
def feed(plain_shop) -> Feed:
    return built()


def tracked(connection: Connection, domain: str, route: Route = Route.TRACKER) -> Storefront:
    routes = {UPDATE.value: route.value}
    return Storefront.objects.create(
        connection=connection, domain=domain, site_id="8A412DC", routes=routes
    )


def shelf(number: int) -> list:
    return [product(key=str(key), title=f"Shirt {key}") for key in range(1, number + 1)]


def built(**more) -> Feed:
    given = {"name": "main", "language": "uk", "currency": "UAH", "brand": "K", **more}
    made = Feed.objects.create(**given)
    Build(made).run()
    made.refresh_from_db()
    return made


def rebuilt(feed: Feed, plain_shop, **changed: dict) -> BuildStatus:
    """A build after products, by their keys, became otherwise."""
    plain_shop.goods = [
        product(key=one.key, title=one.title, **changed.get(f"n{one.key}", {}))
        for one in plain_shop.goods
    ]
    return Build(Feed.objects.get(pk=feed.pk)).run().status


def send(connection: Connection, **later: float) -> dict[str, int]:
    connection.refresh_from_db()
    now = datetime.now(timezone.utc) + timedelta(seconds=3) + timedelta(**later)
    return dict(Relay(connection, clock=lambda: now).run())


def told(fake: FakeEsputnik) -> list[dict]:
    """What the tracker was told, product by product, in the order in which it came."""
    events = fake.events(UPDATE.value, source="tracker")
    return [one for event in events for one in event["params"]["ProductUpdate"]]


def keys() -> list[str]:
    rows = OutboxMessage.objects.filter(kind=Kind.BEHAVIOUR.value).order_by("pk")
    return list(rows.values_list("key", flat=True))


def test_a_price_that_changed_reaches_the_tracker(storefront, feed, plain_shop, main, fake):
    rebuilt(feed, plain_shop, n3={"price": Decimal("12.50")})
    assert send(main) == {"delivered": 1}
    assert told(fake) == [
        {
            "product_id": "3",
            "isInStock": "1",
            "unit_price": "12.50",
            "price_currency_code": "UAH",
        }
    ]


def test_a_product_that_sold_out_is_told_without_its_price(
    storefront, feed, plain_shop, main, fake
):
    rebuilt(feed, plain_shop, n3={"availability": SOLD_OUT})
    send(main)
    assert told(fake) == [{"product_id": "3", "isInStock": "0"}]


def test_a_reduced_price_says_what_it_was_and_by_how_much(storefront, feed, plain_shop, main, fake):
    rebuilt(feed, plain_shop, n3={"price": Decimal(300), "sale_price": Decimal(270)})
    send(main)
    (one,) = told(fake)
    assert one["unit_price"] == "270.00"
    assert (one["tag_oldprice"], one["tag_discount"]) == (["300.00"], ["10"])
    rebuilt(feed, plain_shop)  # the reduction is over
    send(main)
    assert told(fake)[1].keys() == {"product_id", "isInStock", "unit_price", "price_currency_code"}


def test_each_change_is_told_once(storefront, feed, plain_shop, main, fake):
    rebuilt(feed, plain_shop, n3={"price": Decimal(12)})
    assert rebuilt(feed, plain_shop, n3={"price": Decimal(12)}) == BuildStatus.UNCHANGED
    assert len(keys()) == 1
    send(main)
    rebuilt(feed, plain_shop, n3={"price": Decimal(12)})
    assert send(main) == {}
    assert len(told(fake)) == 1


def test_a_price_that_comes_back_is_told_again(storefront, feed, plain_shop, main, fake):
    for price in (12, 10, 12):
        rebuilt(feed, plain_shop, n3={"price": Decimal(price)})
        send(main)
    assert [one["unit_price"] for one in told(fake)] == ["12.00", "10.00", "12.00"]


def test_the_first_sight_of_a_product_is_told_nothing_of(storefront, feed, plain_shop, main):
    plain_shop.goods = [*shelf(12)]  # two new ones
    Build(feed).run()
    plain_shop.goods = shelf(11)  # one left
    Build(Feed.objects.get(pk=feed.pk)).run()
    assert keys() == []


def test_another_text_is_no_change_of_price_or_stock(storefront, feed, plain_shop, main):
    rebuilt(
        feed,
        plain_shop,
        n2={"description": "Another."},
        n3={"availability": Availability.BACKORDER},  # it can be bought as before
    )
    assert keys() == []


@pytest.mark.parametrize("route", [Route.OFF, Route.BROWSER])
def test_by_default_and_by_a_way_that_there_is_not_nothing_is_told(route, main, feed, plain_shop):
    tracked(main, "shop.example", route)
    rebuilt(feed, plain_shop, n3={"price": Decimal(12)})
    assert keys() == []


def test_the_storefront_that_is_disconnected_or_off_is_told_nothing(
    storefront, feed, plain_shop, main
):
    Storefront.objects.update(is_tracking=False)
    rebuilt(feed, plain_shop, n3={"price": Decimal(12)})
    Storefront.objects.update(is_tracking=True, disconnected_at=datetime.now(timezone.utc))
    rebuilt(feed, plain_shop, n3={"price": Decimal(13)})
    Storefront.objects.update(disconnected_at=None)
    Connection.objects.update(is_enabled=False)
    rebuilt(feed, plain_shop, n3={"price": Decimal(14)})
    assert keys() == []


def test_a_copy_of_the_database_elsewhere_puts_nothing_in_line(storefront, feed, plain_shop, main):
    Connection.objects.update(environment="https://another.example")
    rebuilt(feed, plain_shop, n3={"price": Decimal(12)})
    assert keys() == []


def test_of_two_languages_one_feed_tells(storefront, feed, plain_shop, main, fake):
    other = built(name="ru", language="ru")
    rebuilt(other, plain_shop, n3={"price": Decimal(12)})
    assert keys() == []  # the oldest tells
    rebuilt(feed, plain_shop, n3={"price": Decimal(12)})
    assert keys() == ["ProductUpdate:3"]
    Feed.objects.filter(pk=feed.pk).update(is_enabled=False)  # then the other does
    rebuilt(other, plain_shop, n3={"price": Decimal(13)}, n4={"price": Decimal(13)})
    assert set(keys()) == {"ProductUpdate:3", "ProductUpdate:4"}


def test_a_feed_tells_of_its_own_storefront_alone(storefront, feed, plain_shop, main, fake):
    second = Connection.objects.create(
        name="second", api_key=KEY, api_url=fake.api_url, tracker_url=fake.tracker_url
    )
    tracked(second, "other.example")
    theirs = built(name="other", shop_url="https://www.other.example")
    rebuilt(theirs, plain_shop, n3={"price": Decimal(12)})
    (row,) = OutboxMessage.objects.all()
    assert row.connection == second


def test_what_eSputnik_does_not_read_tells_nothing(storefront, plain_shop, main):  # noqa: N802
    for_own_tools = built(format="jsonl")
    rebuilt(for_own_tools, plain_shop, n3={"price": Decimal(12)})
    assert keys() == []


def test_a_held_build_tells_when_it_is_accepted(storefront, feed, plain_shop, main, fake):
    plain_shop.goods = [product(key="1", title="Shirt 1", price=Decimal(12)), *shelf(10)[1:5]]
    held = Build(feed).run()
    assert (held.status, keys()) == (BuildStatus.HELD, [])
    assert accept_build(held)
    send(main)
    assert [(one["product_id"], one["unit_price"]) for one in told(fake)] == [("1", "12.00")]


def test_a_held_build_that_is_not_accepted_leaves_the_change_for_the_next(
    storefront, feed, plain_shop, main, fake
):
    plain_shop.goods = [product(key="1", title="Shirt 1", price=Decimal(12))]
    assert Build(feed).run().status == BuildStatus.HELD
    plain_shop.goods = [product(key="1", title="Shirt 1", price=Decimal(12)), *shelf(10)[1:]]
    assert Build(Feed.objects.get(pk=feed.pk)).run().status == BuildStatus.PUBLISHED
    send(main)
    assert len(told(fake)) == 1


# Newer truth


def test_what_changed_again_while_it_waited_is_told_once_as_it_is(
    storefront, feed, plain_shop, main, fake
):
    for price in (12, 15):
        rebuilt(feed, plain_shop, n3={"price": Decimal(price)})
    rebuilt(feed, plain_shop, n3={"price": Decimal(15), "availability": SOLD_OUT})
    send(main)
    (one,) = told(fake)
    assert (one["unit_price"], one["isInStock"]) == ("15.00", "0")  # the price is not forgotten
    assert keys() == []


def test_an_older_price_never_arrives_after_a_newer_one(storefront, feed, plain_shop, main, fake):
    fake.script(Fault("status", path=TRACKER, status=500))
    rebuilt(feed, plain_shop, n3={"price": Decimal(12)})
    send(main)  # nobody takes it: it waits for its next try
    rebuilt(feed, plain_shop, n3={"price": Decimal(15)})
    send(main)
    send(main, hours=5)  # when the older one would be tried again
    assert [one["unit_price"] for one in told(fake)] == ["15.00"]


def test_a_change_that_waited_too_long_is_left_to_the_feed(
    storefront, feed, plain_shop, main, fake, monkeypatch
):
    yesterday = datetime.now(timezone.utc) - timedelta(hours=25)
    monkeypatch.setattr("esputnik_connector.feed.updates.aware_now", lambda: yesterday)
    rebuilt(feed, plain_shop, n3={"price": Decimal(12)})
    assert send(main) == {"skipped": 1}
    assert told(fake) == []


# Not at the cost of others


def backlog(settings, number: int) -> None:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "BEHAVIOUR_BACKLOG": number}


def cheaper(plain_shop) -> dict:
    return {f"n{one.key}": {"price": Decimal(5)} for one in plain_shop.goods}


def test_a_mass_change_takes_half_of_the_line_and_counts_the_rest(
    storefront, feed, plain_shop, main, fake, settings
):
    backlog(settings, 8)
    rebuilt(feed, plain_shop, **cheaper(plain_shop))
    assert len(keys()) == 4
    assert [(row.reason, row.records) for row in SkippedBehaviour.objects.all()] == [
        ("crowded_out", 6)
    ]
    capture.forget_connections()
    Storefront.objects.update(routes={UPDATE.value: "tracker", "ProductPage": "tracker"})
    Storefront.objects.forget()
    capture.behaviour_recorded(seen(1))  # a visitor finds room
    assert len(keys()) == 5
    list(what_is_due())
    send(main)
    counted = {
        (row.outcome, row.reason): row.records
        for row in OutcomeCount.objects.filter(kind=Kind.BEHAVIOUR.value)
    }
    assert counted == {("skipped", "crowded_out"): 6, ("delivered", ""): 5}


def test_a_line_that_is_full_takes_none_and_the_build_goes_on(
    storefront, feed, plain_shop, main, settings
):
    backlog(settings, 8)
    rebuilt(feed, plain_shop, **cheaper(plain_shop))
    status = rebuilt(feed, plain_shop, n1={"price": Decimal(7)})
    assert status == BuildStatus.PUBLISHED
    assert len(keys()) == 4
    assert [row.records for row in SkippedBehaviour.objects.order_by("pk")] == [6, 10]


def test_what_was_set_aside_takes_no_room_in_the_line(storefront, feed, plain_shop, main, settings):
    backlog(settings, 8)
    for number in range(8):
        OutboxMessage.objects.create(
            connection=main, kind=Kind.BEHAVIOUR.value, key=f"old {number}", is_dead=True
        )
    rebuilt(feed, plain_shop, **cheaper(plain_shop))
    assert len([key for key in keys() if not key.startswith("old")]) == 4


woken: list[int] = []


def remember(connection_id: int, _delay: float) -> None:
    woken.append(connection_id)


def test_a_worker_is_woken_for_a_change_and_for_nothing_else(
    storefront, feed, plain_shop, main, settings
):
    woken.clear()
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "WAKE": f"{__name__}.remember",
    }
    rebuilt(feed, plain_shop, n2={"description": "Another."})
    assert woken == []
    rebuilt(feed, plain_shop, n3={"price": Decimal(12)})
    assert woken == [main.pk]


def test_a_mass_change_costs_a_few_statements(
    storefront, feed, plain_shop, main, django_assert_max_num_queries
):
    with django_assert_max_num_queries(60) as one_change:
        rebuilt(feed, plain_shop, n1={"price": Decimal(7)})
    with django_assert_max_num_queries(60) as all_changed:
        rebuilt(feed, plain_shop, **cheaper(plain_shop))
    assert len(all_changed) == len(one_change)


def test_a_shop_that_does_not_want_it_pays_one_query(feed, main, plain_shop, settings):
    with CaptureQueriesContext(
        connection,
    ) as seen_queries:
        rebuilt(feed, plain_shop, n1={"price": Decimal(7)})
    asked = [one["sql"] for one in seen_queries if "esputnik_connector_storefront" in one["sql"]]
    assert len(asked) == 1


def test_a_lost_key_sinks_no_build(storefront, feed, plain_shop, main, settings, caplog):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": []}
    assert rebuilt(feed, plain_shop, n3={"price": Decimal(12)}) == BuildStatus.PUBLISHED
    assert "prices and stock are not told to shop.example" in caplog.text
    assert keys() == []


def test_sql_that_fails_sinks_no_build(storefront, feed, plain_shop, main, settings, caplog):
    backlog(settings, 8)
    table = SkippedBehaviour._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO gone_for_a_while")
        try:
            status = rebuilt(feed, plain_shop, **cheaper(plain_shop))
        finally:
            cursor.execute(f"ALTER TABLE gone_for_a_while RENAME TO {table}")
    assert status == BuildStatus.PUBLISHED
    assert "prices and stock are not told to shop.example" in caplog.text
    assert keys() == []


def test_of_a_mass_change_no_more_is_kept_than_may_be_put_in_line(storefront, settings):
    backlog(settings, 8)
    updates = Updates([storefront])
    for key in range(100):
        before = Line(
            key=str(key), price="10.00 UAH", availability="in_stock", digest="d", title="Shirt"
        )
        updates.hear(before, before._replace(price="5.00 UAH"))
    assert (updates.found, len(updates._told)) == (100, 4)


def test_a_feed_that_does_not_know_its_shop_leads_to_any_page(
    storefront, plain_shop, main, settings
):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP_URL": ""}
    settings.SITE_ID = 404  # nor does a Site say it
    assert feed_of(storefront) is None
    made = Feed.objects.create(name="main", language="uk", currency="UAH", brand="K")
    assert feed_of(storefront) == made


@pytest.mark.parametrize("manifest", ["gone", "torn"])
def test_a_list_of_items_that_cannot_be_read_tells_nothing(
    storefront, feed, plain_shop, manifest, settings
):
    path = storage().path(feed.manifest)
    with open(path, "rb") as file:
        content = file.read()
    storage().delete(feed.manifest)
    if manifest == "torn":
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
    assert rebuilt(feed, plain_shop, n1={"price": Decimal(12)}) == BuildStatus.PUBLISHED
    assert keys() == []


# What the doctor says


def findings() -> dict[str, str]:
    output = io.StringIO()
    with suppress(SystemExit):
        call_command(
            "esputnik_doctor", "--json", "--offline", "--only", "connections", stdout=output
        )
    return {one["code"]: one["text"] for one in json.loads(output.getvalue())}


def test_the_doctor_misses_a_feed_by_which_changes_are_found(storefront, plain_shop):
    assert "no product feed leads to shop.example" in findings()["product_updates_unfed"]
    built()
    assert "product_updates_unfed" not in findings()


def test_the_doctor_wants_no_feed_where_nothing_is_told(main, plain_shop):
    tracked(main, "shop.example", Route.OFF)
    assert "product_updates_unfed" not in findings()
