"""What a request did besides showing a page: what was wished for, bought or changed by it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

from esputnik_connector import registry
from esputnik_connector.behaviour import BehaviourType, Route
from esputnik_connector.models import Storefront
from esputnik_connector.shops.pages import SupportsBehaviour

from .carts import remember_visitor
from .consent import refusal
from .record import behaviour, capture_now, record, storefront_of
from .session_calls import forget_old, keep_for_later
from .visitor import OWN_COOKIE, notes_of, visitor_of

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
CUSTOMER = "esputnik_customer"  # in the session: a mark of what was told of the customer
ANSWER = "esputnik_connector"  # our own addresses change nothing
STAFF = "admin"  # neither do pages that the staff only looks at; whoever logs in there does


def after_request(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Tell what was done. True when the visitor's next page must ask anew."""
    if response.status_code >= 400 or _is_apart(request):
        return False
    storefront = storefront_of(request)
    if storefront is None:
        return False
    shop = registry.shop()
    if isinstance(shop, SupportsBehaviour):
        for told in shop.acts(request, response):
            record(request, told)
    is_left = keep_for_later(request, storefront)
    is_change = request.method not in SAFE or is_other_session(request)
    if is_change:
        forget_old(request)
        tell_customer(request, storefront)
        if refusal(request, BehaviourType.STATUS_CART) is None:
            remember_visitor(request, storefront, visitor_of(request, storefront, shop))
    return is_change or is_left or notes_of(request).asks_anew


def _is_apart(request: HttpRequest) -> bool:
    """Is it no page of the shop, and did it do nothing that one must know? Then nothing is read."""
    app_name = request.resolver_match.app_name if request.resolver_match is not None else ""
    return app_name == ANSWER or (app_name == STAFF and request.method in SAFE)


def tell_customer(request: HttpRequest, storefront: Storefront) -> None:
    """Join this browser with the person whom the request named: at registration, login, check-out,
    or a change of the profile. By the tracker; in the browser, the page's script does it."""
    if storefront.route_of(BehaviourType.CUSTOMER_DATA) is not Route.TRACKER:
        return
    visitor = visitor_of(request, storefront, registry.shop(), is_full=True)
    if not (visitor.is_named and visitor.cookie):
        return
    known = (visitor.cookie, visitor.contact_key, visitor.email, visitor.phone, visitor.name)
    mark = salted_hmac(CUSTOMER, "\n".join(known)).hexdigest()[:32]
    session: Any = getattr(request, "session", None)
    name = f"{CUSTOMER}_{storefront.connection_id}"  # two domains may have one session
    if session is not None and session.get(name) == mark:
        return
    told = behaviour(BehaviourType.CUSTOMER_DATA)
    if capture_now(request, storefront, told, visitor=visitor) and session is not None:
        session[name] = mark


def is_other_session(request: HttpRequest) -> bool:
    """Did somebody log in or out, in whatever way? Both give the visitor another session: by a link
    in a letter, or on the way back from another site, that is no POST."""
    session: Any = getattr(request, "session", None)
    came_with = request.COOKIES.get(settings.SESSION_COOKIE_NAME) or None
    return session is not None and (session.session_key or None) != came_with


def _begin_anew(request: HttpRequest | None, **_: object) -> None:
    """Whoever is at this device after a logout may be somebody else: our cookie, by which the
    tracker knows the one who left, is not theirs."""
    if request is not None and OWN_COOKIE in request.COOKIES:
        notes_of(request).new_cookie = uuid4().hex


user_logged_out.connect(_begin_anew, dispatch_uid="esputnik_connector.tracking.acts")
