"""``{% load esputnik_panel %}``, ``{% esputnik_panel order %}``: what was sent of a record.

For a project's own page of a customer, an order or a basket.
"""

from __future__ import annotations

from typing import Any

from django import template

from esputnik_connector.admin.search.panel import panel_of

register = template.Library()


@register.inclusion_tag("admin/esputnik_connector/panel/panel.html", takes_context=True)
def esputnik_panel(context: Any, row: object) -> dict[str, Any]:
    """Nothing, for a reader without the right “see” and for a page without a request."""
    request = context.get("request")
    return {"panel": panel_of(request, row) if request is not None else None}
