"""A shop whose page carries what the storefront gives it for web push."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from esputnik_connector.models import Storefront
from sandbox_project.urls import urlpatterns as shop


def page(request: HttpRequest) -> HttpResponse:
    storefront = Storefront.objects.for_host(request.get_host())
    script = storefront.page_push_script if storefront else ""
    return HttpResponse(f"<!DOCTYPE html><title>Shop</title><h1>Shop</h1>{script}")


def pwa(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("/* the worker of a PWA */", content_type="text/javascript")


urlpatterns = [path("with-push", page), path("pwa.js", pwa), *shop]
