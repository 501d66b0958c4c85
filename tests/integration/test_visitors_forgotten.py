"""Whoever is erased leaves nothing of their visits behind, in whatever table it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import connection as database
from oscar.test import factories

from esputnik_connector.behaviour import Behaviour, BehaviourType, Visitor
from esputnik_connector.models import CartSession, CartVisitor, Connection, OutboxMessage
from esputnik_connector.models.storefront import Storefront
from esputnik_connector.operations.record_history.holdings import holdings_of
from esputnik_connector.pipeline.behaviour.carried import opened, written
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Cart, Kind, Subscription
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.oscar_rows import OSCAR_WARNINGS

pytestmark = [pytest.mark.django_db(transaction=True), *OSCAR_WARNINGS]

KEY = "0123456789ABCDEF0123456789ABCDEF"
OLENA = Visitor(
    cookie="1f5f0f3e-6bb4-4d6c-a3a0-3c6f5b0a9d11",
    user_agent="Mozilla/5.0",
    page_url="https://shop.example/basket/",
    language="uk",
    contact_key="42",
    email="olena@example.com",
)
TARAS = replace(OLENA, cookie="taras-browser", contact_key="43", email="taras@example.com")


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def main(fake, plain_shop, settings) -> Connection:
    esputnik = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RATE_LIMIT_STORAGE": "",
        "DEBOUNCE_SECONDS": 0,
        "DESTINATIONS": {"esputnik": {"BACKEND": esputnik, "OPTIONS": {"rate": "10000/second"}}},
    }
    connection = Connection.objects.create(
        name="main", api_key=KEY, api_url=fake.api_url, tracker_url=fake.tracker_url
    )
    site_id, _ = fake._state.site.register("shop.example")
    Storefront.objects.create(
        connection=connection, domain="shop.example", site_id=site_id,
        routes={"StatusCart": "tracker", "CategoryPage": "tracker"},
    )  # fmt: skip
    return connection


def cart_of(plain_shop, visitor: Visitor, key: str) -> None:
    plain_shop.baskets[key] = Cart(
        key=key, currency="UAH", contact_key=visitor.contact_key, email=visitor.email
    )
    capture.cart_visited(key, visitor)


def seen(visitor: Visitor) -> Behaviour:
    category = BehaviourType.CATEGORY_PAGE
    return Behaviour(type=category, key=category.new_key(), category_key="Cups", visitor=visitor)


def send(connection: Connection) -> None:
    connection.refresh_from_db()
    Relay(connection).run()


def erase(connection: Connection, visitor: Visitor) -> None:
    capture.contact_deleted(visitor.contact_key, locators=[visitor.email])
    send(connection)


def test_the_visitors_of_their_carts_are_forgotten_and_nobody_elses(main, fake, plain_shop):
    for visitor, key in ((OLENA, "7"), (TARAS, "8")):
        cart_of(plain_shop, visitor, key)
    send(main)
    assert CartVisitor.objects.count() == 2
    erase(main, OLENA)
    assert [row.cart_key for row in CartVisitor.objects.all()] == ["8"]


def test_the_visitor_of_a_cart_of_a_guest_is_forgotten_with_the_address(main, plain_shop):
    for visitor, key in ((OLENA, "7"), (TARAS, "8")):
        capture.cart_identified(key, email=visitor.email)
        CartVisitor.objects.create(cart_key=key, visitor=written(visitor))
    erase(main, OLENA)
    assert [row.cart_key for row in CartSession.objects.all()] == ["8"]
    assert [row.cart_key for row in CartVisitor.objects.all()] == ["8"]


def test_what_was_set_aside_of_them_is_forgotten_and_the_reason_stays(main, fake):
    fake.script(Fault("status", path="/api/v2", status=400, times=2, body={"message": "bad"}))
    for visitor in (OLENA, TARAS):
        capture.behaviour_recorded(seen(visitor))
    send(main)
    olena, taras = OutboxMessage.objects.filter(kind="behaviour", is_dead=True).order_by("pk")
    erase(main, OLENA)
    olena.refresh_from_db()
    taras.refresh_from_db()
    assert olena.payload is None
    assert (olena.is_dead, olena.reason) == (True, taras.reason)
    assert opened(taras.key, taras.payload).email == TARAS.email


def test_a_row_that_no_key_opens_keeps_nobody_from_being_forgotten(main, fake):
    fake.script(Fault("status", path="/api/v2", status=400, times=2, body={"message": "bad"}))
    for visitor in (TARAS, OLENA):
        capture.behaviour_recorded(seen(visitor))
    send(main)
    broken, olena = OutboxMessage.objects.filter(kind="behaviour").order_by("pk")
    OutboxMessage.objects.filter(pk=broken.pk).update(payload={"record": "no ciphertext"})
    erase(main, OLENA)
    olena.refresh_from_db()
    assert olena.payload is None


def test_who_asks_what_is_held_of_them_gets_their_browser_too():
    olena, taras = factories.UserFactory(), factories.UserFactory()
    mine, _other = (factories.BasketFactory(owner=user) for user in (olena, taras))
    for basket in (mine, _other):
        CartVisitor.objects.create(cart_key=str(basket.pk), visitor=written(OLENA))
    (told,) = holdings_of(str(olena.pk))["connector"]["visited_with"]
    assert told["cart"] == str(mine.pk)
    assert told["visitor"]["cookie"] == OLENA.cookie
    assert told["visitor"]["user_agent"] == OLENA.user_agent


PERSONAL = ("olena", "1f5f0f3e", "Mozilla", "380631234567")


def test_no_column_of_ours_holds_a_visitor_in_words(main, fake, plain_shop):
    """Whatever table is added later: a dump of the database shows nobody."""
    cart_of(plain_shop, replace(OLENA, phone="+380631234567"), "7")
    capture.behaviour_recorded(seen(replace(OLENA, phone="+380631234567")))
    capture.subscription_recorded(
        Subscription(key="footer:1", email=OLENA.email), only=lambda _one: True
    )
    assert OutboxMessage.objects.filter(kind=Kind.BEHAVIOUR.value).exists()
    assert OutboxMessage.objects.filter(kind=Kind.SUBSCRIPTION.value).exists()
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            if not table.startswith("esputnik_connector_"):
                continue
            cursor.execute(f'SELECT CAST(t AS text) FROM "{table}" t')
            words = " ".join(row[0] for row in cursor.fetchall())
            found = [each for each in PERSONAL if each in words]
            assert not found, f"{table}: {found}"
