"""HTTP for destinations: one session, bounded time, a shared pace, errors without secrets.

The only user of requests. Whatever happens on the wire leaves here as an
:class:`~.responses.Answer` or as a ``DestinationError``; the error holds neither the key, a header,
a body, an e-mail nor a phone number. What is the destination's own comes in from outside: how a
request is authenticated (:mod:`.auth`), what an answer means (:mod:`.responses`), the pace
(:mod:`.throttle`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import requests
from django.utils.translation import gettext_lazy
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from esputnik_connector import __version__
from esputnik_connector.exceptions import TemporaryError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import JSONObject

from . import exchanges
from .auth import Authentication
from .breadcrumbs import unnoted
from .deadline import Deadline, DeadlineConnection, Timeouts, deadline, present_patience
from .encoding import encoded, secrets_of, without_secrets
from .public_address import PublicConnection
from .responses import Answer, RawAnswer, ResponseRules
from .throttle import Throttle
from .values import PreparedRequest

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

USER_AGENT = f"django-esputnik-connector/{__version__}"
ANSWER_LIMIT = 8 * 1024 * 1024  # bytes; the largest real answer is a mapping of 3,000 contacts
CHUNK = 64 * 1024


class HttpClient:
    """Sends requests to one base address as one account.

    :param auth: what each request carries to prove whose it is.
    :param rules: what the platform's answers mean.
    :param throttle: asked for a slot before each request; ``None`` for no pace.
    :param throttle_of: the throttle of one request, where they are not all under the same limit.
    :param clock: the present time, for ``Retry-After`` dates.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: Authentication,
        rules: ResponseRules | None = None,
        throttle: Throttle | None = None,
        throttle_of: Callable[[PreparedRequest], Throttle] | None = None,
        timeouts: Timeouts | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._rules = rules or ResponseRules()
        self._timeouts = timeouts or Timeouts()
        self._throttle = throttle
        self._throttle_of = throttle_of
        self._under_way: Deadline | None = None
        self._is_aborted = False
        self._clock = clock
        self._secrets = secrets_of(auth)
        self._session = requests.Session()
        self._session.auth = _Authenticated(auth)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, DeadlineAdapter(max_retries=NO_RETRY))

    def __repr__(self) -> str:
        return f"HttpClient({self._host!r})"

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).hostname or "the destination"

    def prepared(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: JSONObject | None = None,
    ) -> PreparedRequest:
        """The request as it will be sent, without the key. Sends nothing."""
        url = f"{self.base_url}/{path.lstrip('/')}"
        headers = {"Accept": "application/json; charset=UTF-8", "User-Agent": USER_AGENT}
        if body is not None:
            headers["Content-Type"] = "application/json; charset=UTF-8"
        if query:
            url = f"{url}?{urlencode(query)}"
        return PreparedRequest(method=method, url=url, headers=headers, body=body)

    def send(self, request: PreparedRequest) -> Answer:
        """Send what :meth:`prepared` made.

        :raises ThrottledError: our own pace; nothing was sent.
        :raises TemporaryError: no answer in time, no connection, or an answer worth another try.
        :raises CredentialsError, RejectedError: see :class:`~.responses.ResponseRules`.
        """
        content = None if request.body is None else encoded(request.body)
        throttle = self._throttle_of(request) if self._throttle_of else self._throttle
        if throttle is not None and present_patience() is None:
            throttle.take()
        raw = self._exchange(request, content)
        return self._rules.classify(without_secrets(raw, self._secrets), now=self._clock())

    def fetch(self, request: PreparedRequest) -> RawAnswer:
        """What comes, whatever it means; past any proxy, which would look names up by itself.

        :raises TemporaryError: nothing came.
        """
        self._session.trust_env = False
        return self._exchange(request, None)

    def close(self) -> None:
        self._session.close()

    def abort(self) -> None:
        """Break off the request that is under way, and make no other. From another thread."""
        self._is_aborted = True
        if (limit := self._under_way) is not None:
            limit.cut()

    def _exchange(self, request: PreparedRequest, content: bytes | None) -> RawAnswer:
        timeouts = self._timeouts.within(present_patience())
        begun = time.monotonic()
        headers: Mapping[str, str] = {}
        with deadline(timeouts.deadline) as limit:
            self._under_way = limit
            if self._is_aborted:
                raise TemporaryError(_("The lane went to another worker; nothing was sent."))
            try:
                answer = self._connected(request, content, timeouts, limit)
                headers = answer.headers
            except (requests.RequestException, HTTPError, OSError) as error:
                if limit.has_passed:
                    raise self._too_late(limit, timeouts) from None
                raise TemporaryError(
                    f"{self._host}: {_in_words(error)}", was_received=limit.was_sent
                ) from None  # the original quotes the address, and with it the customer's id
            finally:
                self._under_way = None
                exchanges.note(time.monotonic() - begun, headers)
        if limit.has_passed:
            raise self._too_late(limit, timeouts)
        return answer

    def _connected(
        self, request: PreparedRequest, content: bytes | None, timeouts: Timeouts, limit: Deadline
    ) -> RawAnswer:
        """A connection that cannot be made is tried once more. Not by urllib3: its log would quote
        the address, and with it an e-mail that is looked for or the secret of a feed."""
        try:
            return self._read(request, content, timeouts)
        except requests.ConnectionError as error:
            if isinstance(error, FINAL) or limit.was_sent or limit.has_passed:
                raise
        return self._read(request, content, timeouts)

    def _read(
        self, request: PreparedRequest, content: bytes | None, timeouts: Timeouts
    ) -> RawAnswer:
        session = self._session
        ready = requests.Request(
            request.method,
            request.url,
            headers={**session.headers, **request.headers},
            data=content,
            auth=session.auth,
        ).prepare()
        self._read_environment()
        with (
            unnoted(request.url),
            session.send(
                ready,
                timeout=(timeouts.connect, timeouts.read),
                allow_redirects=False,
                proxies=session.proxies,
                stream=True,
                verify=session.verify,
                cert=session.cert,
            ) as response,
        ):
            received = bytearray()
            for chunk in response.iter_content(CHUNK):
                received += chunk
                if len(received) > ANSWER_LIMIT:
                    raise self._too_long(response.status_code)
            return RawAnswer(
                status=response.status_code, content=bytes(received), headers=response.headers
            )

    def _read_environment(self) -> None:
        """Proxies and certificates of the environment, for this one address, once: requests would
        look through every variable before each request."""
        if self._session.trust_env:
            found = self._session.merge_environment_settings(self.base_url, {}, None, None, None)
            self._session.proxies, self._session.verify = found["proxies"], found["verify"]
            self._session.trust_env = False

    def _too_long(self, status: int) -> TemporaryError:
        text = _("%(host)s: the answer is larger than %(limit)d bytes")
        message = text % {"host": self._host, "limit": ANSWER_LIMIT}
        return TemporaryError(message, status=status, was_received=True)

    def _too_late(self, limit: Deadline, timeouts: Timeouts) -> TemporaryError:
        return TemporaryError(
            _("%(host)s: no complete answer within %(seconds)g s")
            % {"host": self._host, "seconds": timeouts.deadline},
            was_received=limit.was_sent,
        )


class _Authenticated(AuthBase):
    """Adds the headers as the very last thing. Without it requests would look into ``~/.netrc``."""

    def __init__(self, auth: Authentication) -> None:
        self._auth = auth

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        for name, value in self._auth.headers.items():
            request.headers[name] = value.encode()  # type: ignore[assignment]  # bytes go as they are
        return request


def _in_words(error: Exception) -> str:
    """What went wrong, without the error's own text, which quotes addresses and queries."""
    for kind, words in FAILURES:
        if isinstance(error, kind):
            return str(words)
    return _("the connection failed")


FAILURES: tuple[tuple[type[Exception], Lazy], ...] = (
    (requests.exceptions.ConnectTimeout, gettext_lazy("could not connect in time")),
    (requests.exceptions.ReadTimeout, gettext_lazy("did not answer in time")),
    (requests.exceptions.SSLError, gettext_lazy("the secure connection could not be made (TLS)")),
    (requests.exceptions.ProxyError, gettext_lazy("the proxy could not be used")),
    (requests.exceptions.ChunkedEncodingError, gettext_lazy("the answer broke off")),
    (requests.exceptions.ContentDecodingError, gettext_lazy("the answer could not be decoded")),
    (requests.exceptions.InvalidURL, gettext_lazy("the address is not valid")),
    (requests.exceptions.InvalidSchema, gettext_lazy("the address is not valid")),
    (requests.exceptions.MissingSchema, gettext_lazy("the address is not valid")),
)


class _HTTPConnection(PublicConnection, DeadlineConnection, HTTPConnection):
    pass


class _HTTPSConnection(PublicConnection, DeadlineConnection, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


FINAL = (requests.exceptions.SSLError, requests.exceptions.ProxyError)
POOLS = {"http": _HTTPPool, "https": _HTTPSPool}

NO_RETRY = Retry(
    total=0, connect=0, read=0, redirect=0, status=0, other=0, respect_retry_after_header=False
)


class DeadlineAdapter(HTTPAdapter):
    """requests' own adapter, over connections that know their deadline."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager
