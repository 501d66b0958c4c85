"""What happened to one record at one account, step by step.

Attempts are pruned after some weeks, and of an import that went well there never were any. What was
delivered is told by the state of the record then, which stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from esputnik_connector.models import Attempt, Backfill, OutboxMessage, Reconciliation, SyncState
from esputnik_connector.models.reconcile import VERDICTS, Verdict
from esputnik_connector.records import Kind, Outcome

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy


class StepType(str, Enum):
    """What may happen to a record."""

    CAPTURED = "captured"
    DELIVERED = "delivered"
    IMPORTED = "imported"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    SKIPPED = "skipped"
    SET_ASIDE = "set_aside"
    WAITING = "waiting"
    RECONCILED = "reconciled"
    ERASED = "erased"
    ERASED_THERE = "erased_there"


STEPS: dict[StepType, Lazy] = {
    StepType.CAPTURED: _("A change was noted in the shop"),
    StepType.DELIVERED: _("Sent, and the answer says that it arrived"),
    StepType.IMPORTED: _("Arrived by a historical import"),
    StepType.ACCEPTED: _("Accepted; eSputnik is still working on it"),
    StepType.DEFERRED: _("Sent, and has to be tried again"),
    StepType.REFUSED: _("Refused"),
    StepType.SKIPPED: _("Not sent"),
    StepType.SET_ASIDE: _("Set aside until a person decides"),
    StepType.WAITING: _("In line; the next try"),
    StepType.RECONCILED: _("Compared with the shop"),
    StepType.ERASED: _("The person was deleted; nothing of theirs is sent any more"),
    StepType.ERASED_THERE: _("The deletion was carried out at the destination"),
}

OF_OUTCOMES = {
    Outcome.DELIVERED.value: StepType.DELIVERED,
    Outcome.ACCEPTED.value: StepType.ACCEPTED,
    Outcome.DEFERRED.value: StepType.DEFERRED,
    Outcome.REJECTED.value: StepType.REFUSED,
    Outcome.SKIPPED.value: StepType.SKIPPED,
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happened. Without a moment: it holds now."""

    type: StepType
    at: datetime | None = None
    reason: str = ""  # value of a Reason or a Verdict
    detail: str = ""  # the destination's own words
    status: int = 0  # of HTTP
    notes: tuple[str, ...] = ()
    is_deletion: bool = False  # of the person, and not of this record

    @property
    def label(self) -> Lazy:
        return STEPS[self.type]


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Rows of one record at one account, as the database has them. The newest first."""

    state: SyncState | None = None
    rows: Sequence[OutboxMessage] = ()
    attempts: Sequence[Attempt] = ()
    imports: Sequence[Backfill] = ()  # that may have delivered it
    reconciliations: Sequence[Reconciliation] = ()
    erased_at: datetime | None = None


def timeline(key: str, traces: Traces) -> tuple[Step, ...]:
    """The steps, what holds now first, then the newest."""
    found = [
        *_of_rows(traces.rows),
        *_of_attempts(traces.attempts),
        *_of_state(traces),
        *_of_reconciliations(key, traces),
    ]
    if traces.erased_at is not None:
        found.append(Step(type=StepType.ERASED, at=traces.erased_at))
    unique = list(dict.fromkeys(found))
    present = [step for step in unique if step.at is None or step.type is StepType.WAITING]
    past = [step for step in unique if step not in present]
    return (*present, *sorted(past, key=_moment, reverse=True))


def _moment(step: Step) -> tuple[datetime, int]:
    """What was noted comes before what became of it, also within one moment."""
    assert step.at is not None
    return step.at, list(StepType).index(step.type)


def _of_rows(rows: Sequence[OutboxMessage]) -> Iterator[Step]:
    for row in rows:
        yield Step(type=StepType.CAPTURED, at=row.captured_at)
        if row.is_dead:
            yield Step(type=StepType.SET_ASIDE, reason=row.reason, detail=row.detail)
        elif not row.session:
            yield Step(type=StepType.WAITING, at=row.due_at, reason=row.reason, detail=row.detail)


def _of_attempts(attempts: Sequence[Attempt]) -> Iterator[Step]:
    for attempt in attempts:
        is_deletion = attempt.kind == Kind.ERASURE.value
        if attempt.captured_at is not None and not is_deletion:
            yield Step(type=StepType.CAPTURED, at=attempt.captured_at)
        step_type = OF_OUTCOMES.get(attempt.outcome, StepType.SKIPPED)
        if is_deletion and step_type is StepType.DELIVERED:
            step_type = StepType.ERASED_THERE
        yield Step(
            type=step_type,
            at=attempt.created_at,
            reason=attempt.reason,
            detail=attempt.detail,
            status=attempt.status,
            notes=tuple(attempt.notes),
            is_deletion=is_deletion,
        )


def _of_state(traces: Traces) -> Iterator[Step]:
    """What no attempt tells any more, or never did."""
    state = traces.state
    if state is None:
        return
    if state.session:
        yield Step(type=StepType.ACCEPTED, at=state.session_since)
    arrived = state.delivered_at
    told = {one.created_at for one in traces.attempts if one.outcome == Outcome.DELIVERED.value}
    if arrived is None or arrived in told:
        return
    is_imported = import_of(traces) is not None
    yield Step(type=StepType.IMPORTED if is_imported else StepType.DELIVERED, at=arrived)


def import_of(traces: Traces) -> Backfill | None:
    """The historical import that brought the record last, as far as its times tell."""
    arrived = traces.state.delivered_at if traces.state else None
    told = {one.created_at for one in traces.attempts if one.captured_at is not None}
    if arrived is None or arrived in told:  # a change was noted of it: it went live
        return None
    fitting = (
        run
        for run in traces.imports
        if run.started_at <= arrived and (run.finished_at is None or arrived <= run.finished_at)
    )
    return next(fitting, None)


def _of_reconciliations(key: str, traces: Traces) -> Iterator[Step]:
    """Runs that named the record; and the last one, which found it unchanged."""
    for run in traces.reconciliations:
        for verdict, keys in run.examples.items():
            if key in keys:
                at = run.finished_at or run.started_at
                yield Step(type=StepType.RECONCILED, at=at, reason=verdict)
    state = traces.state
    if state is None or not state.etag or state.delivered_at is None:
        return
    for run in traces.reconciliations:
        if run.finished_at is not None and run.finished_at > state.delivered_at:
            yield Step(type=StepType.RECONCILED, at=run.finished_at, reason=Verdict.EQUAL.value)
            return


def is_of_verdict(name: str) -> bool:
    """Is this a verdict of a comparison, rather than a reason?"""
    return name in {verdict.value for verdict in VERDICTS}
