"""The storefront of a connection: do visitors meet what the merchant wants them to meet?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector.behaviour import BehaviourType, Route
from esputnik_connector.feed.updates import UPDATE, feed_of
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.models.storefront import StepName, StepState
from esputnik_connector.operations.storefront.connect import storefront_of
from esputnik_connector.operations.storefront.report import REMEDIES, StepReport, report_of
from esputnik_connector.operations.storefront.worker_check import look

from .findings import Finding, ok, problem, warning
from .snapshot import Snapshot

LATE_AFTER = timedelta(days=3)  # a refresh is daily, and may fail for a day


def storefront(connection: Connection, *, is_offline: bool) -> Iterator[Finding]:
    """Nothing for a connection without one.

    :param is_offline: do not fetch the service worker and the home page.
    """
    found = storefront_of(connection)
    if found is None:
        return
    if not found.is_connected:
        yield from _left(found)
        return
    steps = {step.name: step for step in report_of(found)}
    wrong = [
        *_of_tracking(found, steps),
        *_of_push(found, steps, is_offline=is_offline),
        *_of_refresh(found),
    ]
    where = found.connection.name
    yield from wrong or [
        ok("storefront_in_order", where, _("Storefront %s: it is in order.") % found.domain)
    ]


def moving(connection: Connection, snapshot: Snapshot) -> Iterator[Finding]:
    """Each step that failed, from the snapshot alone. What it means for visitors, the doctor says:
    here it is a warning, since no delivery waits for it."""
    for step in snapshot.failed_steps(connection):
        yield _failed(connection.name, step)


def _failed(where: str, step: StepReport) -> Finding:
    text = _("The storefront is not in order. %(step)s: %(detail)s")
    return warning("storefront_step_failed", where, _told(text, step), step.remedy)


def _of_tracking(found: Storefront, steps: dict[StepName, StepReport]) -> Iterator[Finding]:
    where = found.connection.name
    for step in (steps[StepName.DOMAIN], steps[StepName.SCRIPT]):
        if not step.is_failed:
            continue
        if found.page_script:
            text = _("%(step)s: %(detail)s What was fetched before stays in use.")
            yield warning("storefront_step_failed", where, _told(text, step), step.remedy)
        else:
            text = _("Visitors are not tracked. %(step)s: %(detail)s")
            yield problem("storefront_not_tracking", where, _told(text, step), step.remedy)
    if steps[StepName.SCRIPT].code == "script_of_another_site":
        step = steps[StepName.SCRIPT]
        yield warning("site_script_of_another", where, step.detail, step.remedy)
    tracked = [one for one in BehaviourType if found.route_of(one) is Route.TRACKER]
    if found.lacks_site_id:
        yield problem(
            "site_id_unknown",
            where,
            _("The siteId is not known, without which the tracker takes nothing."),
            _("Write it on the page of the storefront: it stands in the account."),
        )
    if UPDATE in tracked and feed_of(found) is None:
        yield warning(
            "product_updates_unfed",
            where,
            _(
                "Changes of price and stock are to be told, and nothing finds them: no product "
                "feed leads to %s."
            )
            % found.domain,
            _("Switch on a feed in Google's format for this storefront, or do not tell of them."),
        )


def _of_push(
    found: Storefront, steps: dict[StepName, StepReport], *, is_offline: bool
) -> Iterator[Finding]:
    if not found.is_push:
        return
    where = found.connection.name
    for step in (steps[StepName.PUSH_DOMAIN], steps[StepName.PUSH_SCRIPT]):
        if step.is_failed and found.push_worker:
            text = _("%(step)s: %(detail)s What was fetched before stays in use.")
            yield warning("storefront_step_failed", where, _told(text, step), step.remedy)
        elif step.is_failed:
            text = _("Web push is not ready. %(step)s: %(detail)s")
            yield problem("web_push_not_ready", where, _told(text, step), step.remedy)
    if is_offline and steps[StepName.WORKER].is_failed:  # when it was last looked for
        yield _failed(where, steps[StepName.WORKER])
    if is_offline or not found.push_worker:
        return
    seen = look(found)
    remedy = str(REMEDIES.get(seen.trouble or seen.code, ""))
    if seen.trouble:
        yield problem("service_worker_not_reached", where, seen.detail, remedy)
    elif seen.code:
        yield warning("web_push_has_rival", where, seen.detail, remedy)


def _of_refresh(found: Storefront) -> Iterator[Finding]:
    now = timezone.now()
    since = found.refreshed_at or found.created_at
    if now - since < LATE_AFTER:
        return
    yield warning(
        "storefront_not_refreshed",
        found.connection.name,
        _("Storefront %(domain)s was not refreshed for %(days)s days.")
        % {"domain": found.domain, "days": (now - since).days},
        _(
            "Let beat run esputnik_connector.storefronts every 15 minutes, or cron: manage.py "
            "esputnik_storefront refresh"
        ),
        age_seconds=(now - since).total_seconds(),
    )


def _left(found: Storefront) -> Iterator[Finding]:
    if not found.push_domain:
        return
    row = found.steps.filter(name=StepName.LEAVE, state=StepState.FAILED).first()
    text = _(
        "Storefront %(domain)s is disconnected, and eSputnik still has it for web push. %(why)s"
    )
    yield warning(
        "web_push_not_left",
        found.connection.name,
        text % {"domain": found.domain, "why": row.detail if row else ""},
        _("It is tried again by itself. To try now, run: manage.py esputnik_storefront refresh"),
    )


def _told(text: str, step: StepReport) -> str:
    return text % {"step": step.name.label, "detail": step.detail}
