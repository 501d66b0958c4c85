"""``{% load esputnik %}``: tracking of the shop's pages, and its subscription form."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString

from esputnik_connector.tracking import pages

from . import esputnik_forms

register = template.Library()
register.tags.update(esputnik_forms.register.tags)


@register.simple_tag(takes_context=True)
def esputnik_tracking(
    context: template.Context, nonce: str = "", everywhere: bool = False
) -> SafeString:
    """Once, in the base template, after the page's content.

    :param nonce: of the Content-Security-Policy, if neither the context nor the request has it as
        ``csp_nonce``.
    :param everywhere: also where the address of the page is a secret, such as a link by which a
        password is set anew. eSputnik's script reads addresses.
    """
    request = context.get("request")
    if request is None:
        return pages.NOTHING
    nonce = nonce or nonce_of(context)
    return pages.markup(request, context, nonce=nonce, everywhere=everywhere)


@register.simple_tag(takes_context=True)
def esputnik_event(context: template.Context, name: str, **given: Any) -> SafeString:
    """One thing that happens on a page of the shop's own: ``{% esputnik_event "ProductPage"
    product=product %}``, ``"CategoryPage" category=…``, ``"SearchRequest" search=… is_found=…``,
    ``"PurchasedItems" order_number=…``, ``"ProductImpressions" products=… container=…``.

    :raises ValueError, TypeError, KeyError: there is no such type or field, or one is missing; the
        developer sees it at once.
    """
    request = context.get("request")
    told = pages.event_of(name, given)
    return pages.NOTHING if request is None else pages.event_markup(request, told)


def nonce_of(context: template.Context) -> str:
    """As django-csp puts it on the request, and Django itself into the context."""
    request = context.get("request")
    return str(context.get("csp_nonce") or getattr(request, "csp_nonce", "") or "")
