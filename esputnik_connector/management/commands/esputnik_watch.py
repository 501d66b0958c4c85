"""Find what came back in stock or got cheaper, without Celery."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.models.labels import EVENTS
from esputnik_connector.pipeline.events.scan import watch
from esputnik_connector.shops.base import SupportsEvents


class Command(ReportingCommand):
    help = (
        "Note what came back in stock or got cheaper, for those who asked to be told. Sends "
        "nothing by itself: the relay does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=_("tell how many would be told if it were switched on; note nothing"),
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not isinstance(registry.shop(), SupportsEvents):
            raise CommandError(str(SupportsEvents.missing))
        counts = watch(is_dry=options["dry_run"])
        text = _("%(event)s: %(count)s to be told")
        for name, count in counts.items():
            self.stdout.write(text % {"event": EVENTS[name], "count": count})
        if not counts:
            self.stdout.write(_("No connection sends such events; see its page in the admin."))
