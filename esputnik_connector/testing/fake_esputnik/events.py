"""Everything that happened, in the order of its arrival, and the carts it left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

# Names under which a stored event tells who it belongs to, lower case.
CONTACT_ID_NAMES = ("contactid", "contact_id")
EMAIL_NAMES = ("email", "emailaddress", "useremail", "contactemail", "user_email")
PHONE_NAMES = ("phone", "sms", "phonenumber", "user_phone")
MAYBE_TEXT = frozenset({"items", "products", "product", "category", "page"})
KEY_ORDER = ("contactId", "externalCustomerId", "email", "phone", "pushToken")


def now_text() -> str:
    return datetime.now(timezone.utc).isoformat()


class EventStream:
    def __init__(self) -> None:
        self.stored: list[dict[str, Any]] = []
        self.carts: dict[str, dict[str, Any]] = {}

    def record(
        self,
        event_type: str,
        params: Mapping[str, Any],
        *,
        source: str,
        key: str = "",
        occurred: str | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """``source``: event, past_event, orders, import, subscribe or tracker."""
        event = {
            "type": event_type,
            "key": key or derived_key(params),
            "params": dict(params),
            "source": source,
            "starts_workflow": source != "past_event",
            "occurred": occurred,
            "received_at": now_text(),
            **more,
        }
        self.stored.append(event)
        return event

    def keep_cart(self, token: str, products: Any, *, source: str, **more: Any) -> None:
        """The last state per recycleStateId or GUID, with the number of writes it had."""
        writes = self.carts.get(token, {}).get("writes", 0) + 1
        self.carts.pop(token, None)
        self.carts[token] = {
            "products": products,
            "source": source,
            "writes": writes,
            "received_at": now_text(),
            "closed_by": None,
            **more,
        }

    def close_cart(self, token: str, order_number: str) -> None:
        if token in self.carts:
            self.carts[token]["closed_by"] = order_number


def named_params(version: str, params: Any) -> dict[str, Any] | None:
    """Params of any version as one mapping; None when a name occurs twice."""
    if version == "v3":
        return dict(params)
    names = [entry["name"] for entry in params]
    if len(set(names)) != len(names):
        return None
    return {entry["name"]: _unescaped(entry["name"], entry["value"]) for entry in params}


def _unescaped(name: str, value: Any) -> Any:
    # v1 must and v2 may send these as JSON inside a string.
    if name not in MAYBE_TEXT or not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, (dict, list)) else value


def derived_key(params: Mapping[str, Any]) -> str:
    return next((str(params[name]) for name in KEY_ORDER if params.get(name)), "")


def whose(params: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]], int]:
    """External id, locators and internal id that an event names."""
    lowered = {str(name).lower(): value for name, value in params.items() if value}
    external_id = str(lowered.get("externalcustomerid", ""))
    emails = [("email", str(lowered[name]).lower()) for name in EMAIL_NAMES if name in lowered]
    phones = [("sms", str(lowered[name])) for name in PHONE_NAMES if name in lowered]
    internal = next((str(lowered[name]) for name in CONTACT_ID_NAMES if name in lowered), "")
    return external_id, emails + phones, int(internal) if internal.isdecimal() else 0
