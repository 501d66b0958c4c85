"""The tracker: one address, one event in a request, and no key (esputnik-api.md#web-tracking).

Its requests have a client of their own, which knows no key: it could not send it by mistake.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar, NoReturn

from esputnik_connector.destinations.auth import Anonymous
from esputnik_connector.destinations.base import PreparedRequest
from esputnik_connector.destinations.deadline import Timeouts
from esputnik_connector.destinations.esputnik.rehearsal import Sender
from esputnik_connector.destinations.http import HttpClient
from esputnik_connector.destinations.responses import (
    BUSY_ROW,
    REDIRECT,
    SUCCESS,
    WEB_PAGE,
    Answer,
    Reading,
    ResponseRules,
    Row,
)
from esputnik_connector.destinations.throttle import Throttle
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import JSONObject

# Without a key nobody can be refused for one: a proxy or a wrong address says these.
NOT_OF_THE_TRACKER = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }
)


def _wrong_address(reading: Reading) -> NoReturn:
    """It says nothing of the event: no record is to blame."""
    raise reading.temporary(_("this is no tracker, or something stands before it"))


class TrackerResponses(ResponseRules):
    """Any 2xx is a yes, whatever it says; but a web page comes from a proxy, whatever its status.
    A refusal is of one event, and takes no other along."""

    rows: ClassVar[tuple[Row, ...]] = (
        WEB_PAGE,
        SUCCESS,
        REDIRECT,
        BUSY_ROW,
        Row(fits=lambda reading: reading.status in NOT_OF_THE_TRACKER, means=_wrong_address),
    )


class TrackerClient:
    """Posts to one tracker.

    :param sender: what carries a request away, when nothing is to be sent.
    """

    def __init__(
        self,
        url: str,
        *,
        throttle: Throttle | None = None,
        timeouts: Timeouts | None = None,
        label: str = "",
        sender: Sender | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._http = HttpClient(
            self._url,
            auth=Anonymous(),
            rules=TrackerResponses(label),
            throttle=throttle,
            timeouts=timeouts,
        )
        self._sender = sender or self._http

    def rehearsed(self, sender: Sender) -> TrackerClient:
        """The same, for requests that are only looked at."""
        return TrackerClient(self._url, sender=sender)

    def track(self, body: JSONObject, *, user_agent: str) -> Answer:
        """``POST /api/v2`` of the tracker (esputnik-api.md#web-tracking).

        :param user_agent: of the visitor's browser; ``""`` where there is no visitor.
        :raises TemporaryError: no answer, or one that is not the tracker's.
        :raises RejectedError: it refused this event.
        """
        headers = {"Content-Type": "application/json; charset=UTF-8"}
        if user_agent:
            headers["User-Agent"] = user_agent
        return self._sender.send(
            PreparedRequest(method="POST", url=self._url, headers=headers, body=body)
        )

    def abort(self) -> None:
        self._http.abort()

    def close(self) -> None:
        self._http.close()
