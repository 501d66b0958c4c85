"""Erase a guest by e-mail: first what is known, then a question, then the deed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.operations.erase.guest import Guest, erase


class Command(ReportingCommand):
    help = (
        "Delete a guest at every destination, by e-mail, and send nothing of them again. Nothing "
        "is changed in the shop. Whoever has an account is deleted there instead."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("email", help=_("the guest's e-mail; - reads it from the input, out of the history"))
        add("--yes", action="store_true", help=_("do not ask"))

    def handle(self, *_args: Any, **options: Any) -> None:
        email = sys.stdin.readline() if options["email"] == "-" else options["email"]
        try:
            guest = Guest.of(email)
            self._tell(guest)
            if not self.is_agreed(_("Delete this guest for good? [y/N] "), is_sure=options["yes"]):
                return
            count = erase(guest)
        except ConnectorError as error:
            raise CommandError(str(error)) from error
        text = ngettext("%s deletion is in line.", "%s deletions are in line.", count)
        self.stdout.write(text % count)

    def _tell(self, guest: Guest) -> None:
        count = len(guest.traces.orders)
        text = ngettext(
            "The shop has %s order of this guest. It stays in the shop, and is never sent again.",
            "The shop has %s orders of this guest. They stay in the shop, and are never sent "
            "again.",
            count,
        )
        self.stdout.write(text % count)
