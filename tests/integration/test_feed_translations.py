"""A catalogue whose texts stand in another table is read in its languages, and in bulk."""

from __future__ import annotations

from itertools import count

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector import registry
from esputnik_connector.feed.build import Build
from esputnik_connector.models import Feed
from esputnik_connector.shops.base import Assortment
from esputnik_connector.shops.oscar.catalogue import cards
from esputnik_connector.shops.oscar.options import WAYS
from tests.translations import translated

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
StockRecord = get_model("partner", "StockRecord")
NUMBERS = count()


@pytest.fixture
def texts(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    with translated(Product, "title", "description") as made:
        yield made


@pytest.fixture
def names():
    with translated(Category, "name") as made:
        yield made


def goods(texts, *languages, parent=None):
    own = {"structure": "child", "parent": parent} if parent else {"product_class": kind()}
    (made,) = Product.objects.bulk_create([Product(slug=f"goods-{next(NUMBERS)}", **own)])
    for language in languages:
        texts.objects.create(
            master=made, language_code=language, title=f"Title {made.pk} {language}",
            description=f"Text {made.pk} {language}",
        )  # fmt: skip
    StockRecord.objects.create(
        product=made, partner=factories.PartnerFactory(), partner_sku=f"t{next(NUMBERS)}",
        price=10, price_currency="UAH", num_in_stock=1,
    )  # fmt: skip
    return made


def kind():
    found, _is_new = get_model("catalogue", "ProductClass").objects.get_or_create(name="Goods")
    return found


def read(language, **assortment):
    found = registry.shop().products(
        language=language, currency="UAH", assortment=Assortment(**assortment)
    )
    return {product.key: product for product in found}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("language", ["en", "uk"])
def test_texts_are_in_the_feeds_language_or_fall_back_as_the_shop_does(
    settings, texts, way, language
):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "SHOP_OPTIONS": {"FEED_PRICES": way},
    }
    both, english = goods(texts, "en", "uk"), goods(texts, "en")
    child = goods(texts, parent=both)
    found = read(language)
    assert found[str(both.pk)].title == f"Title {both.pk} {language}"
    assert found[str(both.pk)].description == f"Text {both.pk} {language}"
    assert found[str(english.pk)].title == f"Title {english.pk} en"
    assert found[str(child.pk)].title == f"Title {both.pk} {language}"


def test_a_product_without_any_translation_is_left_out_and_sinks_nothing(texts):
    bare, whole = goods(texts), goods(texts, "uk")
    feed = Feed.objects.create(name="uk", language="uk", currency="UAH", brand="K")
    row = Build(feed).run()
    assert (row.item_count, row.counts["no_title"]) == (1, 1)
    assert feed.problems.get(flaw="no_title").product_key == str(bare.pk)
    assert whole


def queries(language="uk"):
    with CaptureQueriesContext(connection) as captured:
        assert read(language)
    return len(captured)


def test_translations_cost_two_queries_a_page_whatever_it_holds(texts):
    parent = goods(texts, "en", "uk")
    goods(texts, "en", "uk", parent=parent)
    few = queries()
    for _ in range(20):
        goods(texts, "en", "uk")
        goods(texts, "uk", parent=parent)
    assert queries() == few


def test_categories_are_in_the_feeds_language(texts, names):
    root, leaf = Category.objects.bulk_create(
        Category(slug=path, path=path, depth=len(path) // 4) for path in ("0001", "00010001")
    )
    for category, language, name in (
        (root, "en", "Clothes"), (root, "uk", "Одяг"), (leaf, "en", "Shirts"),
        (leaf, "uk", "Сорочки"),
    ):  # fmt: skip
        names.objects.create(master=category, language_code=language, name=name)
    made = goods(texts, "en", "uk")
    made.categories.add(leaf)
    assert [one.path for one in read("uk")[str(made.pk)].categories] == ["Одяг > Сорочки"]
    assert [one.path for one in registry.shop().categories(language="en")] == [
        "Clothes",
        "Clothes > Shirts",
    ]
    with CaptureQueriesContext(connection) as captured:
        card = cards.cards([made.pk])[made.pk]
    assert (card.name, card.category) == (f"Title {made.pk} en", "Clothes > Shirts")
    assert len(captured) <= 7


def test_carts_have_the_names_too_in_as_many_queries_for_many(texts):
    def queries(number):
        pks = [goods(texts, "en", "uk").pk for _ in range(number)]
        with CaptureQueriesContext(connection) as captured:
            found = cards.cards(pks)
        assert {pk: card.name for pk, card in found.items()} == {pk: f"Title {pk} en" for pk in pks}
        return len(captured)

    assert queries(2) == queries(9)


def test_a_title_that_the_shop_computes_is_the_one_of_its_page(monkeypatch):
    monkeypatch.setattr(Product, "get_title", lambda self: f"No. {self.pk}")
    made = factories.ProductFactory(categories=None)
    assert read("en")[str(made.pk)].title == f"No. {made.pk}"
    with translation.override("en"):
        assert made.get_title() == f"No. {made.pk}"
