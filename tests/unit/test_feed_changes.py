"""Two lists of items, compared in constant memory, differ as two dictionaries would."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esputnik_connector.feed import changes, manifest
from esputnik_connector.feed.changes import LABELS, Change, change_text, compare, from_json
from esputnik_connector.feed.manifest import Manifest, line
from esputnik_connector.models.feed_build import FLAWS
from esputnik_connector.records import Availability, Category
from tests.feeds import product


def listed(products):
    """The manifest of a file with these products."""
    made = Manifest()
    assert list(made.recording(products)) == products
    made.close()
    made.file.seek(0)
    content = io.BytesIO(made.file.read())
    assert len(content.getvalue()) == made.size
    lines = list(made.lines())
    assert list(manifest.read(content)) == lines
    made.discard()
    return lines


keys = st.integers(1, 300).map(str) | st.text(min_size=1, max_size=3)
items = st.builds(
    lambda key, price, is_there, title: product(
        key=key,
        price=Decimal(price),
        availability=Availability.IN_STOCK if is_there else Availability.OUT_OF_STOCK,
        title=title,
    ),
    keys,
    st.integers(1, 3),
    st.booleans(),
    st.text(max_size=100),
)
shops = st.lists(items, max_size=30, unique_by=lambda one: one.key)


@given(former=shops, present=shops)
def test_every_change_is_counted_whatever_the_order_of_the_products(former, present):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "LINES_PER_RUN", 4)  # so that there are runs to merge
        patch.setattr(manifest, "LINES_PER_WRITE", 3)
        found = compare(listed(former), listed(present)).counts
    before = {one.key: one for one in former}
    after = {one.key: one for one in present}
    both = [(before[key], after[key]) for key in before.keys() & after.keys()]
    assert found == {
        Change.REMOVED: len(before.keys() - after.keys()),
        Change.ADDED: len(after.keys() - before.keys()),
        Change.PRICE: sum(one.price != two.price for one, two in both),
        Change.AVAILABILITY: sum(one.availability != two.availability for one, two in both),
        Change.OTHER: sum(one.title != two.title for one, two in both),
    }


@given(products=shops)
def test_a_manifest_is_the_same_whether_its_lines_were_sorted_at_once_or_in_runs(products):
    at_once = listed(products)
    assert at_once == sorted(map(line, products), key=lambda one: one.rank)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "LINES_PER_RUN", 7)
        patch.setattr(manifest, "LINES_PER_WRITE", 2)
        assert listed(products) == at_once


@pytest.mark.parametrize(
    "values",
    [
        {"title": "Other"}, {"url": "https://shop.example/o/"}, {"description": "Other"},
        {"image_urls": ()}, {"image_urls": ("https://shop.example/2.jpg",)}, {"categories": ()},
        {"categories": (Category(keys=("1", "9"), names=("Clothes", "Shirts")),)},
        {"categories": (Category(keys=("1", "2"), names=("Clothes", "Blouses")),)},
        {"group_key": "7"}, {"brand": "B"}, {"gtin": "4006381333931"}, {"mpn": "M"},
        {"google_category": "1604"}, {"attributes": {"brand": "B"}},
        {"attributes": {"color": "Kobzar"}}, {"attributes": {}},
    ],
)  # fmt: skip
def test_no_part_of_an_item_changes_unnoticed(values):
    one, other = product(), product(**values)
    assert line(one).digest != line(other).digest


def test_what_moves_from_one_field_to_another_is_a_change():
    assert line(product(brand="A", mpn="")).digest != line(product(brand="", mpn="A")).digest


def test_a_sale_is_a_change_of_price_and_of_nothing_else():
    found = compare(listed([product()]), listed([replace(product(), sale_price=Decimal("9.00"))]))
    assert [change for change, number in found.counts.items() if number] == [Change.PRICE]
    (example,) = found.examples[Change.PRICE]
    assert change_text(Change.PRICE, example) == "10.00 UAH → 9.00 (10.00) UAH"


def test_examples_are_few_and_counts_complete():
    many = [product(key=str(key)) for key in range(1, 101)]
    found = compare([], listed(many))
    assert found.counts[Change.ADDED] == 100
    assert [one.key for one in found.examples[Change.ADDED]] == [str(key) for key in range(1, 21)]
    assert from_json(found.as_json()) == found
    assert all(part["count"] for part in found.as_json().values())  # nothing is kept of nothing


def test_every_change_has_words():
    assert set(LABELS) == set(Change)
    assert set(changes.AVAILABILITY) == set(Availability)
    for flaw in FLAWS:
        told = change_text(Change.REMOVED, changes.Example(key="1", title="", after=flaw.value))
        assert told == FLAWS[flaw]
    there = changes.Example(key="1", title="", before="in_stock", after="out_of_stock")
    assert change_text(Change.AVAILABILITY, there) == "in stock → out of stock"


def test_half_a_manifest_is_an_error_and_not_a_shorter_list():
    made = Manifest()
    list(made.recording([product(key=str(key)) for key in range(50)]))
    made.close()
    made.file.seek(0)
    half = io.BytesIO(made.file.read()[: made.size // 2])
    made.discard()
    with pytest.raises((OSError, EOFError, ValueError)):
        list(manifest.read(half))
