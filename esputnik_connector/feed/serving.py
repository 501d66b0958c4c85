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
from esputnik_connector.feed.formats.formats import writer_of
from esputnik_connector.fields import reveal
from esputnik_connector.models import Feed
from esputnik_connector.shops.base import SupportsFeed

from .artifact import storage
from .build import Build
from .links import CHECK_AGENT
from .publish import BuildBusy

logger = getLogger(__name__)

NOTED_EVERY = timedelta(minutes=1)  # "last fetched" is for people, not a log
BUSY_SECONDS = "60"
NOBODY = "0." + "x" * 43  # compared with when there is no such feed, so that it takes as long
ACCEPTS_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)


def answer(request: HttpRequest, *, token: str, language: str, extension: str) -> HttpResponseBase:
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    feed = _feed(token)
    if feed is None or language != feed.language:
        return _plain(HttpResponseNotFound)
    if extension != writer_of(feed.format).EXTENSION:
        return _plain(HttpResponseNotFound)
    if not feed.is_enabled:
        return _plain(partial(HttpResponse, status=410))
    if not _may_read(request, feed):
        refusal = _plain(partial(HttpResponse, status=401))
        refusal.headers["WWW-Authenticate"] = 'Basic realm="product feed", charset="UTF-8"'
        return refusal
    _note_visit(request, feed)
    return _built(request, feed) if feed.file else _first_build(request, feed)


def _feed(token: str) -> Feed | None:
    """The feed of this secret. A wrong secret and a wrong feed take equally long."""
    number = token.partition(".")[0]
    is_number = number.isascii() and number.isdigit() and len(number) < 19
    feed = Feed.objects.filter(pk=int(number) if is_number else 0).first()
    is_right = constant_time_compare(token, feed.token if feed else NOBODY)
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


def _note_visit(request: HttpRequest, feed: Feed) -> None:
    agent = request.headers.get("User-Agent", "").replace("\x00", "")
    now = timezone.now()
    if agent == CHECK_AGENT or (feed.fetched_at and feed.fetched_at > now - NOTED_EVERY):
        return
    Feed.objects.filter(pk=feed.pk).update(fetched_at=now, fetched_by=agent[:200])


def _built(request: HttpRequest, feed: Feed) -> HttpResponseBase:
    """The file as it stands, packed for who takes it packed."""
    is_packed = bool(ACCEPTS_GZIP.search(request.headers.get("Accept-Encoding", "")))
    name = feed.gzip_file if is_packed else feed.file
    etag = f'"{feed.digest}{"-gz" if is_packed else ""}"'
    changed_at: datetime = feed.changed_at or feed.created_at
    unchanged = get_conditional_response(request, etag, int(changed_at.timestamp()))
    if unchanged is not None:
        return _labelled(unchanged, etag, changed_at)
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse()
    else:
        try:
            response = FileResponse(storage().open(name), filename="")
        except OSError as error:
            logger.error("feed %s: its file cannot be read: %s", feed.name, type(error).__name__)
            return _busy()
    response.headers["Content-Type"] = writer_of(feed.format).CONTENT_TYPE
    response.headers["Content-Length"] = str(feed.gzip_size if is_packed else feed.size)
    if is_packed:
        response.headers["Content-Encoding"] = "gzip"
    elif response.has_header("Content-Encoding"):
        del response.headers["Content-Encoding"]
    return _labelled(response, etag, changed_at)


def _first_build(request: HttpRequest, feed: Feed) -> HttpResponseBase:
    if not isinstance(registry.shop(), SupportsFeed):
        return _busy()  # as long as the setting SHOP is wrong; the page of the feed says so
    kind = writer_of(feed.format).CONTENT_TYPE
    if request.method == "HEAD":
        return _private(HttpResponse(content_type=kind))
    build = Build(feed)
    try:
        build.start()
    except BuildBusy:
        return _busy()
    return _private(StreamingHttpResponse(build.pieces(), content_type=kind))


def _labelled(response: HttpResponseBase, etag: str, changed_at: datetime) -> HttpResponseBase:
    response.headers["ETag"] = etag
    response.headers["Last-Modified"] = http_date(changed_at.timestamp())
    patch_vary_headers(response, ["Accept-Encoding"])
    return _private(response)


def _private(response: HttpResponseBase) -> HttpResponseBase:
    """Not for search engines, and asked anew each time: a conditional request costs nothing."""
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _plain(response: type[HttpResponse] | partial[HttpResponse]) -> HttpResponse:
    return response(content_type="text/plain")


def _busy() -> HttpResponse:
    response = HttpResponse(status=503, content_type="text/plain")
    response.headers["Retry-After"] = BUSY_SECONDS
    return response
