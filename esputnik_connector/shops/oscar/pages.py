"""Oscar's own pages, by the name of their view and what it gave its template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import LazyObject, empty
from django.utils.translation import get_language
from oscar.core.loading import get_class, get_model

from esputnik_connector import identity
from esputnik_connector.behaviour import (
    Behaviour,
    BehaviourType,
    ViewedProduct,
    Visitor,
    purchase_key,
)
from esputnik_connector.shops.base import Offer
from esputnik_connector.shops.bulk import text_of, values_of
from esputnik_connector.shops.oscar.catalogue.availability import cheapest_in_stock, sound_offers
from esputnik_connector.shops.oscar.catalogue.prices import Prices
from esputnik_connector.shops.oscar.customers import people
from esputnik_connector.shops.oscar.customers.contacts import owners_of
from esputnik_connector.shops.pages import PageContext

SEARCH_LENGTH = 200  # nobody types more; an event takes 20 kB in all
WISHES = {"customer:wishlists-add-product", "customer:wishlists-create-with-product"}
# By which django-hijack and django-impersonate mark a customer's user while staff looks on as them.
LOOKS_ON = ("is_hijacked", "is_impersonate")
REDIRECTS = (301, 302, 303)
THANKS = "checkout_order_id"  # where Oscar's session holds which order a visitor is thanked for


def page(request: HttpRequest, context: PageContext) -> Behaviour | None:
    """What opening this page says; ``None`` if no more than that it was opened."""
    if context.get("exception") is not None and context.get("request_path") is not None:
        return said(BehaviourType.NOT_FOUND)  # of Django's own page_not_found
    match = request.resolver_match
    tell = _PAGES.get(match.view_name) if match is not None else None
    told = None if tell is None else tell(request, context)
    return told or (said(BehaviourType.MAIN_PAGE) if _is_home(request) else None)


def said(behaviour_type: BehaviourType, **more: Any) -> Behaviour:
    return Behaviour(type=behaviour_type, key=behaviour_type.new_key(), **more)


def _is_home(request: HttpRequest) -> bool:
    """The root of the shop, with or without a language before it, or what Oscar leads on to."""
    is_root = request.path_info in ("/", f"/{get_language()}/")
    is_home = is_root or request.path == str(getattr(settings, "OSCAR_HOMEPAGE", "/"))
    return is_home and request.GET.get("page", "1") == "1"


def _product(_request: HttpRequest, context: PageContext) -> Behaviour | None:
    product = context.get("product")
    if product is None:
        return None
    viewed = ViewedProduct(product_key=str(product.pk))
    return said(BehaviourType.PRODUCT_PAGE, product=viewed)


def _category(_request: HttpRequest, context: PageContext) -> Behaviour | None:
    """By the name alone: any name of a feed's "Clothes > Shirts" is a key for eSputnik, and to find
    its ancestors would take a query (esputnik-api.md#web-tracking)."""
    category = context.get("category")
    name = "" if category is None else identity.text(text_of(category, "name"))
    return said(BehaviourType.CATEGORY_PAGE, category_key=name) if name else None


def _search(request: HttpRequest, context: PageContext) -> Behaviour | None:
    """The search itself, and not the turning of its pages or a facet that narrows it."""
    words = identity.cut(identity.one_line(str(context.get("query") or "")), SEARCH_LENGTH)
    is_first = request.GET.get("page", "1") == "1" and not request.GET.get("selected_facets")
    paginator = context.get("paginator")
    if not (words and is_first) or paginator is None:
        return None
    return said(BehaviourType.SEARCH_REQUEST, search=words, is_found=paginator.count > 0)


def _basket(_request: HttpRequest, _context: PageContext) -> Behaviour | None:
    return said(BehaviourType.STATUS_CART_PAGE)


def _thanks(request: HttpRequest, context: PageContext) -> Behaviour | None:
    """The first time that this page is shown, and to whom it is meant for: a superuser may open it
    for any order."""
    order = context.get("order")
    is_first = context.get("send_analytics_event", True)
    if order is None or not is_first or request.session.get(THANKS) != order.pk:
        return None
    number = str(order.number)
    return Behaviour(
        type=BehaviourType.PURCHASED_ITEMS, key=purchase_key(number), order_number=number
    )


_PAGES = {
    "catalogue:detail": _product,
    "catalogue:category": _category,
    "search:search": _search,
    "basket:summary": _basket,
    "checkout:thank-you": _thanks,
}


def viewed(product_keys: Sequence[str], prices: Prices) -> dict[str, ViewedProduct]:
    """Product → the variation that stands for it, as it is sold now. Four queries."""
    pks = values_of(get_model("catalogue", "Product")._meta.pk, product_keys)
    return {
        str(pk): _viewed(cheapest_in_stock(group) or group[0])
        for pk, group in sound_offers(pks, prices).items()
        if group
    }


def _viewed(offer: Offer) -> ViewedProduct:
    return ViewedProduct(
        product_key=offer.product_key,
        price=offer.price,
        currency=offer.currency,
        is_in_stock=offer.is_in_stock,
    )


def identity_of(request: HttpRequest, *, is_full: bool, with_staff: bool) -> Visitor:
    """Who this is, as far as the shop knows."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return Visitor(email=_guest_email(request))
    if isinstance(user, LazyObject):  # which is awake now; each word of it takes five calls
        user = user.__dict__["_wrapped"]
    is_customer = with_staff or not getattr(user, "is_staff", False)
    if not is_customer or any(getattr(user, mark, False) for mark in LOOKS_ON):
        return Visitor()
    phone = ""
    if is_full:
        phone = owners_of([user.pk])[user.pk].phone
    return Visitor(
        contact_key=str(user.pk),
        email=identity.email(people.email_of(user)),
        phone=phone,
        name=identity.text(" ".join(filter(None, people.names_of(user)))),
    )


def _guest_email(request: HttpRequest) -> str:
    """What a guest typed at check-out."""
    session: Any = getattr(request, "session", None)
    if session is None:
        return ""
    guest: Mapping[str, Any] = (session.get("checkout_data") or {}).get("guest") or {}
    return identity.email(guest.get("email"))


def basket_key(request: HttpRequest) -> str:
    """The key of the visitor's open basket; ``""`` if there is none, or this request ordered it.

    ``request.basket`` is asked only where the page has loaded it already: to load it makes a row
    for a customer who has none, and applies all offers.
    """
    loaded: Any = getattr(request, "basket", None)
    if loaded is not None and not _is_asleep(loaded):
        return str(loaded.pk or "") if loaded.status == loaded.OPEN else ""
    model = get_model("basket", "Basket")
    user: Any = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        pks = model.open.filter(owner=user).order_by("-pk").values_list("pk", flat=True)
        return str(pks.first() or "")
    if not hasattr(request, "cookies_to_delete"):  # without Oscar's middleware: no baskets
        return ""
    reader = get_class("basket.middleware", "BasketMiddleware")(lambda _request: None)
    basket = reader.get_cookie_basket(reader.get_cookie_key(request), request, model.open)
    return "" if basket is None else str(basket.pk)


def _is_asleep(basket: Any) -> bool:
    return isinstance(basket, LazyObject) and basket.__dict__["_wrapped"] is empty


def acts(request: HttpRequest, response: HttpResponseBase) -> list[Behaviour]:
    """A product was put on a wish list: Oscar does it by POST and by GET, and leads on."""
    match = request.resolver_match
    if match is None or match.view_name not in WISHES or response.status_code not in REDIRECTS:
        return []
    user: Any = getattr(request, "user", None)
    pk = match.kwargs.get("product_pk")
    if pk is None or user is None or not user.is_authenticated:
        return []
    return [said(BehaviourType.ADD_TO_WISHLIST, product=ViewedProduct(product_key=str(pk)))]
