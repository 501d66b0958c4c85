"""The steps of a storefront's set-up: what each asks of the account, and what it keeps of it.

A step writes only what it proved. What an earlier run kept stays when a later one fails: a page of
a proxy never takes the place of a good script.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import Resolver404, get_script_prefix, resolve
from django.utils import timezone

from esputnik_connector.destinations.base import (
    PushWorker,
    Site,
    SiteRefusal,
    SiteRefusalCode,
)
from esputnik_connector.destinations.site import host_of
from esputnik_connector.exceptions import TemporaryError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.models import Storefront
from esputnik_connector.models.storefront import StepName, is_host_of

from .worker_check import look

SITE_ID_FORM = re.compile(r"[\w-]{1,50}", re.ASCII)
WORKER_ROUTE = "esputnik_service_worker"  # name of our address, see urls.storefront_urls


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What a step came to: columns of the storefront to write, and a sentence for the merchant."""

    detail: str
    values: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""


class StepError(Exception):
    """A step cannot be done, and the account is not to blame; ``code`` says why."""

    def __init__(self, code: str, detail: str, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.values = values or {}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: when it is wanted, what it waits for, and what it does."""

    name: StepName
    is_wanted: Callable[[Storefront], bool]
    do: Callable[[Storefront, Site], StepResult]
    needs: StepName | None = None


def register_domain(storefront: Storefront, site: Site) -> StepResult:
    """Look first: an organisation has one domain, and a known one must not count as a failure."""
    domain = storefront.domain
    known = site.domains()
    mine = [one for one in known if is_host_of(domain, host_of(one.domain))]
    others = [one.domain for one in known if one not in mine]
    if others and not mine:
        raise SiteRefusal(
            _(
                "The organisation has the domain %(other)s, and eSputnik registers one for each "
                "organisation. A second domain of the shop is a second connection."
            )
            % {"other": others[0]},
            code=SiteRefusalCode.ONE_DOMAIN,
        )
    site_id = next((one.site_id for one in mine if one.site_id), "")
    if not (mine and (site_id or storefront.site_id)):
        site_id = _registered(storefront, site, is_listed=bool(mine)) or site_id
    values = {"site_id": site_id} if site_id else {}
    shown = site_id or storefront.site_id
    text = _("%(domain)s is registered; siteId %(site_id)s.")
    return StepResult(detail=text % {"domain": domain, "site_id": shown or "?"}, values=values)


def _registered(storefront: Storefront, site: Site, *, is_listed: bool) -> str:
    """The siteId, if the answer has it.

    :raises SiteRefusal, TemporaryError: the account does not have the domain afterwards.
    """
    try:
        site_id = site.register(storefront.domain).site_id
    except SiteRefusal as error:
        if error.code is SiteRefusalCode.DOMAIN_TAKEN and (is_listed or storefront.site_id):
            return ""  # “already registered”: by us, then
        raise
    if site_id or is_listed or storefront.site_id:
        return site_id
    for one in site.domains():
        if is_host_of(storefront.domain, host_of(one.domain)):
            return one.site_id
    raise TemporaryError(
        _("eSputnik took the domain %s, and it is not in its list afterwards.") % storefront.domain
    )


def fetch_script(storefront: Storefront, site: Site) -> StepResult:
    script = site.script()
    values: dict[str, Any] = {"script": script}
    found = site.site_id_in(script)
    if found and not storefront.site_id:
        values["site_id"] = found
    before = storefront.script
    if not before:
        return StepResult(detail=_("The site script is there."), values=values)
    if before == script:
        return StepResult(detail=_("The site script is unchanged."), values=values)
    values["script_changed_at"] = timezone.now()
    former = site.site_id_in(before)
    if found != former:
        text = _("The site script is another site's now: %(found)s in the place of %(former)s.")
        detail = text % {"found": found or "?", "former": former or "?"}
        return StepResult(detail=detail, values=values, code="script_of_another_site")
    return StepResult(
        detail=_("The site script has changed."), values=values, code="script_changed"
    )


def register_push(storefront: Storefront, site: Site) -> StepResult:
    demand_served(storefront)
    asked = PushWorker(
        domain=f"https://{storefront.domain}",
        name=storefront.push_worker_name,
        path=storefront.push_worker_path,
        scope=storefront.push_scope,
    )
    try:
        registered = site.register_push(asked)
    except SiteRefusal as error:
        if error.code is not SiteRefusalCode.PUSH_OTHERWISE:
            raise
        listed = site.push_domains()
        former = next((one for one in listed if host_of(one.domain) == storefront.domain), None)
        if former is None or f"{former.path}{former.name}" not in storefront.retired_workers:
            raise
        site.leave_push(former.domain)  # it was ours, at the address of before
        registered = site.register_push(asked)
    retired = [one for one in storefront.retired_workers if one != storefront.push_address]
    return StepResult(
        detail=_("%(domain)s has web push, with the worker %(worker)s.")
        % {"domain": registered.domain, "worker": storefront.push_address},
        values={"push_domain": registered.domain, "retired_workers": retired},
    )


def demand_served(storefront: Storefront) -> None:
    """:raises StepError: the shop does not serve the worker, so no browser could install it."""
    prefix = get_script_prefix().rstrip("/")  # of a shop below a folder of its domain
    address = storefront.push_address
    try:
        is_below = address.startswith(f"{prefix}/")
        is_ours = is_below and resolve(address.removeprefix(prefix)).url_name == WORKER_ROUTE
    except Resolver404:
        is_ours = False
    if is_ours:
        return
    place = storefront.push_worker_path.lstrip("/") or storefront.push_worker_name
    text = _(
        "The shop does not serve %(address)s. Add to the urls.py of the project, outside of "
        "i18n_patterns: *storefront_urls(%(place)r), from esputnik_connector.urls."
    )
    raise StepError(
        "worker_not_served", text % {"address": storefront.push_address, "place": place}
    )


def fetch_push(storefront: Storefront, site: Site) -> StepResult:
    found = site.push_scripts(storefront.push_domain)
    values: dict[str, Any] = {"push_script": found.script, "push_worker": found.worker}
    is_changed = (found.script, found.worker) != (storefront.push_script, storefront.push_worker)
    if not storefront.push_worker:
        return StepResult(detail=_("The scripts of web push are there."), values=values)
    if not is_changed:
        return StepResult(detail=_("The scripts of web push are unchanged."), values=values)
    values["push_changed_at"] = timezone.now()
    return StepResult(
        detail=_("The scripts of web push have changed."), values=values, code="push_changed"
    )


def look_at_worker(storefront: Storefront, _site: Site) -> StepResult:
    """Does a browser get our worker, and does nobody else claim its pages? Asks the shop itself."""
    seen = look(storefront)
    values = {"rivals": [one.as_json() for one in seen.rivals]}
    if seen.trouble:
        raise StepError(seen.trouble, seen.detail, values)
    return StepResult(detail=seen.detail, values=values, code=seen.code)


def leave_push(storefront: Storefront, site: Site) -> StepResult:
    domain = storefront.push_domain
    site.leave_push(domain)
    if any(host_of(one.domain) == storefront.domain for one in site.push_domains()):
        raise TemporaryError(_("eSputnik still lists %s for web push.") % domain)
    return StepResult(
        detail=_("%s is out of web push.") % domain,
        values={"push_domain": "", "push_script": "", "push_worker": "", "rivals": []},
    )


def _wants_push(storefront: Storefront) -> bool:
    return storefront.is_connected and storefront.is_push


def _wants_tracking(storefront: Storefront) -> bool:
    return storefront.is_connected and storefront.is_tracking


STEPS: tuple[Step, ...] = (
    Step(name=StepName.DOMAIN, is_wanted=_wants_tracking, do=register_domain),
    Step(name=StepName.SCRIPT, is_wanted=_wants_tracking, do=fetch_script, needs=StepName.DOMAIN),
    Step(name=StepName.PUSH_DOMAIN, is_wanted=_wants_push, do=register_push),
    Step(
        name=StepName.PUSH_SCRIPT, is_wanted=_wants_push, do=fetch_push, needs=StepName.PUSH_DOMAIN
    ),
    Step(
        name=StepName.WORKER, is_wanted=_wants_push, do=look_at_worker, needs=StepName.PUSH_SCRIPT
    ),
    Step(
        name=StepName.LEAVE,
        is_wanted=lambda one: bool(one.push_domain) and not _wants_push(one),
        do=leave_push,
    ),
)
