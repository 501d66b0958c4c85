"""Compare the shop with what was delivered, and put in line what differs."""

from __future__ import annotations

import csv
import json
from argparse import ArgumentParser
from contextlib import closing
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.exceptions import ConfigurationError, DecryptionError, DestinationError
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
from esputnik_connector.pipeline.reconcile.spot_check import Sample, sample
from esputnik_connector.records import Kind
from esputnik_connector.shops.base import SupportsHistory, SupportsReconciliation


class Command(ReportingCommand):
    help = (
        "Compare customers, orders and carts with what was delivered, and put in line what differs "
        "or was never sent. Sends nothing itself; a worker does. With --dry-run or --report it "
        "only tells. Ends with 1 when something was held back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--connection", help=_("name of one connection; all if left out"))
        add("--kind", choices=[kind.value for kind in KINDS], help=_("all if left out"))
        add("--since", help=_("only what is from that day on, also what was never imported"))
        add("--dry-run", action="store_true", help=_("tell, and put nothing in line"))
        add("--thorough", action="store_true", help=_("build every record, whatever its etag says"))
        add("--no-limit", action="store_true", help=_("put in line however much it is"))
        add("--remote-sample", type=int, metavar="N", help=_("ask what is really there of N"))
        add("--report", action="store_true", help=_("counts and sums per day; changes nothing"))
        add("--csv", metavar="FILE", help=_("write the report there"))
        add("--json", action="store_true", help=_("tell as JSON"))

    def handle(self, *_args: Any, **options: Any) -> None:
        connections = chosen_connections(options["connection"])
        kinds = [Kind(options["kind"])] if options["kind"] else list(KINDS)
        try:
            if options["remote_sample"]:
                self._sample(connections, kinds, options)
            else:
                self._compare(connections, kinds, options)
        except (ConfigurationError, DecryptionError, DestinationError) as error:
            raise CommandError(str(error)) from error

    def _compare(
        self, connections: list[Connection], kinds: list[Kind], options: dict[str, Any]
    ) -> None:
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
        if any(run.held for run in runs):
            raise SystemExit(1)

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

    def _sample(
        self, connections: list[Connection], kinds: list[Kind], options: dict[str, Any]
    ) -> None:
        found = {
            f"{connection.name} · {kind.value}": sample(connection, kind, options["remote_sample"])
            for connection in connections
            for kind in kinds
        }
        if options["json"]:
            self.stdout.write(json.dumps({name: asdict(one) for name, one in found.items()}))
            return
        for name, one in found.items():
            self._write_sample(name, one)

    def _write_sample(self, name: str, one: Sample) -> None:
        self.stdout.write(
            _("%(name)s: %(asked)s asked, %(equal)s as sent")
            % {"name": name, "asked": one.asked, "equal": one.equal}
        )
        for key in one.absent:
            self.stdout.write(_("  %s: it is not there") % key)
        for key, names in one.differing.items():
            text = _("  %(key)s: differs in %(names)s")
            self.stdout.write(text % {"key": key, "names": ", ".join(names)})
        for reason, count in one.skipped.items():
            self.stdout.write(f"  {count:>8}  {verdict_in_words(reason)}")


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
