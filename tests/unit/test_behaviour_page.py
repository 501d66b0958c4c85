"""The page of types and routes says what the code does: in both of its tables."""

from __future__ import annotations

import json
import re

import pytest

from esputnik_connector.behaviour import ALLOWED_ROUTES, DEFAULT_ROUTES, BehaviourType, Route
from esputnik_connector.destinations.esputnik.behaviour import event

from .test_docs import DOCS

PAGE = (DOCS / "reference" / "behaviour.md").read_text()
GOLDEN = DOCS.parent / "tests" / "golden" / "behaviour"
TYPES = [each.value for each in BehaviourType]


def rows(heading: str) -> list[list[str]]:
    """Cells of the table under a heading, without its head."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


POSSIBLE = {cells[0].strip("`"): cells for cells in rows("What is possible")}


def test_each_type_has_one_row_in_the_order_of_the_code():
    assert [cells[0].strip("`") for cells in rows("What is possible")] == TYPES


@pytest.mark.parametrize("name", TYPES)
def test_the_ways_of_a_type_are_those_of_the_code(name):
    kind = BehaviourType(name)
    ways = dict(zip((Route.BROWSER, Route.TRACKER, Route.EVENT), POSSIBLE[name][2:5], strict=True))
    allowed = {route for route, cell in ways.items() if "✓" in cell}
    assert allowed == ALLOWED_ROUTES[kind] - {Route.OFF}
    assert all(cell == "–" for route, cell in ways.items() if route not in allowed)
    usual = {route for route, cell in ways.items() if "**✓**" in cell} or {Route.OFF}
    assert usual == {DEFAULT_ROUTES[kind]}


@pytest.mark.parametrize("name", TYPES)
def test_an_event_is_called_on_the_page_what_it_is_called_on_the_wire(name):
    written = re.findall(r"`(\w+)`", POSSIBLE[name][4])
    assert written == ([event.EVENT_TYPES[BehaviourType(name)]] if written else [])


@pytest.mark.parametrize("name", TYPES)
def test_what_is_impossible_has_its_reason_on_the_page(name):
    is_whole = ALLOWED_ROUTES[BehaviourType(name)] == frozenset(Route)
    assert is_whole or POSSIBLE[name][5]


# Which types a row of the table of names speaks of.
SPEAKS_OF = {
    "product, viewed or in a cart": ("ProductPage", "StatusCart", "AddToWishlist"),
    "product, bought": ("PurchasedItems",),
    "price, viewed": ("ProductPage",),
    "price, wished for": ("AddToWishlist",),
    "price, in a cart": ("StatusCart",),
    "price, bought": ("PurchasedItems",),
    "currency": ("StatusCart",),
    "quantity": ("StatusCart",),
    "in stock": ("ProductPage",),
    "category": ("CategoryPage",),
    "state of the cart": ("StatusCart", "PurchasedItems"),
}
ON_THE_WIRE = {
    route: json.loads((GOLDEN / f"{route.value}.json").read_text("utf-8"))
    for route in (Route.BROWSER, Route.TRACKER, Route.EVENT)
}


def test_each_row_of_the_names_is_looked_at():
    assert [cells[0] for cells in rows("Names")] == list(SPEAKS_OF)


@pytest.mark.parametrize("cells", rows("Names"), ids=lambda cells: cells[0])
def test_a_name_of_the_page_is_the_one_on_the_wire(cells):
    """The golden files hold what is sent, and others hold the writers against them."""
    for route, cell in zip(ON_THE_WIRE, cells[1:], strict=True):
        name, value = re.fullmatch(
            r"(?:`([a-zA-Z]\w*)`|`(?:(?:\w+): )?([^`]+)`|–)(?: of .*)?", cell
        ).groups()
        told = [ON_THE_WIRE[route].get(kind) for kind in SPEAKS_OF[cells[0]]]
        for body in filter(None, told):
            text = json.dumps(body, ensure_ascii=False)
            assert name is None or f'"{name}": ' in text or f'\\"{name}\\":' in text
            assert value is None or value in text.replace("\\", "")
