"""Who visits, as far as only the request knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit
from uuid import uuid4

from django.http import HttpRequest
from django.urls import Resolver404, get_script_prefix, resolve
from django.utils.encoding import escape_uri_path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, get_language_from_path, override

from esputnik_connector import identity
from esputnik_connector.behaviour import Visitor
from esputnik_connector.models import Storefront
from esputnik_connector.records import JSONValue
from esputnik_connector.shops.pages import SupportsBehaviour

SCRIPT_COOKIE = "sc"  # eSputnik's script makes it (esputnik-api.md#web-tracking)
OWN_COOKIE = "esputnik_visitor"  # where that script is not loaded
OWN_COOKIE_AGE = 365 * 24 * 3600

COOKIE_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:+/=-]{5,127}")
URL_LENGTH = 1000
AGENT_LENGTH = 500
# Parts of a path by which whoever knows it sees an order, a wish list, or sets a password anew.
PRIVATE = re.compile(r"(?i)token|hash|uidb64|secret|^key$|signature|mail|phone|pass")
# Names of what opens something, in a path and behind the question mark. Fewer: a page is left out
# for them, and a shop of mobile phones calls a product "phone".
OPENING = re.compile(r"(?i)token|hash(?!tag)|uidb64|secret|^key$|signature|passw")
SECRET = re.compile(r"(?i)token|uidb64|secret|signature|passw")
HIDDEN = "-"
PERSONAL = re.compile(r"(?i)mail|phone|tel$|name|token|pass|secret|user|login|address|code|key|sig")


@dataclass
class Notes:
    """What the request itself remembers for its page and its answer."""

    calls: list[list[JSONValue]] = field(default_factory=list)  # of eSputnik's script
    apart: list[list[JSONValue]] = field(default_factory=list)  # what was done, in other blocks
    seen: list[str] = field(default_factory=list)  # signed, for the script to bring back
    new_cookie: str = ""  # of our own, not yet with the visitor
    is_personal: bool = False  # its page has calls that are this visitor's alone
    asks_anew: bool = False  # the script of the next page is to ask who it is
    is_left_out: bool = False  # its page has no script to tell anything
    has_middleware: bool = False


def notes_of(request: HttpRequest) -> Notes:
    notes: Notes | None = request.__dict__.get("_esputnik_notes")
    if notes is None:
        notes = request.__dict__["_esputnik_notes"] = Notes()
    return notes


def agent_of(request: HttpRequest) -> str:
    """What the visitor's browser calls itself. Of ``META``: to build all of ``request.headers``
    takes ten times as long."""
    named: str = request.META.get("HTTP_USER_AGENT", "")
    return named


def cookie_of(request: HttpRequest, storefront: Storefront) -> str:
    """The visitor's id for the tracker: the cookie of eSputnik's script, or where that is not
    loaded one of our own, made at need. ``""`` while the script has not made it yet."""
    theirs = request.COOKIES.get(SCRIPT_COOKIE, "")
    if COOKIE_VALUE.fullmatch(theirs):
        return theirs
    if storefront.page_script:
        return ""
    notes = notes_of(request)
    ours = request.COOKIES.get(OWN_COOKIE, "")
    if COOKIE_VALUE.fullmatch(ours) and not notes.new_cookie:
        return ours
    notes.new_cookie = notes.new_cookie or uuid4().hex
    return notes.new_cookie


def is_cookie_to_come(request: HttpRequest, storefront: Storefront) -> bool:
    """Has eSputnik's script, which is on the page, not yet made its cookie?"""
    theirs = request.COOKIES.get(SCRIPT_COOKIE, "")
    return not COOKIE_VALUE.fullmatch(theirs) and bool(storefront.page_script)


def visitor_of(
    request: HttpRequest, storefront: Storefront, shop: object, *, page_url: str = "",
    is_full: bool = False,
) -> Visitor:  # fmt: skip
    """:param page_url: where the visitor says to be, if it is not the address of this request.
    :param is_full: with what takes a query to find.
    """
    named = Visitor()
    if isinstance(shop, SupportsBehaviour):
        named = shop.identity(request, is_full=is_full)
    return replace(
        named,
        cookie=cookie_of(request, storefront),
        user_agent=identity.cut(agent_of(request), AGENT_LENGTH),
        page_url=clean_url(_without_secrets(request, page_url) or _own_url(request)),
        language=identity.language(getattr(request, "LANGUAGE_CODE", "") or get_language() or ""),
    )


def path_of(request: HttpRequest) -> str:
    """The path of this page, without what of it opens something private: the project's own address
    names its parts."""
    named = request.resolver_match.kwargs if request.resolver_match else {}
    return _hidden(request.path, named)


def is_private(request: HttpRequest) -> bool:
    """Does the address of this page open something private, such as a password that is set anew?
    Whatever script is in such a page can read it there."""
    named = request.resolver_match.kwargs if request.resolver_match else {}
    parts = ((name, str(part)) for name, part in named.items() if part)
    is_opening = any(OPENING.search(name) or identity.email(part) for name, part in parts)
    return is_opening or any(map(SECRET.search, request.GET))


def _secrets_of(named: Mapping[str, object]) -> set[str]:
    return {str(part) for name, part in named.items() if part and PRIVATE.search(name)}


def _hidden(path: str, named: Mapping[str, object]) -> str:
    """:param named: the parts of the path, as the project's own address names them."""
    parts = path.split("/")
    for secret in _secrets_of(named):
        parts = _without(parts, secret)
    return "/".join(parts)


def _without(parts: list[str], secret: str) -> list[str]:
    """A secret may have slashes in it: then it is several parts of the path."""
    plain = [unquote(part) for part in parts]
    kept, at = list[str](), 0
    while at < len(parts):
        sizes = range(1, secret.count("/") + 2)
        size = next((one for one in sizes if "/".join(plain[at : at + one]) == secret), 0)
        kept.append(HIDDEN if size else parts[at])
        at += size or 1
    return kept


def _without_secrets(request: HttpRequest, url: str) -> str:
    """The same as :func:`path_of`, of a page of this site that is not the one of this request."""
    if not url:
        return ""
    parts = urlsplit(url)
    path = f"/{unquote(parts.path).removeprefix(get_script_prefix())}"
    with override(get_language_from_path(path) or get_language()):  # its own, of i18n_patterns
        try:
            named = resolve(path, getattr(request, "urlconf", None)).kwargs
        except Resolver404:  # another application of the domain has it
            return url
    return urlunsplit(parts._replace(path=_hidden(parts.path, named)))


def _own_url(request: HttpRequest) -> str:
    query = request.GET.urlencode()  # whichever form its letters came in
    path = escape_uri_path(path_of(request))
    root = f"{request.scheme}://{request.get_host()}"
    return f"{root}{path}?{query}" if query else f"{root}{path}"


def clean_url(url: str) -> str:
    """Without what may be personal in its query: by the name of a parameter or by its value."""
    parts = urlsplit(url)
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query)
        if not PERSONAL.search(name) and identity.redact(value) == value
    ]
    return urlunsplit((*parts[:3], urlencode(kept), ""))[:URL_LENGTH]


def said_url(request: HttpRequest, given: object) -> str:
    """The address that a page's script gave, if it is one of this site."""
    url = given if isinstance(given, str) else ""
    is_here = url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()})
    return url if is_here and "://" in url else ""
