"""How far a storefront is, step by step, for whoever reads it: a page, a terminal, the doctor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from esputnik_connector.models import Storefront, StorefrontStep
from esputnik_connector.models.storefront import StepName, StepState

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

REMEDIES: Mapping[str, Lazy] = {
    "no_answer": _("It is tried again by itself, in a quarter of an hour or two."),
    "busy": _("It is tried again by itself."),
    "key_refused": _("Use a key with full access: this one may not speak of the site."),
    "not_usable": _("Look at the connection first: its key or its settings cannot be used."),
    "one_domain": _("Make a second connection with a key of an organisation of its own."),
    "domain_taken": _(
        "If the domain is of this account, write its siteId here. If another organisation has "
        "it, ask eSputnik's support to release it."
    ),
    "domain_invalid": _("Disconnect, and connect with the domain that visitors see."),
    "domain_unreachable": _(
        "Open the shop to the public network: eSputnik looks at it. A password or a firewall in "
        "front of it keeps eSputnik out."
    ),
    "no_domain": _("Look in the account whether the domain is there, and try again."),
    "not_a_script": _("Try again; if it stays so, look at the script in the account."),
    "script_changed": _("Nothing, if somebody changed it in the account."),
    "script_of_another_site": _(
        "If nobody replaced the site in the account, ask eSputnik's support what this is."
    ),
    "push_refused": _(
        "Look whether web push is part of your plan, and whether the shop has https."
    ),
    "push_otherwise": _(
        "Serve the worker from there (esputnik_storefront connect --worker), or take the domain "
        "out of web push in the account and try again. Subscriptions belong to a worker's place."
    ),
    "worker_not_served": _("Add the line to urls.py, deploy, and try again."),
    "worker_missing": _("Let the web server pass the path on to Django, and try again."),
    "worker_redirected": _("Take the redirect away for this path, and try again."),
    "worker_not_a_script": _("Let the web server pass the path on to Django, and try again."),
    "worker_of_another": _("Remove the file, or empty the cache in front of the shop."),
    "worker_scope_refused": _("Let the web server pass all headers on, and try again."),
    "worker_unreachable": _("Look whether the shop can be reached by its domain from here."),
    "rival_same_scope": _(
        "Take the other provider's script out of the shop's pages, or switch web push off here, or "
        "say that both stay."
    ),
    "rival_elsewhere": _(
        "Take the other provider's script out of the shop's pages, or switch web push off here, or "
        "say that both stay."
    ),
}


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """One step. ``detail`` says what happened, ``remedy`` what to do; both may be empty."""

    name: StepName
    state: StepState
    code: str = ""
    detail: str = ""
    remedy: str = ""
    tried_at: datetime | None = None
    done_at: datetime | None = None

    @property
    def is_failed(self) -> bool:
        return self.state is StepState.FAILED


def report_of(storefront: Storefront) -> list[StepReport]:
    """Its steps in their order; leaving web push only where that was ever wanted."""
    rows = {row.name: row for row in storefront.steps.all()}
    found = []
    for name in StepName:
        row = rows.get(name.value)
        if row is None:
            if name is not StepName.LEAVE:
                found.append(StepReport(name=name, state=StepState.WAITING))
            continue
        found.append(reported(row))
    return found


def reported(row: StorefrontStep) -> StepReport:
    """One step that was noted, with what to do about it."""
    return StepReport(
        name=StepName(row.name),
        state=StepState(row.state),
        code=row.code,
        detail=row.detail,
        remedy=str(REMEDIES.get(row.code, "")),
        tried_at=row.tried_at,
        done_at=row.done_at,
    )


def is_in_order(storefront: Storefront) -> bool:
    """Is all done that is wanted? Of a disconnected one: does eSputnik know it no longer?"""
    if not storefront.is_connected:
        return not storefront.push_domain
    return all(step.state in (StepState.DONE, StepState.OFF) for step in report_of(storefront))
