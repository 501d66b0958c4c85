"""One sentence on a connection, and on all of them, from what the doctor found.

Whatever tells a person how it is going says this and nothing else: the Overview, the badges, the
list of connections. “All is sent” is said only when nothing old waits, and a worker was seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from esputnik_connector.models import Connection

from . import celery
from .backlog import OutboxCount, count_text
from .duration import alert_after, since
from .examine import moving
from .findings import Finding, Level
from .sentences import BESIDE, SENTENCES, Action
from .snapshot import Snapshot


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
    if waiting.oldest is not None and snapshot.now - waiting.oldest >= alert_after():
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
