"""Find what came back in stock or got cheaper, without Celery."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.event_types import event_type
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.pipeline.events.scan import scan_for_events
from esputnik_connector.shops.base import SupportsEvents


class Command(ReportingCommand):
    help = (
        "Put in line what came back in stock or got cheaper, for those who asked to be told. Sends "
        "nothing by itself: the relay does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=_("tell how many events there would be if all were switched on; write nothing"),
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not isinstance(registry.shop(), SupportsEvents):
            self.stderr.write(str(SupportsEvents.missing))  # other types of events may be there
        counts = scan_for_events(is_dry=options["dry_run"])
        text = _("%(event)s: %(count)s to be sent")
        for name, count in counts.items():
            self.stdout.write(text % {"event": event_type(name).label, "count": count})
        if not counts:
            self.stdout.write(_("No connection sends such events; see its page in the admin."))
