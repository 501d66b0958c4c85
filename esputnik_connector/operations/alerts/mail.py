"""The mails of alerts: one for each problem, one a day for what lasts, one when all is well."""

from __future__ import annotations

from collections.abc import Sequence
from logging import getLogger
from smtplib import SMTPException

from django.core.mail import EmailMessage, get_connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from esputnik_connector.conf import conf
from esputnik_connector.models import RaisedAlert
from esputnik_connector.models.connection import this_environment
from esputnik_connector.operations.health.duration import since
from esputnik_connector.operations.health.findings import Finding

logger = getLogger(__name__)

PATIENCE = 5  # seconds for a mail server: a person may be waiting for a page meanwhile


def mail_problem(finding: Finding) -> bool:
    subject = _("eSputnik: %(what)s: %(text)s") % {"what": finding.subject, "text": finding.text}
    text = _(
        "%(text)s\n\nWhat to do: %(remedy)s\n\nShop: %(shop)s\nCode: %(code)s\n\nThere is no other "
        "mail about this on the same day; another one says when all is well again."
    ) % {
        "text": f"{finding.subject}: {finding.text}",
        "remedy": finding.remedy,
        "shop": _shop(),
        "code": finding.code,
    }
    return _mailed(subject, text, finding.code)


def mail_digest(lasting: Sequence[RaisedAlert]) -> bool:
    subject = ngettext(
        "eSputnik: %(count)d problem lasts for more than a day",
        "eSputnik: %(count)d problems last for more than a day",
        len(lasting),
    ) % {"count": len(lasting)}
    text = _("Still not well:\n\n%(list)s\n\nShop: %(shop)s") % {
        "list": _list_of(lasting),
        "shop": _shop(),
    }
    return _mailed(subject, text, "digest")


def mail_all_well(ended: Sequence[RaisedAlert]) -> bool:
    text = _("All is well again. What was not:\n\n%(list)s\n\nShop: %(shop)s") % {
        "list": _list_of(ended),
        "shop": _shop(),
    }
    return _mailed(_("eSputnik: all is well again"), text, "all is well")


def _list_of(rows: Sequence[RaisedAlert]) -> str:
    now = timezone.now()
    return "\n".join(f"- {row.text or row.code} ({since(row.raised_at, now)})" for row in rows)


def _shop() -> str:
    return str(conf.SHOP_URL or this_environment())


def _mailed(subject: str, text: str, what: str) -> bool:
    """False when it has to be tried again; where nobody is to be told, all is done."""
    if not conf.ALERT_EMAILS:
        return True
    line = " ".join(subject.split())[:200]
    letter = EmailMessage(line, text, None, list(conf.ALERT_EMAILS))
    try:
        letter.connection = get_connection(timeout=PATIENCE)
        letter.send()
    except (OSError, SMTPException) as error:
        logger.error("the alert %s could not be mailed: %s", what, type(error).__name__)
        return False
    return True
