"""Addresses that the world may call. Include them outside of ``i18n_patterns``::

path("esputnik/", include("esputnik_connector.urls"))
"""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "esputnik_connector"
urlpatterns = [
    path("health", views.health, name="health"),
    path("metrics", views.metrics, name="metrics"),
    path("subscribe", views.subscribe, name="subscribe"),
    path("subscribed", views.subscribed, name="subscribed"),
    path("inbox/token", views.inbox_token, name="inbox_token"),
    path("feeds/<str:token>/<str:language>.<str:extension>", views.feed, name="feed"),
]
