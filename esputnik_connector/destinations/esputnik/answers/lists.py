"""Lists in eSputnik's answers: one element may come as a bare object, and values as texts."""

from __future__ import annotations

from typing import Any

from esputnik_connector.destinations.responses import Answer
from esputnik_connector.exceptions import TemporaryError


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, or the one that stands in its place (esputnik-api.md#one-or-many)."""
    if isinstance(value, dict):
        return [value]
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """A text or a number as text; ``""`` for anything else."""
    return "" if value is None or isinstance(value, (bool, dict, list)) else str(value).strip()


def is_true(value: Any) -> bool:
    """``true``, or the text of it."""
    return value is True or text(value).lower() == "true"


def readable(answer: Answer, kind: type | tuple[type, ...]) -> Any:
    """The body.

    :raises TemporaryError: it is broken, or of another form.
    """
    if not answer.was_readable or not isinstance(answer.body, kind):
        raise TemporaryError("The answer is not in the documented form", status=answer.status)
    return answer.body
