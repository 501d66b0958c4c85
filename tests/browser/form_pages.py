"""A page of some shop, with a form and eSputnik's site script, as it comes out of a page cache."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import include, path
from django.views.decorators.cache import cache_page

from esputnik_connector.models import Storefront

PAGE = Template(
    """{% load esputnik %}<!doctype html><html lang="en"><title>Shop</title><body>
    {% esputnik_subscribe_form form_type="footer" groups="News" %}
    {% esputnik_shop_form %}<p id="own">The shop's own form</p>{% endesputnik_shop_form %}
    {{ script|safe }}</body></html>"""
)


def page(request: HttpRequest) -> HttpResponse:
    storefront = Storefront.objects.for_host(request.get_host())
    script = storefront.page_script if storefront else ""
    answer = HttpResponse(PAGE.render(RequestContext(request, {"script": script})))
    answer["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self' https://cdn.esputnik.com; connect-src 'self'; "
        "form-action 'self'"
    )
    return answer


urlpatterns = [
    path("", page),
    path("cached", cache_page(60)(page)),
    path("esputnik/", include("esputnik_connector.urls")),
]
