"""The judgement of a connection as a page shows it: colour, icon, words and one action."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from esputnik_connector.admin.display import ICONS, time_text
from esputnik_connector.admin.pages import APP, link_to, site_name, url_of
from esputnik_connector.conf import conf
from esputnik_connector.models import Connection
from esputnik_connector.models.connection import this_environment
from esputnik_connector.models.permissions import Right
from esputnik_connector.operations.health.judgement import Judgement
from esputnik_connector.operations.health.sentences import Action
from esputnik_connector.operations.health.snapshot import Snapshot, take

SEEN_BY = (Right.SEE.permission, f"{APP}.view_connection", f"{APP}.change_connection")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """``label`` and ``url`` are the one action, if this reader may do it."""

    judgement: Judgement
    icon: str
    label: str = ""
    url: str = ""


def current() -> tuple[list[Connection], Snapshot]:
    """All connections, also those that are off, and what is there now of the others."""
    connections = list(Connection.objects.order_by("name"))
    return connections, take(
        connections=[each for each in connections if each.is_enabled], is_exact=False
    )


def shown(judgement: Judgement, request: HttpRequest) -> Shown:
    label, url = _action(judgement, request)
    return Shown(judgement=judgement, icon=ICONS[judgement.level], label=label, url=url)


def _action(judgement: Judgement, request: HttpRequest) -> tuple[str, str]:
    """What is on the button, and where it leads; nothing for whom it is shut."""
    action, connection = judgement.action, judgement.connection
    labels = {
        Action.CONNECT: _("Connect the shop"),
        Action.PASTE_KEY: _("Paste a key"),
        Action.TEST: _("Test the key"),
        Action.BIND: _("Send from this installation"),
        Action.SWITCH_ON: _("Switch it on"),
        Action.RESUME: _("Resume"),
        Action.TELL_ADMINISTRATOR: _("Text for the administrator"),
        Action.PROBLEMS: _("See what needs you"),
        Action.WAITING: _("See what waits"),
        Action.ORDERS: _("See the orders"),
        Action.FEEDS: _("See the feeds"),
        Action.IMPORT: _("See the import"),
        Action.STOREFRONT: _("See the storefront"),
    }
    url = _address(action, connection, request) if action in labels else ""
    return (labels[action], url) if url else ("", "")


def _address(action: Action, connection: Connection | None, request: HttpRequest) -> str:
    may = request.user.has_perm
    if action is Action.TELL_ADMINISTRATOR:
        return f"{url_of('overview', request)}#esputnik-told"
    if action is Action.CONNECT:
        return _page("connection_add", request) if may(f"{APP}.add_connection") else ""
    if action is Action.FEEDS:
        return _page("feed_changelist", request) if may(f"{APP}.view_feed") else ""
    if action is Action.STOREFRONT:
        return link_to("storefronts", request)
    if connection is None:
        return ""
    if action is Action.IMPORT:
        is_open = may(f"{APP}.view_backfill") or may(f"{APP}.change_connection")
        return _page("backfill_page", request, connection.pk) if is_open else ""
    if action is Action.ORDERS:
        return link_to("orders", request, pk=connection.pk, period="week", fate="on_the_way")
    if action is Action.PROBLEMS and (url := link_to("problems", request)):
        return url
    if action in (Action.PROBLEMS, Action.WAITING):
        dead = int(action is Action.PROBLEMS)
        chosen = f"?connection__id__exact={connection.pk}&is_dead__exact={dead}"
        is_open = may(f"{APP}.view_outboxmessage")
        return _page("outboxmessage_changelist", request) + chosen if is_open else ""
    if not may(f"{APP}.change_connection"):
        return ""
    if action is Action.BIND:
        return _page("connection_bind", request, connection.pk)
    places = {Action.PASTE_KEY: "#id_new_key", Action.SWITCH_ON: "#esputnik-switch"}
    field = {**places, Action.RESUME: "#esputnik-switch"}.get(action, "")
    return _page("connection_change", request, connection.pk) + field


def _page(name: str, request: HttpRequest, *parts: Any) -> str:
    return reverse(f"admin:{APP}_{name}", args=parts, current_app=site_name(request))


def text_for_the_administrator(judged: Iterable[Judgement], snapshot: Snapshot) -> str:
    """All that somebody needs who does not see this page; ``""`` when there is nothing to tell."""
    theirs = [each for each in judged if each.action is Action.TELL_ADMINISTRATOR]
    if not theirs:
        return ""
    lines = [_("Shop: %(shop)s") % {"shop": conf.SHOP_URL or this_environment()}]
    for each in theirs:
        lines += [f"– {each.sentence}", _("What to do: %(remedy)s") % {"remedy": each.remedy}]
    last = time_text(snapshot.heartbeats.get("sweep"))
    lines.append(_("Worker and beat were last seen: %(last)s") % {"last": last})
    lines.append(_("To look again: %(command)s") % {"command": "manage.py esputnik_doctor"})
    return "\n".join(lines)
