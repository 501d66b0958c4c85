"""What the ways share: prices, flags, categories and tags, each in one place. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from esputnik_connector.behaviour import Behaviour, ViewedProduct
from esputnik_connector.carts import CartItem
from esputnik_connector.destinations.esputnik.orders.money import cents, units
from esputnik_connector.exceptions import Skip
from esputnik_connector.identity import digits, text
from esputnik_connector.records import JSONObject, JSONValue, Reason

MORE_THAN_A_SEARCH = 255  # characters: nobody types more, and no word of the catalogue is longer
BLOCK = "sc_content"  # in the address of a page that a recommendation block led to
STEP = " > "  # between the names of a category's path in the feed


def price(amount: Decimal) -> str:
    """``"33.40"``: to the cent, as the feed and the orders have it."""
    return f"{units(cents(amount)):.2f}"


def price_of(product: ViewedProduct) -> Decimal:
    """:raises Skip: it has none, and this way does not go without."""
    if product.price is None:
        raise Skip(Reason.NO_PRICE)
    return product.price


def product_of(behaviour: Behaviour) -> ViewedProduct:
    """:raises Skip: the shop did not say which product it is."""
    if behaviour.product is None or not behaviour.product.product_key:
        raise Skip(Reason.GONE)
    return behaviour.product


def currency(code: str) -> str:
    return code.strip().upper()


def flag(is_so: bool) -> int:
    return 1 if is_so else 0


def category(behaviour: Behaviour) -> str:
    """A name that stands in the path which the feed has (esputnik-api.md#feed-category): of a
    whole path, the last one.

    :raises Skip: the shop did not say which category it is.
    """
    name = behaviour.category_key.rpartition(STEP)[2].strip()
    if not name:
        raise Skip(Reason.GONE)
    return name


def search(behaviour: Behaviour) -> str:
    """:raises Skip: nothing was looked for."""
    found = text(behaviour.search, limit=MORE_THAN_A_SEARCH)
    if not found:
        raise Skip(Reason.NOT_WANTED)
    return found


def tags(product: ViewedProduct, *, prefix: str = "tag_") -> JSONObject:
    """Own properties, each a list of texts."""
    return {
        f"{prefix}{name}": [value for value in map(text, values) if value]
        for name, values in product.tags.items()
        if any(map(text, values))
    }


def items_of(behaviour: Behaviour) -> Sequence[CartItem]:
    return [item for item in behaviour.items if item.quantity > 0]


def person(behaviour: Behaviour) -> JSONObject:
    """Who it is, by the names that the script and the tracker share; what is unknown is left
    out."""
    visitor = behaviour.visitor
    known: Mapping[str, JSONValue] = {
        "externalCustomerId": visitor.contact_key,
        "user_email": visitor.email,
        "user_phone": digits(visitor.phone),
        "user_name": text(visitor.name),
    }
    return {name: value for name, value in known.items() if value}


def customer(behaviour: Behaviour) -> JSONObject:
    """The same, of somebody who is to be joined with a contact.

    :raises Skip: nothing is known by which there could be one.
    """
    if not behaviour.visitor.is_named:
        raise Skip(Reason.NO_CONTACT_DATA)
    return person(behaviour)


def blocks(behaviour: Behaviour) -> list[str]:
    """The recommendation blocks that led the visitor here, as the address of the page says."""
    query = parse_qs(urlsplit(behaviour.visitor.page_url).query)
    return [text(block) for block in query.get(BLOCK, [])]
