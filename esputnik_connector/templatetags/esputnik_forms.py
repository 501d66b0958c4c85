"""The shop's own subscription form, where the merchant wants it: in ``{% load esputnik %}``."""

from __future__ import annotations

from collections.abc import Iterable
from logging import getLogger

from django import template
from django.template.base import Parser, Token
from django.template.loader import render_to_string
from django.urls import NoReverseMatch
from django.utils.safestring import SafeString, mark_safe

from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.models.storefront import FormsChoice
from esputnik_connector.tracking.form_view import FORM, form_context
from esputnik_connector.tracking.forms import SubscriptionForm, forms_of
from esputnik_connector.tracking.origin import asked_host

register = template.Library()

NOTHING = SafeString("")

logger = getLogger(__name__)


@register.simple_tag(takes_context=True)
def esputnik_subscribe_form(
    context: template.Context,
    form_type: str = "",
    groups: str | Iterable[str] = "",
    categories: str | Iterable[str] = "",
) -> SafeString:
    """The ready form; nothing where the merchant shows eSputnik's widgets only.

    :param form_type: tells the forms of a shop apart. :param groups: segments whoever subscribes
        joins, by name, with commas between. :param categories: the same, by key.
    :raises TemplateSyntaxError: a name that eSputnik does not take; the developer sees it at once.
    """
    try:
        form = SubscriptionForm.of(form_type, groups, categories)
    except BadRequestError as error:
        raise template.TemplateSyntaxError(str(error)) from error
    if is_hidden(context):
        return NOTHING
    request = context.get("request")
    nonce = str(context.get("csp_nonce") or getattr(request, "csp_nonce", "") or "")
    way_back = request.path if request is not None else ""
    try:
        values = {**form_context(form, way_back=way_back), "nonce": nonce}
    except NoReverseMatch:
        logger.error("include esputnik_connector.urls: without it, there is no subscription form")
        return NOTHING
    return mark_safe(render_to_string(FORM, values, request))  # noqa: S308  a template of ours


@register.tag
def esputnik_shop_form(parser: Parser, _token: Token) -> ShopForm:
    """``{% esputnik_shop_form %} … {% endesputnik_shop_form %}``: around a form of the shop's own,
    which is left out where the merchant shows eSputnik's widgets only."""
    inner = parser.parse(("endesputnik_shop_form",))
    parser.delete_first_token()
    return ShopForm(inner)


class ShopForm(template.Node):
    """What stands between the two tags."""

    def __init__(self, inner: template.NodeList) -> None:
        self.nodelist = inner

    def render(self, context: template.Context) -> SafeString:
        return NOTHING if is_hidden(context) else self.nodelist.render(context)


def is_hidden(context: template.Context) -> bool:
    """Does the merchant show eSputnik's widgets only on this page's host?"""
    request = context.get("request")
    return request is not None and forms_of(asked_host(request)) is FormsChoice.WIDGETS
