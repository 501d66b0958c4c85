"""How this account behaves when nothing is scripted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Settings:
    key: str = "fake-key"
    organisation: str = "Fake organisation"
    # Requests per second and account before 429; 0 = no limit.
    rate: int = 0
    # Seconds in the Retry-After of that 429; None = no such header, as the contract knows it.
    retry_after: float | None = None
    retry_after_as_date: bool = False
    # A bulk import is finished after this many unfinished polls AND this many seconds.
    import_polls: int = 2
    import_seconds: float = 0.0
    # An identical body to the same path within so many seconds is a 409; 0 = guard off.
    duplicate_seconds: float = 0.0
    # One refused record comes back as a bare object instead of a list with one object.
    failed_as_object: bool = False
    has_state_page: bool = True

    def patched(self, changes: Mapping[str, Any]) -> Settings:
        """A copy with ``changes``; ValueError for an unknown name or a value of a wrong type."""
        known = {field.name: getattr(Settings, field.name) for field in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"Unknown setting {name!r}. Known: {', '.join(sorted(known))}.")
            if not _fits(name, known[name], value):
                raise ValueError(f"Setting {name!r} cannot be {value!r}.")
        return replace(self, **changes)


def _fits(name: str, default: object, value: object) -> bool:
    if name == "retry_after" and value is None:
        return True
    if default is None or isinstance(default, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is type(default)
