"""Which domain a storefront has, and where its service worker may be: checked words, no network."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from esputnik_connector import registry
from esputnik_connector.conf import conf
from esputnik_connector.destinations.addresses import is_loopback
from esputnik_connector.exceptions import BadRequestError, ConfigurationError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.feed.links import shop_address
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.models.storefront import is_host_of

HOST = re.compile(
    r"(?=.{1,180}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?([.][a-z0-9_]([a-z0-9_-]*[a-z0-9])?)+"
)
NOT_PUBLIC = (".localhost", ".local", ".internal", ".lan", ".home", ".test", ".invalid")
WORKER_NAME = re.compile(r"[\w.-]+[.]js", re.ASCII)
# No ``.`` and no ``..``: a browser takes them away, and the worker would govern other pages.
FOLDER = re.compile(r"/((?![.]{1,2}/)[\w.~-]+/)*", re.ASCII)


def checked_domain(written: str, connection: Connection) -> str:
    """The host that a person wrote, in its one form; of the shop's address if they wrote none.

    :param written: a host or an address, also in letters of another alphabet.
    :raises BadRequestError: it is no host, or none that eSputnik could reach.
    """
    text = written.strip() or shop_address()
    if not text:
        raise BadRequestError(
            _("The domain of the shop is not known. Set SHOP_URL, or write the domain.")
        )
    parts = _parts(text)
    if parts is None:
        raise BadRequestError(
            _("“%s” is no domain. Write the host alone, such as shop.example.") % text
        )
    host, port = _ascii(parts.hostname or "", text), parts.port
    domain = f"{host}:{port}" if port else host
    if may_be_private(connection) and (is_loopback(host) or host in conf.PLAIN_HTTP_HOSTS):
        return domain
    if port or not HOST.fullmatch(host) or _is_number(host) or host.endswith(NOT_PUBLIC):
        raise BadRequestError(
            _("“%s” cannot be reached from outside, so eSputnik would refuse it. Write the domain "
              "that visitors see, such as shop.example.") % text
        )  # fmt: skip
    return domain


def may_be_private(connection: Connection) -> bool:
    """Is the account one of the developer's own machine or network, such as the fake eSputnik?"""
    try:
        url = (
            connection.api_url or registry.destination_class(connection.destination).default_api_url
        )
    except ConfigurationError:
        return False
    host = urlsplit(url).hostname or ""
    return is_loopback(host) or host in conf.PLAIN_HTTP_HOSTS


def demand_https(domain: str, connection: Connection) -> None:
    """:raises BadRequestError: the shop's own address says that it has no https."""
    address = urlsplit(shop_address())
    is_shop = is_host_of(address.netloc.lower(), domain)
    if is_shop and address.scheme == "http" and not may_be_private(connection):
        raise BadRequestError(
            _("Web push needs https, and SHOP_URL begins with http://. If the shop has https, "
              "correct SHOP_URL.")
        )  # fmt: skip


def checked_worker(address: str, scope: str = "") -> tuple[str, str, str]:
    """Folder, file and scope of a service worker, of its path on the domain.

    :param address: such as ``/push/esputnik/sw.js``.
    :param scope: pages that it may govern; ``""`` for its own folder.
    :raises BadRequestError: browsers or eSputnik would refuse it.
    """
    folder, _slash, name = address.rpartition("/")
    folder = f"{folder}/"
    scope = scope or folder
    if not WORKER_NAME.fullmatch(name) or not FOLDER.fullmatch(folder):
        raise BadRequestError(
            _("“%s” is no place for a service worker. Write a path such as /push/esputnik/sw.js.")
            % address
        )
    if not FOLDER.fullmatch(scope):
        raise BadRequestError(
            _("“%s” is no scope: it begins and ends with a slash, such as /push/esputnik/.") % scope
        )
    if not (scope.startswith(folder) or folder.startswith(scope)):
        raise BadRequestError(
            _("The scope %(scope)s and the folder %(folder)s have nothing in common.")
            % {"scope": scope, "folder": folder}
        )
    return folder, name, scope


def public_address(storefront: Storefront) -> str:
    """Where the public meets the shop: by https, but for a shop on the developer's machine."""
    shop = urlsplit(shop_address())
    if is_host_of(shop.netloc.lower(), storefront.domain) and shop.scheme in ("http", "https"):
        return f"{shop.scheme}://{shop.netloc.lower()}"
    host = urlsplit(f"//{storefront.domain}").hostname or ""
    return f"{'http' if is_loopback(host) else 'https'}://{storefront.domain}"


def _parts(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        _port = parts.port
    except ValueError:
        return None
    is_plain = parts.scheme in ("", "http", "https") and bool(parts.hostname)
    is_bare = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
    return parts if is_plain and is_bare else None


def _ascii(host: str, text: str) -> str:
    """As it travels: with letters of another alphabet in Punycode."""
    try:
        return host.lower().rstrip(".").encode("idna").decode()
    except UnicodeError:
        raise BadRequestError(_("“%s” is no domain.") % text) from None


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return host.rpartition(".")[2].isdecimal()
    return True
