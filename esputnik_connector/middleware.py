"""What a template tag cannot know: that a request changed something and showed no page."""

from __future__ import annotations

from collections.abc import Callable
from logging import getLogger
from uuid import uuid4

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control, patch_vary_headers

from .exceptions import without_message
from .tracking.acts import after_request
from .tracking.consent import allowed, refusal_of_any
from .tracking.pages import tell_not_found
from .tracking.visitor import OWN_COOKIE, OWN_COOKIE_AGE, notes_of

logger = getLogger(__name__)

MARK = "esputnik_mark"  # another value tells the page's script to ask who it is anew


class TrackingMiddleware:
    """Behind those of sessions, authentication and baskets. A page that is only shown gets no
    cookie from it, but where eSputnik's script is not loaded and the tracker needs one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        notes_of(request).has_middleware = True
        response = self.get_response(request)
        try:
            if after_request(request, response):
                response.set_cookie(MARK, uuid4().hex[:12], samesite="Lax")
            tell_not_found(request, response)
            self._keep_private(request, response)
            self._give_cookie(request, response)
        except Exception as error:  # the shop's answer is worth more than what is told of it
            logger.error("%s is not tracked: %s", request.path, without_message(error))
        return response

    def _keep_private(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """What one visitor bought or wished for must not be told again by everybody whom a cache
        gives the page; and a page with somebody's own cookie is for them alone."""
        notes = notes_of(request)
        if notes.is_personal or notes.new_cookie:
            patch_vary_headers(response, ["Cookie"])
            patch_cache_control(response, private=True)

    def _give_cookie(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """To whom it may be given; to whoever has one of somebody else always."""
        value = notes_of(request).new_cookie
        if value and (OWN_COOKIE in request.COOKIES or _may_be_known(request)):
            response.set_cookie(
                OWN_COOKIE, value, max_age=OWN_COOKIE_AGE, samesite="Lax",
                secure=request.is_secure(), httponly=True,
            )  # fmt: skip


def _may_be_known(request: HttpRequest) -> bool:
    """Is anything told of this visitor?"""
    return refusal_of_any(request) is None and bool(allowed(request))
