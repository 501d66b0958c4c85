"""What a merchant reads of each finding, and what helps first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from esputnik_connector import registry
from esputnik_connector.models import Connection

from .backlog import count_text
from .duration import since
from .findings import Finding, Level
from .snapshot import Snapshot


class Action(str, Enum):
    """What helps first. Whoever shows the sentence knows where that is done."""

    NONE = ""
    CONNECT = "connect"
    PASTE_KEY = "paste_key"
    TEST = "test"
    BIND = "bind"
    SWITCH_ON = "switch_on"
    RESUME = "resume"
    TELL_ADMINISTRATOR = "tell_administrator"
    PROBLEMS = "problems"
    WAITING = "waiting"
    ORDERS = "orders"
    FEEDS = "feeds"
    IMPORT = "import"
    STOREFRONT = "storefront"


BESIDE = {"feeds": Action.FEEDS, "periodic": Action.TELL_ADMINISTRATOR}

Words = Callable[[Finding, Connection, Snapshot], str]


def _key_refused(_finding: Finding, connection: Connection, snapshot: Snapshot) -> str:
    return _("Sending stopped %(time)s ago: the key was refused.") % {
        "time": since(connection.paused_at or snapshot.now, snapshot.now)
    }


def _no_service(_finding: Finding, _connection: Connection, snapshot: Snapshot) -> str:
    last = snapshot.heartbeats.get("sweep")
    if last is None:
        return _("The sending service on the server has never run.")
    return _("The sending service on the server has not run for %(time)s.") % {
        "time": since(last, snapshot.now)
    }


def _overdue(finding: Finding, _connection: Connection, snapshot: Snapshot) -> str:
    seconds = timedelta(seconds=finding.numbers.get("overdue_seconds", 0))
    return _("Nobody sends: the oldest change has been due for %(time)s.") % {
        "time": since(snapshot.now - seconds, snapshot.now)
    }


def _delayed(finding: Finding, connection: Connection, snapshot: Snapshot) -> str:
    age = timedelta(seconds=finding.numbers.get("age_seconds", 0))
    time = since(snapshot.now - age, snapshot.now)
    if finding.level is Level.PROBLEM:
        return _(
            "%(destination)s has taken nothing for a while: the oldest change waits for %(time)s."
        ) % {"time": time, "destination": registry.destination_label(connection.destination)}
    return _("Some changes are tried again: the oldest waits for %(time)s.") % {"time": time}


def _resting(finding: Finding, connection: Connection, snapshot: Snapshot) -> str:
    until = snapshot.now + timedelta(seconds=finding.numbers.get("seconds", 0))
    text = _("%(destination)s asked to wait or did not answer; the next try is in %(time)s.")
    label = registry.destination_label(connection.destination)
    return text % {"time": since(snapshot.now, until), "destination": label}


def _set_aside(finding: Finding, _connection: Connection, _snapshot: Snapshot) -> str:
    count = int(finding.numbers.get("count", 0))
    return ngettext(
        "%(count)s change could not be sent and needs you; all others go.",
        "%(count)s changes could not be sent and need you; all others go.",
        count,
    ) % {"count": count_text(count)}


def _as_found(finding: Finding, _connection: Connection, _snapshot: Snapshot) -> str:
    return finding.text


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """How a finding is said to a merchant. ``keeps`` tells that changes only wait because of it."""

    words: Words
    action: Action
    keeps: bool = True


SENTENCES: dict[str, Sentence] = {  # the cause that explains the others comes first
    "key_missing": Sentence(
        words=lambda *_rest: _("There is no API key, so nothing is sent."), action=Action.PASTE_KEY
    ),
    "key_unreadable": Sentence(
        words=lambda *_rest: _("Sending stopped: the stored key cannot be read; paste it again."),
        action=Action.PASTE_KEY,
    ),
    "paused_by_person": Sentence(words=_as_found, action=Action.RESUME),
    "connection_paused": Sentence(words=_key_refused, action=Action.PASTE_KEY),
    "environment_elsewhere": Sentence(
        words=lambda *_rest: _(
            "Nothing is sent from here: the connection belongs to another installation."
        ),
        action=Action.BIND,
    ),
    "key_never_accepted": Sentence(
        words=lambda *_rest: _("The key was not checked yet."), action=Action.TEST
    ),
    "backup_restored": Sentence(words=_as_found, action=Action.TELL_ADMINISTRATOR),
    "sweep_late": Sentence(words=_no_service, action=Action.TELL_ADMINISTRATOR),
    "sweep_never_ran": Sentence(words=_no_service, action=Action.TELL_ADMINISTRATOR),
    "changes_overdue": Sentence(words=_overdue, action=Action.TELL_ADMINISTRATOR),
    "changes_delayed": Sentence(words=_delayed, action=Action.WAITING),
    "lane_rests": Sentence(words=_resting, action=Action.NONE),
    "many_refused": Sentence(words=_as_found, action=Action.PROBLEMS, keeps=False),
    "import_stopped": Sentence(words=_as_found, action=Action.IMPORT, keeps=False),
    "no_order_arrived": Sentence(words=_as_found, action=Action.ORDERS, keeps=False),
    "reconciliation_held": Sentence(words=_as_found, action=Action.TELL_ADMINISTRATOR),
    "changes_set_aside": Sentence(words=_set_aside, action=Action.PROBLEMS, keeps=False),
    "storefront_step_failed": Sentence(words=_as_found, action=Action.STOREFRONT, keeps=False),
    "watch_late": Sentence(words=_as_found, action=Action.TELL_ADMINISTRATOR, keeps=False),
}
