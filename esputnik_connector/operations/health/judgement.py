"""One sentence on a connection, and on all of them, from what the doctor found.

Whatever tells a person how it is going says this and nothing else: the Overview, the badges, the
list of connections. “All is sent” is said only when nothing old waits, and a worker was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from esputnik_connector.models import Connection

from . import celery
from .backlog import OutboxCount, count_text
from .duration import since
from .examine import moving
from .findings import Finding, Level
from .queue import LATE
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
    FEEDS = "feeds"
    IMPORT = "import"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """``text`` says what is, ``detail`` what it means for what waits; translated.

    ``code`` is that of the finding on which it rests, or ``all_sent``, ``sending``,
    ``nothing_sent_yet``, ``off``, ``not_connected``.
    """

    level: Level
    code: str
    text: str
    detail: str = ""
    why: str = ""  # what the destination said, in its own words
    remedy: str = ""
    action: Action = Action.NONE
    connection: Connection | None = None

    @property
    def sentence(self) -> str:
        return f"{self.text} {self.detail}".strip()


def judge(
    connection: Connection, snapshot: Snapshot, found: Iterable[Finding] | None = None
) -> Judgement:
    """Of one connection.

    :param found: what :func:`~.examine.moving` says of the snapshot, if it was asked already.
    """
    if not connection.is_enabled:
        return Judgement(
            level=Level.WARNING,
            code="off",
            text=_("Off: changes are not even noted."),
            action=Action.SWITCH_ON,
            connection=connection,
        )
    mine = [
        each
        for each in _grounds(snapshot, moving(snapshot) if found is None else found)
        if each.connection in ("", connection.name) and not each.feed
    ]
    worst = min(mine, key=_rank, default=None)
    if worst is None:
        return _well(connection, snapshot)
    return _sentence(worst, connection, snapshot)


def judge_all(connections: Sequence[Connection], snapshot: Snapshot) -> list[Judgement]:
    """Of each connection, in the same order; then of what goes beside the sending and is not well:
    feeds, and work that must be done every night."""
    found = list(moving(snapshot))
    judged = [judge(connection, snapshot, found) for connection in connections]
    beside = [each for each in found if each.area in BESIDE and each.level is not Level.OK]
    return [*judged, *(_aside(each) for each in sorted(beside, key=_rank))]


def overall(judgements: Sequence[Judgement]) -> Judgement:
    """The worst of them; that there is no connection, if there is none."""
    if not any(each.connection for each in judgements):
        return Judgement(
            level=Level.WARNING,
            code="not_connected",
            text=_("The shop is not connected to eSputnik yet: nothing is sent."),
            action=Action.CONNECT,
        )
    at_work = [each for each in judgements if each.code != "off"]
    return max(at_work or judgements, key=lambda each: list(Level).index(each.level))


def _grounds(snapshot: Snapshot, found: Iterable[Finding]) -> list[Finding]:
    """What is not well; that no worker was ever seen belongs to it, with Celery and without."""
    known = list(found)
    if not any(each.task == "sweep" for each in known):
        seen = celery.beat(last=snapshot.heartbeats.get("sweep"), now=snapshot.now)
        known.append(replace(seen, area="celery", task="sweep"))
    return [each for each in known if each.level is not Level.OK and each.code in SENTENCES]


def _rank(finding: Finding) -> tuple[int, int]:
    order = list(SENTENCES)
    place = order.index(finding.code) if finding.code in SENTENCES else len(order)
    return (-list(Level).index(finding.level), place)


# --- when it is not well --------------------------------------------------------------------------

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


def _delayed(finding: Finding, _connection: Connection, snapshot: Snapshot) -> str:
    age = timedelta(seconds=finding.numbers.get("age_seconds", 0))
    time = since(snapshot.now - age, snapshot.now)
    if finding.level is Level.PROBLEM:
        return _(
            "eSputnik has taken nothing for a while: the oldest change waits for %(time)s."
        ) % {"time": time}
    return _("Some changes are tried again: the oldest waits for %(time)s.") % {"time": time}


def _resting(finding: Finding, _connection: Connection, snapshot: Snapshot) -> str:
    until = snapshot.now + timedelta(seconds=finding.numbers.get("seconds", 0))
    return _("eSputnik asked to wait or did not answer; the next try is in %(time)s.") % {
        "time": since(snapshot.now, until)
    }


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
    "reconciliation_held": Sentence(words=_as_found, action=Action.TELL_ADMINISTRATOR),
    "changes_set_aside": Sentence(words=_set_aside, action=Action.PROBLEMS, keeps=False),
    "watch_late": Sentence(words=_as_found, action=Action.TELL_ADMINISTRATOR, keeps=False),
}


def _sentence(finding: Finding, connection: Connection, snapshot: Snapshot) -> Judgement:
    said = SENTENCES[finding.code]
    waiting = snapshot.waiting_of(connection)
    return Judgement(
        level=finding.level,
        code=finding.code,
        text=said.words(finding, connection, snapshot),
        detail=_waiting_text(waiting) if said.keeps else "",
        why=connection.pause_detail if finding.code == "connection_paused" else "",
        remedy=finding.remedy,
        action=said.action,
        connection=connection,
    )


def _waiting_text(waiting: OutboxCount) -> str:
    if not waiting.unsent:
        return ""
    return ngettext(
        "%(count)s change waits, nothing is lost.",
        "%(count)s changes wait, nothing is lost.",
        waiting.unsent,
    ) % {"count": count_text(waiting.unsent)}


def _aside(finding: Finding) -> Judgement:
    return Judgement(
        level=finding.level,
        code=finding.code,
        text=f"{finding.subject}: {finding.text}",
        remedy=finding.remedy,
        action=BESIDE[finding.area],
    )


# --- when it is well ------------------------------------------------------------------------------


def _well(connection: Connection, snapshot: Snapshot) -> Judgement:
    """Nothing is wrong. Whether *all* is sent is another matter: what waits must be young."""
    waiting, last = snapshot.waiting_of(connection), last_success(connection, snapshot)
    if waiting.oldest is not None and snapshot.now - waiting.oldest >= LATE:
        text = ngettext(
            "%(count)s change is on its way, the oldest for %(time)s.",
            "%(count)s changes are on their way, the oldest for %(time)s.",
            waiting.unsent,
        )
        told = {"count": count_text(waiting.unsent), "time": since(waiting.oldest, snapshot.now)}
        return Judgement(level=Level.OK, code="sending", text=text % told, connection=connection)
    if last is None:
        return Judgement(
            level=Level.OK,
            code="nothing_sent_yet",
            text=_("Connected to %(organisation)s; there was nothing to send yet.")
            % {"organisation": connection.organisation or "—"},
            connection=connection,
        )
    return Judgement(
        level=Level.OK,
        code="all_sent",
        text=_("Everything is being sent."),
        detail=_("The last change: %(time)s ago.") % {"time": since(last, snapshot.now)},
        connection=connection,
    )


def last_success(connection: Connection, snapshot: Snapshot) -> datetime | None:
    """When the destination last took a record of the connection."""
    times = (at for (pk, _kind), at in snapshot.last_success().items() if pk == connection.pk)
    return max(times, default=None)
