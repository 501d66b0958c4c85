"""The steps of a record as a page shows them; for the answer page and for the panels."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from esputnik_connector.admin.display import time_text, warning_text
from esputnik_connector.models.reconcile import verdict_in_words
from esputnik_connector.operations.record_history.history import AccountHistory
from esputnik_connector.operations.record_history.sentence import answer, why_text
from esputnik_connector.operations.record_history.timeline import Step, StepType

GOOD = (StepType.DELIVERED, StepType.IMPORTED, StepType.ERASED_THERE)
BAD = (StepType.REFUSED, StepType.SET_ASIDE)


@dataclass(frozen=True, kw_only=True)
class ShownStep:
    """One line of the timeline. ``tone`` is a class of the style sheet."""

    time: str
    label: str
    why: str
    warnings: tuple[str, ...]
    tone: str


@dataclass(frozen=True, kw_only=True)
class ShownHistory:
    """One account's part of an answer."""

    account: str  # the connection's name
    sentence: str
    steps: tuple[ShownStep, ...]


def shown(history: AccountHistory, name: str = "") -> ShownHistory:
    return ShownHistory(
        account=history.connection.name,
        sentence=answer(history, name),
        steps=tuple(map(_step, history.steps)),
    )


def _step(step: Step) -> ShownStep:
    return ShownStep(
        time=_("now") if step.at is None else time_text(step.at),
        label=str(step.label),
        why=_why(step),
        warnings=tuple(warning_text(note) for note in step.notes),
        tone=_tone(step),
    )


def _why(step: Step) -> str:
    if step.type is StepType.RECONCILED:
        return verdict_in_words(step.reason)
    if not (step.reason or step.detail):
        return ""
    why = why_text(step.reason, step.detail)
    return _("deletion of the customer: %(why)s") % {"why": why} if step.is_deletion else why


def _tone(step: Step) -> str:
    if step.type in GOOD:
        return "good"
    if step.type in BAD:
        return "bad"
    return "warn" if step.type in (StepType.DEFERRED, StepType.ERASED) else "plain"
