"""What a page of the shop carries: JSON, eSputnik's own snippet, and one static file of ours.

Nothing here depends on who visits, so a cache may keep the page for everybody. Who it is and what
is in the cart, the script asks at an address of its own; see :mod:`.visits`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from logging import getLogger
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString

from esputnik_connector import registry
from esputnik_connector.behaviour import Behaviour, BehaviourType, Impression, Route
from esputnik_connector.conf import conf
from esputnik_connector.exceptions import without_message
from esputnik_connector.models import Storefront
from esputnik_connector.records import JSONValue
from esputnik_connector.shops.pages import PageContext, SupportsBehaviour

from .origin import asked_host
from .record import CACHEABLE, behaviour, call_of, storefront_of, tell_of_page
from .visitor import Notes, is_private, notes_of, path_of

logger = getLogger(__name__)

SCRIPT = "esputnik_connector/tracking.js"
PAGE_BLOCK = b'<script id="esputnik-page"'
Calls = list[list[JSONValue]]  # of eSputnik's script
NOTHING = SafeString("")
# A whole element: what its text writes into the page is not ours to change.
ELEMENT = re.compile(r"(<script\b)([^>]*>.*?</script\s*>)", re.IGNORECASE | re.DOTALL)
INLINE = re.compile(r"<script\b(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.IGNORECASE | re.DOTALL)


def markup(
    request: HttpRequest, context: PageContext, *, nonce: str = "", everywhere: bool = False
) -> SafeString:
    """All that the base template needs. Empty where the host has no storefront, on a page whose
    address is a secret, and after an error, which is logged.

    :param everywhere: on pages with such an address, too.
    """
    try:
        storefront = storefront_of(request)
        if storefront is None:
            return _said(f"no storefront tracks the visitors of {asked_host(request) or '?'}")
        if is_private(request) and not everywhere:
            _left_out(request, storefront, context)
            return _said("the address of this page is a secret")
        return _markup(request, storefront, context, nonce)
    except Exception as error:  # a page of the shop is worth more than what is told of it
        logger.error("the page %s is not tracked: %s", request.path, without_message(error))
        return NOTHING


def event_markup(request: HttpRequest, told: Behaviour) -> SafeString:
    """One more thing of a page, as the template asks for it."""
    try:
        storefront = storefront_of(request)
        if storefront is None:
            return NOTHING
        notes, whole = Notes(), notes_of(request)
        request.__dict__["_esputnik_notes"] = notes
        try:
            tell_of_page(request, storefront, told)
        finally:
            whole.new_cookie = whole.new_cookie or notes.new_cookie
            whole.is_personal = whole.is_personal or notes.is_personal
            whole.asks_anew = whole.asks_anew or notes.asks_anew
            request.__dict__["_esputnik_notes"] = whole
        if whole.is_left_out:
            whole.calls += _done(notes.calls)
            return NOTHING
        whole.apart += _done(notes.calls)
        block = {**_in_turn(notes.calls), "seen": notes.seen}
        return json_script(block, f"esputnik-{uuid4().hex}") if any(block.values()) else NOTHING
    except Exception as error:  # as above
        logger.error("%s of %s is not told: %s", told.key, request.path, without_message(error))
        return NOTHING


def _markup(
    request: HttpRequest, storefront: Storefront, context: PageContext, nonce: str
) -> SafeString:
    snippet = storefront.page_script + storefront.page_push_script
    direct = snippet if storefront.loads_before_consent else ""
    block = page_block(request, storefront, context)
    if not direct:
        block["script"] = snippet
    allowed = format_html(' nonce="{}"', nonce) if nonce else NOTHING
    return format_html(
        '{}{}<script src="{}"{} defer></script>',
        SafeString(with_nonce(direct, allowed)),  # eSputnik's own, byte for byte
        json_script(block, "esputnik-page"),
        static(SCRIPT),
        allowed,
    )


def _said(why: str) -> SafeString:
    """Why the tag leaves nothing: for the developer, who has put it there and looks for it."""
    return format_html("<!-- esputnik_tracking: {} -->", why) if settings.DEBUG else NOTHING


def _left_out(request: HttpRequest, storefront: Storefront, context: PageContext) -> None:
    """eSputnik's script would read the address. A worker is told without its secret, and what was
    done, such as a purchase, the next page tells."""
    notes = notes_of(request)
    earlier = len(notes.calls)
    _told_page(request, storefront, context)
    done = _done(notes.calls[earlier:])
    notes.calls, notes.seen = [*notes.calls[:earlier], *notes.apart, *done], []
    notes.is_left_out = True


def _done(calls: Calls) -> Calls:
    """What one visitor did, and not what everybody may see."""
    return [call for call in calls if call[1] not in CACHEABLE]


def with_nonce(snippet: str, allowed: str) -> str:
    """A snippet whose scripts a Content-Security-Policy lets through."""
    if not allowed:
        return snippet
    return ELEMENT.sub(lambda found: f"{found[1]}{allowed}{found[2]}", snippet)


def script_hashes(host: str) -> list[str]:
    """By which a Content-Security-Policy lets eSputnik's snippet of this host through, for pages
    that a cache keeps: ``'sha256-…'`` of each inline script."""
    storefront = Storefront.objects.for_host(host)
    if storefront is None:
        return []
    snippet = storefront.page_script + storefront.page_push_script
    inline = INLINE.findall(snippet.replace("\r\n", "\n").replace("\r", "\n"))  # as HTML is read
    digests = (sha256(text.encode()).digest() for text in inline if text.strip())
    return [f"'sha256-{b64encode(digest).decode()}'" for digest in digests]


def tell_not_found(request: HttpRequest, response: HttpResponseBase) -> None:
    """A page of the shop's own for what is not there, whose template is told no more than any: its
    status says it. For whoever has the tag on such a page and says nothing by another."""
    if response.status_code != HTTPStatus.NOT_FOUND or not isinstance(response, HttpResponse):
        return
    storefront = storefront_of(request)
    if storefront is None or response.has_header("Content-Encoding"):
        return
    if storefront.route_of(BehaviourType.NOT_FOUND) is not Route.BROWSER:
        return
    content = response.content
    if PAGE_BLOCK not in content or b'"NotFound"' in content:
        return
    call = call_of(storefront, behaviour(BehaviourType.NOT_FOUND))
    block = json_script({"events": [call]}, "esputnik-not-found").encode(response.charset)
    response.content = content.replace(PAGE_BLOCK, block + PAGE_BLOCK, 1)
    if response.has_header("Content-Length"):
        response["Content-Length"] = str(len(response.content))


def page_block(
    request: HttpRequest, storefront: Storefront, context: PageContext
) -> dict[str, Any]:
    """What the script of this page is told; the same for every visitor."""
    notes = notes_of(request)
    told = _told_page(request, storefront, context)
    block: dict[str, Any] = {
        "visit": _address(),
        "honours": conf.HONOUR_PRIVACY_SIGNALS,
        "asks": bool(conf.CONSENT),
        "always": not notes.has_middleware,
        "views": storefront.route_of(BehaviourType.PAGE_VIEW) is Route.BROWSER,
        "seen": notes.seen,
        **_in_turn(notes.calls),
    }
    if told is not None and told.product is not None:
        block["product"] = told.product.product_key
    notes.calls, notes.seen = [], []
    return {name: value for name, value in block.items() if value}


def _in_turn(calls: Calls) -> dict[str, Calls]:
    """What the page tells at once, and what comes after who it is: a purchase, which the browser
    tells once, however often its page is opened."""
    purchases = [call for call in calls if call[1] == BehaviourType.PURCHASED_ITEMS.value]
    return {"events": [call for call in calls if call not in purchases], "after": purchases}


def _told_page(
    request: HttpRequest, storefront: Storefront, context: PageContext
) -> Behaviour | None:
    """What the page says, told. Where that fails, eSputnik's script comes all the same: widgets and
    web push need no more."""
    told = None
    try:
        shop = registry.shop()
        told = shop.page(request, context) if isinstance(shop, SupportsBehaviour) else None
        _tell_page(request, storefront, told)
    except Exception as error:  # a failure of the shop's tables, or of its adapter
        what = told.key if told is not None else "a page"
        logger.error("%s (%s) is not told: %s", what, request.path, without_message(error))
    return told


def _tell_page(request: HttpRequest, storefront: Storefront, told: Behaviour | None) -> None:
    """What the page says; where that is nothing, or not to be told, that it was opened. Never both:
    a page view costs one insert."""
    if told is not None and storefront.route_of(told.type) is not Route.OFF:
        tell_of_page(request, storefront, told)
    elif storefront.route_of(BehaviourType.PAGE_VIEW) is Route.EVENT:
        is_main = told is not None and told.type is BehaviourType.MAIN_PAGE
        location = "MainPage" if is_main else path_of(request)
        tell_of_page(request, storefront, behaviour(BehaviourType.PAGE_VIEW, location=location))


def _address() -> str:
    """Where the script asks for what is personal; ``""`` where the shop has left our URLs out."""
    try:
        return reverse("esputnik_connector:visit")
    except NoReverseMatch:
        logger.error(
            "include esputnik_connector.urls: without it, carts and customers are not told"
        )
        return ""


def event_of(name: str, given: Mapping[str, Any]) -> Behaviour:
    """What ``{% esputnik_event %}`` says.

    :raises ValueError, TypeError: there is no such type or field.
    :raises KeyError: a purchase without a number.
    """
    values = dict(given)
    product = values.pop("product", None)
    category = values.pop("category", None)
    shown, container = values.pop("products", None), str(values.pop("container", ""))
    if product is not None:
        values["product_key"] = str(getattr(product, "pk", product))
    if category is not None:
        values["category_key"] = str(getattr(category, "name", category))
    if shown is not None:
        keys = [str(getattr(each, "pk", each)) for each in shown]
        values["impressions"] = tuple(
            Impression(product_key=key, container=container) for key in keys
        )
    return behaviour(BehaviourType(name), **values)
