"""What the public sees at an address of the shop, looked at from here.

The address is a merchant's word, so a connection to it may lead nowhere but to the public network:
the address that was really connected to is judged, before a byte is sent, whatever its name said a
moment before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from socket import socket
from typing import Any

from esputnik_connector.exceptions import RejectedError
from esputnik_connector.explanations import gettext as _

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
    mapped = getattr(found, "ipv4_mapped", None) or found
    return bool(mapped.is_global and not mapped.is_multicast)
