"""Serve a built feed: one look at the row, then the storage. Nothing is generated in a request,
except the very first build of a new feed, which is sent as it grows."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import datetime, timedelta
from functools import partial
from logging import getLogger

from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseNotFound,
    StreamingHttpResponse,
)
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.crypto import constant_time_compare
from django.utils.http import http_date

from esputnik_connector import registry
from esputnik_connector.exceptions import DecryptionError
from esputnik_connector.feed.formats import writer_of
from esputnik_connector.fields import reveal
from esputnik_connector.models import Feed
from esputnik_connector.shops.base import SupportsFeed

from .artifact import storage
from .build import Build
from .links import CHECK_AGENT
from .publish import AlreadyBuilding

logger = getLogger(__name__)

VISIT_PRECISION = timedelta(minutes=1)  # "last fetched" is for the merchant, not a log
RETRY_SECONDS = "60"
NO_TOKEN = "0." + "x" * 43  # compared with when there is no such feed, so that it takes as long
ACCEPTS_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)


def feed_response(
    request: HttpRequest, *, token: str, language: str, extension: str
) -> HttpResponseBase:
    """What a CDP that asks for a feed's address gets."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    feed = _feed(token)
    if feed is None or language != feed.language:
        return _plain_text(HttpResponseNotFound)
    if extension != writer_of(feed.format).EXTENSION:
        return _plain_text(HttpResponseNotFound)
    if not feed.is_enabled:
        return _plain_text(partial(HttpResponse, status=410))
    if not _may_read(request, feed):
        refusal = _plain_text(partial(HttpResponse, status=401))
        refusal.headers["WWW-Authenticate"] = 'Basic realm="product feed", charset="UTF-8"'
        return refusal
    _record_visit(request, feed)
    return _file_response(request, feed) if feed.file else _first_build_response(request, feed)


def _feed(token: str) -> Feed | None:
    """The feed of this secret. A wrong secret and a wrong feed take equally long."""
    number = token.partition(".")[0]
    is_number = number.isascii() and number.isdigit() and len(number) < 19
    feed = Feed.objects.filter(pk=int(number) if is_number else 0).first()
    is_right = constant_time_compare(token, feed.token if feed else NO_TOKEN)
    return feed if is_right else None


def _may_read(request: HttpRequest, feed: Feed) -> bool:
    if not feed.auth_user:
        return True
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        given = b64decode(encoded.strip(), validate=True).decode()
        wanted = f"{feed.auth_user}:{reveal(feed.auth_password)}"
    except (ValueError, DecryptionError):
        return False
    return constant_time_compare(given, wanted) and scheme.lower() == "basic"


def _record_visit(request: HttpRequest, feed: Feed) -> None:
    agent = request.headers.get("User-Agent", "").replace("\x00", "")
    now = timezone.now()
    if agent == CHECK_AGENT or (feed.fetched_at and feed.fetched_at > now - VISIT_PRECISION):
        return
    Feed.objects.filter(pk=feed.pk).update(fetched_at=now, fetched_by=agent[:200])


def _file_response(request: HttpRequest, feed: Feed) -> HttpResponseBase:
    """The file as it stands, with gzip for a reader that takes it."""
    is_gzipped = bool(ACCEPTS_GZIP.search(request.headers.get("Accept-Encoding", "")))
    name = feed.gzip_file if is_gzipped else feed.file
    etag = f'"{feed.digest}{"-gz" if is_gzipped else ""}"'
    changed_at: datetime = feed.changed_at or feed.created_at
    unchanged = get_conditional_response(request, etag, int(changed_at.timestamp()))
    if unchanged is not None:
        return _with_validators(unchanged, etag, changed_at)
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse()
    else:
        try:
            response = FileResponse(storage().open(name), filename="")
        except OSError as error:
            logger.error("feed %s: its file cannot be read: %s", feed.name, type(error).__name__)
            return _try_later()
    response.headers["Content-Type"] = writer_of(feed.format).CONTENT_TYPE
    response.headers["Content-Length"] = str(feed.gzip_size if is_gzipped else feed.size)
    if is_gzipped:
        response.headers["Content-Encoding"] = "gzip"
    elif response.has_header("Content-Encoding"):
        del response.headers["Content-Encoding"]
    return _with_validators(response, etag, changed_at)


def _first_build_response(request: HttpRequest, feed: Feed) -> HttpResponseBase:
    if not isinstance(registry.shop(), SupportsFeed):
        return _try_later()  # while the setting SHOP is wrong; the page of the feed says so
    content_type = writer_of(feed.format).CONTENT_TYPE
    if request.method == "HEAD":
        return _private(HttpResponse(content_type=content_type))
    build = Build(feed)
    try:
        build.start()
    except AlreadyBuilding:
        return _try_later()
    return _private(StreamingHttpResponse(build.pieces(), content_type=content_type))


def _with_validators(
    response: HttpResponseBase, etag: str, changed_at: datetime
) -> HttpResponseBase:
    """With what a later conditional request is compared with."""
    response.headers["ETag"] = etag
    response.headers["Last-Modified"] = http_date(changed_at.timestamp())
    patch_vary_headers(response, ["Accept-Encoding"])
    return _private(response)


def _private(response: HttpResponseBase) -> HttpResponseBase:
    """Not for search engines, and asked anew each time: a conditional request costs nothing."""
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _plain_text(response: type[HttpResponse] | partial[HttpResponse]) -> HttpResponse:
    return response(content_type="text/plain")


def _try_later() -> HttpResponse:
    response = HttpResponse(status=503, content_type="text/plain")
    response.headers["Retry-After"] = RETRY_SECONDS
    return response
