"""Look at everything the connector needs, and say what is wrong and what to do about it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from cryptography.fernet import Fernet
from django.core import checks
from django.core.management.base import CommandError
from django.db import DatabaseError, connections
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.models import Connection, Restore
from esputnik_connector.operations.alerts.raised import Scope, raise_alerts
from esputnik_connector.operations.connection.restore import note_restore, settle_restore
from esputnik_connector.operations.connection.rotate_keys import rotate
from esputnik_connector.operations.health import restore
from esputnik_connector.operations.health.examine import AREAS, examine
from esputnik_connector.operations.health.findings import Finding, Level, of, ok, problem, warning

CHECK_PREFIX = "esputnik_connector."
BLIND = 2  # exit code: most could not be looked at
SETTINGS = "settings"
ALL_AREAS = (SETTINGS, *AREAS)
IN_HEALTH = "esputnik_connector.W002"  # the shop's address has a finding of its own


class Command(ReportingCommand):
    help = (
        "Check the connector: one line each with ok, warning or problem, and what to do. Asks each "
        "destination whether the key is accepted, and the shop's own address for its feeds, unless "
        "--offline. Ends with 1 when there is a problem, with 0 when there are only warnings, "
        "with 2 when it could not look: no database, or wrong arguments."
    )
    requires_system_checks = []  # it must run when the settings are wrong: that is what it is for

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--connection", help=_("name of one connection; all of them if left out")
        )
        parser.add_argument(
            "--offline",
            action="store_true",
            help=_("ask neither the destinations nor the shop's address"),
        )
        parser.add_argument("--json", action="store_true", help=_("findings as JSON"))
        parser.add_argument(
            "--only", nargs="+", choices=ALL_AREAS, metavar="AREA", help=_("look only at these")
        )
        parser.add_argument(
            "--alert",
            action="store_true",
            help=_("tell of each new problem, by the signal “alert” and to ALERT_EMAILS"),
        )
        deeds = parser.add_mutually_exclusive_group()
        deeds.add_argument("--new-key", action="store_true", help=_("print a new encryption key"))
        deeds.add_argument(
            "--confirm-environment",
            action="store_true",
            help=_("this installation is the one that sends from now on"),
        )
        deeds.add_argument(
            "--database-restored",
            action="store_true",
            help=_("the database was restored from a backup; say what to do about it"),
        )
        deeds.add_argument(
            "--restore-settled",
            action="store_true",
            help=_("all that a restored backup asks for is done"),
        )
        deeds.add_argument(
            "--rotate-keys",
            action="store_true",
            help=_("encrypt every stored secret with the first of ENCRYPTION_KEYS"),
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["new_key"]:
            self.stdout.write(Fernet.generate_key().decode())
        elif options["confirm_environment"]:
            self._confirm_environment(options["connection"])
        elif options["database_restored"]:
            note_restore()
            for finding in restore.noted(Restore.unsettled()):
                self._show(finding)
        elif options["restore_settled"]:
            done = settle_restore()
            self.stdout.write(_("Settled.") if done else _("There was nothing to settle."))
        elif options["rotate_keys"]:
            self._rotate_keys()
        else:
            self._examine(options)

    def _examine(self, options: dict[str, Any]) -> None:
        found: list[Finding] = []
        self.is_blind = self.is_cut_short = False
        areas = options["only"] or ALL_AREAS
        for finding in self._findings(options["connection"], options["offline"], areas):
            found.append(finding)
            if not options["json"]:
                self._show(finding)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(each) for each in found], ensure_ascii=False))
        if self.is_blind:
            raise SystemExit(BLIND)
        if options["alert"]:
            scope = Scope(
                areas=(SETTINGS,) if self.is_cut_short else areas,
                connection=options["connection"],
                is_offline=options["offline"],
            )
            raise_alerts(found, scope)
        if any(finding.level is Level.PROBLEM for finding in found):
            raise SystemExit(1)

    def _findings(
        self, name: str | None, is_offline: bool, areas: Sequence[str]
    ) -> Iterator[Finding]:
        if SETTINGS in areas:
            yield from of(_settings(), area=SETTINGS)
        try:
            yield from examine(_chosen(name), is_offline=is_offline, areas=areas)
        except ConfigurationError as error:
            self.is_cut_short = True
            remedy = _("Correct the settings.")
            unusable = problem("settings_unusable", _("settings"), str(error), remedy)
            yield from of([unusable], area=SETTINGS)
        except DatabaseError as error:
            self.is_blind = True
            yield problem(
                "tables_unreadable",
                _("database"),
                _("The tables of the connector cannot be read (%s).") % type(error).__name__,
                _("Run: manage.py migrate"),
            )

    def _show(self, finding: Finding) -> None:
        style = {
            Level.OK: self.style.SUCCESS,
            Level.WARNING: self.style.WARNING,
            Level.PROBLEM: self.style.ERROR,
        }[finding.level]
        line = f"{_level_text(finding.level):<8} {finding.subject}: {finding.text}"
        if finding.remedy:
            line = f"{line} → {finding.remedy}"
        self.stdout.write(style(line))

    def _confirm_environment(self, name: str | None) -> None:
        for connection in _chosen(name):
            was_bound = connection.is_bound_here and bool(connection.environment)
            connection.bind()
            text = _("This installation sends already.") if was_bound else _("Sends from here now.")
            self.stdout.write(f"{connection.name}: {text}")

    def _rotate_keys(self) -> None:
        try:
            rotation = rotate()
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_("Encrypted with the first key: %s") % rotation.sealed)
        for name in rotation.unreadable:
            self.stdout.write(_("No key opens: %s") % name)
        if rotation.unreadable:
            raise CommandError(
                _("Bring the missing key back into ENCRYPTION_KEYS and run this again.")
            )
        self.stdout.write(_("The other keys may be removed from ENCRYPTION_KEYS now."))


def _chosen(name: str | None) -> QuerySet[Connection]:
    """:raises CommandError: there is no connection of that name."""
    connections = Connection.objects.order_by("name")
    if name is None:
        return connections
    if not connections.filter(name=name).exists():
        known = ", ".join(connections.values_list("name", flat=True)) or "–"
        raise CommandError(
            _("There is no connection “%(name)s”; there are: %(known)s")
            % {"name": name, "known": known},
            returncode=BLIND,
        )
    return connections.filter(name=name)


def _settings() -> Iterator[Finding]:
    """What the system checks of the connector say."""
    tags = [checks.Tags.compatibility, checks.Tags.security, checks.Tags.database]
    messages = checks.run_checks(tags=tags, databases=list(connections))
    mine = [
        message
        for message in messages
        if str(message.id).startswith(CHECK_PREFIX) and message.id != IN_HEALTH
    ]
    for message in mine:
        find = problem if message.level >= checks.ERROR else warning
        yield find(str(message.id), _("settings"), str(message.msg), str(message.hint or ""))
    if not mine:
        yield ok("settings_in_order", _("settings"), _("ESPUTNIK_CONNECTOR is in order."))


def _level_text(level: Level) -> str:
    return {Level.OK: _("ok"), Level.WARNING: _("warning"), Level.PROBLEM: _("problem")}[level]
