"""One connection: its key, its salt, its place, and what is mapped."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.exceptions import (
    ConfigurationError,
    ConnectorError,
    CredentialsError,
    TemporaryError,
)
from esputnik_connector.fields import reveal
from esputnik_connector.models import Connection
from esputnik_connector.operations.connection.statuses import default_text, unmapped
from esputnik_connector.operations.connection.verify import verify
from esputnik_connector.pipeline.backfill.consent import policies_of, policy_of
from esputnik_connector.shops.base import (
    SupportsConsent,
    SupportsContactAttributes,
    SupportsStatuses,
)

from . import queue, restore, storefront
from .account import feed_registration, workflows
from .environment import clock
from .findings import Finding, of, ok, problem, warning
from .snapshot import Snapshot, take


def of_connection(connection: Connection, *, is_offline: bool = False) -> Iterator[Finding]:
    """The state of one connection."""
    return of(_of_connection(connection, is_offline=is_offline), connection=connection.name)


def moving(connection: Connection, snapshot: Snapshot) -> Iterator[Finding]:
    """What can change from one minute to the next, from the snapshot alone: for monitors."""
    found = [
        _unusable(connection) or _known(connection),
        environment(connection),
        *queue.findings(connection, snapshot),
        *storefront.moving(connection, snapshot),
    ]
    return of(found, connection=connection.name)


def _of_connection(connection: Connection, *, is_offline: bool) -> Iterator[Finding]:
    if not connection.is_enabled:
        yield warning(
            "connection_off",
            connection.name,
            _("It is off: changes are not even noted."),
            _("Switch it on in the admin when it should send."),
        )
    yield from key(connection, is_offline=is_offline)
    yield from salt(connection)
    yield environment(connection)
    yield statuses(connection)
    yield fields(connection)
    yield from consent(connection)
    if not is_offline and connection.is_enabled and connection.api_key:
        yield from feed_registration(connection)
        yield from workflows(connection)
        yield from restore.recognised(connection)
    if connection.is_enabled:
        yield from storefront.storefront(connection, is_offline=is_offline)
    yield from queue.findings(connection, take(connections=[connection]))


def key(connection: Connection, *, is_offline: bool) -> Iterator[Finding]:
    """Can the key be read, is it accepted, and what time is it over there?"""
    if unusable := _unusable(connection):
        yield unusable
        return
    if is_offline or not connection.is_enabled:
        yield _known(connection)
        return
    try:
        info = verify(connection)
    except ConnectorError as error:
        yield _not_accepted(connection, error)
        return
    organisation = info.organisation or "?"
    text = _("The key is accepted; the organisation is %s.") % organisation
    yield ok("key_accepted", connection.name, text)
    if time := clock(connection, info):
        yield time


def consent(connection: Connection) -> Iterator[Finding]:
    """What happens to people who have not said yes; nothing where the destination does not ask."""
    try:
        policies, chosen = policies_of(connection), policy_of(connection)
    except ConfigurationError:  # said elsewhere
        return
    if not policies:
        return
    if chosen is None:
        yield warning(
            "consent_not_chosen",
            connection.name,
            _("It is not chosen what happens to people who have not said yes to messages."),
            _(
                "Choose it on the page of the connection: until then their changes are sent, and "
                "count at the destination as people who may be mailed."
            ),
        )
        return
    text = _("People who have not said yes to messages: %(choice)s.") % {"choice": chosen.label}
    if not isinstance(registry.shop(), SupportsConsent):
        yield warning("consent_not_supported", connection.name, text, str(SupportsConsent.missing))
    else:
        yield ok("consent_chosen", connection.name, text)


def _not_accepted(connection: Connection, error: ConnectorError) -> Finding:
    told = {"destination": registry.destination_label(connection.destination), "why": error}
    if isinstance(error, CredentialsError):
        text = _("%(destination)s refused the key: %(why)s")
        return problem("key_refused", connection.name, text % told, paste_a_key())
    if isinstance(error, TemporaryError):
        return problem(
            "destination_unreachable",
            connection.name,
            _("%(destination)s cannot be reached: %(why)s") % told,
            _("Check the network and the API address. Changes wait meanwhile; nothing is lost."),
        )
    return problem(
        "key_not_checked",
        connection.name,
        _("The key cannot be checked: %s") % error,
        _("Check the API address and the settings of the destination."),
    )


def _unusable(connection: Connection) -> Finding | None:
    """What is wrong with the key as it is stored."""
    if not connection.api_key:
        return problem("key_missing", connection.name, _("It has no API key."), paste_a_key())
    try:
        reveal(connection.api_key)
    except ConnectorError as error:
        text = _("The API key cannot be read.")
        return problem("key_unreadable", connection.name, text, str(error))
    return None


def paste_a_key() -> str:
    return _("Paste a key in the admin and save.")


def _known(connection: Connection) -> Finding:
    """What is known of the key without asking."""
    if connection.paused_at is not None and connection.paused_by:
        return warning(
            "paused_by_person",
            connection.name,
            _("Sending is paused by %(name)s.") % {"name": connection.paused_by},
            _("Press “Resume” on the page of the connection in the admin."),
        )
    if connection.paused_at is not None:
        return problem(
            "connection_paused",
            connection.name,
            _("Sending is paused: %s") % (connection.pause_detail or "?"),
            _("Paste a key that is accepted, or press “Test connection” in the admin."),
        )
    if connection.verified_at is None:
        return warning(
            "key_never_accepted",
            connection.name,
            _("The key was never accepted."),
            _("Press “Test connection” in the admin."),
        )
    return ok(
        "key_accepted_before",
        connection.name,
        _("The key was accepted before, by %s.") % (connection.organisation or "?"),
    )


def salt(connection: Connection) -> Iterator[Finding]:
    try:
        reveal(connection.salt)
    except ConnectorError:
        yield problem(
            "salt_unreadable",
            connection.name,
            _("Its salt cannot be read: nothing is sent, deleted customers are not recognised."),
            _("Bring the old key back into ENCRYPTION_KEYS, or paste the API key again."),
        )


def environment(connection: Connection) -> Finding:
    if connection.is_bound_here:
        return ok("environment_here", connection.name, _("This installation may send."))
    return problem(
        "environment_elsewhere",
        connection.name,
        _("It is bound to another installation and sends nothing from here."),
        _("If this is the real shop now, run: manage.py esputnik_doctor --confirm-environment"),
    )


def statuses(connection: Connection) -> Finding:
    if not isinstance(registry.shop(), SupportsStatuses):
        return ok("statuses_not_supported", connection.name, str(SupportsStatuses.missing))
    missing = unmapped(connection)
    if not missing:
        return ok("statuses_mapped", connection.name, _("Every order status is mapped."))
    return warning(
        "statuses_unmapped",
        connection.name,
        _("Order statuses without a mapping, sent as “%(status)s”: %(missing)s")
        % {"status": default_text(connection), "missing": ", ".join(missing)},
        _("Add them to the table of statuses in the admin."),
        count=len(missing),
    )


def fields(connection: Connection) -> Finding:
    shop = registry.shop()
    known = shop.attributes() if isinstance(shop, SupportsContactAttributes) else {}
    names = connection.field_mappings.values_list("attribute", flat=True)
    unknown = sorted({name for name in names if name not in known})
    if not unknown:
        return ok("fields_known", connection.name, _("Every mapped contact attribute exists."))
    return warning(
        "fields_unknown",
        connection.name,
        _("Mapped contact attributes that the shop does not have: %s") % ", ".join(unknown),
        _("Correct the table of fields in the admin, or add them to CONTACT_ATTRIBUTES."),
        count=len(unknown),
    )
