"""When storefronts are looked after: every day, soon after a failure, and when a person asks."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db import router, transaction
from django.utils import timezone

from esputnik_connector.explanations import gettext as _
from esputnik_connector.models import Heartbeat, Storefront
from esputnik_connector.models.storefront import REFRESH_EVERY, StepName, StepState
from esputnik_connector.pipeline.broker import publisher

from .steps import STEPS

HEARTBEAT = "storefronts"
ASKED = "asked"  # of a step that waits: a person wants it tried again
OF_THE_MOMENT = ("no_answer", "busy")
RETRY_SOON = timedelta(minutes=15)  # after a failure of the moment
TASK = "esputnik_connector.storefront"


def due_storefronts() -> list[int]:
    """Primary keys of those to work at now, for whoever does it: it leaves a heartbeat. Also of
    the disconnected ones that eSputnik still knows for web push."""
    Heartbeat.beat(HEARTBEAT)
    found = Storefront.objects.due(timezone.now()).select_related("connection")
    return [one.pk for one in found if one.connection.is_bound_here]


def ask_for_step(storefront: Storefront, name: StepName) -> bool:
    """Let a worker try one failed step again, and what waits for it; the others are left alone.
    False where it has not failed: then nothing is asked for."""
    failed = storefront.steps.filter(name=name, state=StepState.FAILED)
    waits = {"state": StepState.WAITING, "code": ASKED, "detail": _("A worker tries it again.")}
    if not failed.update(**waits):
        return False
    ask_for_work(storefront)
    return True


def asked_steps(storefront: Storefront) -> set[str]:
    """The steps that a person asked for, with those that wait for them; none: all of them."""
    rows = {row.name: row for row in storefront.steps.filter(state=StepState.WAITING)}
    asked = {name for name, row in rows.items() if row.code == ASKED}
    for step in STEPS:  # in their order, so that whatever waits for a waiting one is found too
        if step.needs in asked and step.name in rows:
            asked.add(step.name.value)
    return asked


def leave_to_the_daily_round(storefront: Storefront, *, due_at: datetime) -> None:
    """After some of its steps: the next look is when it was to be, but soon for what failed for
    the moment.

    :param due_at: when it was due before. What somebody asked for meanwhile stays asked for.
    """
    failed = storefront.steps.filter(state=StepState.FAILED, code__in=OF_THE_MOMENT).exists()
    now, refreshed_at = timezone.now(), storefront.refreshed_at
    usual = refreshed_at + REFRESH_EVERY if refreshed_at and not failed else now + RETRY_SOON
    asked_then = Storefront.objects.filter(pk=storefront.pk, due_at=due_at)
    asked_then.update(due_at=usual)


def ask_for_work(storefront: Storefront) -> None:
    """Let a worker go through all steps soon. Without a broker the next round of beat does."""
    Storefront.objects.filter(pk=storefront.pk).update(due_at=timezone.now())
    start = partial(publisher.publish, TASK, storefront.pk, 0.0)
    transaction.on_commit(start, using=router.db_for_write(Storefront), robust=True)
