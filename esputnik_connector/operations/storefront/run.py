"""The worker's part: do the steps of a storefront that are wanted, and note how each went."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from datetime import datetime, timedelta
from logging import getLogger
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.destinations.base import Site, SiteRefusal
from esputnik_connector.exceptions import (
    BadRequestError,
    ConnectorError,
    CredentialsError,
    TemporaryError,
)
from esputnik_connector.explanations import gettext as _
from esputnik_connector.models import Storefront, StorefrontStep
from esputnik_connector.models.lease import Lease, LostLease
from esputnik_connector.models.storefront import REFRESH_EVERY, StepName, StepState

from .connect import demand_speaking
from .schedule import RETRY_SOON, asked_steps, leave_to_the_daily_round
from .steps import STEPS, Step, StepError, StepResult

logger = getLogger(__name__)

LEASE = 300.0  # seconds; one step makes four requests of a minute at the very most
RETRY_LATER = timedelta(hours=2)  # when it has gone on for some time
SOON = timedelta(hours=3)


def work_when_due(storefront: Storefront) -> None:
    """As :func:`work`, for whoever comes by the clock: what may not be done is left for a day.
    Where a person asked for single steps, these alone are done.
    """
    asked, due_at = asked_steps(storefront), storefront.due_at
    try:
        if work(storefront, only=asked) and asked:
            leave_to_the_daily_round(storefront, due_at=due_at)
    except BadRequestError as error:
        logger.warning("storefront %s is left alone: %s", storefront.domain, error)
        Storefront.objects.filter(pk=storefront.pk).update(due_at=timezone.now() + REFRESH_EVERY)


def work(storefront: Storefront, *, only: Collection[str] = ()) -> bool:
    """Do the steps that are wanted, one by one. Speaks HTTP.

    :param only: names of steps; without any, all of them.
    :returns: False when another worker is at it, or took over.
    :raises BadRequestError: this installation may not speak for the connection.
    """
    demand_speaking(storefront.connection, is_leaving=not storefront.is_connected)
    lease = storefront.lease(str(uuid4()), seconds=LEASE)
    if lease is None:
        return False
    with lease:
        try:
            with closing(registry.destination(storefront.connection)) as destination:
                return _work(storefront, destination.site(), lease, only)
        except LostLease:
            return False
        except ConnectorError as error:  # no key, no settings: no step could even begin
            for step in STEPS:
                if step.is_wanted(storefront) and (not only or step.name in only):
                    _note(storefront, step.name, StepState.FAILED, "not_usable", str(error))
                    break
            lease.write(due_at=timezone.now() + RETRY_LATER)
            return True
        finally:
            Storefront.objects.forget()


def _work(storefront: Storefront, site: Site, lease: Lease, only: Collection[str]) -> bool:
    retry_at: datetime | None = None
    is_whole = True
    for step in STEPS:
        if only and step.name not in only:
            is_whole = False
            continue
        lease.keep()
        storefront.refresh_from_db()
        if not step.is_wanted(storefront):
            _forget_step(storefront, step)
            continue
        if step.needs and not _is_done(storefront, step.needs):
            _note(storefront, step.name, StepState.WAITING, "waits", _waits_for(step.needs))
            continue
        if moment := _try(storefront, step, site, lease):
            retry_at = min(retry_at or moment, moment)
    if is_whole:  # a look at one step does not put the daily refresh off
        now = timezone.now()
        values: dict[str, Any] = {"due_at": retry_at or now + REFRESH_EVERY}
        lease.write(**values, **({} if retry_at else {"refreshed_at": now}))
    return True


def _try(storefront: Storefront, step: Step, site: Site, lease: Lease) -> datetime | None:
    """When to try again, if that may help."""
    now = timezone.now()
    try:
        done = step.do(storefront, site)
    except TemporaryError as error:
        code = "busy" if error.status == 429 else "no_answer"
        _note(storefront, step.name, StepState.FAILED, code, str(error))
        is_new = storefront.refreshed_at is None or now - storefront.refreshed_at < SOON
        rest = timedelta(seconds=error.retry_after)
        return now + max(rest, RETRY_SOON if is_new else RETRY_LATER)
    except CredentialsError as error:
        _note(storefront, step.name, StepState.FAILED, "key_refused", str(error))
        return now + RETRY_LATER
    except SiteRefusal as error:
        _note(storefront, step.name, StepState.FAILED, error.code.value, str(error))
    except StepError as error:
        if error.values:
            lease.write(**error.values)
        _note(storefront, step.name, StepState.FAILED, error.code, str(error))
    except ConnectorError as error:
        _note(storefront, step.name, StepState.FAILED, "refused", str(error))
    else:
        _finish(storefront, step, done, lease)
    return None


def _finish(storefront: Storefront, step: Step, done: StepResult, lease: Lease) -> None:
    """What the step proved and that it is done, both or neither; and neither, if the merchant
    changed their mind while eSputnik was asked."""
    with transaction.atomic():
        lease.lock()
        if not step.is_wanted(storefront):
            return
        if done.values:
            lease.write(**done.values)
        _note(storefront, step.name, StepState.DONE, done.code, done.detail)
    if done.code:
        logger.warning("storefront %s, %s: %s", storefront.domain, step.name, done.code)


def _note(storefront: Storefront, name: StepName, state: StepState, code: str, detail: str) -> None:
    now = timezone.now()
    values: dict[str, Any] = {"state": state, "code": code, "detail": detail, "tried_at": now}
    if state is StepState.DONE:
        values["done_at"] = now
    StorefrontStep.objects.update_or_create(storefront=storefront, name=name.value, defaults=values)
    if state is StepState.FAILED:
        logger.warning("storefront %s, %s failed: %s", storefront.domain, name.value, code)


def _forget_step(storefront: Storefront, step: Step) -> None:
    """A step that nobody wants has no failure; what was left is said as long as it is off."""
    row = storefront.steps.filter(name=step.name)
    if step.name is StepName.LEAVE:
        row.exclude(state=StepState.DONE).delete()
        if storefront.is_connected and storefront.is_push:
            row.delete()
        return
    row.update(state=StepState.OFF, code="", detail="")


def _is_done(storefront: Storefront, name: StepName) -> bool:
    """Was it done at any time? What a later failure left of it is good enough to go on."""
    return storefront.steps.filter(name=name, done_at__isnull=False).exists()


def _waits_for(name: StepName) -> str:
    return _("Waits for: %s.") % name.label
