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
from esputnik_connector.models.labels import KINDS, REASONS
from esputnik_connector.pipeline.backfill import ledger
from esputnik_connector.pipeline.backfill.control import Forecast
from esputnik_connector.records import Reason

LABELS = {
    ledger.DELIVERED: gettext_lazy("delivered"),
    ledger.ACCEPTED: gettext_lazy("accepted, not confirmed yet"),
    ledger.SKIPPED: gettext_lazy("skipped"),
    ledger.REFUSED: gettext_lazy("refused"),
    ledger.RETRYING: gettext_lazy("tried again with the daily changes"),
}


class Display(Protocol):
    """Where progress is shown."""

    def show(self, run: Backfill) -> None: ...

    def close(self) -> None: ...


class Lines:
    """One line whenever something moved."""

    def __init__(self, write: Any) -> None:
        self._write = write
        self._pace = Pace()
        self._last: tuple[int, int] | None = None

    def show(self, run: Backfill) -> None:
        rate, seconds = self._pace.of(run)
        if self._last == (run.pk, run.done):
            return
        self._last = run.pk, run.done
        speed = _(", %(rate)d a second, about %(left)s to go") % {
            "rate": rate, "left": duration(seconds),
        } if rate and run.left else ""  # fmt: skip
        self._write(f"{kind_in_words(run)}: {in_words(run)}{speed}")

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
            self._bar = self._make(total=run.total, initial=run.done, desc=kind_in_words(run))
        self._bar.total = max(run.total, run.done)
        self._bar.update(run.done - self._bar.n)
        self._bar.set_postfix_str(in_words(run, is_short=True), refresh=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Silent:
    """For ``--json``: the end says it all."""

    def show(self, run: Backfill) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def display(write: Any, *, is_json: bool, is_terminal: bool) -> Display:
    if is_json:
        return Silent()
    if is_terminal:
        try:
            return Bar()
        except ImportError:  # the extra "cli" is not installed
            return Lines(write)
    return Lines(write)


class Pace:
    """Records a second since the display began, and how long the rest takes at that pace."""

    def __init__(self) -> None:
        self._began: dict[int, tuple[float, int]] = {}

    def of(self, run: Backfill) -> tuple[float, float]:
        now = time.monotonic()
        began, done = self._began.setdefault(run.pk, (now, run.done))
        rate = (run.done - done) / (now - began) if now > began else 0.0
        return rate, run.left / rate if rate else 0.0


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def kind_in_words(run: Backfill) -> str:
    return str(KINDS[run.of_kind()])


def in_words(run: Backfill, *, is_short: bool = False) -> str:
    """“1,200 delivered, 3 skipped (2 …, 1 …), 5 left”."""
    parts = []
    for name in ledger.COUNTS:
        if count := run.counts.get(name, 0):
            why = "" if is_short else reasons(_details(run, name))
            parts.append(f"{count} {LABELS[name]}{why}")
    if run.left:
        parts.append(_("%(count)d left") % {"count": run.left})
    return ", ".join(parts) or _("nothing yet")


def _details(run: Backfill, name: str) -> Mapping[str, int]:
    details: dict[str, Mapping[str, int]]
    details = {ledger.SKIPPED: run.skips, ledger.REFUSED: run.refusals}
    return details.get(name, {})


def reasons(counts: Mapping[str, int]) -> str:
    """“ (2 no longer in the shop, 1 …)”, the most frequent first."""
    return f" ({in_reasons(counts)})" if counts else ""


def in_reasons(counts: Mapping[str, int]) -> str:
    """The same without the brackets."""
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{count} {_reason(name)}" for name, count in ordered)


def _reason(name: str) -> str:
    return str(REASONS[Reason(name)]) if name in {reason.value for reason in Reason} else name


def verdict(run: Backfill) -> str:
    """The last line: all there were, and shares that add up to 100 %."""
    shares = _shares({name: run.counts.get(name, 0) for name in ledger.COUNTS} | {"left": run.left})
    labels = {**LABELS, "left": gettext_lazy("not looked at")}
    parts = [
        f"{count} {labels[name]} ({share} %){reasons(_details(run, name))}"
        for name, (count, share) in shares.items()
    ]
    state = run.get_state_display()
    total = run.done + run.left
    return f"{kind_in_words(run)}: {state}. {total} = " + (" + ".join(parts) or "0")


def _shares(counts: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Whole per cents by the largest remainder, so that they add up."""
    total = sum(counts.values())
    present = {name: count for name, count in counts.items() if count}
    shares = {name: count * 100 // total for name, count in present.items()}
    by_remainder = sorted(present, key=lambda name: -(present[name] * 100 % total))
    for name in by_remainder[: 100 - sum(shares.values())]:
        shares[name] += 1
    return {name: (present[name], shares[name]) for name in present}


def as_json(run: Backfill) -> dict[str, Any]:
    """A run for scripts. Reasons by their codes."""
    return {
        "id": run.pk, "connection": run.connection.name, "kind": run.kind, "route": run.route,
        "state": run.state, "detail": run.detail, "total": run.total, "left": run.left,
        "counts": {name: run.counts.get(name, 0) for name in ledger.COUNTS},
        "skipped": run.skips, "refused": run.refusals,
        "started": run.started_at.isoformat(),
        "finished": run.finished_at.isoformat() if run.finished_at else None,
    }  # fmt: skip


def forecast_in_words(plan: Backfill, seen: Forecast) -> str:
    about = "" if seen.is_exact else _("about ")
    skips = {name: seen.scaled(count) for name, count in seen.skips.items()}
    refusals = {name: seen.scaled(count) for name, count in seen.refusals.items()}
    return _(
        "%(kind)s: %(total)d in the range; %(about)s%(send)d to send, %(about)s%(skip)d to skip"
        "%(why)s%(unreadable)s"
    ) % {
        "kind": kind_in_words(plan), "total": seen.total, "about": about,
        "send": seen.scaled(seen.to_send), "skip": sum(skips.values()),
        "why": reasons(skips),
        "unreadable": reasons(refusals),
    }  # fmt: skip
