"""Remove old history, and tell how large the tables are."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.operations.prune import prunable, prune, table_sizes


class Command(ReportingCommand):
    help = (
        "Remove history that is older than its retention, in small steps, and tell how large the "
        "tables are. What is unsent or set aside stays, and so does its history."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days", type=int, help=_("keep that many days, instead of ATTEMPT_RETENTION_DAYS")
        )
        parser.add_argument(
            "--dry-run", action="store_true", help=_("tell what would go, and remove nothing")
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        days = options["days"]
        if days is not None and days < 0:
            raise CommandError(_("--days must not be negative."))
        text = _("%(count)s rows of %(table)s would go")
        went = prunable(days=days) if options["dry_run"] else prune(days=days)
        if not options["dry_run"]:
            text = _("%(count)s rows of %(table)s are gone")
        for table, count in went.items():
            self.stdout.write(text % {"count": count, "table": table})
        for size in table_sizes():
            about = _("about ") if size.is_estimate else ""
            self.stdout.write(f"{about + str(size.rows):>16}  {size.name}")
