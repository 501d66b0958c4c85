"""Tell of what a visitor did, by the route that the merchant chose for it.

For a shop's own view::

    from esputnik_connector.tracking.record import behaviour, record

    record(request, behaviour(BehaviourType.SEARCH_REQUEST, search=query, is_found=bool(results)))

Nothing here raises: a page of the shop is worth more than what is told of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from logging import getLogger
from typing import Any

from django.core import signing
from django.db import router, transaction
from django.http import HttpRequest

from esputnik_connector import registry
from esputnik_connector.behaviour import (
    Behaviour,
    BehaviourType,
    Route,
    ViewedProduct,
    Visitor,
    purchase_key,
)
from esputnik_connector.conf import conf
from esputnik_connector.exceptions import Skip, without_message
from esputnik_connector.models import OutboxMessage, Storefront
from esputnik_connector.pipeline.behaviour.carried import from_plain, plain
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.events.carried import aware_now
from esputnik_connector.records import JSONValue
from esputnik_connector.shops.pages import complete

from .carts import bought
from .consent import refusal, refusal_of_any
from .origin import asked_host
from .visitor import is_cookie_to_come, notes_of, visitor_of

logger = getLogger(__name__)

SEALED = "esputnik_connector.seen"
AHEAD = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ")  # by which browsers say so, in ``META``
# What a template or a view has at hand → what an outbox row can carry.
READ: Mapping[str, Callable[[Any], Any]] = {
    "is_found": bool,
    **dict.fromkeys(("search", "category_key", "location", "order_number"), str),
}
# Not the visitor's own: true for everybody who opens the page, so a cache may hold it.
CACHEABLE = frozenset(BehaviourType) - {
    BehaviourType.PURCHASED_ITEMS,
    BehaviourType.CUSTOMER_DATA,
    BehaviourType.STATUS_CART,
    BehaviourType.ADD_TO_WISHLIST,
}


def behaviour(behaviour_type: BehaviourType, *, product_key: str = "", **more: Any) -> Behaviour:
    """One thing that happened now.

    A purchase needs its ``order_number``, and nothing else: the shop is asked for the order.

    :param product_key: of a product whose price the shop is asked for.
    :param more: the fields of :class:`~esputnik_connector.behaviour.Behaviour`; texts may be lazy,
        and ``is_found`` may be what was found.
    :raises KeyError: a purchase without a number.
    """
    if product_key:
        more["product"] = ViewedProduct(product_key=product_key)
    said = {name: READ[name](value) if name in READ else value for name, value in more.items()}
    if behaviour_type is BehaviourType.PURCHASED_ITEMS:  # once, however often its page is opened
        return Behaviour(type=behaviour_type, key=purchase_key(said["order_number"]), **said)
    return Behaviour(type=behaviour_type, key=behaviour_type.new_key(), **said)


def storefront_of(request: HttpRequest) -> Storefront | None:
    """The storefront whose page this is; ``None`` where nothing is tracked."""
    found = Storefront.objects.for_host(asked_host(request))
    return found if found is not None and found.is_tracking else None


def record(request: HttpRequest, told: Behaviour, *, page_url: str = "") -> None:
    """Tell of this: with the page that is being made, or by a worker. Never raises.

    :param page_url: where the visitor is, if that is not the address of this request.
    """
    try:
        storefront = storefront_of(request)
        if storefront is not None:
            tell(request, storefront, told, page_url=page_url)
    except Exception as error:  # whatever it is, the visitor gets the page
        logger.error("%s was not told: %s", told.key, without_message(error))


def tell(
    request: HttpRequest, storefront: Storefront, told: Behaviour, *, page_url: str = ""
) -> None:
    """:func:`record` without the net."""
    route = storefront.route_of(told.type)
    if told.type is BehaviourType.PURCHASED_ITEMS and route is not Route.OFF:
        told = bought(request, storefront, told)
    if route is Route.BROWSER:
        _tell_browser(request, storefront, told)
    elif route is not Route.OFF:
        capture_now(request, storefront, told, page_url=page_url)


def _tell_browser(request: HttpRequest, storefront: Storefront, told: Behaviour) -> None:
    """With the page. Who somebody is stands in no page: its script asks for that itself."""
    notes = notes_of(request)
    if told.type is BehaviourType.CUSTOMER_DATA:
        notes.asks_anew = True
    elif (call := call_of(storefront, told)) is not None:
        notes.calls.append(call)
        notes.is_personal = notes.is_personal or told.type not in CACHEABLE


def tell_of_page(request: HttpRequest, storefront: Storefront, told: Behaviour) -> None:
    """:func:`tell`, of a page that a cache may keep, that is fetched ahead of its visit, or whose
    visitor has no cookie yet: then the page's script brings it back, and only then it is captured.
    """
    route = storefront.route_of(told.type)
    if route not in (Route.TRACKER, Route.EVENT):
        tell(request, storefront, told)
        return
    if request.method != "GET":  # who asks for the headers alone sees nothing
        return
    is_ahead = is_fetched_ahead(request)
    is_for_all = is_ahead or conf.CACHED_PAGES
    is_unknown = route is Route.TRACKER and is_cookie_to_come(request, storefront)
    if told.type in CACHEABLE and (is_for_all or is_unknown):
        if is_for_all or not _is_skipped_at_once(request, storefront):
            notes_of(request).seen.append(sealed(told))
    elif not is_ahead:
        tell(request, storefront, told)


def _is_skipped_at_once(request: HttpRequest, storefront: Storefront) -> bool:
    """Whoever runs no script of ours is counted with the page itself, unless a cache may give it to
    others."""
    reason = refusal_of_any(request)
    if reason is not None:
        capture.behaviour_skipped(storefront.connection_id, reason)
    return reason is not None


def is_fetched_ahead(request: HttpRequest) -> bool:
    """Does a browser fetch this page in case that its visitor wants it? It may show it later
    without asking for it again."""
    said = request.META
    return any("prefetch" in said[name] for name in AHEAD if name in said)


def capture_now(
    request: HttpRequest,
    storefront: Storefront,
    told: Behaviour,
    *,
    page_url: str = "",
    visitor: Visitor | None = None,
) -> bool:
    """Write it down for a worker: one insert at most, and no query before it; of what was only
    looked at, when the answer is sent.

    :param visitor: where more is known of them than a page view may cost.
    :returns: False where they do not allow it.
    """
    reason = refusal(request, told.type)
    if reason is not None:
        capture.behaviour_skipped(storefront.connection_id, reason)
        return False
    who = visitor or visitor_of(request, storefront, registry.shop(), page_url=page_url)
    moment = told.happened_at or aware_now()
    capture.behaviour_recorded(replace(told, visitor=who, happened_at=moment))
    return True


def call_of(storefront: Storefront, told: Behaviour) -> list[JSONValue] | None:
    """What eSputnik's script is called with; ``None`` if there is nothing to tell.

    The shop's tables are read in a savepoint: SQL that fails must not break the page's own.
    """
    destination = registry.destination_class(storefront.connection.destination)
    try:
        with transaction.atomic(using=router.db_for_write(OutboxMessage)):
            completed = complete(registry.shop(), [told])
        return destination.browser_call(completed[0]) if completed else None
    except Skip:
        return None


def sealed(told: Behaviour) -> str:
    """What a page says, signed, so that nobody makes up what was seen. The same for everybody:
    without its visitor, its moment, and a key of its own."""
    words = plain(replace(told, key="", visitor=Visitor(), happened_at=None))
    return signing.dumps(words, salt=SEALED, compress=True)


def opened(token: object) -> Behaviour:
    """:raises BadSignature: it was not signed here.
    :raises ValueError: it was, by another version.
    """
    told = from_plain(signing.loads(str(token), salt=SEALED))
    return replace(told, key=told.type.new_key())
