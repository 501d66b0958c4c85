"""Send what is due, without Celery."""

from __future__ import annotations

import signal
import time
from argparse import ArgumentParser
from logging import getLogger
from typing import Any

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, connections
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from esputnik_connector.exceptions import without_message
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.models import Connection
from esputnik_connector.pipeline.delivery.relay import Relay

logger = getLogger(__name__)

PAUSE_BETWEEN_ROUNDS = 2.0  # seconds
ROUND_SECONDS = 10.0  # so that a stop is heard soon


class Command(ReportingCommand):
    help = (
        "Send what is due. With --watch it goes on until it is stopped. Without, it ends with 1 "
        "when a connection that is on could not send: paused, failed, or bound to another "
        "installation."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--connection", help=_("name of one connection; all if left out"))
        parser.add_argument("--watch", action="store_true", help=_("go on until stopped"))

    def handle(self, *_args: Any, **options: Any) -> None:
        self.is_stopping = False
        self.told: dict[str, str] = {}
        self.failed: list[str] = []
        if options["watch"]:
            signal.signal(signal.SIGTERM, self._stop)
            signal.signal(signal.SIGINT, self._stop)
        if not options["watch"]:
            self._round(options["connection"])
            self._fail_if_not_sent()
            return
        while not self.is_stopping:
            try:
                self._round(options["connection"], is_watching=True)
            except (OperationalError, InterfaceError) as error:
                self._lose_database(error)
            if not self.is_stopping:
                time.sleep(PAUSE_BETWEEN_ROUNDS)

    def _fail_if_not_sent(self) -> None:
        """:raises CommandError: some connection sent nothing, and could not."""
        texts = [f"{name}: {reason}" for name, reason in self.told.items() if reason]
        if self.failed:
            texts.append(_("Not sent: %s. The log says why.") % ", ".join(self.failed))
        if texts:
            raise CommandError("\n".join(texts))

    def _stop(self, *_args: object) -> None:
        self.is_stopping = True

    def _round(self, name: str | None, *, is_watching: bool = False) -> None:
        """One run for each connection; one that fails holds no other back."""
        self.failed = []
        for connection in self._connections(name):
            self._note_why_not(connection, is_watching=is_watching)
            try:
                outcomes = Relay(connection).run(seconds=ROUND_SECONDS)
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                self.failed.append(connection.name)
                logger.error("connection %s: %s", connection.name, without_message(error))
                continue
            for outcome, count in sorted(outcomes.items()):
                self.stdout.write(f"{connection.name}: {count} {outcome}")

    def _lose_database(self, error: Exception) -> None:
        """The database session is gone: the next round opens another one."""
        name = type(error).__name__
        self.stderr.write(_("The database does not answer (%s); trying again.") % name)
        connections.close_all()

    def _connections(self, name: str | None) -> QuerySet[Connection]:
        if name and not Connection.objects.filter(name=name).exists():
            names = ", ".join(Connection.objects.values_list("name", flat=True)) or "-"
            raise CommandError(
                _("There is no connection %(name)r; there are: %(names)s.")
                % {"name": name, "names": names}
            )
        connections = Connection.objects.capturing()
        return connections.filter(name=name) if name else connections

    def _note_why_not(self, connection: Connection, *, is_watching: bool) -> None:
        """What keeps this connection from sending; said once each time it changes, or in the end
        where there is one."""
        reason = ""
        if connection.paused_at is not None:
            reason = _("paused: %(why)s") % {"why": connection.pause_detail}
        elif not connection.is_bound_here:
            reason = _(
                "bound to another installation; nothing is sent from here. If this is the real "
                "shop now, run: manage.py esputnik_doctor --confirm-environment"
            )
        if is_watching and reason and self.told.get(connection.name) != reason:
            self.stderr.write(f"{connection.name}: {reason}")
        self.told[connection.name] = reason
