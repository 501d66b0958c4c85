"""``{% load esputnik_admin %}``: what every page of ours in the admin shows, and the badge that a
page of the shop's own may show."""

from __future__ import annotations

from logging import getLogger
from typing import Any

from django import template
from django.db import DatabaseError, router, transaction

from esputnik_connector.admin.overview.verdict import SEEN_BY, current, shown
from esputnik_connector.admin.pages import Group, menu
from esputnik_connector.models import Connection
from esputnik_connector.operations.alerts.raised import look_again
from esputnik_connector.operations.health.judgement import judge_all, overall

register = template.Library()
logger = getLogger(__name__)


@register.inclusion_tag("admin/esputnik_connector/menu.html", takes_context=True)
def esputnik_menu(context: Any) -> dict[str, Any]:
    """The five entries, the gear, and what engineers look at, each if this person may."""
    request = context.request
    settings = menu(request, Group.SETTINGS)
    return {
        "entries": menu(request),
        "settings": settings,
        "is_in_settings": any(entry.is_current for entry in settings),
        "engineers": menu(request, Group.ENGINEERS),
    }


@register.inclusion_tag("admin/esputnik_connector/badge.html", takes_context=True)
def esputnik_badge(context: Any) -> dict[str, Any]:
    """How it is going, in one line that leads to the Overview; nothing for whom that is shut.

    It stands on a page of somebody else: whatever happens to our tables, that page is shown.
    """
    user = getattr(context.request, "user", None)
    if user is None or not user.is_staff or not any(map(user.has_perm, SEEN_BY)):
        return {}
    try:
        with transaction.atomic(using=router.db_for_write(Connection)):
            connections, snapshot = current()
            look_again(snapshot)
    except DatabaseError as error:
        logger.error("the badge cannot be shown: %s", type(error).__name__)
        return {}
    worst = overall(judge_all(connections, snapshot))
    return {"verdict": shown(worst, context.request)}
