"""Whatever a shop's texts hold, a feed parses and follows the schema."""

from __future__ import annotations

import json
from decimal import Decimal
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esputnik_connector.feed import safeguards
from esputnik_connector.feed.formats import google, jsonl, yml
from esputnik_connector.feed.formats.base import NOT_IN_XML, Channel, xml_text
from esputnik_connector.feed.normalise import plain_text, rounded
from esputnik_connector.feed.problems import SeenKeys, gtin_is_valid
from esputnik_connector.feed.safeguards import entries_in
from esputnik_connector.identity import one_line
from esputnik_connector.records import Availability, Category
from tests.feeds import CHANNEL, RULES, G, fitted, google_items, parsed, product, written

WILD = (
    st.text(max_size=80)
    | st.text(alphabet="<>&\"'[]!-/\x00\x0b\ud800\ufffe\ufdd0\U0001fffe ]]>ґ😀\u202e", max_size=40)
    | st.sampled_from(["]]>", "<![CDATA[", "&nbsp;", "<!--", "-->", "<script>", "&#0;", "&#xD800;"])
)


@given(WILD, WILD, WILD)
def test_no_text_breaks_a_feed(title, description, brand):
    wild = product(
        title=one_line(title) or "-",
        description=description,
        attributes={"brand": brand, "size": title},
        categories=(Category(keys=("1",), names=(one_line(brand) or "-",)),),
    )
    found, _problems = fitted(wild)
    content = written(google, *found)
    assert google_items(content)["1"]["title"] == found[0].title
    parsed(written(yml, *found), "yml_feed.rng")
    assert json.loads(written(jsonl, *found))["title"] == found[0].title


@given(st.text())
def test_a_writer_given_raw_text_still_writes_xml(raw):
    """The writers do not rely on what came before them."""
    channel = Channel(**{**vars(CHANNEL), "title": f"x{raw}"})
    content = written(google, product(title=f"x{raw}", description=raw), channel=channel)
    parsed_title = parsed_document(content).findtext(f"channel/item/{G}title")
    assert parsed_title is not None


def parsed_document(content):
    from lxml import etree

    return etree.fromstring(content)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<p>Linen&nbsp;shirt</p><p>Two pockets</p>", "Linen shirt Two pockets"),
        ("a < b and b > c", "a < b and b > c"),
        ("5 &lt; 6 &amp;&amp; 7", "5 < 6 && 7"),
        ("<script>alert(1)</script>Shirt<style>p{}</style>", "Shirt"),
        ("<script>never closed", ""),
        ("<!-- hidden -->seen", "seen"),
        ("**bold** and [link](https://a.example)", "**bold** and [link](https://a.example)"),
        ("one]]>two", "one]]>two"),
        ("ta\x00b\x0bs\x1f", "tab s"),
        ("مرحبا \u202eabc", "مرحبا \u202eabc"),
        ("👩‍👩‍👧 🇺🇦", "👩‍👩‍👧 🇺🇦"),
        ("e\u0301", "é"),
        ("\ufeffstart", "start"),
    ],
)
def test_a_description_becomes_plain_text(raw, text):
    assert plain_text(raw) == text


def test_hostile_markup_takes_no_time():
    for piece in ("<script>", "<a", "<!--", "&#", "<", "&"):
        assert len(plain_text(piece * 30_000)) <= 200_000


def test_fifty_thousand_characters_are_cut_between_two_visible_characters():
    family = "👨‍👩‍👧"
    long = product(description=f"{'a' * 4998}{family}" + "b" * 50_000)
    (found,), problems = fitted(long)
    assert found.description == "a" * 4998
    assert problems.counts == {"too_long": 1}


def test_a_feed_for_esputnik_says_its_language_and_every_field():
    rules = type(RULES)(
        currency="UAH",
        fields={
            "brand": "maker", "gtin": "product.upc", "mpn": "stock.sku", "color": "colour",
            "custom_label_0": "season",
        },
        google_categories={"1": "1604"},
        is_secure=True,
    )  # fmt: skip
    full = product(
        group_key="9",
        sale_price=Decimal("8.5"),
        image_urls=tuple(f"https://cdn.example/{number}.jpg" for number in range(14)),
        attributes={
            "maker": "Kobzar", "product.upc": "4006381333931", "stock.sku": "A-1",
            "colour": "red & white", "season": "May",
        },
    )  # fmt: skip
    found, problems = fitted(full, rules=rules)
    content = written(google, *found)
    (item,) = google_items(content).values()
    assert item == {
        "id": "1",
        "title": "Shirt",
        "description": "A shirt.",
        "link": "https://shop.example/catalogue/shirt_1/",
        "image_link": "https://cdn.example/0.jpg",
        "additional_image_link": [f"https://cdn.example/{number}.jpg" for number in range(1, 11)],
        "availability": "in_stock",
        "price": "10.00 UAH",
        "sale_price": "8.50 UAH",
        "brand": "Kobzar",
        "gtin": "4006381333931",
        "mpn": "A-1",
        "google_product_category": "Clothes > Shirts",
        "item_group_id": "9",
        "product_type": ["Clothes > Shirts"],
        "condition": "new",
        "color": "red & white",
        "custom_label_0": "May",
    }
    assert parsed(content, "google_feed.rng").findtext("channel/language") == "uk"
    assert not problems.counts


def test_yml_names_the_categories_and_both_prices():
    reduced = product(sale_price=Decimal("8.50"), availability=Availability.BACKORDER)
    channel = Channel(**{**vars(CHANNEL), "categories": lambda: product().categories})
    found, _problems = fitted(reduced)
    document = parsed(written(yml, *found, channel=channel), "yml_feed.rng")
    offer = document.find("shop/offers/offer")
    assert (offer.findtext("price"), offer.findtext("oldprice")) == ("8.50", "10.00")
    assert offer.get("available") == "true"
    assert document.find("shop/categories/category").attrib == {"id": "2", "parentId": "1"}


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("19.9999", "UAH", "20.00"),
        ("0.005", "UAH", "0.01"),
        ("1499.5", "JPY", "1500"),
        ("1.2345", "KWD", "1.235"),
        ("1E+3", "UAH", "1000.00"),
    ],
)
def test_a_price_has_the_decimals_of_its_currency(amount, currency, shown):
    assert str(rounded(Decimal(amount), currency)) == shown


def test_a_currency_without_decimals_passes_the_schema():
    rules = type(RULES)(currency="JPY", requires_brand=False)
    found, problems = fitted(product(price=Decimal("1499.5"), currency="JPY"), rules=rules)
    assert google_items(written(google, *found))["1"]["price"] == "1500 JPY"
    assert problems.counts == {"price_rounded": 1}


@pytest.mark.parametrize("value", ["4006381333931", "036000291452", "96385074"])
def test_a_gtin_with_its_check_digit_is_one(value):
    assert gtin_is_valid(value)


@pytest.mark.parametrize(
    "value", ["", "4006381333932", "dress-01", "00000000", "١٢٣٤٥٦٧٨", "1" * 9]
)
def test_anything_else_is_no_gtin(value):
    assert not gtin_is_valid(value)


def test_a_key_is_new_once_whatever_it_looks_like():
    seen = SeenKeys()
    keys = ["1", "7", "8", "999999", "0", "07", "1e3", "sku-1", "9999999999", "-1", "١"]
    assert all(seen.add(key) for key in keys)
    assert not any(seen.add(key) for key in keys)


def test_the_parser_of_the_guard_counts_what_was_written(tmp_path):
    for writer in (google, yml, jsonl):
        path = tmp_path / writer.EXTENSION
        path.write_bytes(written(writer, product(), product(key="2")))
        with path.open("rb") as file:
            assert entries_in(file, writer) == 2
        path.write_bytes(path.read_bytes()[:-20])
        with path.open("rb") as file:
            assert isinstance(entries_in(file, writer), str)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_the_guard_counts_the_same_in_whatever_parts_it_reads_a_file(monkeypatch, tmp_path, size):
    monkeypatch.setattr(safeguards, "PART", size)
    path = tmp_path / "feed.xml"
    path.write_bytes(written(google, product(title="Ґудзик <item>"), product(key="2")))
    with path.open("rb") as file:
        assert entries_in(file, google) == 2
        assert entries_in(file, google) == 2  # from the beginning again
    path.write_bytes(path.read_bytes().replace(b"</g:id>", b"</g:no>", 1))
    with path.open("rb") as file:
        assert "mismatched tag" in str(entries_in(file, google))
    path.write_bytes(b"")
    with path.open("rb") as file:
        assert "no element found" in str(entries_in(file, google))


def test_an_item_in_an_item_is_counted_and_a_longer_name_is_not(tmp_path):
    path = tmp_path / "feed.xml"
    path.write_bytes(b"<a><item><item/></item><items/><item x='1'/></a>")
    with path.open("rb") as file:
        assert entries_in(file, google) == 3


@given(WILD | st.text())
def test_a_text_is_escaped_as_the_standard_library_does_it(raw):
    shown = NOT_IN_XML.sub("", raw)
    assert xml_text(raw) == escape(shown, {'"': "&quot;"})


def test_xml_text_is_escaped_in_attributes_too():
    assert xml_text('<"&\x00') == "&lt;&quot;&amp;"
