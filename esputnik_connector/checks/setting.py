"""What a check that needs a setting does where that setting is wrong: another one says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.checks import CheckMessage

from esputnik_connector.exceptions import ConfigurationError

Check = Callable[..., list[CheckMessage]]


def over_usable_settings(check: Check) -> Check:
    """A check that finds nothing where it needs a setting that :func:`check_values` reports."""

    @wraps(check)
    def checked(**options: Any) -> list[CheckMessage]:
        try:
            return check(**options)
        except ConfigurationError:
            return []

    return checked
