"""The destination class behind a name of the settings, for pages that must show themselves even
without one."""

from __future__ import annotations

from esputnik_connector import registry
from esputnik_connector.destinations.base import Destination
from esputnik_connector.exceptions import ConfigurationError


def backend_of(name: str) -> type[Destination] | None:
    """``None``: the settings do not have it, or it cannot be imported."""
    try:
        return registry.destination_class(name)
    except ConfigurationError:
        return None
