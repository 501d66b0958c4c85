"""What is wrong with a product is noted with a reason; what makes no sense is left out."""

from __future__ import annotations

from decimal import Decimal

import pytest

from esputnik_connector.feed.problems import EXAMPLES
from esputnik_connector.feed.safeguards import verdict
from esputnik_connector.models.feed_build import FLAWS, BuildStatus, Flaw
from esputnik_connector.records import Availability, Category
from tests.feeds import RULES, fitted, product


def rules(**values):
    return type(RULES)(**{**vars(RULES), **values})


@pytest.mark.parametrize(
    ("flaw", "values"),
    [
        (Flaw.NO_PRICE, {"price": None}),
        (Flaw.NO_PRICE, {"price": Decimal(-1)}),
        (Flaw.NO_PRICE, {"price": Decimal("NaN")}),
        (Flaw.NO_PRICE, {"price": Decimal("1E+40")}),
        (Flaw.OTHER_CURRENCY, {"currency": "EUR"}),
        (Flaw.NO_TITLE, {"title": ""}),
        (Flaw.NO_LINK, {"url": ""}),
        (Flaw.NOT_ABSOLUTE, {"url": "/catalogue/1/"}),
        (Flaw.TOO_LONG, {"url": f"https://shop.example/{'a' * 2000}"}),
        (Flaw.TOO_LONG, {"key": "k" * 51}),
    ],
)
def test_a_product_that_makes_no_sense_is_left_out_with_a_reason(flaw, values):
    found, problems = fitted(product(**values))
    assert found == []
    assert problems.counts == {flaw.value: 1}
    assert problems.left_out == problems.flawed == 1


@pytest.mark.parametrize(
    ("flaw", "values"),
    [
        (Flaw.ZERO_PRICE, {"price": Decimal(0)}),
        (Flaw.PRICE_ROUNDED, {"price": Decimal("9.9999")}),
        (Flaw.NO_IMAGE, {"image_urls": ()}),
        (Flaw.IMAGE_MISSING, {"missing_images": ("gone.jpg",)}),
        (Flaw.NO_DESCRIPTION, {"description": "<p> &nbsp; </p>"}),
        (Flaw.NO_BRAND, {"attributes": {}}),
        (Flaw.NO_CATEGORY, {"categories": ()}),
        (Flaw.TOO_LONG, {"title": "t" * 151}),
        (Flaw.NOT_HTTPS, {"url": "http://shop.example/1/"}),
        (Flaw.NOT_HTTPS, {"image_urls": ("http://cdn.example/1.jpg",)}),
    ],
)
def test_a_lesser_flaw_is_noted_and_the_product_stays(flaw, values):
    found, problems = fitted(product(**values))
    assert len(found) == 1
    assert problems.counts == {flaw.value: 1}
    assert (problems.left_out, problems.flawed) == (0, 1)


def test_an_address_of_a_picture_that_is_not_absolute_is_dropped():
    found, problems = fitted(product(image_urls=("/media/1.jpg", "https://cdn.example/2.jpg")))
    assert found[0].image_urls == ("https://cdn.example/2.jpg",)
    assert problems.counts == {"not_absolute": 1}


def test_an_address_of_a_picture_that_is_too_long_is_dropped_and_not_cut():
    long = f"https://shop.example/{'a' * 2000}.jpg"
    found, problems = fitted(product(image_urls=(long,)))
    assert found[0].image_urls == ()
    assert problems.counts == {"too_long": 1, "no_image": 1}


def test_a_condition_that_no_feed_knows_is_left_empty():
    values = rules(fields={"brand": "brand", "condition": "state"})
    for raw, shown in (("Used", "used"), ("like new", None)):
        attributes = {"brand": "Kobzar", "state": raw}
        found, problems = fitted(product(attributes=attributes), rules=values)
        assert found[0].attributes.get("condition") == shown
        assert problems.counts == {}


def test_a_category_without_a_google_category_leaves_the_field_empty():
    values = rules(uses_google_taxonomy=True, google_categories={"9": "1604"})
    shirts = Category(keys=("1", "2"), names=("Clothes", "Shirts"))
    hats = Category(keys=("9", "3"), names=("Sale", "Hats"))
    found, _problems = fitted(product(categories=(shirts,)), rules=values)
    assert found[0].google_category == ""
    found, _problems = fitted(product(categories=(shirts, hats)), rules=values)
    assert found[0].google_category == "1604"


def test_the_category_is_the_shops_own_path_unless_googles_is_asked_for():
    shirts = Category(keys=("1", "2"), names=("Clothes", "Shirts"))
    mapping = {"1": "1604"}
    found, problems = fitted(product(categories=(shirts,)), rules=rules(google_categories=mapping))
    assert found[0].google_category == "Clothes > Shirts"
    assert not problems.counts
    found, problems = fitted(product(categories=()))
    assert found[0].google_category == ""
    assert problems.counts["no_category"] == 1


def test_what_esputnik_requires_and_a_product_lacks_is_a_problem_each():
    _found, problems = fitted(product(attributes={}, description="", image_urls=()))
    assert problems.counts == {"no_brand": 1, "no_description": 1, "no_image": 1}


def test_the_second_product_of_an_id_is_left_out():
    found, problems = fitted(product(), product(title="Again"), product(key="2"))
    assert [one.key for one in found] == ["1", "2"]
    assert problems.counts == {"duplicate_id": 1}


def test_a_wrong_gtin_is_left_empty_and_noted():
    found, problems = fitted(
        product(attributes={"brand": "K", "upc": "123"}),
        rules=rules(fields={"brand": "brand", "gtin": "upc"}),
    )
    assert found[0].gtin == ""
    assert problems.counts == {"bad_gtin": 1}


def test_a_brand_is_not_asked_for_where_none_is_required():
    found, problems = fitted(product(attributes={}), rules=rules(requires_brand=False))
    assert found[0].brand == ""
    assert not problems.counts


def test_a_feed_has_a_brand_for_products_without_one():
    found, problems = fitted(product(attributes={}), rules=rules(brand="House"))
    assert found[0].brand == "House"
    assert not problems.counts


def test_what_is_out_of_stock_stays_unless_only_the_buyable_is_wanted():
    gone = product(availability=Availability.OUT_OF_STOCK)
    assert len(fitted(gone)[0]) == 1
    found, problems = fitted(gone, rules=rules(only_buyable=True))
    assert found == []
    assert not problems.counts
    back_order = product(availability=Availability.BACKORDER)
    assert len(fitted(back_order, rules=rules(only_buyable=True))[0]) == 1


def test_the_nearest_mapped_category_gives_googles():
    deep = Category(keys=("1", "2", "3"), names=("a", "b", "c"))
    mapping = {"1": "far", "2": "near"}
    found, _ = fitted(
        product(categories=(deep,)),
        rules=rules(uses_google_taxonomy=True, google_categories=mapping),
    )
    assert found[0].google_category == "near"


def test_a_sale_price_that_is_no_gain_is_not_told():
    found, _ = fitted(product(price=Decimal("10.00"), sale_price=Decimal("9.999")))
    assert found[0].sale_price is None


def test_examples_are_limited_and_counts_are_not():
    many = (product(key=str(number), categories=()) for number in range(EXAMPLES + 20))
    _found, problems = fitted(*many)
    assert problems.counts == {"no_category": EXAMPLES + 20}
    assert len(problems.examples) == EXAMPLES


def test_every_flaw_has_its_words():
    assert set(FLAWS) == set(Flaw)


@pytest.mark.parametrize(
    ("written", "found", "former", "status"),
    [
        (100, 100, 0, BuildStatus.PUBLISHED),
        (80, 80, 100, BuildStatus.PUBLISHED),
        (79, 79, 100, BuildStatus.HELD),
        (0, 0, 0, BuildStatus.HELD),
        (0, 0, 100, BuildStatus.HELD),
        (100, 99, 100, BuildStatus.REFUSED),
        (100, "mismatched tag", 100, BuildStatus.REFUSED),
    ],
)
def test_only_a_build_as_good_as_the_last_one_is_published(written, found, former, status):
    decision = verdict(
        written=written, found=found, former=former, largest_shrink=20, is_changed=True
    )
    assert decision.status == status
    assert bool(decision.detail) == (status != BuildStatus.PUBLISHED)
