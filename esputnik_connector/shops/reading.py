"""Asking an adapter: what comes back is canonical, or refused by the name of record and field.

The one place through which the pipeline reads a shop, so that an adapter need not be careful about
types, and a mistake of one record is that record's alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from esputnik_connector.exceptions import RecordError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import (
    Cart,
    Contact,
    Event,
    Kind,
    Order,
    Product,
    Record,
    Subscription,
)
from esputnik_connector.shops.base import ShopAdapter, SupportsEvents
from esputnik_connector.shops.canonical import canonical, key_of
from esputnik_connector.shops.capabilities import (
    Assortment,
    SupportsCarts,
    SupportsFeed,
    SupportsHistory,
    SupportsReconciliation,
)

TYPES: dict[Kind, type[Any]] = {
    Kind.CONTACT: Contact,
    Kind.ORDER: Order,
    Kind.CART: Cart,
    Kind.EVENT: Event,
    Kind.SUBSCRIPTION: Subscription,
}


def records(
    shop: ShopAdapter,
    kind: Kind,
    keys: Sequence[str],
    *,
    attributes: Collection[str] | None = None,
) -> tuple[dict[str, Record], dict[str, RecordError]]:
    """Key → record, and key → what is wrong with it. What is in neither is not in the shop.

    :param attributes: those of a contact that are made use of; ``None``: all.
    :raises ConfigurationError: the shop has no records of this kind.
    :raises RecordError: the adapter's answer is no mapping, or has something that is no key.
    """
    if kind is Kind.CONTACT and attributes is not None:
        return checked(kind, keys, shop.contacts_with(keys, attributes))
    return checked(kind, keys, _asked(shop, kind, keys))


def checked(
    kind: Kind, keys: Sequence[str], answer: Any
) -> tuple[dict[str, Record], dict[str, RecordError]]:
    """``answer`` for these keys in canonical form, and what is refused of it.

    :raises RecordError: it is no mapping, or has something that is no key.
    """
    wanted, expected = set(keys), TYPES[kind]
    found: dict[str, Record] = {}
    refused: dict[str, RecordError] = {}
    for key, value in _with_text_keys(answer, kind.value).items():
        if key not in wanted:
            continue
        try:
            found[key] = _under_its_key(key, canonical(f"{kind.value} {key}", value, expected))
        except RecordError as error:
            refused[key] = error
    return found, refused


def _asked(shop: ShopAdapter, kind: Kind, keys: Sequence[str]) -> Mapping[str, Record]:
    if kind is Kind.CONTACT:
        return shop.contacts(keys)
    if kind is Kind.ORDER:
        return shop.orders(keys)
    if kind is Kind.CART:
        return SupportsCarts.of(shop).carts(keys)
    return SupportsEvents.of(shop).events(keys)


def _under_its_key(key: str, record: Any) -> Any:
    if record.key == key:
        return record
    text = _("%(record)s has the key %(key)r; it must be the one that it is given under.")
    raise RecordError(
        text % {"record": f"{type(record).__name__.lower()} {key}", "key": record.key}
    )


def _with_text_keys(answer: Any, what: str) -> dict[str, Any]:
    if not isinstance(answer, Mapping):
        text = _("The adapter answered with %(type)s for %(what)s; it must be a mapping of keys.")
        raise RecordError(text % {"type": type(answer).__name__, "what": what})
    return {key_of(key): value for key, value in answer.items()}


def versions(shop: ShopAdapter, kind: Kind, keys: Sequence[str]) -> dict[str, str]:
    """Key → version, of those that have one. None, unless the shop supports reconciliation."""
    if not isinstance(shop, SupportsReconciliation):
        return {}
    answer = _with_text_keys(shop.versions(kind, keys), "versions")
    return {key: str(version) for key, version in answer.items()}


def existing(shop: ShopAdapter, kind: Kind, keys: Sequence[str]) -> set[str]:
    """Those of ``keys`` that the shop still has; all, unless it supports reconciliation."""
    if not isinstance(shop, SupportsReconciliation):
        return set(keys)
    return set(map(key_of, shop.existing(kind, keys)))


def long_walk(shop: ShopAdapter) -> AbstractContextManager[None]:
    """See :meth:`SupportsHistory.long_walk
    <esputnik_connector.shops.capabilities.SupportsHistory.long_walk>`."""
    return shop.long_walk() if isinstance(shop, SupportsHistory) else nullcontext()


def products(
    shop: ShopAdapter, *, language: str, currency: str, assortment: Assortment
) -> Iterator[Product]:
    """See :meth:`SupportsFeed.products <esputnik_connector.shops.capabilities.SupportsFeed>`.

    :raises ConfigurationError: the shop has no catalogue.
    :raises RecordError: one of the products cannot be used; the text names it.
    """
    found = SupportsFeed.of(shop).products(
        language=language, currency=currency, assortment=assortment
    )
    for product in found:
        yield canonical(f"product {getattr(product, 'key', '?')}", product, Product)
