"""What the pages of a shop say of their visitors: the part of an adapter that tracking asks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _

from esputnik_connector.behaviour import Behaviour, BehaviourType, ViewedProduct, Visitor
from esputnik_connector.carts import Cart
from esputnik_connector.shops.capabilities import Capability


class PageContext(Protocol):
    """What a template was given: Django's ``Context``, or a dictionary."""

    def get(self, key: str, otherwise: Any = None) -> Any: ...


class SupportsBehaviour(Capability):
    """The shop knows what its own pages are, so that one template tag tells of all of them.

    Asked in a request of the visitor, :meth:`viewed` also in a worker. What raises is logged, and
    the page is shown without it.
    """

    missing = _(
        "The adapter of this shop does not know its own pages (SupportsBehaviour): tell of each "
        "one with {% esputnik_event %}."
    )

    @abstractmethod
    def page(self, request: HttpRequest, context: PageContext) -> Behaviour | None:
        """What opening this page says, by what its view has read already: without a query, without
        the session and without the visitor, since the page may come out of a cache.

        A product without price: :meth:`viewed` is asked for it. A purchase without its items.
        ``None``: no more than that a page was opened.
        """

    @abstractmethod
    def viewed(self, product_keys: Sequence[str]) -> Mapping[str, ViewedProduct]:
        """Product → what is seen of it, in bulk, for the price that feeds and carts have. The
        parent of variations gives the one that stands for it. A product that is not for the public
        is left out."""

    @abstractmethod
    def identity(self, request: HttpRequest, *, is_full: bool = False) -> Visitor:
        """Who this is: a customer who is logged in, or a guest who gave an e-mail. Nothing else of
        the visitor is filled in.

        :param is_full: with what takes a query to find, such as a phone.
        """

    @abstractmethod
    def cart(self, request: HttpRequest) -> Cart | None:
        """The basket of this visitor as it is now; ``None`` if there is none, and none is made."""

    def acts(self, request: HttpRequest, response: HttpResponseBase) -> Sequence[Behaviour]:
        """What a request did that shows no page of its own: a product was wished for."""
        return ()


def complete(shop: object, behaviours: Sequence[Behaviour]) -> list[Behaviour]:
    """The same with the prices that a page did not read, in bulk. What was done with a product that
    is gone or not for the public is left out.

    :raises NotSupportedError: a price is missing, and this shop cannot tell it.
    """
    keys = {product.product_key for each in behaviours if (product := _unpriced(each))}
    found = SupportsBehaviour.of(shop).viewed(sorted(keys)) if keys else {}
    completed = []
    for each in behaviours:
        product = _unpriced(each)
        if product is None:
            completed.append(each)
        elif product.product_key in found:
            seen = replace(found[product.product_key], tags=product.tags)
            completed.append(replace(each, product=seen))
    return completed


def _unpriced(behaviour: Behaviour) -> ViewedProduct | None:
    """Of a change that a worker found, a price that is missing is one that did not change."""
    product = behaviour.product
    if product is None or behaviour.type is BehaviourType.PRODUCT_UPDATE:
        return None
    return product if product.price is None else None
