"""Tell somebody of problems: each cause once, every day what lasts, and when all is well again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone, translation

from esputnik_connector import signals
from esputnik_connector.models import Connection, Heartbeat, RaisedAlert
from esputnik_connector.operations.health.duration import alert_after
from esputnik_connector.operations.health.examine import AREAS, moving
from esputnik_connector.operations.health.findings import Finding, Level
from esputnik_connector.operations.health.snapshot import Snapshot, take
from esputnik_connector.pipeline.delivery.settle.notify import send

from . import mail

DIGEST_EVERY = timedelta(days=1)
HEARTBEAT = "alerts"

# Found only by asking somebody else: an examination that asked nobody says nothing of them.
ASKED = (
    "backup_seems_restored",
    "clock_differs",
    "destination_unreachable",
    "feed_registered_elsewhere",
    "feed_unreadable_from_outside",
    "key_not_checked",
    "key_refused",
)

# What a look at the moving parts can find: such a look says nothing of anything else.
MOVING = (
    "backup_restored",
    "changes_delayed",
    "changes_overdue",
    "connection_paused",
    "environment_elsewhere",
    "feed_build_failed",
    "feed_build_held",
    "feed_never_built",
    "feed_not_supported",
    "feed_too_old",
    "import_stopped",
    "key_missing",
    "key_unreadable",
    "many_refused",
    "no_order_arrived",
    "reconciliation_held",
    "sweep_late",
)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What was examined: an alert of anything else stays as it is."""

    areas: Collection[str]
    connection: str | None = None  # None: all of them
    is_offline: bool = False
    is_moving: bool = False  # the moving parts alone

    def holds(self) -> Q:
        """The alerts that would have been found again."""
        mine = Q(area__in=list(self.areas))
        if self.connection is not None:
            mine &= Q(connection__in=["", self.connection])
        if self.is_moving:
            mine &= Q(code__in=MOVING)
        return mine & ~Q(code__in=ASKED) if self.is_offline else mine


def look() -> None:
    """A look at the moving parts every ``ALERT_AFTER_SECONDS``, by whoever comes by: a worker, a
    monitor, a person in the admin. A worker that is gone cannot tell of itself."""
    if _is_due(timezone.now()):
        _tell_of(take())


def look_again(snapshot: Snapshot) -> None:
    """:func:`look`, by one who has read it all already: one query when it is not due."""
    if _is_due(snapshot.now):
        _tell_of(snapshot)


def _is_due(now: datetime) -> bool:
    """True for the one process whose turn it is."""
    mine = Heartbeat.objects.filter(name=HEARTBEAT)
    is_old = ~Q(beaten_at__range=(now - alert_after(), now + alert_after()))
    if mine.filter(is_old).update(beaten_at=now):
        return True
    if mine.exists():
        return False
    _row, is_new = Heartbeat.objects.get_or_create(name=HEARTBEAT, defaults={"beaten_at": now})
    return is_new


def _tell_of(snapshot: Snapshot) -> None:
    """In the language of the shop, not of the person who happens to be there."""
    with translation.override(settings.LANGUAGE_CODE):
        raise_alerts(moving(snapshot), Scope(areas=AREAS, is_offline=True, is_moving=True))


def raise_alerts(found: Iterable[Finding], scope: Scope) -> Sequence[Finding]:
    """Send the signal ``alert`` and a mail for each problem that nobody was told of yet; once a day
    a mail with all that lasts; and the signal ``alert_ended`` for what is well again, with a mail
    when nothing is left.

    A mail that cannot be sent is tried again the next time.

    :returns: what was told.
    """
    causes = {_cause(each): each for each in found if each.level is Level.PROBLEM}
    _end(RaisedAlert.objects.filter(scope.holds()).exclude(cause__in=list(causes)))
    known = set(RaisedAlert.objects.filter(cause__in=list(causes)).values_list("cause", flat=True))
    new = {cause: each for cause, each in causes.items() if cause not in known}
    told = [each for cause, each in new.items() if _tell(cause, each)]
    _digest()
    return told


def _cause(finding: Finding) -> str:
    return "|".join(finding.cause)[:255]


def _tell(cause: str, finding: Finding) -> bool:
    """True for the one process that told of it."""
    _row, is_new = RaisedAlert.objects.get_or_create(
        cause=cause,
        defaults={
            "code": finding.code,
            "area": finding.area,
            "connection": finding.connection[:50],
            "feed": finding.feed[:50],
            "text": f"{finding.subject}: {finding.text}",
        },
    )
    if not is_new:
        return False
    send(
        signals.alert,
        code=finding.code,
        connection=_connection(finding.connection),
        feed=finding.feed,
        text=finding.text,
        remedy=finding.remedy,
    )
    if not mail.mail_problem(finding):
        RaisedAlert.objects.filter(cause=cause).delete()
        return False
    return True


def _end(rows: Iterable[RaisedAlert]) -> None:
    """These are well again. When nothing else is left, a mail says so."""
    ended = [row for row in list(rows) if RaisedAlert.objects.filter(pk=row.pk).delete()[0]]
    if not ended:
        return
    if not RaisedAlert.objects.exists() and not mail.mail_all_well(ended):
        RaisedAlert.objects.bulk_create(ended, ignore_conflicts=True)  # the next look mails
        return
    for row in ended:
        send(
            signals.alert_ended,
            code=row.code,
            connection=_connection(row.connection),
            feed=row.feed,
            raised_at=row.raised_at,
        )


def _digest() -> None:
    """Once a day, all that lasts for longer than a day, in one mail."""
    now = timezone.now()
    is_old = Q(raised_at__lt=now - DIGEST_EVERY)
    was_not_told = Q(digested_at=None) | Q(digested_at__lt=now - DIGEST_EVERY)
    due = RaisedAlert.objects.filter(is_old, was_not_told)
    lasting = list(RaisedAlert.objects.filter(is_old)) if due.exists() else []
    if lasting and due.update(digested_at=now) and not mail.mail_digest(lasting):
        RaisedAlert.objects.filter(digested_at=now).update(digested_at=None)


def _connection(name: str) -> Connection | None:
    return Connection.objects.filter(name=name).first() if name else None
