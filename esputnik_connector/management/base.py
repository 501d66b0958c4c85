"""Commands that print line by line, to a reader that may leave at any moment."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from .interrupts import is_interrupt

INTERRUPTED = 130  # exit codes as a shell knows them: 128 and the number of the signal
PIPE_CLOSED = 141


class ReportingCommand(BaseCommand):
    """Ends without a traceback on Ctrl-C, and when its pipe is closed (``… | head -1``)."""

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            output = super().execute(*args, **options)
            self.stdout.flush()  # here, where a closed pipe can be caught
        except BrokenPipeError:
            # What is still in the buffer goes nowhere, else Python complains when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(PIPE_CLOSED) from None
        except (KeyboardInterrupt, Exception) as error:
            if not is_interrupt(error):
                raise
            self.stderr.write("\n" + _("Stopped."))
            raise SystemExit(INTERRUPTED) from None
        return output

    def is_agreed(self, question: str, *, is_sure: bool) -> bool:
        """Does whoever runs it want the deed done?

        :param is_sure: they said so beforehand, by ``--yes``.
        :raises CommandError: nobody is there to ask.
        """
        if is_sure:
            return True
        if not sys.stdin.isatty():
            raise CommandError(
                _("There is no terminal to confirm this at; nothing was done. Add --yes.")
            )
        return input(question).strip().casefold() in ("y", "yes", _("yes"))
