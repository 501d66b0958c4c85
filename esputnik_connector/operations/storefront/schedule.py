"""When storefronts are looked after: every day, soon after a failure, and when a person asks."""

from __future__ import annotations

from functools import partial

from django.db import router, transaction
from django.utils import timezone

from esputnik_connector.models import Heartbeat, Storefront
from esputnik_connector.pipeline.broker import publisher

HEARTBEAT = "storefronts"
TASK = "esputnik_connector.storefront"


def due_storefronts() -> list[int]:
    """Primary keys of those to work at now, for whoever does it: it leaves a heartbeat. Also of
    the disconnected ones that eSputnik still knows for web push."""
    Heartbeat.beat(HEARTBEAT)
    found = Storefront.objects.due(timezone.now()).select_related("connection")
    return [one.pk for one in found if one.connection.is_bound_here]


def ask_for_work(storefront: Storefront) -> None:
    """Let a worker go through all steps soon. Without a broker the next round of beat does."""
    Storefront.objects.filter(pk=storefront.pk).update(due_at=timezone.now())
    start = partial(publisher.publish, TASK, storefront.pk, 0.0)
    transaction.on_commit(start, using=router.db_for_write(Storefront), robust=True)
