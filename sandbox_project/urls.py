from __future__ import annotations

from django.apps import apps
from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.conf.urls.static import static
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from esputnik_connector.urls import storefront_urls


def healthz(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    *storefront_urls(),
    path("healthz", healthz),
    path("admin/", admin.site.urls),
    path("esputnik/", include("esputnik_connector.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
    *i18n_patterns(path("", include(apps.get_app_config("oscar").urls[0]))),
]
