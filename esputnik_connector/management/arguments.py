"""What several commands ask of their arguments."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from esputnik_connector.models import Connection


def chosen_connections(name: str | None) -> list[Connection]:
    """The connection of that name, or all that are on.

    :raises CommandError: there is none.
    """
    if name is None:
        return list(Connection.objects.capturing().order_by("name"))
    found = list(Connection.objects.filter(name=name))
    if not found:
        raise CommandError(
            _("There is no connection “%(name)s”; there are: %(known)s")
            % {"name": name, "known": _names(Connection.objects.all())}
        )
    return found


def one_connection(name: str | None) -> Connection:
    """The connection of that name, or the only one that is on.

    :raises CommandError: there is none, or there are several.
    """
    found = chosen_connections(name)
    if len(found) != 1:
        raise CommandError(
            _("Say which connection with --connection; there are: %s") % _names(found)
        )
    return found[0]


def sending_connection(name: str | None) -> Connection:
    """The connection of that name, or the only one there is; it may send from here.

    :raises CommandError: there is none or several, or it sends nothing; the text says why.
    """
    found = Connection.objects.filter(name=name) if name else Connection.objects.all()
    if found.count() != 1:
        known = ", ".join(Connection.objects.values_list("name", flat=True)) or _("none")
        raise CommandError(
            _("Name one connection with --connection; there are: %(known)s.") % {"known": known}
        )
    connection = found.get()
    if not connection.is_enabled or connection.paused_at is not None:
        raise CommandError(
            _("Connection “%(name)s” is switched off or paused and sends nothing. %(why)s")
            % {"name": connection.name, "why": connection.pause_detail}
        )
    if not connection.is_bound_here:
        raise CommandError(
            _(
                "Connection “%(name)s” belongs to another installation; this may be a copy of "
                "its database. If this one should send, run: manage.py "
                "esputnik_doctor --confirm-environment"
            )
            % {"name": connection.name}
        )
    return connection


def moment(text: str | None, option: str) -> datetime | None:
    """A day or a moment; without an offset it is in the shop's time zone.

    :raises CommandError: it is neither, or it has not come yet.
    """
    if not text:
        return None
    try:
        day = parse_date(text)
        found = datetime(day.year, day.month, day.day) if day else parse_datetime(text)  # noqa: DTZ001
    except ValueError:
        found = None
    if found is None:
        raise CommandError(
            _("%(option)s %(text)s is neither a day (2026-01-31) nor a moment (2026-01-31T14:00).")
            % {"option": option, "text": text}
        )
    aware = found if timezone.is_aware(found) else timezone.make_aware(found)
    if aware > datetime.now(aware.tzinfo):
        raise CommandError(
            _("%(option)s %(text)s has not come yet.") % {"option": option, "text": text}
        )
    return aware


def _names(connections: Iterable[Connection]) -> str:
    return ", ".join(connection.name for connection in connections) or "–"
