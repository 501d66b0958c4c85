"""Where a request comes from: from a page of the shop itself, and from which client.

Pages with a form may be cached for everybody, so they can carry no token against forgery. What a
browser itself says of a request cannot be forged by a page.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from esputnik_connector.conf import conf

UNKNOWN = ""  # of a client behind a proxy that nobody said is one
NETWORK_BITS = 64  # of an IPv6 address: one customer of a provider has all addresses behind it


def is_same_origin(request: HttpRequest) -> bool:
    """Did a page of this shop send it? A browser that says nothing at all is refused."""
    site = request.headers.get("Sec-Fetch-Site", "")
    if site:
        return site == "same-origin"
    origin = request.headers.get("Origin", "")
    if origin and origin != "null":
        return _is_ours(request, origin)
    referer = request.headers.get("Referer", "")
    return bool(referer) and _is_ours(request, referer)


def asked_host(request: HttpRequest) -> str:
    """The host of this request; ``""`` for one that is none of the shop's."""
    try:
        return request.get_host()
    except DisallowedHost:
        return ""


def _is_ours(request: HttpRequest, address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    ours = {f"{scheme}://{request.get_host()}".lower() for scheme in ("https", "http")}
    if request.is_secure():
        ours.discard(f"http://{request.get_host()}".lower())
    return origin in ours or origin in settings.CSRF_TRUSTED_ORIGINS


def client_of(request: HttpRequest) -> str:
    """What tells this client from another: its address, of IPv6 the network. :data:`UNKNOWN` when
    the address says nothing, such as that of a proxy which ``TRUSTED_PROXIES`` does not count."""
    try:
        found = ipaddress.ip_address(_without_port(_address(request)))
    except ValueError:
        return UNKNOWN
    found = getattr(found, "ipv4_mapped", None) or found  # of a socket for both protocols
    if not found.is_global:
        return UNKNOWN
    if found.version == 6:
        return str(ipaddress.ip_network((int(found), NETWORK_BITS), strict=False))
    return str(found)


def _without_port(address: str) -> str:
    """Balancers write ``8.8.8.8:443`` and ``[2a02:2378::1]:443``, too."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


def _address(request: HttpRequest) -> str:
    """As the outermost of the trusted proxies saw it."""
    direct = str(request.META.get("REMOTE_ADDR", "")).strip()
    if not conf.TRUSTED_PROXIES:
        return direct
    told = request.headers.get("X-Forwarded-For", "").split(",")
    way = [hop.strip() for hop in told if hop.strip()]
    return way[-min(conf.TRUSTED_PROXIES, len(way))] if way else direct
