"""A shop that serves the service worker from its root."""

from __future__ import annotations

from esputnik_connector.urls import storefront_urls
from sandbox_project.urls import urlpatterns as shop

urlpatterns = [*storefront_urls("sw-esputnik.js"), *shop]
