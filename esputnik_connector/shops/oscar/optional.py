"""Oscar's apps that a shop may leave out."""

from __future__ import annotations

from typing import Any

from oscar.core.loading import get_model


def model_or_none(label: str, name: str) -> Any:
    """The model, or ``None`` where the shop left the app out: that feature is then off."""
    try:
        return get_model(label, name)
    except LookupError:
        return None
