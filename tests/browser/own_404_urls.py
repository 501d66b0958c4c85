"""A shop with a page of its own for what is not there: nothing of Django's context is in it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.template import engines
from django.urls import path

from sandbox_project.urls import urlpatterns as shop

PAGE = """{% load esputnik %}<!DOCTYPE html><title>Lost</title><h1>Nothing here</h1>
{% esputnik_tracking %}"""


def not_found(request: HttpRequest, exception: Any) -> HttpResponse:
    page = engines["django"].from_string(PAGE)
    return HttpResponseNotFound(page.render({}, request))


def bare(_request: HttpRequest) -> HttpResponse:
    return HttpResponseNotFound("<!DOCTYPE html><title>Lost</title>")


handler404 = f"{__name__}.not_found"
urlpatterns = [path("bare-404", bare), *shop]
