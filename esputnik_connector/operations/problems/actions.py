"""What a person does with records that were set aside: try them again, or leave them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.models import (
    Attempt,
    Connection,
    OutboxMessage,
    OutcomeCount,
    OutcomeHour,
)
from esputnik_connector.models.outcome_count import Outcomes
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Kind, Outcome, Reason

from .causes import SetAside

LONGEST_REASON = 300
CHUNK = 1000  # rows of one statement


@dataclass(frozen=True, kw_only=True)
class ActionResult:
    """How many records were dealt with, and how many were left as they are: why → how many."""

    count: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def try_again(rows: Sequence[SetAside]) -> ActionResult:
    """Put them in line with a fresh horizon, and wake the workers."""
    left_out: Counter[str] = Counter()
    connections = Connection.objects.in_bulk({row.connection_id for row in rows})
    fitting = []
    for row in rows:
        connection = connections.get(row.connection_id)
        if connection is None or not connection.is_enabled:
            left_out[_("the connection is off")] += 1
        else:
            fitting.append(row.pk)
    count = 0
    for start in range(0, len(fitting), CHUNK):
        count += OutboxMessage.objects.filter(pk__in=fitting[start : start + CHUNK]).revive()
    if missed := len(fitting) - count:
        left_out[_("in line again already, or sent")] += missed
    for connection in connections.values():
        if connection.is_enabled:
            wake(connection.pk)
    return ActionResult(count=count, left_out=left_out)


def skip(rows: Sequence[SetAside], why: str) -> ActionResult:
    """Give them up, with a reason that stands in their history. A later change of one is sent.

    :raises BadRequestError: without a reason nobody would know why it is missing.
    """
    why = " ".join(why.split())
    if not why:
        raise BadRequestError(_("Write why these records are left out; nothing was done."))
    left_out: Counter[str] = Counter()
    fitting = []
    for row in rows:
        if row.kind is Kind.ERASURE:
            left_out[_("a deletion cannot be skipped: the person would stay there")] += 1
        else:
            fitting.append(row.pk)
    count = 0
    for start in range(0, len(fitting), CHUNK):
        count += _give_up(fitting[start : start + CHUNK], why[:LONGEST_REASON])
    if missed := len(fitting) - count:
        left_out[_("in line again already, or sent")] += missed
    return ActionResult(count=count, left_out=left_out)


def _give_up(pks: Sequence[int], why: str) -> int:
    """What is still set aside becomes an attempt with the outcome “skipped”, and is counted."""
    now = timezone.now()
    with transaction.atomic():
        mine = list(OutboxMessage.objects.dead().filter(pk__in=pks).select_for_update())
        Attempt.objects.bulk_create(
            Attempt(
                connection_id=row.connection_id,
                kind=row.kind,
                key=row.key,
                outcome=Outcome.SKIPPED.value,
                reason=Reason.LEFT_OUT.value,
                detail=why,
                captured_at=row.captured_at,
                created_at=now,
            )
            for row in mine
        )
        counts = Counter((row.connection_id, row.kind) for row in mine)
        connections = Connection.objects.in_bulk({pk for pk, _kind in counts})
        for (pk, kind), count in counts.items():
            outcomes = Outcomes(
                kind=kind,
                outcome=Outcome.SKIPPED.value,
                reason=Reason.LEFT_OUT.value,
                records=count,
            )
            if pk in connections:
                OutcomeCount.objects.add(connections[pk], [outcomes], now=now)
                OutcomeHour.objects.add(connections[pk], [outcomes], now=now)
        OutboxMessage.objects.filter(pk__in=[row.pk for row in mine]).delete()
    return len(mine)
