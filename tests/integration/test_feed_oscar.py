"""A feed of an Oscar shop says what the shop says, item by item."""

from __future__ import annotations

import gc
from decimal import Decimal
from itertools import count

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from oscar.apps.partner import availability, strategy
from oscar.core.loading import get_class, get_model
from oscar.test import factories

from esputnik_connector import registry
from esputnik_connector.feed.artifact import storage
from esputnik_connector.feed.build import Build
from esputnik_connector.models import Feed
from esputnik_connector.models.feed_build import BuildStatus
from esputnik_connector.records import Availability
from esputnik_connector.shops import bulk
from esputnik_connector.shops.base import Assortment
from esputnik_connector.shops.oscar.catalogue import prices
from esputnik_connector.shops.oscar.catalogue import products as reading
from esputnik_connector.shops.oscar.options import WAYS
from tests.feeds import google_items
from tests.translations import Translated

pytestmark = [
    pytest.mark.django_db,
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

Category = get_model("catalogue", "Category")
Partner = get_model("partner", "Partner")
Product = get_model("catalogue", "Product")
ProductAttribute = get_model("catalogue", "ProductAttribute")
ProductClass = get_model("catalogue", "ProductClass")
ProductImage = get_model("catalogue", "ProductImage")
StockRecord = get_model("partner", "StockRecord")
SKUS = count()


@pytest.fixture(autouse=True)
def _settings(settings, tmp_path):
    """Oscar's own strategy, unless a test has another one."""
    settings.MEDIA_ROOT = tmp_path
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "SHOP_OPTIONS": {"PRICE_STRATEGY": "oscar.apps.partner.strategy.Default"},
    }


@pytest.fixture
def change(settings):
    def change_settings(**values: object) -> None:
        options = {**settings.ESPUTNIK_CONNECTOR.get("SHOP_OPTIONS", {}), **values}
        settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP_OPTIONS": options}

    return change_settings


@pytest.fixture
def translated(monkeypatch):
    monkeypatch.setattr(Product, "title", Translated("title"))
    monkeypatch.setattr(Category, "name", Translated("name"))


def read(currency="UAH", language="en", **assortment):
    found = registry.shop().products(
        language=language, currency=currency, assortment=Assortment(**assortment)
    )
    return {product.key: product for product in found}


def goods(price="10.00", currency="UAH", stock: int | None = 5, **fields):
    """A stand-alone product with one stock record."""
    made = factories.ProductFactory(stockrecords=None, categories=None, **fields)
    if price is not None:
        offer(made, price, currency, stock)
    return made


def offer(product, price, currency="UAH", stock: int | None = 5, **fields):
    return StockRecord.objects.create(
        product=product,
        partner=fields.pop("partner", None) or factories.PartnerFactory(),
        partner_sku=f"sku-{next(SKUS)}",
        price=price,
        price_currency=currency,
        num_in_stock=stock,
        **fields,
    )


def variations(number=2, **fields):
    parent = factories.ProductFactory(
        structure="parent", stockrecords=None, categories=None, title="Dress"
    )
    children = [
        factories.ProductFactory(
            structure="child", parent=parent, title="", product_class=None, categories=None,
            stockrecords=None, **fields,
        )
        for _ in range(number)
    ]  # fmt: skip
    for extra, child in enumerate(children):
        offer(child, 10 + extra)
    return parent, children


def build(**fields):
    feed = Feed.objects.create(
        **{"name": "main", "language": "uk", "currency": "UAH", "requires_brand": False, **fields}
    )
    return feed, Build(feed).run()


def content_of(feed):
    feed.refresh_from_db()
    with storage().open(feed.file) as file:
        return file.read()


# Ways to prices


def test_the_fast_way_is_taken_only_where_it_is_the_same(change):
    change(FEED_PRICES="stock_records")
    assert isinstance(registry.shop().prices.quoter("UAH"), prices.FromStockRecords)
    change(FEED_PRICES="stock_records", PRICE_STRATEGY=f"{__name__}.Cheaper")
    assert isinstance(registry.shop().prices.quoter("UAH"), prices.ThroughStrategy)


def test_the_fast_way_steps_back_where_a_title_is_more_than_a_column(change, translated):
    change(FEED_PRICES="stock_records")
    assert isinstance(registry.shop().prices.quoter("UAH"), prices.ThroughStrategy)


# Prices, availability, several partners


class Cheaper(strategy.Default):
    """A strategy of the shop's own: the cheapest partner, by a query of its own, with a tax."""

    def select_stockrecord(self, product):
        return product.stockrecords.filter(price__isnull=False).order_by("price").first()

    def pricing_policy(self, product, stockrecord):
        price = super().pricing_policy(product, stockrecord)
        if stockrecord is not None:
            price.tax = price.excl_tax / 5
        return price


class American(strategy.Default):
    def pricing_policy(self, product, stockrecord):
        price = super().pricing_policy(product, stockrecord)
        price.tax = None
        return price


class OnOrder(strategy.Default):
    """Everything can be ordered, there or not."""

    def availability_policy(self, product, stockrecord):
        policy = availability.StockRequired(stockrecord.net_stock_level)
        policy.is_purchase_permitted = lambda quantity: (True, "")
        return policy


@pytest.mark.parametrize("way", WAYS)
def test_a_strategy_of_the_shops_own_decides(change, way):
    change(FEED_PRICES=way, PRICE_STRATEGY=f"{__name__}.Cheaper")
    other, made = goods("1.00"), goods("20.00")
    offer(made, "10.00")
    found = read()
    assert found[str(made.pk)].price == Decimal("12.00")
    assert found[str(other.pk)].price == Decimal("1.20")  # it never sees another product's records


def test_a_price_without_known_tax_is_the_price_without_it(change):
    change(PRICE_STRATEGY=f"{__name__}.American")
    made = goods("20.00")
    assert read()[str(made.pk)].price == Decimal("20.00")


def test_what_can_be_ordered_without_stock_is_a_back_order(change):
    change(PRICE_STRATEGY=f"{__name__}.OnOrder")
    empty, full = goods(stock=0), goods(stock=3)
    found = read()
    assert found[str(empty.pk)].availability is Availability.BACKORDER
    assert found[str(full.pk)].availability is Availability.IN_STOCK


@pytest.mark.parametrize("way", WAYS)
def test_negative_stock_is_out_of_stock(change, way):
    change(FEED_PRICES=way)
    made = goods(stock=None)
    made.stockrecords.update(num_in_stock=2, num_allocated=9)
    assert read()[str(made.pk)].availability is Availability.OUT_OF_STOCK


@pytest.mark.parametrize("way", WAYS)
def test_the_currency_that_is_wanted_comes_first_and_no_other_is_converted(change, way):
    change(FEED_PRICES=way)
    both, foreign = goods("100.00"), goods("3.00", "EUR")
    offer(both, "2.50", "EUR")
    assert read("UAH")[str(both.pk)].price == Decimal("100.00")
    found = read("EUR")[str(both.pk)]
    assert (found.price, found.currency) == (Decimal("2.50"), "EUR")
    assert read("UAH")[str(foreign.pk)].currency == "EUR"  # the feed leaves it out
    feed, row = build(currency="UAH")
    assert str(foreign.pk) not in google_items(content_of(feed))
    assert row.counts["other_currency"] == 1


# Parity


@st.composite
def catalogues(draw):
    amounts = st.decimals(0, 10_000, places=2) | st.none()
    record = st.tuples(amounts, st.sampled_from(["UAH", "EUR"]), st.integers(0, 3) | st.none())
    one = st.tuples(
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20),
        st.lists(record, max_size=3),
        st.booleans(),
    )
    return draw(st.lists(one, min_size=1, max_size=5))


@pytest.mark.parametrize("way", WAYS)
@hypothesis_settings(
    max_examples=12,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking would take minutes of database work
)
@given(catalogue=catalogues())
def test_feed_page_cart_and_order_agree(change, way, catalogue):
    change(FEED_PRICES=way)
    with transaction.atomic():
        _compare(catalogue)
        transaction.set_rollback(True)


def _compare(catalogue):
    asked = registry.shop().prices.strategy()
    basket, order = factories.BasketFactory(), factories.OrderFactory()
    basket.strategy = asked
    parent, _children = variations(0)
    for title, records, is_variation in catalogue:
        kind = {"structure": "child", "parent": parent, "product_class": None}
        made = goods(None, title=title, **(kind if is_variation else {}))
        for price, currency, stock in records:
            offer(made, price, currency, stock)
    found = read("UAH")
    assert set(found) == {str(pk) for pk in sellable().values_list("pk", flat=True)}
    for product in sellable():
        shown = found[str(product.pk)]
        info = asked.fetch_for_product(product, product.stockrecords.order_by("pk").first())
        with translation.override("en"):
            assert shown.url == f"https://shop.example{product.get_absolute_url()}"
        if info.price.currency in ("UAH", None):
            assert shown.price == info.price.excl_tax
            assert (shown.availability is Availability.IN_STOCK) == (
                info.availability.is_available_to_buy
            )
        if info.stockrecord is not None and info.stockrecord.price is not None:
            factories.OrderLineFactory(order=order, product=product)
        if shown.price is not None and info.price.currency == "UAH":
            basket.lines.create(
                product=product, stockrecord=info.stockrecord, line_reference=str(product.pk),
                quantity=1, price_currency="UAH", price_excl_tax=info.price.excl_tax,
            )  # fmt: skip
    for item in registry.shop().carts([str(basket.pk)])[str(basket.pk)].items:
        assert (item.unit_price, item.url) == _price_and_page(found[item.product_key])
    for item in registry.shop().orders([order.number])[order.number].items:
        assert item.url == found[item.product_key].url


def _price_and_page(product):
    return product.price, product.url


def sellable():
    return Product.objects.exclude(structure="parent")


def test_a_shop_that_computes_its_own_addresses_has_them_everywhere(monkeypatch):
    monkeypatch.setattr(Product, "get_absolute_url", lambda self: f"/p/{self.pk}")
    made = goods()
    order = factories.OrderFactory()
    factories.OrderLineFactory(order=order, product=made)
    address = f"https://shop.example/p/{made.pk}"
    assert read()[str(made.pk)].url == address
    assert registry.shop().orders([order.number])[order.number].items[0].url == address


# What is in it


def test_a_variation_borrows_what_it_lacks_from_its_parent():
    parent, (child, _other) = variations()
    category = Category.add_root(name="Clothes")
    parent.categories.add(category)
    ProductImage.objects.create(product=parent, original=stored("a.jpg"))
    Product.objects.filter(pk=parent.pk).update(description="Linen")
    found = read()[str(child.pk)]
    assert (found.title, found.description) == ("Dress", "Linen")
    assert found.image_urls == ("https://shop.example/media/a.jpg",)
    assert [one.path for one in found.categories] == ["Clothes"]
    assert found.group_key == str(parent.pk)
    assert str(parent.pk) not in read()


def stored(name):
    default_storage.save(name, ContentFile(b"picture"))
    return name


def test_one_item_may_stand_for_all_variations():
    parent, (first, second) = variations()
    first.stockrecords.update(num_in_stock=0)
    single = goods("7.00")
    found = read(is_one_per_parent=True)
    assert set(found) == {str(parent.pk), str(single.pk)}
    assert found[str(parent.pk)].price == Decimal("11.00")  # the one that can be bought
    assert found[str(parent.pk)].availability is Availability.IN_STOCK
    assert found[str(single.pk)].price == Decimal("7.00")
    assert second


def test_what_is_not_public_is_out():
    hidden = goods(is_public=False)
    parent, (child, _other) = variations()
    Product.objects.filter(pk=parent.pk).update(is_public=False)
    assert not {str(hidden.pk), str(child.pk)} & set(read())


def test_a_feed_may_be_of_some_categories_with_all_below_them():
    root = Category.add_root(name="Clothes")
    leaf = root.add_child(name="Shirts")
    other = Category.add_root(name="Books")
    shirt, book = goods(), goods()
    parent, (child, _second) = variations()
    shirt.categories.add(leaf)
    parent.categories.add(leaf)
    book.categories.add(other)
    found = read(categories=(str(root.pk), "999", "no number"))
    assert {str(shirt.pk), str(child.pk)} <= set(found)
    assert str(book.pk) not in found
    assert read(categories=("999",)) == {}


def test_a_feed_may_be_of_some_product_classes():
    one = goods(product_class=factories.ProductClassFactory(name="Books"))
    other = goods(product_class=factories.ProductClassFactory(name="Toys"))
    found = read(product_classes=(one.product_class.slug,))
    assert set(found) == {str(one.pk)}
    assert other


def test_attributes_of_every_kind_become_texts():
    made = goods(upc="4006381333931")
    group = factories.AttributeOptionGroupFactory()
    red = factories.AttributeOptionFactory(group=group, option="red")
    blue = factories.AttributeOptionFactory(group=group, option="blue")
    values = {
        "text": "linen", "integer": 3, "boolean": True, "float": 1.5, "richtext": "<b>soft</b>",
        "date": timezone.now().date(), "option": red, "multi_option": [red, blue],
        "entity": made.product_class,
    }  # fmt: skip
    for kind, value in values.items():
        attribute = ProductAttribute.objects.create(
            product_class=made.product_class, name=kind, code=f"a_{kind}", type=kind,
            option_group=group if "option" in kind else None,
        )  # fmt: skip
        attribute.save_value(made, value)
    names = tuple(f"a_{kind}" for kind in values)
    found = read(attributes=(*names, "product.upc", "stock.sku", "product.class"))[str(made.pk)]
    assert found.attributes == {
        "a_text": "linen", "a_integer": "3", "a_boolean": "Yes", "a_float": "1.5",
        "a_richtext": "<b>soft</b>", "a_date": str(values["date"]), "a_option": "red",
        "a_multi_option": "red, blue", "a_entity": str(made.product_class),
        "product.upc": "4006381333931", "stock.sku": made.stockrecords.get().partner_sku,
        "product.class": str(made.product_class.name),
    }  # fmt: skip


def test_a_picture_that_the_storage_does_not_have_is_named():
    made = goods()
    ProductImage.objects.create(product=made, original="gone.jpg", display_order=0)
    ProductImage.objects.create(product=made, original=stored("here.jpg"), display_order=1)
    found = read()[str(made.pk)]
    assert found.image_urls == ("https://shop.example/media/here.jpg",)
    assert found.missing_images == ("gone.jpg",)


def test_media_on_a_cdn_keep_their_address(settings):
    settings.MEDIA_URL = "https://cdn.example/m/"
    made = goods()
    ProductImage.objects.create(product=made, original=stored("a b.jpg"))
    assert read()[str(made.pk)].image_urls == ("https://cdn.example/m/a%20b.jpg",)


def test_a_storefront_of_its_own_is_where_links_lead():
    made = goods()
    assert read(shop_url="https://de.shop.example/")[str(made.pk)].url.startswith(
        "https://de.shop.example/"
    )


def test_texts_and_addresses_are_in_the_feeds_language(request):
    made = goods(title="Shirt")
    request.getfixturevalue("translated")
    with translation.override("en"):
        found = registry.shop().products(language="uk", currency="UAH")
        product = next(found)
        assert translation.get_language() == "en"  # never left behind between two products
    assert product.title == "Shirt (uk)"
    assert product.url == f"https://shop.example/uk/catalogue/{made.slug}_{made.pk}/"


# Trees that are not as they should be


def test_a_broken_tree_harms_nobody():
    root = Category.add_root(name="Clothes")
    leaf = root.add_child(name="Shirts").add_child(name="Linen")
    whole, torn, hidden = goods(), goods(), goods()
    whole.categories.add(leaf)
    Category.objects.filter(pk=leaf.pk).update(depth=77, numchild=33)  # nonsense
    orphan = Category.add_root(name="Orphan").add_child(name="Lost")
    torn.categories.add(orphan)
    Category.objects.filter(name="Orphan").delete()  # by SQL elsewhere: the child stays
    secret = Category.add_root(name="Secret", is_public=False).add_child(name="Below")
    hidden.categories.add(secret)
    found = read()
    assert [one.path for one in found[str(whole.pk)].categories] == ["Clothes > Shirts > Linen"]
    assert found[str(torn.pk)].categories == ()
    assert found[str(hidden.pk)].categories == ()


def test_a_tree_that_bites_its_own_tail_is_not_followed():
    """treebeard has no parent links to follow; the worst a path can be is its own ancestor."""
    root = Category.add_root(name="A")
    child = root.add_child(name="B")
    Category.objects.filter(pk=child.pk).update(path=root.path * 60, depth=1)
    made = goods()
    made.categories.add(child)
    assert read()[str(made.pk)].categories == ()


def test_a_deep_and_wide_tree_is_read_in_a_few_queries():
    deep = Category.add_root(name="0")
    for number in range(1, 40):
        deep = deep.add_child(name="n" * 30 + str(number))
    Category.objects.bulk_create(
        Category(name=f"w{number}", slug=f"w{number}", path=f"Z{number:03}", depth=1)
        for number in range(500)
    )
    made = goods()
    made.categories.add(deep)
    feed, row = build()
    (item,) = google_items(content_of(feed)).values()
    assert len(item["product_type"][0]) <= 750
    assert row.status == BuildStatus.PUBLISHED


# How much it asks, and what happens meanwhile


def test_five_thousand_variations_of_one_parent_are_only_pages():
    parent, (child, _other) = variations()
    partner = factories.PartnerFactory()
    made = Product.objects.bulk_create(
        Product(structure="child", parent=parent, title="", slug=f"v{number}")
        for number in range(5000)
    )
    StockRecord.objects.bulk_create(
        StockRecord(
            product=product, partner=partner, partner_sku=f"v{number}", price=10 + number,
            price_currency="UAH", num_in_stock=1,
        )
        for number, product in enumerate(made)
    )  # fmt: skip
    with CaptureQueriesContext(connection) as captured:
        found = read()
    assert len(found) == 5002
    assert len(captured) < 70
    one = read(is_one_per_parent=True)[str(parent.pk)]
    assert one.price == Decimal("10.00")
    assert child


def test_what_is_deleted_while_the_build_runs_is_missing_and_nothing_else(monkeypatch):
    monkeypatch.setattr(reading, "PAGE", 4)
    kept = [goods() for _ in range(9)]
    _parent, children = variations()
    pks = [product.pk for product in (*kept, *children)]
    found = registry.shop().products(language="en", currency="UAH")
    keys = [next(found).key for _ in range(4)]
    kept[0].delete()  # seen already
    kept[6].delete()  # yet to come
    keys += [product.key for product in found]
    assert keys == [str(pk) for pk in sorted(pks) if pk != pks[6]]


@pytest.mark.parametrize("way", WAYS)
def test_a_parent_that_is_deleted_between_two_queries_takes_its_variations_along(
    change, monkeypatch, way
):
    change(FEED_PRICES=way)
    parent, children = variations()
    single = goods()
    read_parents = reading.Reader._parents

    def delete_first(self, found):
        parent.delete()
        return read_parents(self, found)

    monkeypatch.setattr(reading.Reader, "_parents", delete_first)
    assert set(read()) == {str(single.pk)}
    assert children


def test_a_collector_that_was_on_is_on_between_two_products_and_after_an_error(monkeypatch):
    goods(), goods()
    found = registry.shop().products(language="en", currency="UAH")
    assert next(found)
    assert gc.isenabled()
    monkeypatch.setattr(reading.Reader, "page", lambda *_arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        read()
    assert gc.isenabled()
    gc.disable()
    try:
        with reading.collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("vendor", ["as_sql", "as_postgresql"])
def test_among_keys_is_the_same_in_both_ways_of_asking(monkeypatch, vendor):
    made = [goods() for _ in range(3)]
    if vendor == "as_sql":  # as for every other database
        monkeypatch.delattr(bulk.Among, "as_postgresql")
    for name, keys in (("pk", [made[0].pk, made[2].pk]), ("upc", [made[0].upc, made[2].upc])):
        found = Product.objects.filter(bulk.among(name, keys), is_public=True)
        assert {product.pk for product in found} == {made[0].pk, made[2].pk}
    records = StockRecord.objects.filter(bulk.among("product_id", [made[1].pk]))
    assert [record.product_id for record in records] == [made[1].pk]
    products = Product.objects.order_by("pk")
    both = [made[0].pk, 2**31 + made[0].pk]  # a number that no column of 32 bits holds
    assert [one.pk for one in products.filter(bulk.among("pk", both))] == [made[0].pk]
    assert [one.pk for one in products.filter(bulk.among("pk", [str(made[1].pk)]))] == [made[1].pk]
    assert not products.filter(bulk.among("upc", [made[0].pk]))  # a number where texts stand


# Sale prices


def site_offer(products_, percent=10, **fields):
    chosen = factories.RangeFactory(products=products_)
    return factories.ConditionalOfferFactory(
        name=f"offer {timezone.now().timestamp()}",
        offer_type="Site",
        condition=factories.ConditionFactory(range=chosen, type="Count", value=1),
        benefit=factories.BenefitFactory(
            range=chosen, type="Percentage", value=percent, max_affected_items=None
        ),
        **{"max_basket_applications": None, **fields},
    )


def paid(product):
    """What a basket with one of it costs."""
    basket = factories.BasketFactory()
    basket.strategy = registry.shop().prices.strategy()
    basket.add_product(product)
    get_class("offer.applicator", "Applicator")().apply(basket)
    return basket.total_incl_tax


def test_a_sale_price_is_what_the_basket_asks():
    reduced, other = goods("297.45"), goods("100.00")
    site_offer([reduced], percent=5)
    found = read()
    assert found[str(reduced.pk)].price == Decimal("297.45")
    assert found[str(reduced.pk)].sale_price == paid(reduced)
    assert found[str(other.pk)].sale_price is None
    assert read(with_offers=False)[str(reduced.pk)].sale_price is None


def test_a_sale_price_that_is_not_sure_is_not_told():
    twice, limited, not_yet, undiscounted = goods(), goods(), goods(), goods()
    site_offer([twice]), site_offer([twice], percent=20)
    site_offer([limited], max_global_applications=5)
    site_offer([not_yet], start_datetime=timezone.now() + timezone.timedelta(days=1))
    site_offer([undiscounted])
    Product.objects.filter(pk=undiscounted.pk).update(is_discountable=False)
    assert [product.sale_price for product in read().values()] == [None] * 4


def test_an_offer_that_takes_two_pieces_leaves_the_price_of_one_alone():
    made = goods("10.00")
    site_offer([made])
    multi = site_offer([made], percent=50)
    multi.condition.value = 2
    multi.condition.save()
    assert read()[str(made.pk)].sale_price == paid(made) == Decimal("9.00")
