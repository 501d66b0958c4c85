"""How far a historical import is, in numbers and texts: for the admin's page and the commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.models import Backfill, Heartbeat
from esputnik_connector.models.backfill import (
    ACCEPTED,
    DELIVERED,
    REFUSED,
    RETRYING,
    SKIPPED,
    State,
)
from esputnik_connector.models.labels import REASONS
from esputnik_connector.pipeline.backfill.consent import policy_of
from esputnik_connector.pipeline.backfill.control import awaited_contacts
from esputnik_connector.pipeline.backfill.forecast import Forecast
from esputnik_connector.records import Reason

WORKER_SILENCE = timedelta(minutes=3)  # several sweeps: without one, no worker is running
WORKER_TURN = timedelta(seconds=30)  # at most so long from one turn of the worker to the next

COUNT_LABELS = {
    DELIVERED: gettext_lazy("delivered"),
    ACCEPTED: gettext_lazy("accepted, not confirmed yet"),
    SKIPPED: gettext_lazy("skipped"),
    REFUSED: gettext_lazy("refused"),
    RETRYING: gettext_lazy("tried again with the daily changes"),
}


@dataclass(frozen=True)
class Sample:
    """How far a run was at an earlier moment."""

    at: float  # seconds, by any clock that the later moment is read from too
    done: int


def pace_text(run: Backfill, sample: Sample | None, *, at: float) -> str:
    """“120 a second, about 1:05 to go” since the sample; ``""`` when there is no pace to speak of.

    :param at: seconds, by the clock of the sample.
    """
    if sample is None or at <= sample.at or run.done <= sample.done:
        return ""
    rate = (run.done - sample.done) / (at - sample.at)
    return _("%(rate)s a second, about %(left)s to go") % {
        "rate": number_text(max(round(rate), 1)),
        "left": duration_text(run.left / rate),
    }


def duration_text(seconds: float) -> str:
    """“0:05”, or with hours “1:00:05”."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def number_text(value: int) -> str:
    """With the thousands set apart, as the reader's language does it."""
    return number_format(value, force_grouping=True)


def reasons_of(run: Backfill, count: str) -> Mapping[str, int]:
    """Why records are in this count: reason → how many. Empty for a count without reasons."""
    reasons: dict[str, Mapping[str, int]]
    reasons = {SKIPPED: run.skips, REFUSED: run.refusals}
    return reasons.get(count, {})


def reasons_text(counts: Mapping[str, int]) -> str:
    """“2 no longer in the shop, 1 …”, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{count} {_reason_text(name)}" for name, count in ordered)


def _reason_text(name: str) -> str:
    return str(REASONS[Reason(name)]) if name in {reason.value for reason in Reason} else name


@dataclass(frozen=True, kw_only=True)
class ForecastCounts:
    """What an import would do; of a large range estimated from a part of it."""

    total: int
    to_send: int
    skips: Mapping[str, int]  # reason → records
    refusals: Mapping[str, int]
    without_consent: int  # people
    about: str  # “about ” where the numbers are estimated

    @property
    def skipped(self) -> int:
        return sum(self.skips.values())

    @property
    def refused(self) -> int:
        return sum(self.refusals.values())


def forecast_counts(forecast: Forecast) -> ForecastCounts:
    """The numbers of a forecast for the whole range."""
    scaled = forecast.scaled
    return ForecastCounts(
        total=forecast.total,
        to_send=scaled(forecast.to_send),
        skips={name: scaled(count) for name, count in forecast.skips.items()},
        refusals={name: scaled(count) for name, count in forecast.refusals.items()},
        without_consent=scaled(len(forecast.without_consent)),
        about="" if forecast.is_exact else _("about "),
    )


def consent_text(plan: Backfill, forecast: Forecast) -> str:
    """What becomes of the people without a yes, and how many they are: one sentence.

    ``""`` where the destination makes no difference, or everybody has said yes.
    """
    counts = forecast_counts(forecast)
    policy = policy_of(plan.connection)
    if policy is None or not counts.without_consent:
        return ""
    count = f"{counts.about}{number_text(counts.without_consent)}"
    return str(policy.forecast) % {"count": count}


def waiting_text(run: Backfill) -> str:
    """What a run waits for that goes on by itself, or only when a person says so; ``""`` when it
    waits for nothing."""
    contacts = awaited_contacts(run) if run.is_working else None
    if contacts is None:
        return ""
    if contacts.state != State.PAUSED:
        return _("Waits until the import of customers has ended.")
    text = _(
        "Waits for the import of customers, which is paused: %(why)s Resume that one (on its page, "
        "or: manage.py esputnik_backfill contacts --resume), or cancel it."
    )
    return text % {"why": contacts.detail or "–"}


def is_stuck(run: Backfill) -> bool:
    """Does it wait for what only a person can do?"""
    contacts = awaited_contacts(run) if run.is_working else None
    return contacts is not None and contacts.state == State.PAUSED


def is_worked_at(run: Backfill, now: datetime) -> bool:
    """Does a worker hold the run at this moment?"""
    return run.is_leased(now)


def has_no_worker(run: Backfill, now: datetime) -> bool:
    """Does no worker hold the run, and was none seen for a while?"""
    if is_worked_at(run, now):
        return False
    if run.wake_at is not None and run.wake_at > now - WORKER_TURN:
        return False
    last = Heartbeat.last("sweep")
    return last is None or now - last > WORKER_SILENCE
