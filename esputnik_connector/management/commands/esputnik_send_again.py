"""Send again what is unchanged: first the number, then a question, then the deed."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.management.arguments import moment, one_connection
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.models import Connection
from esputnik_connector.operations.record.send_again import KINDS, Resending, how_many, send_again
from esputnik_connector.records import Kind

CHOICES = ("ids", "status", "since", "until", "all")


class Command(ReportingCommand):
    help = (
        "Send records again although they are unchanged: after a restored backup, or when the "
        "destination lost them. Shows how many and asks; without a terminal it needs --yes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--connection", help=_("name of the connection, if there are several"))
        add("--kind", required=True, choices=[kind.value for kind in KINDS])
        add("--ids", nargs="+", default=[], metavar="KEY", help=_("order numbers, ids of users"))
        add("--since", help=_("only what was delivered from that day on"))
        add("--until", help=_("only what was delivered before that day"))
        add("--all", action="store_true", help=_("everything that was ever delivered"))
        add("--status", default="", help=_("orders that have this status in the shop now"))
        add("--route", default="", help=_("how orders travel; required for orders"))
        add("--yes", action="store_true", help=_("do not ask"))

    def handle(self, *_args: Any, **options: Any) -> None:
        if not any(options[name] for name in CHOICES):
            text = _("Say what to send again: --ids, --status, --since, --until or --all.")
            raise CommandError(text)
        alone = [options[name] for name in CHOICES if name != "status"]
        if options["status"] and (options["kind"] != Kind.ORDER.value or any(alone)):
            raise CommandError(_("--status is of orders (--kind order), and stands alone."))
        connection = one_connection(options["connection"])
        resending = Resending(
            kind=Kind(options["kind"]),
            keys=tuple(options["ids"]),
            since=moment(options["since"], "--since"),
            until=moment(options["until"], "--until"),
            status=options["status"],
            route=options["route"],
        )
        try:
            self._send(connection, resending, is_sure=options["yes"])
        except ConfigurationError as error:
            raise CommandError(str(error)) from error

    def _send(self, connection: Connection, resending: Resending, *, is_sure: bool) -> None:
        count = how_many(connection, resending)
        text = ngettext("%s record goes again.", "%s records go again.", count)
        self.stdout.write(text % count)
        if count and self.is_agreed(_("Send them again? [y/N] "), is_sure=is_sure):
            done = send_again(connection, resending)
            text = ngettext("%s record is in line.", "%s records are in line.", done)
            self.stdout.write(text % done)
