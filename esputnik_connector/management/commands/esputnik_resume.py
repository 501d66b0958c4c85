"""End pauses before their time: the destination answers again, or asked for too long a one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from esputnik_connector.management.arguments import chosen_connections
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.models import Connection, Lane
from esputnik_connector.operations.connection.pauses import end_pauses, resting
from esputnik_connector.records import Kind


class Command(ReportingCommand):
    help = (
        "End the rest of lanes before its time, and say why they rested. A connection whose key "
        "was refused stays paused until a key is accepted; then this ends with 1 and says so."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--connection", help=_("name of one connection; all that are on if left out"))
        add("--kind", choices=[kind.value for kind in Kind], help=_("only this lane"))

    def handle(self, *_args: Any, **options: Any) -> None:
        kinds = [Kind(options["kind"])] if options["kind"] else None
        connections = chosen_connections(options["connection"])
        ended = 0
        for connection in connections:
            for lane in resting(connection, kinds):
                self.stdout.write(_rest(lane))
            ended += end_pauses(connection, kinds)
        if not ended:
            self.stdout.write(_("Nothing rests."))
        paused = [one for one in connections if one.paused_at is not None]
        if paused:
            raise CommandError("\n".join(map(_paused, paused)))


def _rest(lane: Lane) -> str:
    now = timezone.now()
    if lane.paused_until is None or not lane.is_paused(now):
        text = _("%(lane)s: its rest was over; it rested because: %(why)s")
    else:
        text = _("%(lane)s: it would have rested for %(time)s because: %(why)s")
    return text % {
        "lane": f"{lane.connection} · {lane.get_kind_display()}",
        "time": timesince(now, lane.paused_until),
        "why": lane.pause_detail or "–",
    }


def _paused(connection: Connection) -> str:
    text = _(
        "%(name)s is paused as a whole: %(why)s. Paste a key that is accepted in the admin, or, if "
        "it is right now, run: manage.py esputnik_doctor --connection %(name)s"
    )
    return text % {"name": connection.name, "why": connection.pause_detail or "–"}
