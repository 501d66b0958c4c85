"""Where a key may be sent: the addresses that a merchant may write."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ValidationError

from esputnik_connector.conf import conf
from esputnik_connector.explanations import gettext as _


def demand_safe_address(address: str) -> None:
    """Validates the address of an API: https, or http to this machine and to the hosts of
    ``PLAIN_HTTP_HOSTS``; nothing in it that makes its host look like another one.

    :raises ValidationError: the key would travel in clear, or to an unknown host.
    """
    parts = _parts(address)
    if parts is None:
        raise ValidationError(
            _("Write the address as https://host/path, without a name, a key or a query in it.")
        )
    host = parts.hostname or ""
    if parts.scheme != "https" and not (is_loopback(host) or host in conf.PLAIN_HTTP_HOSTS):
        raise ValidationError(_("Use https: the API key travels with every request."))


def origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port: who receives what is sent to this address. Of a text that is no
    address, nothing that another one has."""
    parts = _parts(address)
    if parts is None:
        return ("", address, 0)
    usual = 443 if parts.scheme == "https" else 80
    return (parts.scheme, parts.hostname or "", parts.port or usual)


def is_loopback(host: str) -> bool:
    """Is this the machine itself? By its name, not by what a name server says."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _parts(address: str) -> SplitResult | None:
    """``None`` for what is no plain address of a server."""
    if not (address.isascii() and address.isprintable()) or set(address) & set(" \\"):
        return None
    try:
        parts = urlsplit(address)
        _port = parts.port
    except ValueError:
        return None
    is_plain = parts.scheme in ("http", "https") and bool(parts.hostname)
    return (
        parts if is_plain and not ("@" in parts.netloc or parts.query or parts.fragment) else None
    )
