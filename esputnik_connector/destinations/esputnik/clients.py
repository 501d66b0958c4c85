"""The clients of one account: that of the API, with its key, and that of the tracker, without."""

from __future__ import annotations

import time
from collections.abc import Callable

from esputnik_connector.destinations.auth import BasicAuth
from esputnik_connector.destinations.base import Account
from esputnik_connector.destinations.deadline import Timeouts
from esputnik_connector.destinations.http import HttpClient

from .answers.responses import EsputnikResponses
from .behaviour.tracker_client import TrackerClient
from .client import DEFAULT_URL, LABEL, USER
from .limits import Limit, limit_of, throttles
from .options import Options


def http_client(
    account: Account, options: Options, *, wait: Callable[[float], None] = time.sleep
) -> HttpClient:
    """HTTP to eSputnik as this account, at the pace of each limit."""
    url = (account.api_url or DEFAULT_URL).rstrip("/")
    paces = throttles(url, account, options, wait=wait)
    return HttpClient(
        url,
        auth=BasicAuth(USER, account.api_key),
        rules=EsputnikResponses(LABEL),
        throttle_of=lambda request: paces[limit_of(request)],
        timeouts=_timeouts(options, options.read_timeout),
    )


def tracker_client(
    url: str, account: Account, options: Options, *, wait: Callable[[float], None] = time.sleep
) -> TrackerClient:
    """HTTP to the tracker at this address.

    A late answer is waited for as long as any request may take: to ask twice would tell twice, and
    other requests go on meanwhile.
    """
    return TrackerClient(
        url,
        throttle=throttles(url, account, options, wait=wait)[Limit.TRACKER],
        timeouts=_timeouts(options, options.deadline),
        label=LABEL,
    )


def _timeouts(options: Options, read: float) -> Timeouts:
    return Timeouts(connect=options.connect_timeout, read=read, deadline=options.deadline)
