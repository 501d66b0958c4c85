"""Connections and feeds as a file, without secrets."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.operations.connection.config import put
from esputnik_connector.operations.connection.config_file import exported

STANDARD = "-"


class Command(ReportingCommand):
    help = (
        "Export what is set in the admin as JSON without secrets, or import such a document: all "
        "of it or, when anything in it is wrong, nothing. The same again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["export", "import"])
        parser.add_argument(
            "file", nargs="?", default=STANDARD, help=_("a path; standard input or output if not")
        )
        parser.add_argument(
            "--dry-run", action="store_true", help=_("import: tell what would change")
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["action"] == "export":
            self._export(options["file"])
        else:
            self._import(options["file"], is_dry=options["dry_run"])

    def _export(self, file: str) -> None:
        text = json.dumps(exported(), ensure_ascii=False, indent=2)
        if file == STANDARD:
            self.stdout.write(text)
            return
        try:
            Path(file).write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error

    def _import(self, file: str, *, is_dry: bool) -> None:
        try:
            text = sys.stdin.read() if file == STANDARD else Path(file).read_text(encoding="utf-8")
            changes = put(json.loads(text), is_dry=is_dry)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        except ValueError as error:  # no JSON, or no UTF-8
            told = {"file": file, "why": error}
            raise CommandError(_("%(file)s is no JSON: %(why)s") % told) from error
        except BadRequestError as error:
            text = _("Nothing was changed. The document has faults:\n%s")
            raise CommandError(text % error) from None
        for change in changes:
            self.stdout.write(change)
        if not changes:
            self.stdout.write(_("Nothing to change."))
        elif is_dry:
            self.stdout.write(_("Nothing was changed: this was a rehearsal."))
