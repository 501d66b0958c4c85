"""What the connector's own tables say after the journey, and whether all of it is good."""

from __future__ import annotations

import time
from collections.abc import Callable

from esputnik_connector.models import Attempt, OutboxMessage
from esputnik_connector.records import Outcome

from .checker import StepChecker
from .received import Received


def drain(check: Callable[[], None], *, seconds: float) -> bool:
    """Wait until the outbox is empty; records that were set aside stay in it."""
    deadline = time.monotonic() + seconds
    while OutboxMessage.objects.filter(is_dead=False).exists():
        check()
        if time.monotonic() > deadline:
            return False
        time.sleep(0.25)
    return True


def latencies() -> list[tuple[str, str, float]]:
    """Kind, key, and seconds from the shop's commit to eSputnik's acceptance."""
    accepted = Attempt.objects.filter(outcome=Outcome.DELIVERED.value, captured_at__isnull=False)
    return [
        (attempt.kind, attempt.key, (attempt.created_at - attempt.captured_at).total_seconds())
        for attempt in accepted.order_by("pk")
    ]


def judge(checker: StepChecker, received: Received, *, is_drained: bool) -> list[str]:
    """Every reason not to be content; each expectation is printed on the way."""
    print()
    problems = []
    for result in checker.results:
        print(f"{'PASS' if result.is_met else 'FAIL'}  {result.expectation}")
        if not result.is_met:
            problems.append(f"{result.expectation}: {result.missing}")
    problems += [f"against the contract: {violation}" for violation in received.violations]
    problems += [f"erased, and there again: {person}" for person in received.raised]
    if not received.feeds:
        problems.append("no product feed is registered at the account")
    if not is_drained:
        problems.append(f"{OutboxMessage.objects.count()} changes are still unsent")
    problems += [
        f"{message} was set aside: {message.reason} {message.detail}"
        for message in OutboxMessage.objects.dead()
    ]
    refused = Attempt.objects.filter(outcome=Outcome.REJECTED.value)
    problems += [f"{attempt}: {attempt.reason} {attempt.detail}" for attempt in refused]
    return problems
