"""Was the database restored from a backup? Then the destination holds what it has forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.models import Connection, Restore
from esputnik_connector.operations.connection.restore import unknown_customers

from .findings import Finding, problem

PAGE = "docs/howto/after-a-restored-backup.md"


def noted(restore: Restore | None) -> Iterator[Finding]:
    """A person said so, and has not said yet that all is settled."""
    if restore is not None:
        yield problem(
            "backup_restored",
            _("backup"),
            _("The database was restored from a backup, as was said %s ago.")
            % timesince(restore.noted_at),
            _("Follow %(page)s; when all is done, run: manage.py esputnik_doctor --restore-settled")
            % {"page": PAGE},
        )


def recognised(connection: Connection) -> Iterator[Finding]:
    """The destination confirms customers that are newer than all the shop knows."""
    if Restore.unsettled() is not None:
        return
    try:
        unknown = unknown_customers(connection)
    except ConnectorError:  # whether it answers at all is said elsewhere
        return
    if unknown:
        yield problem(
            "backup_seems_restored",
            connection.name,
            _(
                "The account knows customers whom the shop does not have yet (%(keys)s): the "
                "database was restored from a backup, or another shop sends there too."
            )
            % {"keys": ", ".join(unknown)},
            _(
                "If it was restored, run: manage.py esputnik_doctor --database-restored, and "
                "follow %(page)s"
            )
            % {"page": PAGE},
        )
