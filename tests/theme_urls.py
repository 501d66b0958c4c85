"""The shop's addresses, and those that a theme brings."""

from importlib.util import find_spec

from django.conf import settings
from django.urls import include, path

from sandbox_project.urls import urlpatterns as of_the_shop

urlpatterns = list(of_the_shop)
if find_spec(f"{settings.THEME}.urls"):
    urlpatterns.insert(0, path(f"{settings.THEME}/", include(f"{settings.THEME}.urls")))
