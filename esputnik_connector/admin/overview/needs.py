"""“Need you”: what was set aside, by cause, with the remedy; and the footer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Min
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.pages import APP, is_registered, site_name, url_of
from esputnik_connector.models import Connection, OutboxMessage, Reconciliation
from esputnik_connector.models.labels import KINDS, REASONS
from esputnik_connector.operations.health.duration import since
from esputnik_connector.operations.health.snapshot import Snapshot
from esputnik_connector.records import Kind, Reason

SHOWN = 5
USUAL_REMEDY = gettext_lazy("Look at the records, mend the cause, then press “Try again”.")
REMEDIES: dict[str, Any] = {
    Reason.REFUSED.value: gettext_lazy(
        "Read what eSputnik says of it, correct the record in the shop or the mapping, then press "
        "“Try again”."
    ),
    Reason.UNBUILDABLE.value: gettext_lazy(
        "Show it to the developer: the shop's own data cannot be read. Then press “Try again”."
    ),
    Reason.TOO_LARGE.value: gettext_lazy(
        "Shorten the record in the shop: eSputnik takes none of this size."
    ),
    Reason.UNREACHABLE.value: gettext_lazy(
        "eSputnik was away for days. When it answers again, press “Try again”."
    ),
    Reason.BUSY.value: gettext_lazy(
        "eSputnik asked to wait for days. When it goes again, press “Try again”."
    ),
    Reason.SWITCHED_OFF.value: gettext_lazy(
        "Switch it on in your eSputnik account, then press “Try again”."
    ),
    Reason.UNCONFIRMED.value: gettext_lazy(
        "Look in eSputnik whether it arrived; if not, press “Try again”."
    ),
}


@dataclass(frozen=True, kw_only=True)
class Need:
    """Records that were set aside for one cause."""

    title: str
    cause: str
    count: int
    examples: Sequence[str]
    remedy: str
    url: str


def needs(connection: Connection, request: HttpRequest) -> list[Need]:
    """The greatest groups, at most five. One query, and what the shop needs to name people."""
    groups = list(
        OutboxMessage.objects.filter(connection=connection, is_dead=True)
        .order_by()
        .values("kind", "reason")
        .annotate(count=Count("pk"), first=Min("key"), last=Max("key"))
        .order_by("-count", "kind", "reason")[:SHOWN]
    )
    people = [key for each in groups if each["kind"] == Kind.CONTACT for key in _keys(each)]
    names = _names(people)
    return [
        Need(
            title=str(KINDS[Kind(each["kind"])]).capitalize(),
            cause=str(REASONS[Reason(each["reason"])]) if each["reason"] else _("no reason known"),
            count=each["count"],
            examples=[_shown(each["kind"], key, names) for key in _keys(each)],
            remedy=str(REMEDIES.get(each["reason"], USUAL_REMEDY)),
            url=_url(connection, each, request),
        )
        for each in groups
    ]


def _keys(group: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([group["first"], group["last"]]))


def _shown(kind: str, key: str, names: Mapping[str, str]) -> str:
    if kind == Kind.ORDER:
        return _("No. %(number)s") % {"number": key}
    return names.get(key, key) if kind == Kind.CONTACT else key


def _names(keys: Sequence[str]) -> dict[str, str]:
    """Of customers, as the shop has them."""
    if not keys:
        return {}
    found = registry.shop().contacts(keys)
    return {
        key: f"{one.first_name} {one.last_name}".strip() or one.email or key
        for key, one in found.items()
    }


def _url(connection: Connection, group: Mapping[str, Any], request: HttpRequest) -> str:
    if is_registered("problems"):
        return url_of("problems", request)
    try:
        page = reverse(f"admin:{APP}_outboxmessage_changelist", current_app=site_name(request))
    except NoReverseMatch:  # a shop need not have all our tables on its site
        return ""
    chosen = {"kind__exact": group["kind"], "reason__exact": group["reason"]}
    query = "&".join(f"{name}={value}" for name, value in chosen.items() if value)
    return f"{page}?connection__id__exact={connection.pk}&is_dead__exact=1&{query}"


# --- the footer -----------------------------------------------------------------------------------


def footer(connection: Connection, snapshot: Snapshot) -> list[str]:
    """When worker and beat were seen, and what the last reconciliation of orders found."""
    beat = snapshot.heartbeats.get("sweep")
    seen = (
        _("Worker and beat were seen %(time)s ago.") % {"time": since(beat, snapshot.now)}
        if beat
        else _("Worker and beat were never seen.")
    )
    runs = Reconciliation.objects.of_the_shop().filter(
        connection=connection, kind__in=[Kind.ORDER.value, Kind.CONTACT.value]
    )
    finished = runs.exclude(finished_at=None).order_by("-pk").first()
    if finished is None or finished.finished_at is None:
        return [seen, _("Nothing was reconciled yet; that happens at night.")]
    told = {
        "time": since(finished.finished_at, snapshot.now),
        "kind": finished.get_kind_display(),
        "matched": number_format(finished.total - finished.differences, force_grouping=True),
        "total": number_format(finished.total, force_grouping=True),
    }
    return [
        seen,
        _("Last reconciliation %(time)s ago, “%(kind)s”: %(matched)s of %(total)s matched.") % told,
    ]
