"""Tell somebody of problems: each cause once, until it is well again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from logging import getLogger
from smtplib import SMTPException

from django.core.mail import send_mail
from django.db.models import Q
from django.utils.translation import gettext as _

from esputnik_connector import signals
from esputnik_connector.conf import conf
from esputnik_connector.models import Connection, RaisedAlert
from esputnik_connector.models.connection import this_environment
from esputnik_connector.pipeline.delivery.notify import send

from .health.findings import Finding, Level

logger = getLogger(__name__)

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


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What was examined: an alert of anything else stays as it is."""

    areas: Collection[str]
    connection: str | None = None  # None: all of them
    is_offline: bool = False

    def holds(self) -> Q:
        """The alerts that would have been found again."""
        mine = Q(area__in=list(self.areas))
        if self.connection is not None:
            mine &= Q(connection__in=["", self.connection])
        return mine & ~Q(code__in=ASKED) if self.is_offline else mine


def raise_alerts(found: Iterable[Finding], scope: Scope) -> Sequence[Finding]:
    """Send the signal ``alert`` and a mail for each problem that nobody was told of yet, and forget
    what is well again.

    A mail that cannot be sent is tried again the next time.

    :returns: what was told.
    """
    causes = {_cause(each): each for each in found if each.level is Level.PROBLEM}
    RaisedAlert.objects.filter(scope.holds()).exclude(cause__in=list(causes)).delete()
    known = set(RaisedAlert.objects.filter(cause__in=list(causes)).values_list("cause", flat=True))
    new = {cause: each for cause, each in causes.items() if cause not in known}
    return [each for cause, each in new.items() if _tell(cause, each)]


def _cause(finding: Finding) -> str:
    return "|".join(finding.cause)[:255]


def _tell(cause: str, finding: Finding) -> bool:
    """True for the one process that told of it."""
    _row, is_new = RaisedAlert.objects.get_or_create(
        cause=cause,
        defaults={
            "code": finding.code, "area": finding.area, "connection": finding.connection[:50],
        },
    )  # fmt: skip
    if not is_new:
        return False
    connection = Connection.objects.filter(name=finding.connection).first()
    send(
        signals.alert,
        code=finding.code,
        connection=connection,
        feed=finding.feed,
        text=finding.text,
        remedy=finding.remedy,
    )
    if conf.ALERT_EMAILS and not _mailed(finding):
        RaisedAlert.objects.filter(cause=cause).delete()
        return False
    return True


def _mailed(finding: Finding) -> bool:
    subject = _("eSputnik: %(what)s: %(text)s") % {"what": finding.subject, "text": finding.text}
    text = _(
        "%(text)s\n\nWhat to do: %(remedy)s\n\nShop: %(shop)s\nCode: %(code)s\n\nThere is no other "
        "mail about this until it is well again."
    ) % {
        "text": f"{finding.subject}: {finding.text}",
        "remedy": finding.remedy,
        "shop": conf.SHOP_URL or this_environment(),
        "code": finding.code,
    }
    try:
        send_mail(" ".join(subject.split())[:200], text, None, list(conf.ALERT_EMAILS))
    except (OSError, SMTPException) as error:
        logger.error("the alert %s could not be mailed: %s", finding.code, type(error).__name__)
        return False
    return True
