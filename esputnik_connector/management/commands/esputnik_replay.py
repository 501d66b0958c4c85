"""Try again what was set aside: first the plan, then a question, then the deed."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from esputnik_connector.management.arguments import chosen_connections, moment
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.models.labels import KINDS, REASONS
from esputnik_connector.operations.record.replay import (
    Choice,
    Share,
    chosen,
    plan,
    replay,
    unknown_keys,
)
from esputnik_connector.records import Kind, Reason


class Command(ReportingCommand):
    help = (
        "Put what was set aside back in line. Shows what that is and asks; without a "
        "terminal it needs --yes. Ends with 1 when a key of --ids is not set aside."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--connection", help=_("name of one connection; all if left out"))
        add("--kind", choices=[kind.value for kind in Kind])
        add("--reason", choices=[reason.value for reason in Reason])
        add("--since", help=_("only what was noted from that day on"))
        add("--ids", nargs="+", default=[], metavar="KEY", help=_("order numbers, ids of users"))
        add("--all-dead", action="store_true", help=_("everything that is set aside"))
        add("--yes", action="store_true", help=_("do not ask"))

    def handle(self, *_args: Any, **options: Any) -> None:
        names = ("kind", "reason", "since", "ids", "all_dead")
        if not any(options[name] for name in names):
            raise CommandError(
                _("Say what to try again: --kind, --reason, --since, --ids or --all-dead.")
            )
        rows = chosen(chosen_connections(options["connection"]), _choice(options))
        unknown = unknown_keys(rows, options["ids"]) if options["ids"] else []
        shares = plan(rows)
        self._tell(shares, unknown)
        if shares and self.is_agreed(_("Put this back in line? [y/N] "), is_sure=options["yes"]):
            count = replay(rows)
            text = ngettext("%s change is in line again.", "%s changes are in line again.", count)
            self.stdout.write(text % count)
        if unknown:
            raise SystemExit(1)

    def _tell(self, shares: list[Share], unknown: list[str]) -> None:
        for share in shares:
            kind = KINDS[Kind(share.kind)]
            reason = REASONS[Reason(share.reason)] if share.reason else "–"
            self.stdout.write(f"{share.count:>8}  {share.connection} · {kind}: {reason}")
        if not shares:
            self.stdout.write(_("Nothing of that is set aside."))
        for key in unknown:
            self.stderr.write(_("Not set aside: %s") % key)


def _choice(options: dict[str, Any]) -> Choice:
    return Choice(
        kind=Kind(options["kind"]) if options["kind"] else None,
        reason=Reason(options["reason"]) if options["reason"] else None,
        since=moment(options["since"], "--since"),
        keys=tuple(options["ids"]),
    )
