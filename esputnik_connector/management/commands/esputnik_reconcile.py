"""Compare the shop with what was delivered, and put in line what differs."""

from __future__ import annotations

import csv
import json
from argparse import ArgumentParser
from contextlib import closing
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.exceptions import ConfigurationError, DecryptionError, DestinationError
from esputnik_connector.management import remote
from esputnik_connector.management.arguments import chosen_connections, moment
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.models import Connection, Reconciliation
from esputnik_connector.models.reconcile import verdict_in_words
from esputnik_connector.pipeline.reconcile.compare import Comparer
from esputnik_connector.pipeline.reconcile.limits import Limits
from esputnik_connector.pipeline.reconcile.report import COLUMNS, Report
from esputnik_connector.pipeline.reconcile.run import (
    KINDS,
    Reconciler,
    history_before,
    new_run,
)
from esputnik_connector.records import Kind
from esputnik_connector.shops.base import SupportsHistory, SupportsReconciliation


class Command(ReportingCommand):
    help = (
        "Compare customers, orders and carts with what was delivered, and put in line what differs "
        "or was never sent. Sends nothing itself; a worker does. With --dry-run or --report it "
        "only tells. With --remote it asks the destination what it really holds. Ends with 1 when "
        "something was held back, or is not there as the shop has it and was not put in line."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--connection", help=_("name of one connection; all if left out"))
        add("--kind", choices=[kind.value for kind in KINDS], help=_("all if left out"))
        add("--since", help=_("only what is from that day on, also what was never imported"))
        add("--dry-run", action="store_true", help=_("tell, and put nothing in line"))
        add("--thorough", action="store_true", help=_("build every record, whatever its etag says"))
        add("--no-limit", action="store_true", help=_("put in line however much it is"))
        remote.add_arguments(parser)
        add("--report", action="store_true", help=_("counts and sums per day; changes nothing"))
        add("--csv", metavar="FILE", help=_("write the report there"))
        add("--json", action="store_true", help=_("tell as JSON"))

    def handle(self, *_args: Any, **options: Any) -> None:
        if (options["repair"] or options["anew"]) and not options["remote"]:
            raise CommandError(_("--repair and --anew go with --remote."))
        connections = chosen_connections(options["connection"])
        kinds = [Kind(options["kind"])] if options["kind"] else list(KINDS)
        try:
            if options["remote"]:
                asked = [Kind(options["kind"])] if options["kind"] else remote.ASKABLE
                is_well = remote.ask_all(connections, asked, options, self.stdout.write)
            elif options["remote_sample"]:
                is_well = remote.ask_some(connections, kinds, options, self.stdout.write)
            else:
                is_well = self._compare(connections, kinds, options)
        except (ConfigurationError, DecryptionError, DestinationError) as error:
            raise CommandError(str(error)) from error
        if not is_well:
            raise SystemExit(1)

    def _compare(
        self, connections: list[Connection], kinds: list[Kind], options: dict[str, Any]
    ) -> bool:
        """False when something was held back."""
        shop = registry.shop()
        if any(kind is not Kind.CART for kind in kinds):
            SupportsHistory.of(shop)
        if not isinstance(shop, SupportsReconciliation):
            self.stderr.write(str(SupportsReconciliation.missing))
        report = Report() if options["report"] or options["csv"] else None
        runs = [
            self._run(connection, kind, options, report)
            for connection in connections
            for kind in kinds
            if connection.syncs(kind)
        ]
        if report is not None:
            self._write_report(report, options)
        elif options["json"]:
            self.stdout.write(json.dumps([_as_json(run) for run in runs], ensure_ascii=False))
        return not any(run.held for run in runs)

    def _run(
        self,
        connection: Connection,
        kind: Kind,
        options: dict[str, Any],
        report: Report | None,
    ) -> Reconciliation:
        is_dry = options["dry_run"] or report is not None
        run = new_run(connection, kind, since=moment(options["since"], "--since"))
        if not is_dry:
            run.save()
        with closing(registry.destination(connection)) as destination:
            comparer = Comparer(
                connection,
                destination,
                registry.shop(),
                history_before=history_before(run),
                is_thorough=options["thorough"] or report is not None,
            )
            Reconciler(
                run,
                comparer,
                limits=Limits.none() if options["no_limit"] else Limits.usual(),
                is_dry=is_dry,
                on_chunk=(lambda found: report.add(kind, found)) if report else None,
            ).work()
        if not options["json"] and report is None:
            self._tell(run, is_dry)
        return run

    def _tell(self, run: Reconciliation, is_dry: bool) -> None:
        kind = run.get_kind_display()
        self.stdout.write(f"{run.connection.name} · {kind}: {_total(run)}")
        for verdict, count in sorted(run.counts.items(), key=lambda pair: -pair[1]):
            keys = ", ".join(run.examples.get(verdict, []))
            self.stdout.write(
                f"  {count:>8}  {verdict_in_words(verdict)}{f': {keys}' * bool(keys)}"
            )
        if is_dry:
            self.stdout.write(_("  Nothing was put in line."))
        else:
            self.stdout.write(_("  %s were put in line.") % run.queued)
        if run.held:
            text = _(
                "  %s were held back: so many at once look like a mistake. Look first, then "
                "let them through with --no-limit."
            )
            self.stdout.write(self.style.WARNING(text % run.held))

    def _write_report(self, report: Report, options: dict[str, Any]) -> None:
        rows = [line.row for line in report.lines]
        if options["csv"]:
            with open(options["csv"], "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(rows)
        if options["json"]:
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
        elif not options["csv"]:
            self.stdout.write("\t".join(COLUMNS))
            for row in rows:
                self.stdout.write("\t".join(str(value) for value in row.values()))


def _total(run: Reconciliation) -> str:
    return _("%s looked at") % run.total


def _as_json(run: Reconciliation) -> dict[str, Any]:
    return {
        "connection": run.connection.name,
        "kind": run.kind,
        "counts": run.counts,
        "examples": run.examples,
        "queued": run.queued,
        "held": run.held,
    }
