"""``{% load esputnik_admin %}``: what every page of ours in the admin shows."""

from __future__ import annotations

from typing import Any

from django import template

from esputnik_connector.admin.pages import Group, menu

register = template.Library()


@register.inclusion_tag("admin/esputnik_connector/menu.html", takes_context=True)
def esputnik_menu(context: Any) -> dict[str, Any]:
    """The five entries, the gear, and what engineers look at, each if this person may."""
    request = context.request
    return {
        "entries": menu(request),
        "settings": menu(request, Group.SETTINGS),
        "engineers": menu(request, Group.ENGINEERS),
    }
