"""“Need you”: what was set aside, by cause, with the remedy; and the footer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from esputnik_connector.admin.pages import link_to
from esputnik_connector.admin.search.titles import record_link, title_of
from esputnik_connector.models import Connection, Reconciliation
from esputnik_connector.models.labels import KINDS, REASONS
from esputnik_connector.models.permissions import Right
from esputnik_connector.operations.health.duration import since
from esputnik_connector.operations.health.snapshot import Snapshot
from esputnik_connector.operations.problems.causes import Cause, problems
from esputnik_connector.operations.problems.remedies import remedy_of
from esputnik_connector.operations.record.names import names_of
from esputnik_connector.records import Kind, Reason

SHOWN = 5
EXAMPLES = 3  # records of one cause, by name


@dataclass(frozen=True, kw_only=True)
class Example:
    """One of the records; ``url`` is ``""`` where this person may open no answer about it."""

    title: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Need:
    """Records that were set aside for one cause."""

    title: str
    cause: str
    count: int
    examples: Sequence[Example]
    remedy: str
    url: str


def needs(connection: Connection, request: HttpRequest) -> list[Need]:
    """The greatest causes of the page “Problems”, at most five. Who somebody is stands there for
    those alone who may see it."""
    causes = problems([connection]).causes[:SHOWN]
    listed = [(cause.kind, key) for cause in causes for key in cause.keys[:EXAMPLES]]
    names = names_of(listed) if Right.SEE.is_of(request.user) else {}
    return [
        Need(
            title=str(KINDS[cause.kind]).capitalize(),
            cause=_why(cause),
            count=len(cause.rows),
            examples=[
                Example(
                    title=title_of(cause.kind, key, names.get((cause.kind, key), "")),
                    url=record_link(request, cause.kind, key),
                )
                for key in cause.keys[:EXAMPLES]
            ],
            remedy=remedy_of(cause.reason, cause.words).for_people(connection)[1],
            url=link_to("problems", request),
        )
        for cause in causes
    ]


def _why(cause: Cause) -> str:
    """The reason, with the destination's own words where it has some."""
    reason = str(REASONS[Reason(cause.reason)]) if cause.reason else ""
    return ": ".join(part for part in (reason, cause.words) if part) or _("no reason known")


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
