"""Ctrl-C at a moment that leaves nothing half done."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from types import TracebackType

from django.utils.translation import gettext as _

STDERR = 2  # as the operating system counts them


class DeferredInterrupt:
    """Within it the first Ctrl-C waits for :meth:`check`; a second one is raised where it comes.

    Raised within a statement, an interrupt leaves the line to the database in the middle of it:
    the line takes no other statement, not even the one that gives a lease back. And a request that
    is cut off is sent again later. Outside of the main thread, which alone hears Ctrl-C, it does
    nothing.
    """

    def __init__(self) -> None:
        self._is_pressed = False
        self._is_main = threading.current_thread() is threading.main_thread()
        text = _("Stopping when what is under way is done. Ctrl-C again stops at once.")
        self._answer = f"\n{text}\n".encode()

    def check(self) -> None:
        """
        :raises KeyboardInterrupt: Ctrl-C was pressed since the beginning.
        """
        if self._is_pressed:
            self._is_pressed = False
            raise KeyboardInterrupt

    def _press(self, *_signal: object) -> None:
        if self._is_pressed:
            raise KeyboardInterrupt
        self._is_pressed = True
        with suppress(OSError):  # nobody reads it
            os.write(STDERR, self._answer)  # past the buffer, which may be in the middle of a line

    def __enter__(self) -> DeferredInterrupt:
        if self._is_main:
            self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_main:
            signal.signal(signal.SIGINT, self._before)
        if error is None:
            self.check()


def is_interrupt(error: BaseException) -> bool:
    """Was it Ctrl-C, or what came of it while things were put in order?"""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__context__
    return cause is not None
