"""Import what was there before: contacts, guests and orders of years."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from textwrap import fill
from typing import Any

from django.core.management.base import CommandError
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.destinations.base import ConsentPolicy, OrderRoute
from esputnik_connector.exceptions import BadRequestError, ConfigurationError
from esputnik_connector.management import progress
from esputnik_connector.management.arguments import sending_connection
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.management.follow import follow_runs
from esputnik_connector.models import Backfill, Connection
from esputnik_connector.operations.backfill_progress import waiting_text
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.consent import policies_of, policy_of
from esputnik_connector.pipeline.backfill.forecast import forecast
from esputnik_connector.pipeline.backfill.routes import routes_of
from esputnik_connector.pipeline.wake import wake_backfill
from esputnik_connector.records import Kind

KINDS = {"contacts": [Kind.CONTACT], "orders": [Kind.ORDER], "all": list(control.KINDS)}
YES = ("y", "yes", "т", "так")

ACTIONS = {
    "watch": gettext_lazy("look at an import that was started before; starts nothing"),
    "pause": gettext_lazy("stop it for a while"),
    "resume": gettext_lazy("let it go on where it was"),
    "arrived": gettext_lazy("you looked: what was sent has arrived there; let it go on"),
    "cancel": gettext_lazy("end it for good"),
    "restart": gettext_lazy("begin again; what was delivered already is skipped"),
}
CHANGES = {
    "pause": control.pause,
    "resume": control.resume,
    "arrived": control.confirm_arrival,
    "cancel": control.cancel,
}


class Command(ReportingCommand):
    help = (
        "Import contacts and orders that were there before the connection, in pages, beside live "
        "traffic. Ends with 1 when those it followed came to no good end: something was refused, "
        "paused or unknown."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=list(KINDS), help=_("contacts come before orders"))
        parser.add_argument("--connection", help=_("name of the connection, if there are several"))
        parser.add_argument("--since", help=_("from this moment on: 2024-01-01T00:00+02:00"))
        parser.add_argument("--until", help=_("before this moment"))
        parser.add_argument("--newest-first", action="store_true", help=_("the latest come first"))
        parser.add_argument("--only-failed", action="store_true", help=_("what was set aside"))
        parser.add_argument("--ids", nargs="+", metavar="ID", help=_("only these records"))
        parser.add_argument("--route", help=_("how orders travel, if there is a choice"))
        parser.add_argument(
            "--consent",
            metavar="CHOICE",
            help=_("what happens to people who have not said yes; kept with the connection"),
        )
        parser.add_argument(
            "--stop-loss",
            type=float,
            metavar="SHARE",
            help=_("pause when more than this share of a page is refused, such as 0.25"),
        )
        parser.add_argument("--dry-run", action="store_true", help=_("translate all, send nothing"))
        parser.add_argument("--no-wait", action="store_true", help=_("start it and return"))
        parser.add_argument("--json", action="store_true", help=_("the result as JSON"))
        parser.add_argument("--yes", action="store_true", help=_("ask nothing"))
        actions = parser.add_mutually_exclusive_group()
        for action, meaning in ACTIONS.items():
            actions.add_argument(
                f"--{action}", action="store_const", const=action, dest="action", help=str(meaning)
            )

    def handle(self, *_args: Any, **options: Any) -> None:
        self.options = options
        self.unknown: list[str] = []
        connection = sending_connection(self.options["connection"])
        kinds = KINDS[options["what"]]
        try:
            if options["action"]:
                runs = self._act(options["action"], connection, kinds)
            elif options["dry_run"]:
                self._dry_run(connection, kinds)
                return
            else:
                runs = self._start(connection, kinds)
        except (BadRequestError, ConfigurationError) as error:
            raise CommandError(str(error)) from error
        if runs and not options["no_wait"]:
            follow_runs(runs, self._say, is_json=options["json"], command=self._command())
        self._report(runs)

    # What was asked for

    def _moment(self, name: str) -> datetime | None:
        text = self.options[name]
        if not text:
            return None
        moment = parse_datetime(text)
        if moment is None:
            raise CommandError(
                _("--%(name)s %(text)s is no moment; write it like 2024-01-01T00:00+02:00.")
                % {"name": name, "text": text}
            )
        return moment

    def _route(self, connection: Connection, kind: Kind) -> str:
        routes = {one.value: one for one in routes_of(connection)} if kind is Kind.ORDER else {}
        if not routes:
            return ""
        if not self.options["route"]:
            self.options["route"] = self._ask_route(list(routes.values()))
        if self.options["route"] not in routes:
            text = _("--route must be one of: %s; nothing was started.")
            raise CommandError(text % ", ".join(routes))
        return str(self.options["route"])

    def _ask_route(self, routes: Sequence[OrderRoute]) -> str:
        if not self._may_ask():
            text = "; ".join(f"--route {one.value} – {one.label}" for one in routes)
            raise CommandError(
                _("Choose how orders travel: %(routes)s. Nothing was started.") % {"routes": text}
            )
        return self._ask(_("How shall orders travel?"), routes)

    def _choose_consent(self, connection: Connection) -> None:
        """What happens to people who have not said yes: asked once, kept with the connection.

        A dry run shows the choice without keeping it.
        """
        policies = policies_of(connection)
        chosen = self.options["consent"] or ""
        if policies and not chosen and policy_of(connection) is None and self._may_ask():
            question = _("What shall happen to people who have not said yes to messages?")
            chosen = self._ask(question, policies)
        if self.options["dry_run"]:
            connection.consent_policy = chosen or connection.consent_policy
        elif chosen:
            control.choose_consent_policy(connection, chosen)
        control.check_consent_policy(connection)

    def _plans(self, connection: Connection, kinds: list[Kind]) -> list[Backfill]:
        """What would be started, not saved yet."""
        self._choose_consent(connection)
        since, until = self._moment("since"), self._moment("until")
        control.check_range(since, until)
        return [
            Backfill(
                connection=connection,
                kind=kind.value,
                route=self._route(connection, kind),
                since=since,
                until=until,
                newest_first=self.options["newest_first"],
                keys=self._keys(connection, kind),
            )
            for kind in kinds
        ]

    def _keys(self, connection: Connection, kind: Kind) -> list[str] | None:
        if self.options["only_failed"]:
            return control.failed_keys(connection, kind)
        if not self.options["ids"]:
            return None
        if self.options["what"] == "all":
            raise BadRequestError(_("--ids needs “contacts” or “orders”, not “all”."))
        known, unknown = control.known_keys(kind, self.options["ids"])
        self.unknown += unknown
        return known

    def _ask(self, question: str, choices: Sequence[OrderRoute | ConsentPolicy]) -> str:
        self.stdout.write(question)
        for one in choices:
            text = f"{one.value}: {one.label}. {one.help}"
            self.stdout.write(fill(text, 90, initial_indent="  ", subsequent_indent="    "))
        return input(f"{_(' or ').join(one.value for one in choices)}? ").strip()

    def _may_ask(self) -> bool:
        is_quiet = self.options["yes"] or self.options["json"]
        return sys.stdin.isatty() and not is_quiet

    def _start(self, connection: Connection, kinds: list[Kind]) -> list[Backfill]:
        plans = self._plans(connection, kinds)
        for plan in plans:
            self._say(progress.forecast_text(plan, forecast(plan)))
        if self._may_ask() and input(_("Start? [y/N] ")).strip().lower() not in YES:
            raise CommandError(_("Nothing was started."))
        runs = []
        for plan in plans:
            run, is_new = control.start(
                connection,
                plan.of_kind(),
                route=plan.route,
                since=plan.since,
                until=plan.until,
                newest_first=plan.newest_first,
                keys=plan.keys,
                stop_loss=self.options["stop_loss"],
            )
            if not is_new:
                text = _("%(what)s: an import is under way already; here it is.")
                self._say(text % {"what": progress.kind_text(run)})
            runs.append(run)
        for run in runs:
            wake_backfill(run.pk)
        return runs

    def _act(self, action: str, connection: Connection, kinds: list[Kind]) -> list[Backfill]:
        runs = []
        for kind in kinds:
            run = Backfill.objects.filter(connection=connection, kind=kind.value).first()
            if run is None:
                continue
            if action == "restart":
                run, _is_new = control.restart(run)
            elif action in CHANGES:
                CHANGES[action](run)
            runs.append(run)
        if not runs:
            raise CommandError(_("There is no such import."))
        if action in ("resume", "arrived", "restart"):
            for run in runs:
                wake_backfill(run.pk)
        elif action != "watch":
            self.options["no_wait"] = True
        return runs

    def _dry_run(self, connection: Connection, kinds: list[Kind]) -> None:
        plans = self._plans(connection, kinds)
        forecasts = [(plan, forecast(plan, is_thorough=True)) for plan in plans]
        if self.options["json"]:
            found = [
                {
                    "kind": plan.kind,
                    "total": one.total,
                    "to_send": one.to_send,
                    "skipped": one.skips,
                    "refused": one.refusals,
                    "people_without_consent": one.scaled(len(one.without_consent)),
                }
                for plan, one in forecasts
            ]
            self.stdout.write(json.dumps({"forecast": found, "unknown": self.unknown}))
        else:
            for plan, one in forecasts:
                self.stdout.write(progress.forecast_text(plan, one))
        self._fail_on_unknown_ids()

    # What is printed

    def _report(self, runs: list[Backfill]) -> None:
        for run in runs:
            run.refresh_from_db()
        if self.options["json"]:
            found = [progress.as_json(run) for run in runs]
            self.stdout.write(json.dumps({"runs": found, "unknown": self.unknown}))
        else:
            for run in runs:
                self.stdout.write(progress.result_text(run))
                for text in filter(None, (run.detail, waiting_text(run))):
                    self.stdout.write(text)
        self._fail_on_unknown_ids()
        if any(map(progress.is_amiss, runs)) and not self.options["no_wait"]:
            raise CommandError(
                _("Not everything arrived. The list of unsent changes says what and why.")
            )

    def _fail_on_unknown_ids(self) -> None:
        if self.unknown:
            raise CommandError(
                _("Not in the shop: %(keys)s. The others are done.")
                % {"keys": ", ".join(self.unknown)}
            )

    def _say(self, text: str) -> None:
        if not self.options["json"]:
            self.stdout.write(text)
            self.stdout.flush()  # also into a file or a pipe that is being followed

    def _command(self) -> str:
        """What to type to come back."""
        name = self.options["connection"]
        chosen = f" --connection {name}" if name else ""
        return f"manage.py esputnik_backfill {self.options['what']}{chosen}"
