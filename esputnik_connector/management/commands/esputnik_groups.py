"""Groups of staff: who may see, operate, configure and erase."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.operations.groups import make_groups


class Command(ReportingCommand):
    help = (
        "Make the groups “eSputnik: see”, “operate”, “configure” and “erase”, or give them what "
        "they lack. The same again changes nothing; what you added to a group stays."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        for name, count in make_groups().items():
            text = _("%(name)s: permissions added: %(count)s") if count else _("%(name)s: complete")
            self.stdout.write(text % {"name": name, "count": count})
