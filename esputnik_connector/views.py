"""Doors for the world: the feed a CDP fetches, and what a monitor asks."""

from __future__ import annotations

from collections.abc import Callable

from django.db import DatabaseError, transaction
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseNotFound,
    JsonResponse,
)
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .conf import conf
from .feed import serving
from .operations.alerts.raised import look_again
from .operations.health import metrics as metrics_of
from .operations.health.examine import moving
from .operations.health.findings import Level, worst
from .operations.health.report import report
from .operations.health.snapshot import take
from .operations.storefront.worker import script_for
from .tracking import form_view, inbox, visits

BLIND = 503


@transaction.non_atomic_requests
def feed(request: HttpRequest, token: str, language: str, extension: str) -> HttpResponseBase:
    """The built file; see :mod:`esputnik_connector.feed.serving`."""
    return serving.feed_response(request, token=token, language=language, extension=extension)


@transaction.non_atomic_requests
def service_worker(request: HttpRequest) -> HttpResponse:
    """The service worker of web push, at exactly the path that eSputnik knows. A browser compares
    it byte by byte with the one it has, and must not be given an old copy."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    try:
        found = script_for(request.get_host(), request.path)
    except DatabaseError:  # the browser keeps the one it has
        return HttpResponse("Not now\n", content_type="text/plain", status=BLIND)
    if found is None:
        return HttpResponseNotFound("Not found\n", content_type="text/plain")
    return HttpResponse(
        found.text,
        content_type="text/javascript; charset=utf-8",
        headers={
            "Cache-Control": "no-cache, max-age=0",
            "Service-Worker-Allowed": found.scope,
            "X-Content-Type-Options": "nosniff",
        },
    )


@csrf_exempt  # a cached page holds nobody's token; what it may do, a page view may
@require_POST
@never_cache
@transaction.non_atomic_requests
def visit(request: HttpRequest) -> HttpResponse:
    """What a page's script asks and brings back; see :mod:`esputnik_connector.tracking.visits`."""
    return visits.answer(request)


@never_cache
@transaction.non_atomic_requests
def health(request: HttpRequest) -> HttpResponse:
    """Is all well? 200, or 503 for a problem; JSON either way."""
    return _for_a_monitor(request, _health)


@never_cache
@transaction.non_atomic_requests
def metrics(request: HttpRequest) -> HttpResponse:
    """The same as numbers, for Prometheus."""
    return _for_a_monitor(request, _metrics)


@csrf_exempt  # its page may be cached; where a request comes from is looked at instead
@never_cache
@transaction.non_atomic_requests
def subscribe(request: HttpRequest) -> HttpResponse:
    """The shop's subscription form; see :mod:`esputnik_connector.tracking.form_view`."""
    return form_view.respond(request)


@csrf_exempt  # as above; and it changes nothing
@never_cache
@transaction.non_atomic_requests
def inbox_token(request: HttpRequest) -> HttpResponse:
    """What a customer's browser needs to show their messages; see
    :mod:`esputnik_connector.tracking.inbox`."""
    return inbox.respond(request)


def subscribed(request: HttpRequest) -> HttpResponse:
    """Thanks, for whoever sent the form without JavaScript."""
    return form_view.done(request)


def _health() -> HttpResponse:
    snapshot = take()
    found = list(moving(snapshot))
    look_again(snapshot)
    is_problem = worst(found) is Level.PROBLEM
    return JsonResponse(report(snapshot, found), status=BLIND if is_problem else 200)


def _metrics() -> HttpResponse:
    snapshot = take()
    text = metrics_of.exposition(snapshot, moving(snapshot))
    return HttpResponse(text, content_type=metrics_of.CONTENT_TYPE)


def _for_a_monitor(request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """``answer``, for whoever has the token; 404 while there is none."""
    if not conf.HEALTH_TOKEN:
        return HttpResponseNotFound("Not found\n", content_type="text/plain")
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if not constant_time_compare(_token(request), conf.HEALTH_TOKEN):
        refusal = HttpResponse("Wrong token\n", content_type="text/plain", status=401)
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    try:
        return answer()
    except DatabaseError:  # an answer all the same: this is what it is asked for
        return JsonResponse({"verdict": "unknown"}, status=BLIND)


def _token(request: HttpRequest) -> str:
    """From the header, or from the address for whoever cannot send one."""
    scheme, _separator, given = request.headers.get("Authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else request.GET.get("token", "")
