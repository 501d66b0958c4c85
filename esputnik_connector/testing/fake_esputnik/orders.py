"""The orders of the account."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .contacts import ContactBook, Locator
from .events import EventStream, now_text
from .rules import parse_second

PERSONAL = ("externalCustomerId", "email", "phone", "firstName", "lastName", "deliveryAddress")
FORCED_STATUS = {"orderDelivered": "DELIVERED", "orderCancelled": "CANCELLED"}


class OrderBook:
    def __init__(self, contacts: ContactBook, events: EventStream) -> None:
        self.by_number: dict[str, dict[str, Any]] = {}
        self.ignored: list[dict[str, str]] = []
        self._contacts = contacts
        self._events = events
        self._last_id = 5000
        self._deletions: list[tuple[float, Mapping[str, str]]] = []

    def add_or_update(self, body: Mapping[str, Any], *, by: str) -> None:
        """POST /v1/orders: replaces the stored order as a whole; every call raises an event."""
        order = self._store(body, source="orders", by=by)
        params = {"eventKey": body["externalOrderId"], "orderId": order["orderId"]}
        self._events.record(
            f"order{body['status']}", params, source="orders", key=body["externalOrderId"]
        )

    def take_event(self, event_type: str, params: Mapping[str, Any], *, by: str) -> str:
        """An order that comes as an event; why it becomes none, or an empty text."""
        number = str(params["externalOrderId"])
        known = self.by_number.get(number)
        if event_type in FORCED_STATUS:
            if known is None:
                return f"{event_type}: there is no order {number}"
            params = {**known["body"], **params, "status": FORCED_STATUS[event_type]}
        elif event_type == "orderUpdated" and known is not None:
            params = {**known["body"], **params}
        self._store(params, source="event", by=by)
        if token := params.get("recycleStateId"):
            self._events.close_cart(str(token), number)
        return ""

    def ignore(self, event_type: str, params: Mapping[str, Any], why: str) -> None:
        """The event is kept, and no order comes of it."""
        number = str(params.get("externalOrderId", ""))
        self.ignored.append({"externalOrderId": number, "type": event_type, "why": why})

    def anonymise(self, contact_id: int) -> None:
        for order in self.by_number.values():
            if order["contactId"] == contact_id:
                order["body"] = {k: v for k, v in order["body"].items() if k not in PERSONAL}
                order["anonymised"], order["contactId"] = True, None

    def schedule_deletion(self, query: Mapping[str, str], *, seconds: float) -> None:
        """DELETE /v1/orders is answered before it is done."""
        self._deletions.append((time.monotonic() + seconds, query))

    def settle(self) -> None:
        """Delete what is due; called before anybody looks."""
        now = time.monotonic()
        due = [query for moment, query in self._deletions if moment <= now]
        self._deletions = [one for one in self._deletions if one[0] > now]
        for query in due:
            self._delete(query)

    def _delete(self, query: Mapping[str, str]) -> None:
        if number := query.get("externalOrderId"):
            self.by_number.pop(number, None)
            return
        start, end = parse_second(query["from"]), parse_second(query["to"])
        for number, order in list(self.by_number.items()):
            when = parse_second(order["body"]["date"])
            if start and end and when and start <= when <= end:
                del self.by_number[number]

    def _store(self, body: Mapping[str, Any], *, source: str, by: str) -> dict[str, Any]:
        number = str(body["externalOrderId"])
        order = self.by_number.get(number)
        if order is None:
            self._last_id += 1
            order = {"orderId": self._last_id, "anonymised": False, "history": []}
            self.by_number[number] = order
        order["body"] = dict(body)
        order["source"] = source
        order["contactId"] = self._contact_id(body, by=by)
        order["history"].append({"status": body["status"], "received_at": now_text()})
        return order

    def _contact_id(self, body: Mapping[str, Any], *, by: str) -> int | None:
        """Found by external id, then by e-mail and phone, else created: confirmed, with the names
        of the order. Of a known contact nothing is updated."""
        external_id = str(body.get("externalCustomerId", ""))
        channels: list[dict[str, Any]] = []
        if body.get("email"):
            channels.append({"type": "email", "value": body["email"]})
        if body.get("phone"):
            channels.append({"type": "sms", "value": body["phone"]})
        if not external_id and not channels:
            return None
        locators: list[Locator] = [(one["type"], str(one["value"]).lower()) for one in channels]
        contact, is_new = self._contacts.match_or_create(external_id, locators, by=by)
        if is_new:
            names = {name: body[name] for name in ("firstName", "lastName") if name in body}
            self._contacts.update(contact, {**names, "channels": channels}, is_order=True)
        elif ("email", str(body.get("email")).lower()) in contact.locators():
            self._contacts.store_address(str(body["email"]))
        return contact.id
