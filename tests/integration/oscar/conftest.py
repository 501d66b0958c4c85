"""Settings of the shop whose records are read."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _shop_settings(settings):
    settings.ESPUTNIK_CONNECTOR = {
        **getattr(settings, "ESPUTNIK_CONNECTOR", {}),
        "SHOP_URL": "https://shop.example",
        "CANCELLED_STATUSES": ["Cancelled"],
    }
    settings.PHONENUMBER_DEFAULT_REGION = None
