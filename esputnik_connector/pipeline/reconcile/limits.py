"""How much one run may put in line: all that it found, or, when that is too much, nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from logging import getLogger

from esputnik_connector.conf import conf
from esputnik_connector.models import Reconciliation
from esputnik_connector.models.reconcile import Verdict

logger = getLogger(__name__)

ERASURE_LIMIT = 100  # customers that one run deletes in eSputnik without a person's word
REPAIRS, ERASURES = "repairs", "erasures"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most that a run may put in line, in records. ``None``: a person let all of it through."""

    repairs: int | None
    erasures: int | None

    @classmethod
    def usual(cls) -> Limits:
        return cls(repairs=conf.RECONCILE_LIMIT, erasures=ERASURE_LIMIT)

    @classmethod
    def none(cls) -> Limits:
        return cls(repairs=None, erasures=None)

    def hold(self, run: Reconciliation, keys: Sequence[str], *, is_erasing: bool) -> None:
        """Keep keys with the run until it knows how many they are; above the limit they are only
        counted. Called after the run has counted them. Saves nothing."""
        over = self._over(run)
        name = ERASURES if is_erasing else REPAIRS
        if name not in over:
            run.pending = {**run.pending, name: [*run.pending.get(name, []), *keys]}
        run.held = sum(over.values())

    def release(self, run: Reconciliation, *, is_over: bool) -> dict[str, list[str]]:
        """What may be put in line now: all that was kept, once the run has seen everything; by
        :data:`REPAIRS` and :data:`ERASURES`."""
        is_free = self.repairs is None and self.erasures is None
        if not (is_over or is_free):
            return {}
        over = self._over(run)
        if is_over and over:
            logger.error(
                "reconciliation %s holds %d records back: so many at once look like a mistake. Run "
                "manage.py esputnik_reconcile --dry-run, then let them through with --no-limit",
                run,
                run.held,
            )
        released = {name: list(keys) for name, keys in run.pending.items() if name not in over}
        run.pending = {}
        return released

    def _over(self, run: Reconciliation) -> dict[str, int]:
        """What the run has found too much of, and how much."""
        erasures = run.counts.get(Verdict.DELETED.value, 0)
        found = {REPAIRS: run.differences - erasures, ERASURES: erasures}
        limits = {REPAIRS: self.repairs, ERASURES: self.erasures}
        return {
            name: found[name]
            for name, limit in limits.items()
            if limit is not None and found[name] > limit
        }
