"""A question about an upload is asked beside everything else: while its answer is awaited, changes
go on, and the lane is free."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from esputnik_connector.destinations import exchanges
from esputnik_connector.destinations.base import Destination, Receipt

AT_ONCE = 0.3  # seconds in which an answer is waited for; changes wait meanwhile

Locators = Mapping[str, Mapping[str, str]]


class NotAnswered(Exception):
    """The answer has not come. Whoever asks the same again gets it when it has."""


class Asks(Protocol):
    """What can be asked about an upload; see :meth:`Destination.resolve`."""

    def resolve(
        self, session: str, keys: Sequence[str], *, locators: Locators
    ) -> Sequence[Receipt]: ...


class Beside:
    """Asks one question at a time, in a thread with a destination of its own.

    :param make: that destination; called by the worker, with the database at hand.
    """

    def __init__(self, make: Callable[[], Destination]) -> None:
        self._make = make
        self._destination: Destination | None = None
        self._question: _Question | None = None

    @property
    def is_asking(self) -> bool:
        """Is an answer awaited?"""
        return self._question is not None and not self._question.is_over.is_set()

    def resolve(
        self, session: str, keys: Sequence[str], *, locators: Locators
    ) -> Sequence[Receipt]:
        """:raises NotAnswered: the answer has not come, or that to another question has not."""
        question = self._question
        if question is None or (question.session != session and not self.is_asking):
            question = self._question = self._asked(session, keys, locators)
            question.is_over.wait(AT_ONCE)
        if question.session != session or self.is_asking:
            raise NotAnswered
        self._question = None
        return question.answer()

    def close(self) -> None:
        """An answer that is still awaited is asked for again by another run."""
        if self._destination is not None:
            if self.is_asking:
                self._destination.abort()
            self._destination.close()

    def _asked(self, session: str, keys: Sequence[str], locators: Locators) -> _Question:
        if self._destination is None:
            self._destination = self._make()
        question = _Question(self._destination, session, keys, locators)
        # It may not keep a process from ending that was told to.
        threading.Thread(target=question.ask, name="esputnik-question", daemon=True).start()
        return question


class _Question:
    """One, and what came of it."""

    def __init__(
        self, destination: Destination, session: str, keys: Sequence[str], locators: Locators
    ) -> None:
        self.session = session
        self.is_over = threading.Event()
        self._destination = destination
        self._keys = keys
        self._locators = locators
        self._receipts: Sequence[Receipt] = ()
        self._error: BaseException | None = None
        self._exchanged = exchanges.Exchanges()

    def ask(self) -> None:
        """Runs in the thread."""
        try:
            self._receipts = self._destination.resolve(
                self.session, self._keys, locators=self._locators
            )
        except BaseException as error:  # the worker learns of it
            self._error = error
        finally:
            self._exchanged = exchanges.taken()
            self.is_over.set()

    def answer(self) -> Sequence[Receipt]:
        exchanges.join(self._exchanged)
        if self._error is not None:
            raise self._error
        return self._receipts
