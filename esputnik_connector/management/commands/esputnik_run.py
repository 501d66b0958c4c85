"""Do all that Celery would do, in one process, until it is stopped."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from django.utils.translation import gettext as _

from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.operations.runner import Runner

GRACE = 5  # seconds for a request that is under way; then it is given up, as by a killed worker


class Command(ReportingCommand):
    help = (
        "Send what is due, and do everything periodic, without Celery: the relay, historical "
        "imports, product feeds, the nightly reconciliation, the scan of watched products and the "
        "removal of old history. Runs until SIGTERM or Ctrl-C, and ends within seconds."
    )

    def handle(self, *_args: Any, **options: Any) -> None:
        self.runner = Runner(threading.Event(), self._say)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGALRM, self._give_up)
        long = threading.Thread(target=self.runner.long, name="esputnik-long", daemon=True)
        long.start()
        self._say(_("Running. Stop it with Ctrl-C or SIGTERM."))
        try:
            self.runner.live()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            long.join(GRACE)
        if long.is_alive():
            self._give_up()
        self._say(_("Stopped."))

    def _stop(self, *_args: object) -> None:
        """End after the request at hand; the second time, and after a while, at once."""
        if self.runner.stop.is_set():
            self._give_up()
        self.runner.hurry()
        signal.setitimer(signal.ITIMER_REAL, GRACE)

    def _give_up(self, *_args: object) -> None:
        """As a killed worker: what is under way goes again when its lease has run out, and not
        before, since nobody knows what becomes of it."""
        self._say(_("Stopped; a request that is not answered is given up."))
        os._exit(0)  # threads that wait for an answer would keep the interpreter

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
