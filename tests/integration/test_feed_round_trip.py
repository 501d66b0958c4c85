"""The sandbox shop, seeded once for this module: each of its feeds says what the shop says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Max
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from oscar.core.loading import get_class, get_model
from oscar.test import factories

from esputnik_connector import registry
from esputnik_connector.behaviour import Behaviour, BehaviourType, Visitor
from esputnik_connector.destinations.base import Account
from esputnik_connector.destinations.esputnik.behaviour import browser, event, tracker
from esputnik_connector.destinations.esputnik.orders.payload import order_envelope
from esputnik_connector.feed.artifact import storage
from esputnik_connector.feed.build import Build
from esputnik_connector.feed.normalise import plain_text
from esputnik_connector.models import Feed
from esputnik_connector.models.feed_build import BuildStatus
from esputnik_connector.shops.base import Assortment
from esputnik_connector.shops.oscar.catalogue import prices
from esputnik_connector.shops.oscar.catalogue import products as reading
from esputnik_connector.tracking.carts import items_of as bought_items
from tests.feeds import google_items
from tests.translations import Translated

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

Category = get_model("catalogue", "Category")
Partner = get_model("partner", "Partner")
Product = get_model("catalogue", "Product")
ProductClass = get_model("catalogue", "ProductClass")
StockRecord = get_model("partner", "StockRecord")
BASE = "https://shop.example"
OSCARS_OWN = "oscar.apps.partner.strategy.Default"
ODD = 200  # items at least, of which some are odd


@pytest.fixture(scope="module", autouse=True)
def _seeded(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[None]:
    """In a transaction around those of the tests. Pictures are a few bytes instead of ninety."""
    with (
        django_db_blocker.unblock(),
        override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")),
        pytest.MonkeyPatch.context() as patch,
        transaction.atomic(),
    ):
        patch.setattr("sandbox_project.shop.stock.picture", lambda goods: goods.sku.encode())
        call_command("seed", verbosity=0, staff_password="sandbox")
        with connection.cursor() as cursor:  # nobody else sees these rows, so nobody counts them
            cursor.execute("ANALYZE")
        yield
        transaction.set_rollback(True)


@pytest.fixture
def change(settings):
    def change_settings(**values: object) -> None:
        options = {**settings.ESPUTNIK_CONNECTOR.get("SHOP_OPTIONS", {}), **values}
        settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP_OPTIONS": options}

    return change_settings


@pytest.fixture
def odd_things():
    """Several records in one currency, odd stock, prices that are missing, and what is hidden."""
    second = Partner.objects.create(code="second", name="Second")
    sold = list(Product.objects.exclude(structure="parent").order_by("pk"))
    for number, product in enumerate(sold):
        own = product.stockrecords.get(price_currency="UAH")
        if number % 3 == 0:
            StockRecord.objects.create(
                product=product, partner=second, partner_sku=f"second-{number}", num_in_stock=1,
                price_currency="EUR" if number % 2 else "UAH", price=own.price / 40,
            )  # fmt: skip
        if number % 7 == 0:
            product.stockrecords.filter(price_currency="EUR").update(num_in_stock=0)
        if number % 11 == 0:
            StockRecord.objects.filter(pk=own.pk).update(num_in_stock=1, num_allocated=3)
        if number % 13 == 0:
            StockRecord.objects.filter(pk=own.pk).update(price=None)
        if number % 17 == 0:
            own.delete()
    ProductClass.objects.filter(slug="book").update(track_stock=False)
    Product.objects.filter(pk__in=[product.pk for product in sold[::19]]).update(is_public=False)
    parent = Product.objects.filter(structure="parent").order_by("pk").first()
    Product.objects.filter(pk=parent.pk).update(is_public=False)
    Category._base_manager.filter(slug="mugs").update(is_public=False)
    assert len(sold) > ODD


def shown_by_the_shop(language: str, currency: str, *, is_oscars_own: bool = False) -> Any:
    """Asked product by product, as a template would.

    :param is_oscars_own: Oscar's own strategy takes the first stock record of no order; here it
        is told which.
    """
    asked = registry.shop().prices.strategy()
    found = {}
    with translation.override(language):
        for product in Product.objects.filter(is_public=True).exclude(structure="parent"):
            if product.is_child and not product.parent.is_public:
                continue
            ordered = product.stockrecords.order_by("pk")
            info = asked.fetch_for_product(product, ordered.first() if is_oscars_own else None)
            if info.price.exists and info.price.currency != currency:
                record = ordered.filter(price_currency=currency).first()
                info = record and asked.fetch_for_product(product, stockrecord=record)
            if info and info.price.exists and info.price.currency == currency:
                found[str(product.pk)] = _shown(product, info, currency)
    return found


def _shown(product, info, currency):
    is_there = info.availability.is_available_to_buy
    return {
        "title": product.get_title(),
        "description": plain_text(product.description or product.parent.description),
        "link": f"{BASE}{product.get_absolute_url()}",
        "price": f"{info.price.incl_tax:.2f} {currency}",
        "availability": "in_stock" if is_there else "out_of_stock",
        "item_group_id": str(product.parent_id) if product.is_child else None,
        "image_link": f"{BASE}{product.primary_image().original.url}",
        "mpn": info.stockrecord.partner_sku,
        "product_type": [
            " > ".join([*(one.name for one in category.get_ancestors()), category.name])
            for category in product.get_categories()
            if category.is_public
        ],
        "size": next(
            (value.value_as_text for value in product.get_attribute_values()
             if value.attribute.code == "size"), None,
        ),
    }  # fmt: skip


def items_of(feed):
    row = Build(feed).run()
    assert row.status == BuildStatus.PUBLISHED
    feed.refresh_from_db()
    with storage().open(feed.file) as file:
        items = google_items(file.read())
    assert len(items) == row.item_count
    return items


def assert_same(items, wanted):
    assert items.keys() == wanted.keys()
    for key, said in wanted.items():
        assert {name: items[key].get(name) for name in said} == said


def test_the_sandbox_has_two_languages_two_currencies_and_a_catalogue():
    assert set(Feed.objects.values_list("name", "language", "currency")) == {
        ("uk", "uk", "UAH"), ("uk-eur", "uk", "EUR"), ("en", "en", "UAH"), ("en-eur", "en", "EUR"),
    }  # fmt: skip
    assert Product.objects.exclude(structure="parent").count() == 210
    assert Product.objects.filter(structure="child").count() == 77
    assert Category.objects.filter(depth=3).count() == 12
    assert set(StockRecord.objects.values_list("price_currency", flat=True)) == {"UAH", "EUR"}


@pytest.mark.parametrize(("name", "number"), [("uk", 210), ("en", 210), ("uk-eur", 175),
                                              ("en-eur", 175)])  # fmt: skip
def test_each_feed_of_the_sandbox_says_what_its_shop_says(name, number):
    feed = Feed.objects.get(name=name)
    items = items_of(feed)
    assert len(items) == number
    assert_same(items, shown_by_the_shop(feed.language, feed.currency))
    assert all(item["link"].startswith(f"{BASE}/{feed.language}/") for item in items.values())
    assert {item["brand"] for item in items.values()} == {project_settings.OSCAR_SHOP_NAME}


def test_a_reduced_book_costs_in_the_feed_what_it_costs_in_the_basket():
    items = items_of(Feed.objects.get(name="uk"))
    books = Product.objects.filter(product_class__slug="book")
    assert books.count() == 28
    for product in books:
        basket = factories.BasketFactory()
        basket.strategy = registry.shop().prices.strategy()
        basket.add_product(product)
        get_class("offer.applicator", "Applicator")().apply(basket)
        assert items[str(product.pk)]["sale_price"] == f"{basket.total_incl_tax:.2f} UAH"
    reduced = [key for key, item in items.items() if "sale_price" in item]
    assert len(reduced) == 28


def feed_of(language, currency, way):
    feed = Feed.objects.create(
        name=way.replace("_", "-"), language=language, currency=currency, requires_brand=False
    )
    for name, attribute in (("size", "size"), ("mpn", "stock.sku")):
        feed.attributes.create(field=name, attribute=attribute)
    return feed


@pytest.mark.parametrize("language", ["uk", "en"])
@pytest.mark.parametrize("currency", ["UAH", "EUR"])
def test_a_shop_with_odd_things_survives_the_round_trip_in_each_way(
    odd_things, change, monkeypatch, language, currency
):
    change(FEED_PRICES="stock_records", PRICE_STRATEGY=OSCARS_OWN)
    assert isinstance(registry.shop().prices.quoter(currency), prices.FromStockRecords)
    items = items_of(feed_of(language, currency, "stock_records"))
    assert_same(items, shown_by_the_shop(language, currency, is_oscars_own=True))

    monkeypatch.setattr(Product, "title", Translated("title"))
    monkeypatch.setattr(Category, "name", Translated("name"))
    change(PRICE_STRATEGY="")
    wanted = shown_by_the_shop(language, currency)
    assert len(wanted) > ODD // 2
    for way in ("strategy", "one_by_one"):
        change(FEED_PRICES=way)
        assert_same(items_of(feed_of(language, currency, way)), wanted)


def queries_of(size):
    found = registry.shop().products(
        language="en", currency="UAH", assortment=Assortment(attributes=("size", "stock.sku"))
    )
    with CaptureQueriesContext(connection) as captured:
        assert len(list(found)) == size
    return len(captured)


@pytest.mark.parametrize("way", ["strategy", "stock_records"])
def test_queries_per_page_are_the_same_whatever_a_page_holds(change, monkeypatch, way):
    change(FEED_PRICES=way, PRICE_STRATEGY=OSCARS_OWN)
    monkeypatch.setattr(reading, "PAGE", 10)
    sellable = Product.objects.exclude(structure="parent")
    total = sellable.count()
    pages = total // 10 + 1
    everything = queries_of(total)
    hundredth = sellable.filter(
        pk__in=list(sellable.order_by("pk").values_list("pk", flat=True)[:100])
    ).aggregate(last=Max("pk"))["last"]
    Product.objects.filter(pk__gt=hundredth).update(is_public=False)
    hundred = queries_of(100)
    per_page = (everything - hundred) / (pages - 11)
    assert per_page <= 9  # 6, and those of the one open offer
    assert everything <= 9 * pages + 12


# Behaviour speaks of the same things as the feed


ACCOUNT = Account(name="main", api_key="a key", api_url="https://esputnik.test/api", salt="s")
SEEN_BY = Visitor(cookie="c", user_agent="Mozilla/5.0", contact_key="1", email="a@example.com")


def told(behaviour_type, **more):
    """What each way says: browser, tracker, event."""
    seen = Behaviour(
        type=behaviour_type, key="k", happened_at=timezone.now(), visitor=SEEN_BY, **more
    )
    return (
        browser.call(seen)[2],
        tracker.body(seen, site_id="8A412DC"),
        event.event(seen)["params"],
    )


def test_what_is_looked_at_has_the_id_the_price_and_the_currency_of_the_feed_on_every_way():
    items = items_of(Feed.objects.get(name="uk"))
    keys = sorted(items, key=int)[::9]
    seen = registry.shop().viewed(keys)
    assert set(seen) == set(keys)
    for key in keys:
        amount, code = (items[key].get("sale_price") or items[key]["price"]).split()
        full = items[key]["price"].split()[0]
        in_browser, by_tracker, as_event = told(BehaviourType.PRODUCT_PAGE, product=seen[key])
        page = in_browser["ProductPage"]
        product = by_tracker["ProductPage"]["Product"]
        ids = {page["productKey"], product["productKey"], as_event["product"]["productId"]}
        assert ids == {key}
        price, currency = product["price"].split()
        assert {price, page["price"], f"{as_event['product']['price']:.2f}"} == {price}
        assert price in (amount, full)
        assert {currency, as_event["currencyCode"]} == {code} == {"UAH"}


def test_a_cart_has_the_ids_and_the_currency_of_the_feed_on_every_way():
    items = items_of(Feed.objects.get(name="uk"))
    basket = factories.BasketFactory()
    basket.strategy = registry.shop().prices.strategy()
    for product in Product.objects.exclude(structure="parent").order_by("pk")[:5]:
        basket.add_product(product)
    cart = registry.shop().carts([str(basket.pk)])[str(basket.pk)]
    in_browser, by_tracker, as_event = told(
        BehaviourType.STATUS_CART, items=cart.items, currency=cart.currency, guid="g"
    )
    tracked = by_tracker["StatusCart"]["Products"]
    lines = [
        [(one["productKey"], one["price"]) for one in in_browser["StatusCart"]],
        [(one["productKey"], f"{one['price']:.2f}") for one in tracked],
        [(one["productId"], f"{one['price']:.2f}") for one in as_event["products"]],
    ]
    assert lines[0] == lines[1] == lines[2]
    assert [(key, f"{price} UAH") for key, price in lines[0]] == [
        (key, items[key]["price"]) for key, _price in lines[0]
    ]
    assert as_event["currencyCode"] == "UAH"


def test_each_category_is_told_by_a_name_that_stands_in_the_feed_on_every_way():
    paths = {
        item["google_product_category"] for item in items_of(Feed.objects.get(name="uk")).values()
    }
    assert len(paths) > 5
    for path in paths:
        in_browser, by_tracker, as_event = told(BehaviourType.CATEGORY_PAGE, category_key=path)
        names = {
            in_browser["CategoryPage"]["categoryKey"],
            by_tracker["CategoryPage"]["Category"]["categoryKey"],
            as_event["category"]["productCategoryId"],
        }
        assert len(names) == 1
        assert names <= set(path.split(" > "))


def test_the_account_is_told_the_same_id_and_price_by_the_order_and_by_its_purchase():
    basket = factories.BasketFactory()
    basket.strategy = registry.shop().prices.strategy()
    for product in Product.objects.exclude(structure="parent").order_by("-pk")[:3]:
        basket.add_product(product, quantity=3)
    placed = factories.create_order(basket=basket, guest_email="guest@example.com")
    order = registry.shop().orders([str(placed.number)])[str(placed.number)]
    sent = order_envelope(order, account=ACCOUNT, last=None).payload["order"]["items"]
    seen = Behaviour(
        type=BehaviourType.PURCHASED_ITEMS, key="k", happened_at=timezone.now(), visitor=SEEN_BY,
        items=bought_items(order), currency=order.currency, order_number=order.key,
    )  # fmt: skip
    by_tracker = tracker.body(seen, site_id="8A412DC")["PurchasedItems"]["Products"]
    in_browser = browser.call(seen)[2]["PurchasedItems"]
    wanted = [(one["externalItemId"], f"{one['cost']:.2f}", one["quantity"]) for one in sent]
    assert [(o["product_id"], o["unit_price"], o["quantity"]) for o in by_tracker] == wanted
    assert [(o["productKey"], o["price"], int(o["quantity"])) for o in in_browser] == wanted
    assert {one["currency"] for one in in_browser} == {order.currency}
