"""A shop with a month behind it, as the screens of the merchant show it.

What it has is sent to the fake eSputnik by the ways of the connector itself: most of it arrives,
and one status is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector import api
from esputnik_connector.models import (
    Backfill,
    Connection,
    Feed,
    Heartbeat,
    OutboxMessage,
    OutcomeHour,
    SyncState,
)
from esputnik_connector.models.outcome_hour import hour_of
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Kind

PEOPLE = (
    ("olena", "Олена", "Шевченко", "+380501234567"),
    ("taras", "Тарас", "Мельник", "+380671112233"),
    ("iryna", "Ірина", "Бондаренко", "+380931234567"),
    ("andrii", "Андрій", "Коваленко", "+380661234567"),
    ("olenab", "Олена", "Бойко", "+380991234567"),
)
GOODS = (
    "Чайник емальований",
    "Кавоварка гейзерна",
    "Рушник лляний",
    "Свічка соєва",
    "Плед вовняний",
)


FIELDS = (
    {"id": 20001, "name": "Дата народження", "type": "DATE"},
    {"id": 20002, "name": "Сума покупок", "type": "DECIMAL"},
    {"id": 20003, "name": "Кількість замовлень", "type": "NUMBER"},
)


@dataclass(frozen=True, kw_only=True)
class Month:
    """What the screens are about."""

    connection: Connection
    feed: Feed
    run: Backfill
    refused: str  # number of an order
    olena: Any

    @property
    def order_pk(self) -> Any:
        return get_model("order", "Order").objects.get(number=self.refused).pk


def a_month(fake: Any) -> Month:
    """Set ``DEBOUNCE_SECONDS`` to 0 before."""
    for task in ("sweep", "prune", "reconcile", "feeds"):
        Heartbeat.beat(task)
    country = factories.CountryFactory(iso_3166_1_a2="UA", printable_name="Україна")
    products = [factories.create_product(title=title, price=Decimal(480)) for title in GOODS]
    get_model("partner", "StockRecord").objects.update(price_currency="UAH", num_in_stock=7)
    people = [person(*one, country=country) for one in PEOPLE]
    for number in range(24):
        placed(
            100_001 + number,
            people[number % 5],
            products[number % 5],
            country,
            hours=number * 3 // 4,
        )
    fake.configure(additional_fields=FIELDS)
    connection = Connection.objects.create(
        name="main", api_key=fake.key, api_url=fake.api_url, consent_policy="confirmed",
        created_at=timezone.now() - timedelta(days=60),
    )  # fmt: skip
    api.verify(connection)
    connection.bind()
    for mine, theirs in (("Pending", "INITIALIZED"), ("Complete", "DELIVERED")):
        connection.status_mappings.create(shop_status=mine, status=theirs)
    connection.status_mappings.create(shop_status="Returned", status="RETURNED")
    connection.field_mappings.create(attribute="total_spent", field_id="20002")
    connection.field_mappings.create(attribute="order_count", field_id="20003")
    api.connect_storefront(connection, domain="shop.example")
    api.refresh_storefront(connection)
    run = sent(connection)
    over_the_day(connection)
    assert fake.take_violations()  # the status that eSputnik does not have
    api.reconcile(connection, Kind.ORDER)
    feed = Feed.objects.create(name="main", language="uk", currency="UAH", brand="Kobzar")
    api.build_feed(feed)
    refused = OutboxMessage.objects.dead().first()
    assert refused is not None
    return Month(connection=connection, feed=feed, run=run, refused=refused.key, olena=people[0])


def person(name: str, first: str, last: str, phone: str, *, country: Any) -> Any:
    user = factories.UserFactory(
        username=name, email=f"{name}@example.com", first_name=first, last_name=last
    )
    factories.UserAddressFactory(user=user, country=country, phone_number=phone)
    return user


def placed(number: int, user: Any, product: Any, country: Any, *, hours: int) -> None:
    order = factories.OrderFactory(
        user=user, number=str(number), currency="UAH",
        status="Returned" if number % 11 == 0 else ("Pending", "Complete")[number % 2],
        total_incl_tax=Decimal(480), total_excl_tax=Decimal(400),
        shipping_incl_tax=Decimal(0), shipping_excl_tax=Decimal(0),
        date_placed=timezone.now() - timedelta(hours=hours),
        shipping_address=factories.ShippingAddressFactory(
            country=country, first_name=user.first_name, last_name=user.last_name
        ),
    )  # fmt: skip
    factories.OrderLineFactory(
        order=order, product=product, quantity=1, title=product.title, partner_sku="sku",
        line_price_incl_tax=Decimal(480), line_price_excl_tax=Decimal(400),
        line_price_before_discounts_incl_tax=Decimal(480),
        line_price_before_discounts_excl_tax=Decimal(400),
        unit_price_incl_tax=Decimal(480), unit_price_excl_tax=Decimal(400),
    )  # fmt: skip


def sent(connection: Connection) -> Backfill:
    """What the shop has, and what is under way, by the ways of the connector itself."""
    run, _is_new = api.start_import(connection, Kind.CONTACT)
    while api.work_at_import(run, seconds=5) is not None:
        SyncState.objects.exclude(session="").update(poll_at=timezone.now())
    Order = get_model("order", "Order")
    for order in Order.objects.all():
        order.save()
    for _round in range(4):
        OutboxMessage.objects.unsent().update(due_at=timezone.now())
        SyncState.objects.exclude(session="").update(poll_at=timezone.now())
        Relay(Connection.objects.get(pk=connection.pk)).run(seconds=10)
    return run


def over_the_day(connection: Connection) -> None:
    """Each order is counted in the hour in which it was placed, as if it had been sent then."""
    OutcomeHour.objects.filter(connection=connection, kind="order").delete()
    refused = set(OutboxMessage.objects.dead().values_list("key", flat=True))
    for order in get_model("order", "Order").objects.all():
        row, _is_new = OutcomeHour.objects.get_or_create(
            connection=connection, hour=hour_of(order.date_placed), kind="order",
            outcome="rejected" if order.number in refused else "delivered",
            reason="refused" if order.number in refused else "",
        )  # fmt: skip
        row.records, row.timed, row.seconds = row.records + 1, row.timed + 1, row.seconds + 9
        row.save()


def page(name: str, *arguments: Any) -> str:
    """Address of a page of ours, without the host."""
    return reverse(f"admin:esputnik_connector_{name}", args=arguments)
