"""What the script of a page asks at an address of its own, since no cache may keep it: who visits,
what is in the cart, what they allow. And what it brings back: pages that a cache served, a
variation that was chosen."""

from __future__ import annotations

import json
from dataclasses import replace
from logging import getLogger
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.utils.crypto import salted_hmac

from esputnik_connector import registry
from esputnik_connector.behaviour import Behaviour, BehaviourType, Route
from esputnik_connector.conf import conf
from esputnik_connector.exceptions import ConfigurationError, without_message
from esputnik_connector.models import Storefront
from esputnik_connector.records import JSONObject, JSONValue

from . import consent
from .carts import cart_now
from .origin import is_same_origin
from .record import behaviour, call_of, opened, record, storefront_of
from .session_calls import taken
from .visitor import notes_of, said_url, visitor_of

logger = getLogger(__name__)

MOST_SEEN = 20
LONGEST_BODY = 20_000
LONGEST_KEY = 100


def answer(request: HttpRequest) -> HttpResponse:
    """JSON for the page's script; 204 where nothing is tracked, 400 for what it never sends."""
    storefront = storefront_of(request)
    if storefront is None:
        return HttpResponse(status=204)
    asked = _asked(request)
    if asked is None:
        return HttpResponseBadRequest()
    return JsonResponse(_told(request, storefront, asked))


def _asked(request: HttpRequest) -> dict[str, Any] | None:
    """What the page's script sent; ``None`` for what another site's did."""
    if not is_same_origin(request):
        return None
    if request.content_type != "application/json" or len(request.body) > LONGEST_BODY:
        return None
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):  # lists in lists in lists
        return None
    return body if isinstance(body, dict) else None


def _told(request: HttpRequest, storefront: Storefront, asked: dict[str, Any]) -> JSONObject:
    page_url = said_url(request, asked.get("url"))
    for told in _brought(asked):
        record(request, told, page_url=page_url)
    calls: list[JSONValue] = [*notes_of(request).calls, *taken(request, storefront)]
    return {
        "allowed": _allowed(request),
        "calls": calls,
        "customer": _customer(request, storefront),
        "cart": _cart(request, storefront),
    }


def _brought(asked: dict[str, Any]) -> list[Behaviour]:
    found = []
    seen = asked.get("seen")
    for token in seen[:MOST_SEEN] if isinstance(seen, list) else ():
        try:
            found.append(opened(token))
        except (signing.BadSignature, ValueError, TypeError):  # made up, or of an older version
            continue
    key = asked.get("product")
    if isinstance(key, str) and 0 < len(key) <= LONGEST_KEY:
        found.append(behaviour(BehaviourType.PRODUCT_PAGE, product_key=key))
    return found


def _allowed(request: HttpRequest) -> list[JSONValue] | None:
    """Names of types; ``None`` for all. A hook that fails allows nothing."""
    if not conf.CONSENT:
        return None
    try:
        return [*sorted(each.value for each in consent.allowed(request))]
    except ConfigurationError as error:
        logger.error("nothing is told of visitors: %s", error)
    except Exception as error:  # of the project's own hook
        logger.error("CONSENT failed, nothing is told: %s", without_message(error))
    return []


def _customer(request: HttpRequest, storefront: Storefront) -> JSONObject | None:
    """Who this is, to be told once in each browser, and again when it is other data."""
    if storefront.route_of(BehaviourType.CUSTOMER_DATA) is not Route.BROWSER:
        return None
    visitor = visitor_of(request, storefront, registry.shop(), is_full=True)
    if not visitor.is_named:
        return None
    told = replace(behaviour(BehaviourType.CUSTOMER_DATA), visitor=visitor)
    return _once(call_of(storefront, told))


def _cart(request: HttpRequest, storefront: Storefront) -> JSONObject | None:
    if storefront.route_of(BehaviourType.STATUS_CART) is not Route.BROWSER:
        return None
    try:
        told = cart_now(request, storefront)
    except Exception as error:  # a lost key, a database that is away: the rest is told all the same
        logger.error("a cart is not told: %s", without_message(error))
        return None
    call = None if told is None else call_of(storefront, told.behaviour)
    if told is None or call is None:
        return None
    return {"id": told.state.guid, "call": call, **told.place}


def _once(call: list[JSONValue] | None) -> JSONObject | None:
    """With a mark by which the browser knows it again, and that tells nothing."""
    if call is None:
        return None
    mark = salted_hmac("esputnik_connector.visits", json.dumps(call)).hexdigest()[:32]
    return {"id": mark, "call": call}
