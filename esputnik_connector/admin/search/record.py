"""The answer page of one record."""

from __future__ import annotations

from dataclasses import dataclass
from logging import getLogger
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.addresses import KEY
from esputnik_connector.admin.display import time_text
from esputnik_connector.admin.pages import linked, register, url_of
from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.models.permissions import Right
from esputnik_connector.operations.record.preview import STANDINGS, Preview, preview
from esputnik_connector.operations.record.search import match_of
from esputnik_connector.operations.record_history.history import (
    AccountHistory,
    RecordHistory,
    history_of,
)
from esputnik_connector.operations.record_history.redacted import redacted
from esputnik_connector.records import Kind
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import Match, SupportsCarts, SupportsSearch, SupportsShopPages

from .steps import shown
from .titles import ANSWERED, record_url, title_of

logger = getLogger(__name__)

TEMPLATE = "admin/esputnik_connector/search/record.html"
LOCATORS = {"email": gettext_lazy("the e-mail"), "phone": gettext_lazy("the phone")}


def kind_or_404(name: str) -> Kind:
    """A kind that has an answer page."""
    for kind in ANSWERED:
        if kind.value == name:
            return kind
    raise Http404


def record_page(
    request: HttpRequest, context: dict[str, Any], *, kind: str, key: str
) -> HttpResponse:
    """What happened to the record at each account, and what may be done about it."""
    found_kind = kind_or_404(kind)
    history = history_of(found_kind, key)
    match = in_shop(found_kind, key)
    if match is None and not history.is_known:
        return TemplateResponse(request, TEMPLATE, {**context, **_unknown(found_kind, key)})
    title = title_of(found_kind, key, match.name if match else "")
    return TemplateResponse(
        request,
        TEMPLATE,
        {
            **context,
            "title": title,
            "kind": found_kind.value,
            "key": key,
            "is_known": True,
            "is_in_shop": match is not None,
            "email": match.email if match else "",
            "shop_url": _shop_url(found_kind, key) if match else "",
            "accounts": _accounts(request, history, match),
            "belongings": _belongings(request, found_kind, key),
            "person": _person(request, found_kind, key),
            "may_operate": Right.OPERATE.is_of(request.user),
        },
    )


def _unknown(kind: Kind, key: str) -> dict[str, Any]:
    return {"title": title_of(kind, key), "is_known": False, "key": key}


def in_shop(kind: Kind, key: str) -> Match | None:
    """The record as the shop has it; ``None`` when it is gone, or an event."""
    shop = registry.shop()
    if kind is Kind.EVENT or (kind is Kind.CART and not isinstance(shop, SupportsCarts)):
        return None
    found, _broken = reading.records(shop, kind, [key], attributes=())
    record = found.get(key)
    return match_of(kind, record) if record is not None else None


def _shop_url(kind: Kind, key: str) -> str:
    shop = registry.shop()
    return shop.shop_page(kind, key) if isinstance(shop, SupportsShopPages) else ""


def _accounts(
    request: HttpRequest, history: RecordHistory, match: Match | None
) -> list[dict[str, Any]]:
    is_one = len(history.accounts) == 1
    name = match.name if match is not None and history.kind is Kind.CONTACT else ""
    return [
        {
            "shown": shown(account, name or history.key),
            "heading": "" if is_one else account.connection.name,
            "actions": _actions(request, account),
            "now": _now(account),
            "is_set_aside": account.set_aside is not None,
        }
        for account in history.accounts
    ]


@dataclass(frozen=True, kw_only=True)
class Action:
    """A button: a POST to its address."""

    title: str
    url: str


def _actions(request: HttpRequest, account: AccountHistory) -> list[Action]:
    if not Right.OPERATE.is_of(request.user) or not account.connection.is_enabled:
        return []
    place = {"connection": account.connection.pk, "kind": account.kind.value, "key": account.key}
    found = []
    if account.kind is not Kind.EVENT or account.waiting or account.set_aside:
        found.append(Action(title=_("Send now"), url=url_of("send_now", request, **place)))
    if account.kind is not Kind.EVENT:
        url = url_of("send_unchanged", request, **place)
        found.append(Action(title=_("Send again, although unchanged"), url=url))
    label = registry.destination_label(account.connection.destination)
    title = _("Compare with %(destination)s") % {"destination": label}
    return [*found, Action(title=title, url=url_of("compare", request, **place))]


def _now(account: AccountHistory) -> dict[str, Any]:
    """What would be sent now, and why not; how it differs from what was delivered."""
    try:
        seen = preview(account.connection, account.kind, account.key)
    except ConnectorError as error:
        return {"problem": str(error)}
    except Exception as error:  # whatever the shop's own code raises: the rest of the page stands
        logger.error("%s %s has no preview: %s", account.kind.value, account.key, type(error))
        return {"problem": _("The shop's data of this record could not be read.")}
    return {
        "standing": str(STANDINGS[seen.standing]),
        "why_not": seen.why_not,
        "differences": list(_differences(account, seen)),
        "warnings": seen.warnings,
        "fields": list(redacted(seen)),
        "request": seen.request,
    }


def _differences(account: AccountHistory, seen: Preview) -> list[str]:
    """As far as it is known: of the values themselves only a hash is kept."""
    if account.state is None or account.state.delivered_at is None:
        return []
    told = []
    if seen.moved:
        names = ", ".join(str(LOCATORS.get(name, name)) for name in seen.moved)
        told.append(_("another one now: %(names)s") % {"names": names})
    if seen.fills:
        told.append(_("filled since: %(names)s") % {"names": ", ".join(seen.fills)})
    if seen.clears:
        told.append(_("would be emptied: %(names)s") % {"names": ", ".join(seen.clears)})
    status = next((str(f.value) for f in seen.fields if f.path.endswith(".status")), "")
    if status and account.state.status and status != account.state.status:
        text = _("status: %(before)s was delivered, %(now)s is now")
        told.append(text % {"before": account.state.status, "now": status})
    return told


def _belongings(request: HttpRequest, kind: Kind, key: str) -> list[dict[str, str]]:
    shop = registry.shop()
    if kind is not Kind.CONTACT or not isinstance(shop, SupportsSearch):
        return []
    return [
        {
            "title": title_of(each.kind, each.key),
            "about": time_text(each.moment) if each.moment else "",
            "url": record_url(request, each.kind, each.key),
        }
        for each in shop.belongings(key)
    ]


def _person(request: HttpRequest, kind: Kind, key: str) -> dict[str, str]:
    """Addresses of what a person has a right to; those that this reader may open."""
    if kind is not Kind.CONTACT:
        return {}
    found = {}
    if Right.ERASE.is_of(request.user):
        found = {"erase": url_of("erase", request, key=key)}
    if Right.OPERATE.is_of(request.user) or found:
        found["holdings"] = url_of("holdings", request, key=key)
    return found


register(
    linked("record", gettext_lazy("Answer"), f"search/<str:kind>/{KEY}/", record_page, Right.SEE)
)
