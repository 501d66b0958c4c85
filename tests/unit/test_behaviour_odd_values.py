"""Behaviour with values that no golden file has: spaces, signs that nobody sees, nothing at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esputnik_connector.behaviour import BehaviourType as T
from esputnik_connector.behaviour import Impression
from esputnik_connector.destinations.esputnik.behaviour import browser, event, parts, tracker
from esputnik_connector.exceptions import Skip
from esputnik_connector.records import Reason
from tests.unit.behaviour_samples import PRODUCT, SITE, VISITOR, behaviour


def tracked(record):
    return tracker.body(record, site_id=SITE)


WAYS = pytest.mark.parametrize("write", [browser.call, tracked, event.event])


@pytest.mark.parametrize("length", [255, 256, 5000])
def test_a_search_is_cut_behind_what_a_person_types_and_not_before(length):
    told = parts.search(behaviour(T.SEARCH_REQUEST, search="ш" * length))
    assert told == "ш" * 255


def test_a_currency_is_its_code_whatever_stands_around_it():
    assert parts.currency(" uah\n") == "UAH"
    assert parts.currency("  ") == ""


@pytest.mark.parametrize("written", ["Clothes > Socks ", "Clothes >  Socks", " Socks "])
def test_a_category_has_no_spaces_around_its_name(written):
    assert parts.category(behaviour(T.CATEGORY_PAGE, category_key=written)) == "Socks"


@WAYS
@pytest.mark.parametrize("written", ["", "  ", "Clothes > "])
def test_a_category_without_a_name_is_not_told(write, written):
    with pytest.raises(Skip) as caught:
        write(behaviour(T.CATEGORY_PAGE, category_key=written))
    assert caught.value.reason is Reason.GONE


def test_a_property_keeps_the_values_that_say_something():
    odd = replace(PRODUCT, tags={"size": ("42", " ", "\u200d", "43\x00"), "empty": (" ", "\x00")})
    assert parts.tags(odd) == {"tag_size": ["42", "43"]}


def test_a_name_has_no_signs_that_a_database_cannot_hold():
    who = replace(VISITOR, name=" Olena\x00 \n")
    assert parts.person(behaviour(T.CUSTOMER_DATA, visitor=who))["user_name"] == "Olena"


def test_a_block_of_recommendations_is_a_plain_text_too():
    seen = replace(VISITOR, page_url="https://shop.test/?sc_content=1253%00_r9&sc_content=7")
    assert parts.blocks(behaviour(T.PRODUCT_PAGE, visitor=seen)) == ["1253_r9", "7"]


@WAYS
def test_a_block_that_shows_nothing_is_not_told(write):
    with pytest.raises(Skip) as caught:
        write(behaviour(T.PRODUCT_IMPRESSIONS, impressions=()))
    assert caught.value.reason is Reason.GONE


def test_an_event_of_impressions_needs_the_variant_and_holds_its_products_alone():
    """As the event has them: of one variant of one recommendation."""
    some = (
        Impression(product_key="1", container="block"),
        Impression(product_key="2", container="7_r1v2"),
        Impression(product_key="3", container="8_r1v3"),
    )
    params = event.event(behaviour(T.PRODUCT_IMPRESSIONS, impressions=some))["params"]
    assert params["recomVariantId"] == "r1v2"
    assert params["products"] == [{"productId": "2"}]
    with pytest.raises(Skip):
        event.event(behaviour(T.PRODUCT_IMPRESSIONS, impressions=some[:1]))
