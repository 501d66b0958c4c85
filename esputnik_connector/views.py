"""Doors for the world: the feed a CDP fetches."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase

from .feed import serving


@transaction.non_atomic_requests
def feed(request: HttpRequest, token: str, language: str, extension: str) -> HttpResponseBase:
    """The built file; see :mod:`esputnik_connector.feed.serving`."""
    return serving.feed_response(request, token=token, language=language, extension=extension)
