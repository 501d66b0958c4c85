"""Addresses that the world may call. Include them outside of ``i18n_patterns``::

path("esputnik/", include("esputnik_connector.urls"))
"""

from __future__ import annotations

import re

from django.urls import URLPattern, path, re_path

from . import views
from .operations.storefront.steps import WORKER_ROUTE

app_name = "esputnik_connector"
urlpatterns = [
    path("health", views.health, name="health"),
    path("metrics", views.metrics, name="metrics"),
    path("subscribe", views.subscribe, name="subscribe"),
    path("subscribed", views.subscribed, name="subscribed"),
    path("inbox/token", views.inbox_token, name="inbox_token"),
    path("visit", views.visit, name="visit"),
    path("feeds/<str:token>/<str:language>.<str:extension>", views.feed, name="feed"),
]


def storefront_urls(place: str = "push/esputnik/") -> list[URLPattern]:
    """The address of web push's service worker, for the ``urls.py`` of the project itself, since
    browsers and eSputnik want it at one path of the domain and nowhere else::

        urlpatterns = [*storefront_urls(), ...]

    :param place: the folder of the worker, from the root of the shop, or its file; in the root name
        the file, so that other scripts there are left alone.
    """
    pattern = re.escape(place) if place.endswith(".js") else rf"{re.escape(place)}[\w.-]+\.js"
    return [re_path(rf"^{pattern}$", views.service_worker, name=WORKER_ROUTE)]
