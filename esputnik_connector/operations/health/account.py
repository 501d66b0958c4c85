"""What the account is asked beside its key: its product feeds, and its workflows."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.exceptions import ConfigurationError, ConnectorError
from esputnik_connector.models import Connection, Feed
from esputnik_connector.models.feed import FeedFormat
from esputnik_connector.operations.connection.account import unheard, workflows_of
from esputnik_connector.operations.feed_registration import (
    REGISTRATIONS,
    Registration,
    can_register,
    read,
    registration_of,
)

from .findings import Finding, of, ok, problem, warning


def feed_registration(connection: Connection) -> Iterator[Finding]:
    """Does the account read the shop's feeds, at the address that they have now?"""
    feeds = list(Feed.objects.filter(is_enabled=True, format=FeedFormat.GOOGLE).order_by("name"))
    if not feeds or not can_register(connection):
        return
    try:
        known = read(connection)
        states = [(feed, registration_of(feed, known)) for feed in feeds]
    except ConnectorError as error:
        yield warning(
            "feeds_unknown_to_account",
            connection.name,
            _("It is not known which product feeds the account reads: %s") % error,
            _("Check the rights of the key; the feeds can be looked up in the account too."),
        )
        return
    for feed, state in states:
        where = {"feed": feed.name}
        text = _("Feed “%(name)s”: %(state)s.") % {
            "name": feed.name,
            "state": REGISTRATIONS[state],
        }
        command = f"manage.py esputnik_feed register {feed.name} --connection {connection.name}"
        if state is Registration.OTHER_ADDRESS:
            remedy = _("The account reads an address that answers 404. Run: %s") % command
            yield from of(
                [problem("feed_registered_elsewhere", connection.name, text, remedy)], **where
            )
        elif state is Registration.MISSING:
            text = f"{text} {_('To register it, run: %s') % command}"
            yield from of([ok("feed_not_registered", connection.name, text)], **where)
        else:
            yield from of([ok("feed_registered", connection.name, text)], **where)


def workflows(connection: Connection) -> Iterator[Finding]:
    """Is there a workflow that listens to what is sent? A hint: only names can tell."""
    try:
        backend = registry.destination_class(connection.destination)
        if not backend.supports_workflows:
            return
        found = workflows_of(connection)
        silent = list(unheard(connection, found))
    except (ConfigurationError, ConnectorError):
        return  # whether it answers at all is said elsewhere
    active = sum(workflow.is_active for workflow in found)
    yield ok(
        "workflows_active",
        connection.name,
        _("Active workflows in the account: %s.") % active,
        count=active,
    )
    for events in silent:
        yield ok(
            "no_workflow_listens",
            connection.name,
            _(
                "Hint: no active workflow has %(events)s in its name or tags. If none listens to "
                "it, the account only stores what is sent."
            )
            % {"events": _(" or ").join(events)},
        )
