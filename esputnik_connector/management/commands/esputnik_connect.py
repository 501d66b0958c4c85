"""Store an API key without the admin: for a deployment, a container, a second shop."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.exceptions import (
    BadRequestError,
    ConfigurationError,
    CredentialsError,
    RejectedError,
)
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.operations.connection.connect import Connected, connect

VARIABLE = "ESPUTNIK_API_KEY"
NOT_CHECKED = 2  # exit code


class Command(ReportingCommand):
    help = (
        "Make or change a connection: its key comes from ESPUTNIK_API_KEY or from standard input, "
        "never from an argument, and is asked about before anything is stored. The same again "
        "changes nothing. Ends with 1 when the key is refused, with 2 when it is stored and could "
        "not be checked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", default="main", help=_("of the connection"))
        parser.add_argument("--destination", help=_("its name in DESTINATIONS"))
        parser.add_argument("--api-url", help=_("address of the API, if not the usual one"))
        parser.add_argument("--tracker-url", help=_("address of the tracker, likewise"))
        parser.add_argument(
            "--bind",
            action="store_true",
            help=_("this installation sends from now on, also when another one did"),
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        key = _key()
        if not key:
            raise CommandError(
                _("There is no key: set %s, or write it to standard input.") % VARIABLE
            )
        try:
            done = connect(
                options["name"],
                key,
                destination=options["destination"],
                api_url=options["api_url"],
                tracker_url=options["tracker_url"],
                may_bind=options["bind"],
            )
        except CredentialsError as error:
            text = _("The key was refused, and nothing is stored: %s")
            raise CommandError(text % str(error).replace(key, "…")) from None
        except RejectedError as error:
            text = _("This is not the address of the API, and nothing is stored: %s")
            raise CommandError(text % str(error).replace(key, "…")) from None
        except (BadRequestError, ConfigurationError) as error:
            raise CommandError(str(error)) from None
        self._report(done)

    def _report(self, done: Connected) -> None:
        connection = done.connection
        what = ", ".join(done.changed) or _("nothing changed")
        if done.is_new:
            what = _("new")
        self.stdout.write(f"{connection.name}: {what}.")
        if done.is_another_organisation:
            self.stderr.write(
                _(
                    "This is another organisation than before: what the former one received does "
                    "not count, and history goes by an import."
                )
            )
        if done.info is not None:
            organisation = connection.organisation or "?"
            self.stdout.write(_("Connected to %s.") % organisation)
            return
        label = registry.destination_label(connection.destination)
        self.stderr.write(
            _("%(destination)s did not answer, so the key is stored and not checked: %(why)s")
            % {"destination": label, "why": done.doubt}
        )
        raise SystemExit(NOT_CHECKED)


def _key() -> str:
    """From the environment, else from standard input; asked for unseen at a terminal."""
    if VARIABLE in os.environ:
        return os.environ[VARIABLE].strip()
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        return getpass(_("API key: ")).strip()
    return sys.stdin.readline().strip()
