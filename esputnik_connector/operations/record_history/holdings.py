"""“What do you have about me?”: all that the connector holds of a person, and what it can read of
them at each destination. Personal data: for that person alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.destinations.deadline import patience
from esputnik_connector.exceptions import ConnectorError, Skip
from esputnik_connector.fields import reveal
from esputnik_connector.models import (
    Attempt,
    CartSession,
    CartVisitor,
    Connection,
    OutboxMessage,
    SyncState,
)
from esputnik_connector.operations.record.ask_remote import PATIENCE
from esputnik_connector.records import Contact, JSONObject, Kind
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import Match, SupportsSearch

from .history import history_of

MOST_RECORDS = 1000  # orders and carts of one person
MOST_ATTEMPTS = 5000  # of all of them


def holdings_of(key: str) -> dict[str, Any]:
    """For JSON. A destination that cannot be asked is named with the reason, and does not keep the
    rest back. Not within a transaction: it waits for HTTP."""
    shop = registry.shop()
    found, _broken = reading.records(shop, Kind.CONTACT, [key])
    contact = found.get(key)
    email = contact.email if isinstance(contact, Contact) else ""
    mine = shop.belongings(key, limit=MOST_RECORDS) if isinstance(shop, SupportsSearch) else ()
    connections = list(Connection.objects.order_by("pk"))
    erased = [account.erased_at for account in history_of(Kind.CONTACT, key).accounts]
    return {
        "customer": key,
        "made_at": timezone.now().isoformat(timespec="seconds"),
        "deleted_at": _text(max(filter(None, erased), default=None)),
        "shop": {
            "contact": _plain(contact) if contact is not None else None,
            "orders": [each.key for each in mine if each.kind is Kind.ORDER],
            "carts": [each.key for each in mine if each.kind is Kind.CART],
        },
        "connector": _of_connector(key, mine),
        "destinations": [_there(connection, key, contact, email) for connection in connections],
    }


def _of_connector(key: str, mine: Sequence[Match]) -> dict[str, Any]:
    """Keys, times and outcomes; locators are kept as hashes, which are of use to nobody else."""
    wanted = Q(kind__in=[Kind.CONTACT.value, Kind.ERASURE.value], key=key)
    for kind in (Kind.ORDER, Kind.CART):
        keys = [each.key for each in mine if each.kind is kind]
        if keys:
            wanted |= Q(kind=kind.value, key__in=keys)
    here = Q(connection__in=list(Connection.objects.values_list("pk", flat=True)))
    carts = [each.key for each in mine if each.kind is Kind.CART]
    return {
        "delivered": _rows(
            SyncState.objects.filter(here & wanted).order_by("pk"),
            ("kind", "key", "owner_key", "fields", "status", "remote_id", "delivered_at"),
        ),
        "unsent": _rows(
            OutboxMessage.objects.filter(here & wanted).order_by("pk"),
            ("kind", "key", "captured_at", "due_at", "is_dead", "reason", "detail"),
        ),
        "log": _rows(
            Attempt.objects.filter(here & wanted).order_by("pk")[:MOST_ATTEMPTS],
            ("kind", "key", "outcome", "reason", "detail", "status", "created_at"),
        ),
        "typed_at_checkout": [
            {"cart": row.cart_key, "email": _opened(row.email), "at": _text(row.created_at)}
            for row in CartSession.objects.filter(cart_key__in=carts).order_by("pk")
        ],
        "visited_with": [
            {"cart": row.cart_key, "visitor": _visitor(row.visitor), "at": _text(row.created_at)}
            for row in CartVisitor.objects.filter(cart_key__in=carts).order_by("pk")
        ],
    }


def _rows(found: Iterable[Any], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{name: _value(getattr(row, name)) for name in names} for row in found]


def _opened(secret: str) -> str:
    try:
        return reveal(secret)
    except ConnectorError as error:
        return f"({error})"


def _visitor(secret: str) -> Any:
    """Cookie, browser, page and language of who changed a cart."""
    try:
        return json.loads(reveal(secret))
    except ConnectorError as error:
        return f"({error})"


def _there(connection: Connection, key: str, contact: object, email: str) -> dict[str, Any]:
    """What the destination itself tells; events and messages it shows only in its own cabinet."""
    told: dict[str, Any] = {"connection": connection.name, "contacts": [], "problem": ""}
    is_guest = isinstance(contact, Contact) and contact.is_guest
    try:
        with closing(registry.destination(connection)) as destination, patience(PATIENCE):
            emails = [email] if email else []
            told["contacts"] = list(destination.held(key="" if is_guest else key, emails=emails))
    except Skip as skip:
        told["problem"] = f"{connection.destination}: {skip.reason.value}"
    except ConnectorError as error:
        told["problem"] = str(error)
    return told


def _plain(record: Any) -> JSONObject:
    plain: JSONObject = {name: _value(value) for name, value in asdict(record).items()}
    return plain


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _value(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_value(inner) for inner in value]
    if isinstance(value, datetime):
        return _text(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment is not None else None
