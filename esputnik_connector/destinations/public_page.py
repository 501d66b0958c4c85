"""A page of the shop as the public gets it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from esputnik_connector.exceptions import RejectedError

from .deadline import Timeouts
from .http import USER_AGENT, HttpClient
from .public_address import public_only
from .responses import RawAnswer
from .values import PreparedRequest

TIMEOUTS = Timeouts(connect=5, read=10, deadline=15)


@dataclass(frozen=True)
class NoAuth:
    """Nothing proves whose request it is: anybody may make it."""

    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


def look_at(url: str, *, but: Collection[str] = ()) -> RawAnswer:
    """What stands at an address, whatever its status. No redirect is followed.

    :param but: hosts that may be in a private network.
    :raises TemporaryError: nothing came.
    :raises RejectedError: it is no address of the web, or it leads to a private network.
    """
    if not url.startswith(("https://", "http://")):
        raise RejectedError(url)
    headers = {
        "Accept": "*/*",
        "Cache-Control": "no-cache",
        "User-Agent": f"{USER_AGENT} (checks its own storefront)",
    }
    request = PreparedRequest(method="GET", url=url, headers=headers, body=None)
    with closing(HttpClient(url, auth=NoAuth(), timeouts=TIMEOUTS)) as client, public_only(but=but):
        return client.fetch(request)
