"""The keys of records that Oscar has no primary key for."""

from __future__ import annotations

GUEST = "guest:"  # of a guest's key, before the number of their first order
