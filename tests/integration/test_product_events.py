"""Back in stock: whoever asked is told, once, and only of what can be bought in that moment."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.event_names import BACK_IN_STOCK
from esputnik_connector.models import Attempt, Connection, Lane, OutboxMessage, SyncState
from esputnik_connector.operations.record.replay import replay
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Kind
from esputnik_connector.shops.oscar.adapter import OscarShop
from esputnik_connector.shops.oscar.events import events
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

KEY = "0123456789ABCDEF0123456789ABCDEF"
EVENT_QUERIES = 12

Alert = get_model("customer", "ProductAlert")
StockRecord = get_model("partner", "StockRecord")


@pytest.fixture
def fake():
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def main(fake, settings) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0, "WAKE": "", "RATE_LIMIT_STORAGE": "",
    }  # fmt: skip
    made = Connection.objects.create(
        name="main", api_key=KEY, api_url=fake.api_url, send_back_in_stock=True
    )
    made.bind()
    return made


def sold_out(**traits: Any) -> Any:
    product = factories.create_product(num_in_stock=0, price=Decimal("250.00"), **traits)
    StockRecord.objects.filter(product=product).update(price_currency="UAH")
    return product


def restock(product: Any, count: int = 3) -> None:
    record = StockRecord.objects.get(product=product)
    record.num_in_stock = count
    record.save()


def asked_by_user(product: Any, email: str = "ada@example.com") -> Any:
    return Alert.objects.create(user=factories.UserFactory(email=email), product=product)


def asked_by_guest(product: Any, email: str = "guest@example.com") -> Any:
    alert = Alert.objects.create(email=email, product=product)
    alert.confirm()
    return alert


def send(connection: Connection, **clock: Any) -> dict[str, int]:
    """Everything that waits; contacts of the people who asked, too."""
    connection.refresh_from_db()
    return dict(Relay(connection, **clock).run())


def told(fake: FakeEsputnik) -> list[str]:
    return [event["params"].get("email", "") for event in fake.events("ProductBackInStock")]


def rows() -> list[str]:
    return list(OutboxMessage.objects.filter(kind="event").values_list("key", flat=True))


def outcomes() -> list[tuple[str, str]]:
    return list(
        Attempt.objects.filter(kind="event").order_by("pk").values_list("outcome", "reason")
    )


# -- the ordinary way ------------------------------------------------------------------------------


def test_a_saved_stock_record_tells_whoever_asked_once(main, fake, eager):
    product = sold_out(title="Kobzar")
    user, guest = asked_by_user(product), asked_by_guest(product)
    restock(product)
    user.refresh_from_db()
    assert user.status == Alert.CLOSED  # Oscar's own work
    assert set(rows()) == {f"back_in_stock:{user.pk}", f"back_in_stock:{guest.pk}"}
    restock(product, 5)
    send(main)
    send(main)
    by_email = {event["params"]["email"]: event for event in fake.events("ProductBackInStock")}
    assert sorted(told(fake)) == sorted(by_email) == ["ada@example.com", "guest@example.com"]
    assert by_email["ada@example.com"]["params"] == {
        "externalCustomerId": str(user.user_id),
        "email": "ada@example.com",
        "productId": str(product.pk),
        "name": "Kobzar",
        "price": 250.0,
        "currencyCode": "UAH",
        "url": f"https://shop.example/en/catalogue/kobzar_{product.pk}/",
        "isInStock": True,
    }
    assert "externalCustomerId" not in by_email["guest@example.com"]["params"]
    assert fake.violations == []
    assert rows() == []


def test_the_row_holds_no_personal_data(main, eager):
    product = sold_out()
    asked_by_guest(product)
    restock(product)
    row = OutboxMessage.objects.get(kind="event")
    assert row.payload is None
    assert "guest@example.com" not in repr(vars(row))


def test_an_alert_that_is_noted_again_is_one_event(main, fake, eager):
    product = sold_out()
    alert = asked_by_user(product)
    restock(product)
    send(main)
    alert.refresh_from_db()
    alert.save()  # staff saves the form of the closed alert
    assert rows() == [f"back_in_stock:{alert.pk}"]
    send(main)
    assert len(told(fake)) == 1
    assert outcomes() == [("delivered", ""), ("skipped", "unchanged")]


def test_a_rolled_back_restock_tells_nobody(main, fake, eager):
    product = sold_out()
    asked_by_user(product)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        restock(product)
        raise ZeroDivisionError
    send(main)
    assert told(fake) == []


def test_the_names_of_the_events_are_the_accounts_own(main, fake, eager, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {
            "esputnik": {
                **settings.ESPUTNIK_CONNECTOR["DESTINATIONS"]["esputnik"],
                "OPTIONS": {"event_keys": {"back_in_stock": "shop.isBack"}},
            }
        },
    }
    product = sold_out()
    asked_by_user(product)
    restock(product)
    send(main)
    assert len(fake.events("shop.isBack")) == 1


def test_of_a_parent_the_cheapest_variation_that_is_there_is_told(main, fake, eager):
    parent = factories.ProductFactory(structure="parent", stockrecords=None, title="Shirt")
    children = [
        factories.ProductFactory(
            structure="child", parent=parent, product_class=None, categories=None, title=title,
            stockrecords__price=price, stockrecords__num_in_stock=0,
        )
        for title, price in (("S", 90), ("M", 120), ("L", 100))
    ]  # fmt: skip
    asked_by_user(parent)
    restock(children[1])
    restock(children[2])
    send(main)
    (event,) = fake.events("ProductBackInStock")
    assert event["params"]["productId"] == str(children[2].pk)
    assert (event["params"]["name"], event["params"]["price"]) == ("L", 100.0)


# -- who is not told -------------------------------------------------------------------------------


def test_what_sold_out_again_before_it_was_told_is_not_told(main, fake, eager):
    product = sold_out()
    asked_by_user(product)
    restock(product)
    fake.stop()
    assert send(main)["deferred"] == 2  # the contact and the event
    StockRecord.objects.update(num_in_stock=0)
    fake.start()
    later = timezone.now() + timedelta(hours=1)
    send(main, clock=lambda: later)
    assert told(fake) == []
    assert outcomes() == [("skipped", "sold_out")]


def test_a_hidden_product_is_not_told(main, fake, eager):
    product = sold_out()
    asked_by_user(product)
    restock(product)
    type(product).objects.update(is_public=False)
    send(main)
    assert outcomes() == [("skipped", "sold_out")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "Cancelled"}, "not_wanted"),
        ({"status": "Unconfirmed"}, "not_wanted"),
        ({"date_confirmed": None}, "not_wanted"),  # closed by staff, never confirmed
        ({"date_closed": timezone.now() - timedelta(days=31)}, "too_late"),
        ({"email": "no address"}, "no_contact_data"),
    ],
)
def test_a_guest_who_no_longer_or_never_wanted_it_is_not_told(main, fake, eager, changes, reason):
    product = sold_out()
    alert = asked_by_guest(product)
    restock(product)
    Alert.objects.filter(pk=alert.pk).update(**changes)
    send(main)
    assert told(fake) == []
    assert outcomes() == [("skipped", reason)]


def test_an_unconfirmed_guest_is_no_row(main, eager):
    product = sold_out()
    alert = Alert.objects.create(email="guest@example.com", product=product)
    restock(product)
    alert.refresh_from_db()
    assert alert.status == Alert.UNCONFIRMED
    assert rows() == []


def test_a_cancelled_alert_is_no_row(main, eager):
    product = sold_out()
    asked_by_user(product).cancel()
    restock(product)
    assert rows() == []


def test_somebody_who_was_shut_out_is_not_told(main, fake, eager):
    product = sold_out()
    alert = asked_by_user(product)
    restock(product)
    type(alert.user).objects.filter(pk=alert.user_id).update(is_active=False)
    send(main)
    assert ("skipped", "not_wanted") in outcomes()


def test_an_alert_that_is_gone_is_not_told(main, fake, eager):
    product = sold_out()
    alert = asked_by_user(product)
    restock(product)
    alert.delete()
    send(main)
    assert outcomes() == [("skipped", "gone")]


def test_a_deleted_customer_is_not_told_by_a_guests_request_either(main, fake, eager):
    user = factories.UserFactory(email="ada@example.com")
    send(main)
    product = sold_out()
    asked_by_guest(product, "ada@example.com")
    restock(product)
    user.delete()
    send(main)
    assert told(fake) == []
    assert outcomes() == [("skipped", "erased")]
    assert fake.recreated_after_erase == []


@pytest.mark.parametrize(("days", "is_told"), [(-1, False), (1, True)])
def test_a_guest_who_was_only_marked_as_deleted_may_ask_anew(main, fake, eager, days, is_told):
    main.erase_mode = "deactivate"
    main.save()
    user = factories.UserFactory(email="ada@example.com")
    send(main)
    user.delete()
    send(main)
    product = sold_out()
    alert = asked_by_guest(product, "ada@example.com")
    moment = timezone.now() + timedelta(days=days)
    Alert.objects.filter(pk=alert.pk).update(date_created=moment)
    restock(product)
    send(main)
    assert bool(told(fake)) is is_told


def test_a_connection_that_does_not_send_them_gets_no_row(main, fake, eager):
    Connection.objects.create(name="other", api_key=KEY, api_url=fake.api_url)
    product = sold_out()
    asked_by_user(product)
    restock(product)
    noted = OutboxMessage.objects.filter(kind="event").values_list("connection_id", flat=True)
    assert list(noted) == [main.pk]


@pytest.mark.parametrize("other_event", [False, True])
def test_what_was_noted_before_it_was_switched_off_is_not_told(main, fake, eager, other_event):
    product = sold_out()
    asked_by_user(product)
    restock(product)
    main.send_back_in_stock, main.send_price_drop = False, other_event
    main.save()
    send(main)
    assert outcomes() == [("skipped", "sync_off")]
    assert told(fake) == []


# -- what it costs the shop ------------------------------------------------------------------------


def closing_queries(alert: Any) -> int:
    with CaptureQueriesContext(database) as queries:
        alert.close()
    return len(queries)


def test_switched_off_it_costs_neither_row_nor_query(main):
    alert, another = (asked_by_user(sold_out(), f"{name}@example.com") for name in "ab")
    main.send_back_in_stock = False
    main.save()
    alert.user.save()  # reads the list of connections, for some seconds
    assert closing_queries(alert) == 1
    assert rows() == []
    main.send_back_in_stock = True
    main.save()
    another.user.save()
    assert closing_queries(another) == 1 + 1  # a row
    assert rows() == [f"back_in_stock:{another.pk}"]


def test_a_saved_stock_record_costs_nothing_of_ours(main):
    """An import of 100,000 of them must not notice that we are here."""
    product = sold_out()
    asked_by_user(product)
    record = StockRecord.objects.get(product=product)
    with CaptureQueriesContext(database) as queries:
        record.num_in_stock = 7
        record.save()
        product.save()
    assert not [query for query in queries if "esputnik" in query["sql"]]
    assert rows() == []


def test_a_fixture_reports_nothing(main):
    alert = asked_by_user(sold_out())
    alert.status = Alert.CLOSED
    alert.save_base(raw=True)
    assert rows() == []


@pytest.mark.parametrize("count", [1, 12])
def test_the_queries_for_a_batch_are_the_same_however_large_it_is(main, count):
    parent = factories.ProductFactory(structure="parent", stockrecords=None)
    factories.ProductFactory(structure="child", parent=parent, product_class=None, categories=None)
    keys = []
    for number in range(count):
        user = factories.UserFactory(email=f"buyer{number}@example.com")
        alert = Alert.objects.create(user=user, product=parent)
        wish = factories.WishListFactory(owner=user)
        line = wish.lines.create(product=factories.ProductFactory(), title="x")
        guest = Alert.objects.create(email=f"g{number}@example.com", product=line.product)
        drop = f"price_drop:{line.pk}:2026-11-21:{line.product_id}:999:GBP"
        keys += [f"back_in_stock:{alert.pk}", f"back_in_stock:{guest.pk}", drop]
    shop = OscarShop()
    shop.events(keys)  # the site of the shop
    with CaptureQueriesContext(database) as queries:
        assert set(shop.events(keys)) == set(keys)
    assert len(queries) == EVENT_QUERIES


# -- the lane --------------------------------------------------------------------------------------


def test_while_esputnik_is_away_the_lane_rests_and_then_all_is_told(main, fake, eager):
    product = sold_out()
    alert = asked_by_user(product)
    restock(product)
    fake.script(Fault("status", path="/api/v3/event", status=503))
    assert send(main).get("deferred") == 1
    assert Lane.objects.get(kind="event").is_paused(timezone.now())
    assert OutboxMessage.objects.get(kind="event").attempts == 1
    later = timezone.now() + timedelta(hours=1)
    send(main, clock=lambda: later)
    assert len(told(fake)) == 1
    state = SyncState.objects.get(kind="event")
    assert (state.owner_key, set(state.locators)) == (str(alert.user_id), {"email"})
    assert "@" not in repr(state.locators)


def test_a_refused_event_is_set_aside_holds_back_no_other_and_can_be_replayed(main, fake, eager):
    product = sold_out()
    for name in "ba":  # Oscar answers the latest first
        asked_by_user(product, f"{name}@example.com")
    restock(product)
    fake.script(Fault("status", path="/api/v3/event", status=400, body={"message": "no such type"}))
    send(main)
    assert told(fake) == ["b@example.com"]
    (row,) = OutboxMessage.objects.dead()
    assert (row.kind, row.reason) == ("event", "refused")
    assert "no such type" in row.detail
    assert replay(OutboxMessage.objects.dead()) == 1
    send(main)
    assert told(fake) == ["b@example.com", "a@example.com"]


def test_events_come_after_the_people_they_are_about(main, fake, eager):
    product = sold_out()
    asked_by_user(product)
    restock(product)
    send(main)
    posts = [entry.path for entry in fake.log if entry.method == "POST"]
    assert posts == ["/api/v1/contact", "/api/v3/event"]


# -- shops that are otherwise ----------------------------------------------------------------------


def test_a_shop_without_alerts_and_wish_lists_has_no_events(main, monkeypatch):
    monkeypatch.setattr(events, "model_or_none", lambda *_: None)
    keys = ["back_in_stock:1", "price_drop:1:2026-11-21:1:10:UAH"]
    assert OscarShop().events(keys) == {}


@pytest.mark.parametrize(
    "key",
    [
        "back_in_stock:", "back_in_stock:x", "back_in_stock:1:2", "price_drop:1", "nonsense", "",
        "price_drop:1:2026-02-30:1:10:UAH", "price_drop:1:2026-11-21:1:NaN:UAH",
        "price_drop:x:2026-11-21:1:10:UAH", "back_in_stock:999999999999999999999",
    ],
)  # fmt: skip
def test_a_key_that_is_none_names_no_event(main, key):
    assert OscarShop().events([key]) == {}


def test_a_plain_shop_has_no_events_and_says_so(connection, recording):
    connection.send_back_in_stock = True
    connection.save()
    capture.event_happened(BACK_IN_STOCK.key("1"))
    assert dict(Relay(connection).run()) == {"skipped": 1}
    assert outcomes() == [("skipped", "gone")]
    assert recording.calls == []


def test_a_key_without_a_name_is_logged_and_not_noted(connection, caplog):
    connection.send_back_in_stock = True
    connection.save()
    capture.event_happened("nonsense:1")
    assert "could not note a change of event nonsense:1" in caplog.text
    assert not OutboxMessage.objects.filter(kind=Kind.EVENT.value).exists()


def test_with_an_empty_template_oscar_closes_the_alert_and_writes_to_nobody(
    main, fake, eager, settings, tmp_path, mailoutbox
):
    """What the docs advise to a shop that lets eSputnik do the writing."""
    asked_by_user(loud := sold_out())
    restock(loud)
    assert len(mailoutbox) == 1
    folder = tmp_path / "oscar/communication/emails"
    folder.mkdir(parents=True)
    (folder / "commtype_product_alert_body.txt").touch()
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    alert = asked_by_user(quiet := sold_out(), "quiet@example.com")
    restock(quiet)
    alert.refresh_from_db()
    assert alert.status == Alert.CLOSED
    assert len(mailoutbox) == 1
    send(main)
    assert "quiet@example.com" in told(fake)
