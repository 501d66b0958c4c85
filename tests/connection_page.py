"""The page of a connection, as a browser posts it."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.urls import reverse

from esputnik_connector.models import (
    Connection,
)

KEY = "0123456789ABCDEF0123456789ABCDEF"
OTHER_KEY = "FEDCBA9876543210FEDCBA9876543210"
HERE = "this installation"


def staff(**traits: Any) -> Any:
    return get_user_model().objects.create_user("staff", is_staff=True, **traits)


def form(connection: Connection | None = None, **changes: Any) -> dict[str, Any]:
    """What a browser posts."""
    values: dict[str, Any] = {
        "name": "main",
        "is_enabled": "on",
        "new_key": "",
        "sync_contacts": "on",
        "sync_orders": "on",
        "sync_carts": "on",
        "default_status": "INITIALIZED",
        "destination": "esputnik",
        "api_url": connection.api_url if connection else "https://esputnik.com/api",
        "tracker_url": "https://tracker.esputnik.com/api/v2",
        "order_route": "orders",
        "erase_mode": "erase",
        "consent_policy": "confirmed",
    }
    return values | changes


def rows(prefix: str, table: list[dict[str, Any]]) -> dict[str, Any]:
    initial = sum("id" in row for row in table)
    posted: dict[str, Any] = {
        f"{prefix}-TOTAL_FORMS": len(table),
        f"{prefix}-INITIAL_FORMS": initial,
        f"{prefix}-MIN_NUM_FORMS": 0,
        f"{prefix}-MAX_NUM_FORMS": 1000,
    }
    for number, row in enumerate(table):
        posted |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return posted


def url(view: str, *arguments: Any) -> str:
    return reverse(f"admin:esputnik_connector_connection_{view}", args=arguments)


def table_url(name: str) -> str:
    """Of the page of a table: “fields” or “statuses”."""
    return reverse(f"admin:esputnik_connector_{name}")


def token_of(page: str) -> str:
    """What a page was made of, as it is sent with its form."""
    found = re.search(r'name="esputnik_version" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def texts(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))
