"""A project that serves the service worker from its root."""

from __future__ import annotations

from django.urls import include, path

from esputnik_connector.urls import storefront_urls

urlpatterns = [
    *storefront_urls("sw-esputnik.js"),
    *storefront_urls(),
    path("esputnik/", include("esputnik_connector.urls")),
]
