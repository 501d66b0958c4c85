"""How an import shows itself: numbers for a script, a line per chunk, or a bar in a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.models import Backfill
from esputnik_connector.models.backfill import COUNTS, REFUSED, State
from esputnik_connector.models.labels import KINDS
from esputnik_connector.operations.backfill_progress import (
    COUNT_LABELS,
    Sample,
    consent_text,
    forecast_counts,
    pace_text,
    reasons_of,
    reasons_text,
    waiting_text,
)
from esputnik_connector.pipeline.backfill.forecast import Forecast


class Display(Protocol):
    """Where progress is shown."""

    def show(self, run: Backfill) -> None: ...

    def close(self) -> None: ...


class Lines:
    """One line whenever something moved."""

    def __init__(self, write: Any) -> None:
        self._write = write
        self._first: dict[int, Sample] = {}  # of each run: how far it was when the display began
        self._last: tuple[int, int] | None = None

    def show(self, run: Backfill) -> None:
        now = time.monotonic()
        sample = self._first.setdefault(run.pk, Sample(at=now, done=run.done))
        if self._last == (run.pk, run.done):
            return
        self._last = run.pk, run.done
        pace = pace_text(run, sample, at=now) if run.left else ""
        self._write(", ".join(filter(None, [f"{kind_text(run)}: {counts_text(run)}", pace])))

    def close(self) -> None:
        """Nothing stays open."""


class Bar:
    """tqdm's progress bar, with the counts beside it."""

    def __init__(self) -> None:
        from tqdm import tqdm

        # Pages come in bursts: the pace over all is steadier than a smoothed one.
        self._make = partial(tqdm, file=sys.stdout, dynamic_ncols=True, smoothing=0, unit="")
        self._bar: Any = None
        self._run = 0

    def show(self, run: Backfill) -> None:
        if self._run != run.pk:
            self.close()
            self._run = run.pk
            self._bar = self._make(total=run.total, initial=run.done, desc=kind_text(run))
        self._bar.total = max(run.total, run.done)
        self._bar.update(run.done - self._bar.n)
        self._bar.set_postfix_str(counts_text(run, is_short=True), refresh=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class NoDisplay:
    """For ``--json``: the end says it all."""

    def show(self, run: Backfill) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def display(write: Any, *, is_json: bool, is_terminal: bool) -> Display:
    if is_json:
        return NoDisplay()
    if is_terminal:
        try:
            return Bar()
        except ImportError:  # the extra "cli" is not installed
            return Lines(write)
    return Lines(write)


def kind_text(run: Backfill) -> str:
    return str(KINDS[run.of_kind()])


def counts_text(run: Backfill, *, is_short: bool = False) -> str:
    """“1,200 delivered, 3 skipped (2 …, 1 …), 5 left”."""
    parts = []
    for name in COUNTS:
        if count := run.counts.get(name, 0):
            why = "" if is_short else _in_brackets(reasons_of(run, name))
            parts.append(f"{count} {COUNT_LABELS[name]}{why}")
    if run.left:
        parts.append(_("%(count)d left") % {"count": run.left})
    return ", ".join(parts) or _("nothing yet")


def _in_brackets(counts: Mapping[str, int]) -> str:
    """“ (2 no longer in the shop, 1 …)”, or ``""``."""
    return f" ({reasons_text(counts)})" if counts else ""


def is_amiss(run: Backfill) -> bool:
    """Did it come to no good end, for whoever followed it by whichever option?"""
    return bool(run.counts.get(REFUSED)) or run.state == State.PAUSED or run.is_working


def result_text(run: Backfill) -> str:
    """The last line: all there were, and their shares."""
    shares = _shares({name: run.counts.get(name, 0) for name in COUNTS} | {"left": run.left})
    labels = {**COUNT_LABELS, "left": gettext_lazy("not looked at")}
    parts = [
        f"{count} {labels[name]} ({share} %){_in_brackets(reasons_of(run, name))}"
        for name, (count, share) in shares.items()
    ]
    state = run.get_state_display()
    total = run.done + run.left
    return f"{kind_text(run)}: {state}. {total} = " + (" + ".join(parts) or "0")


def _shares(counts: Mapping[str, int]) -> dict[str, tuple[int, str]]:
    """Whole per cents by the largest remainder, so that they add up; but what is there is never
    0 %, and what is not all is never 100 %."""
    total = sum(counts.values())
    present = {name: count for name, count in counts.items() if count}
    shares = {name: count * 100 // total for name, count in present.items()}
    by_remainder = sorted(present, key=lambda name: -(present[name] * 100 % total))
    for name in by_remainder[: 100 - sum(shares.values())]:
        shares[name] += 1
    texts = {0: "<1", 100: ">99" if len(present) > 1 else "100"}
    return {name: (present[name], texts.get(share, str(share))) for name, share in shares.items()}


def as_json(run: Backfill) -> dict[str, Any]:
    """A run for scripts: numbers, codes, moments in ISO 8601."""
    return {
        "id": run.pk,
        "connection": run.connection.name,
        "kind": run.kind,
        "route": run.route,
        "state": run.state,
        "detail": run.detail,
        "waits_for": waiting_text(run),
        "total": run.total,
        "left": run.left,
        "counts": {name: run.counts.get(name, 0) for name in COUNTS},
        "skipped": run.skips,
        "refused": run.refusals,
        "started": run.started_at.isoformat(),
        "finished": run.finished_at.isoformat() if run.finished_at else None,
    }


def forecast_text(plan: Backfill, forecast: Forecast) -> str:
    """What an import would do, on one line; on a second, what becomes of people without a yes."""
    counts = forecast_counts(forecast)
    line = _(
        "%(kind)s: %(total)d in the range; %(about)s%(send)d to send, %(about)s%(skip)d to skip"
        "%(why)s%(unreadable)s"
    ) % {
        "kind": kind_text(plan),
        "total": counts.total,
        "about": counts.about,
        "send": counts.to_send,
        "skip": counts.skipped,
        "why": _in_brackets(counts.skips),
        "unreadable": _in_brackets(counts.refusals),
    }
    return "\n".join(filter(None, [line, consent_text(plan, forecast)]))
