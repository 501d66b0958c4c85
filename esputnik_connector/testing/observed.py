"""What an outsider sees of a piece of code: its errors, log lines and texts. Without pytest."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

Raised = TypeVar("Raised", bound=Exception)


@contextmanager
def raises(kind: type[Raised]) -> Iterator[list[Raised]]:
    """``pytest.raises`` without pytest; the error is in the list afterwards."""
    caught: list[Raised] = []
    try:
        yield caught
    except kind as error:
        caught.append(error)
    assert caught, f"{kind.__name__} was not raised"


@contextmanager
def logged() -> Iterator[list[str]]:
    """Every line that is logged meanwhile, by whichever logger, with its traceback."""
    listening = Listening()
    root = logging.getLogger()
    root.addHandler(listening)
    try:
        yield listening.lines
    finally:
        root.removeHandler(listening)


class Listening(logging.Handler):
    """Keeps lines in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def readings(told: object) -> list[str]:
    """The texts in which a person or a log may come to see this."""
    texts = [str(told), repr(told)]
    if isinstance(told, BaseException):
        texts.append("".join(traceback.format_exception(told)))
    return texts


class LostLane(Exception):
    """Another worker has the lane now."""


def lose_the_lane() -> None:
    raise LostLane
