"""Show what would be sent of one record, field by field. Sends nothing."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from esputnik_connector.exceptions import ConfigurationError, DecryptionError
from esputnik_connector.management.arguments import one_connection
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.models.reconcile import verdict_in_words
from esputnik_connector.models.timezones import local_time
from esputnik_connector.operations.record.preview import STANDINGS, Preview, preview
from esputnik_connector.records import Kind, Reason

PREVIEWED = (Kind.CONTACT, Kind.ORDER, Kind.CART, Kind.EVENT)


class Command(ReportingCommand):
    help = (
        "Show the exact request for one record, where each value comes from, and what changed "
        "since the last delivery. Sends nothing. Shows personal data: do not paste it anywhere. "
        "Ends with 1 when there is no such record, with 0 otherwise."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=[kind.value for kind in PREVIEWED])
        parser.add_argument(
            "key",
            help=_(
                "the user's or basket's primary key, the order's number, or of an event such as "
                "back_in_stock:17"
            ),
        )
        parser.add_argument("--connection", help=_("name of the connection, if there are several"))
        parser.add_argument("--json", action="store_true", help=_("tell as JSON"))

    def handle(self, *_args: Any, **options: Any) -> None:
        connection = one_connection(options["connection"])
        try:
            shown = preview(connection, Kind(options["kind"]), options["key"])
        except (ConfigurationError, DecryptionError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(as_json(shown), ensure_ascii=False, indent=2))
        else:
            self._tell(shown)
        if shown.reason is Reason.GONE:
            raise SystemExit(1)

    def _tell(self, shown: Preview) -> None:
        write = self.stdout.write
        label = f" ({shown.label})" if shown.label else ""
        write(f"{shown.kind.value} {shown.key}{label}: {STANDINGS[shown.standing]}")
        if shown.delivered_at is not None:
            moment = local_time(shown.delivered_at).isoformat(sep=" ", timespec="seconds")
            write(_("Last delivery: %s") % moment)
        if shown.waiting:
            write(_("In the outbox: %s") % verdict_in_words(shown.waiting))
        if shown.why_not:
            write(self.style.WARNING(_("Would not be sent: %s") % shown.why_not))
        for warning in shown.warnings:
            write(self.style.WARNING(_("Warning: %s") % warning))
        if shown.clears:
            write(_("Would be emptied there: %s") % ", ".join(shown.clears))
        if shown.request is not None:
            self._tell_request(shown)

    def _tell_request(self, shown: Preview) -> None:
        request, write = shown.request, self.stdout.write
        assert request is not None
        write(f"\n{request.method} {request.url}")
        for name, value in request.headers.items():
            write(f"{name}: {value}")
        write("\n" + json.dumps(request.body, ensure_ascii=False, indent=2))
        if shown.fields:
            write("\n" + _("Where it comes from:"))
        for field in shown.fields:
            source = field.source or _("set by the connector")
            write(f"  {field.path} = {json.dumps(field.value, ensure_ascii=False)}  ← {source}")


def as_json(shown: Preview) -> dict[str, Any]:
    request = shown.request
    return {
        "kind": shown.kind.value,
        "key": shown.key,
        "label": shown.label,
        "standing": shown.standing.value,
        "delivered_at": shown.delivered_at.isoformat() if shown.delivered_at else None,
        "in_outbox": shown.waiting,
        "skipped": shown.reason.value if shown.reason else None,
        "why_not": shown.why_not,
        "warnings": list(shown.warnings),
        "clears": list(shown.clears),
        "request": request
        and {
            "method": request.method,
            "url": request.url,
            "headers": dict(request.headers),
            "body": request.body,
        },
        "fields": [
            {"path": field.path, "value": field.value, "source": field.source}
            for field in shown.fields
        ],
    }
