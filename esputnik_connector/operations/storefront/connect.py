"""Connect and disconnect a storefront: what a person wants, written at once. Asks nobody.

The steps are done by :mod:`.run`, and again as often as anybody likes.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.exceptions import BadRequestError, ConfigurationError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.models import Connection, Storefront, StorefrontStep
from esputnik_connector.models.storefront import StepName, StepState

from .domain import checked_domain, checked_worker, demand_https
from .rivals import rivals_of
from .steps import SITE_ID_FORM, STEPS


@dataclass(frozen=True, kw_only=True)
class StorefrontChoices:
    """What a person wants of a storefront; ``None`` leaves what there is, or the usual.

    :param domain: a host or an address; empty: that of the shop.
    :param worker: path of the service worker on the domain, with its file.
    """

    domain: str | None = None
    site_id: str | None = None
    is_tracking: bool | None = None
    is_push: bool | None = None
    worker: str | None = None
    scope: str | None = None


def can_have_storefront(connection: Connection) -> bool:
    """Has its destination sites at all?"""
    try:
        return registry.destination_class(connection.destination).supports_storefront
    except ConfigurationError:
        return False


def storefront_of(connection: Connection) -> Storefront | None:
    """The storefront of a connection, also a disconnected one."""
    return Storefront.objects.filter(connection=connection).select_related("connection").first()


def connect(connection: Connection, wish: StorefrontChoices) -> Storefront:
    """Note that a connection shall have a storefront, or have it otherwise. Asks nobody.

    :raises BadRequestError: it cannot; the text says why, and what to do.
    """
    demand_speaking(connection)
    return note(connection, wish)


def note(connection: Connection, wish: StorefrontChoices) -> Storefront:
    """The same of a connection that may not speak yet, such as one without a key: the steps wait
    until it may.

    :raises BadRequestError: its destination has no storefronts, or a value cannot be used.
    """
    _demand_sites(connection)
    with transaction.atomic():
        mine = Storefront.objects.filter(connection=connection)
        stored = mine.select_for_update().first()
        storefront = stored or Storefront(connection=connection)
        domain = checked_domain(_wanted_domain(stored, wish), connection)
        _demand_one_domain(stored, domain)
        _fill(storefront, wish, domain)
        _save(storefront)
    return storefront


def _demand_one_domain(stored: Storefront | None, domain: str) -> None:
    if stored and stored.is_connected and stored.domain != domain:
        raise BadRequestError(
            _(
                "Connection “%(name)s” has the domain %(known)s, and eSputnik registers one for "
                "each organisation: a second domain of the shop (%(domain)s) is a second "
                "connection. To change the domain, disconnect this one first."
            )
            % {"name": stored.connection.name, "known": stored.domain, "domain": domain}
        )


def disconnect(storefront: Storefront) -> None:
    """No page carries it from now on, and its service worker takes itself out of browsers. What
    eSputnik is told of it, a worker does. The domain stays registered there: nothing takes it out.
    """
    with transaction.atomic():
        row = Storefront.objects.select_for_update().get(pk=storefront.pk)
        row.disconnected_at = row.disconnected_at or timezone.now()
        row.due_at = timezone.now()
        _retire(row, row.push_address)
        row.script, row.push_script, row.push_worker = "", "", ""
        row.save()
        row.steps.exclude(name=StepName.LEAVE).update(
            state=StepState.OFF, code="", detail="", done_at=None
        )
    storefront.refresh_from_db()


def accept_rivals(storefront: Storefront) -> list[str]:
    """The merchant wants ours beside the other providers that the last look found: their names."""
    names = [one.name for one in rivals_of(storefront.rivals)]
    known = Storefront.objects.get(pk=storefront.pk).accepted_rivals
    storefront.accepted_rivals = list(dict.fromkeys([*known, *names]))
    storefront.due_at = timezone.now()
    storefront.save(update_fields=["accepted_rivals", "due_at"])
    return names


def demand_speaking(connection: Connection, *, is_leaving: bool = False) -> None:
    """May its account be asked from here?

    :param is_leaving: to end a storefront is possible for a connection that is off, too.
    :raises BadRequestError: it may not; the text says why.
    """
    _demand_sites(connection)
    if not connection.is_bound_here:
        raise BadRequestError(
            _(
                "Connection “%s” belongs to another installation; this may be a copy of its "
                "database. Nothing is asked of its account from here."
            )
            % connection.name
        )
    if not (connection.is_enabled or is_leaving):
        raise BadRequestError(_("Connection “%s” is off. Switch it on first.") % connection.name)


def _demand_sites(connection: Connection) -> None:
    """:raises BadRequestError: its destination knows of no sites."""
    if not can_have_storefront(connection):
        label = registry.destination_label(connection.destination)
        raise BadRequestError(_("%s has no storefronts.") % label)


def _wanted_domain(stored: Storefront | None, wish: StorefrontChoices) -> str:
    if wish.domain is None and stored is not None:
        return stored.domain
    return wish.domain or ""


def _fill(storefront: Storefront, wish: StorefrontChoices, domain: str) -> None:
    """:raises BadRequestError: a value cannot be used."""
    if storefront.disconnected_at is not None and storefront.domain != domain:
        if storefront.push_domain:
            raise BadRequestError(
                _(
                    "eSputnik still has %s for web push. Let it be taken out first: manage.py "
                    "esputnik_storefront refresh"
                )
                % storefront.push_domain
            )
        storefront.site_id = ""
    storefront.domain, storefront.disconnected_at = domain, None
    if wish.site_id is not None:
        storefront.site_id = checked_site_id(wish.site_id)
    for name in ("is_tracking", "is_push"):
        if (wanted := getattr(wish, name)) is not None:
            setattr(storefront, name, wanted)
    if wish.worker or wish.scope:
        former = storefront.push_address
        folder, name, scope = checked_worker(wish.worker or former, wish.scope or "")
        storefront.push_worker_path, storefront.push_worker_name = folder, name
        storefront.push_scope = scope
        if former != storefront.push_address:
            _retire(storefront, former)
    if storefront.is_push:
        demand_https(domain, storefront.connection)
        storefront.retired_workers = [
            one for one in storefront.retired_workers if one != storefront.push_address
        ]
    else:
        _retire(storefront, storefront.push_address)
    storefront.due_at = timezone.now()


def checked_site_id(written: str) -> str:
    """:raises BadRequestError: no siteId looks like this."""
    site_id = written.strip()
    if site_id and not SITE_ID_FORM.fullmatch(site_id):
        raise BadRequestError(
            _("“%s” is no siteId: letters and digits, such as 8A412DC.") % site_id[:60]
        )
    return site_id


def _retire(storefront: Storefront, address: str) -> None:
    """Browsers may hold a worker of ours from there, if there was ever one."""
    was_there = bool(storefront.push_worker or storefront.push_domain)
    if was_there and address not in storefront.retired_workers:
        storefront.retired_workers = [*storefront.retired_workers, address]


def _save(storefront: Storefront) -> None:
    """:raises BadRequestError: another connection has the domain."""
    try:
        with transaction.atomic():
            storefront.save()
            for step in STEPS:
                if step.name is not StepName.LEAVE:
                    StorefrontStep.objects.get_or_create(
                        storefront=storefront, name=step.name.value
                    )
    except IntegrityError:
        other = Storefront.objects.filter(domain=storefront.domain, disconnected_at=None).first()
        raise BadRequestError(
            _("Connection “%(name)s” has the domain %(domain)s already.")
            % {"name": other.connection if other else "?", "domain": storefront.domain}
        ) from None
