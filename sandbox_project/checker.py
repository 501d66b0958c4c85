"""Looks at eSputnik after each step of the journey, until what was expected is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .expectations import Expectation
from .received import Received

STEP_SECONDS = 45  # seconds for a step to arrive
PAUSE = 0.25


@dataclass(frozen=True)
class StepResult:
    expectation: Expectation
    missing: str
    seconds: float  # how long it took to appear after the step

    @property
    def is_met(self) -> bool:
        return not self.missing


@dataclass
class StepChecker:
    ask: Callable[[], Received]
    check: Callable[[], None]  # raises when a process of the demo has died
    seconds_per_step: float = STEP_SECONDS
    results: list[StepResult] = field(default_factory=list)

    def see(self, *expectations: Expectation) -> None:
        """Wait until all are there; what stays away is remembered as missing."""
        started = time.monotonic()
        pending = list(expectations)
        while pending:
            self.check()
            received = self.ask()
            is_late = time.monotonic() - started > self.seconds_per_step
            for expectation in list(pending):
                missing = expectation.missing_in(received)
                if not missing or is_late:
                    pending.remove(expectation)
                    seconds = time.monotonic() - started
                    self.results.append(StepResult(expectation, missing, seconds))
            if pending:
                time.sleep(PAUSE)
