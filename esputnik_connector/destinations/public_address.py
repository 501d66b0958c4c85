"""What the public sees at an address of the shop, looked at from here.

The address is a merchant's word, so a connection to it may lead nowhere but to the public network:
the address that was really connected to is judged, before a byte is sent, whatever its name said a
moment before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import socket
from typing import Any

from esputnik_connector.exceptions import RejectedError
from esputnik_connector.explanations import gettext as _

GLOBAL_UNICAST = ip_network("2000::/3")  # all that IPv6 has given to the public
NAT64 = ip_network("64:ff9b::/96")  # behind it the network reaches an IPv4 address

_allowed: ContextVar[frozenset[str] | None] = ContextVar(
    "esputnik_connector_public_only", default=None
)


@contextmanager
def public_only(*, but: Collection[str] = ()) -> Iterator[None]:
    """No request made inside reaches a private network, this machine or the provider's own
    services.

    :param but: hosts that may be there all the same.
    """
    token = _allowed.set(frozenset(but))
    try:
        yield
    finally:
        _allowed.reset(token)


class PublicConnection:
    """Mixin of an ``HTTPConnection``: looks whom it is connected to."""

    host: str

    def _new_conn(self) -> socket:
        sock: socket = super()._new_conn()  # type: ignore[misc]  # a mixin of HTTPConnection
        try:
            demand_public(self.host, sock)
        except RejectedError:
            sock.close()
            raise
        return sock


def demand_public(host: str, sock: Any) -> None:
    """:raises RejectedError: the other end is not public, and :func:`public_only` applies."""
    allowed = _allowed.get()
    if allowed is None or host.lower() in allowed:
        return
    if not is_public(str(sock.getpeername()[0])):
        text = _("%(host)s leads to a private network from here, so it is not looked at.")
        raise RejectedError(text % {"host": host})


def is_public(address: str) -> bool:
    """Is this numeric address one of the public network?"""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = _ipv4_in(found)
        if inner is None:
            return found in GLOBAL_UNICAST and found.is_global
        found = inner
    return found.is_global and not found.is_multicast


def _ipv4_in(address: IPv6Address) -> IPv4Address | None:
    """Where a connection to it really ends, when IPv6 only carries it."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
