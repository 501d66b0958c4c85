"""Behaviour → envelope, by the way that the storefront's merchant chose for its type. Pure."""

from __future__ import annotations

from esputnik_connector.behaviour import Behaviour, BehaviourType, Route
from esputnik_connector.destinations.base import Account, Delivered, Envelope
from esputnik_connector.destinations.digest import digest
from esputnik_connector.exceptions import Skip
from esputnik_connector.records import JSONObject, Kind, Note, Reason

from . import event, parts, tracker

BODY = "tracked"  # in the payload: what is posted to the tracker
USER_AGENT = "user_agent"
TOLD_ONCE = frozenset({BehaviourType.PURCHASED_ITEMS})  # what is remembered, to be told once only


def behaviour_envelope(
    record: Behaviour, *, account: Account, last: Delivered | None = None
) -> Envelope:
    """Its digest is of the key: what happened once is told once. But for the state of a cart, which
    differs or not.

    :raises Skip: the browser tells of it, the merchant wants none, or it cannot be told.
    """
    if record.type is BehaviourType.STATUS_CART:
        return _cart_envelope(record, account, last)
    route = account.route_of(record.type)
    if route is Route.OFF:
        raise Skip(Reason.SYNC_OFF)
    if route is Route.BROWSER:
        raise Skip(Reason.BY_BROWSER)
    payload: JSONObject = (
        tracked(record, site_id=account.site_id)
        if route is Route.TRACKER
        else {"event": event.event(record)}
    )
    dropped = len(parts.items_of(record)) < len(record.items)
    return Envelope(
        kind=Kind.BEHAVIOUR,
        key=record.key,
        payload=payload,
        digest=digest({"behaviour": record.key}),
        notes=(Note.ITEM_DROPPED,) if dropped else (),
        is_remembered=record.type in TOLD_ONCE,
        visitor=record.visitor.cookie or record.visitor.contact_key,
    )


def _cart_envelope(record: Behaviour, account: Account, last: Delivered | None) -> Envelope:
    """The state of a cart for the tracker, of whomever it is. Two visits of one visitor with the
    same cart are the same state."""
    items = parts.items_of(record)
    if not items and last is None:
        raise Skip(Reason.NEVER_SENT)
    payload = tracked(record, site_id=account.site_id)
    body = payload[BODY]
    told = body["StatusCart"] if isinstance(body, dict) else None
    products = told["Products"] if isinstance(told, dict) else None
    visitor = record.visitor
    state: JSONObject = {
        "products": products,
        "who": [visitor.cookie, visitor.contact_key, visitor.email, visitor.phone],
    }
    return Envelope(
        kind=Kind.CART,
        key=record.key,
        payload=payload,
        digest=digest({"tracked": state}),
        notes=(Note.ITEM_DROPPED,) if len(items) < len(record.items) else (),
    )


def tracked(record: Behaviour, *, site_id: str) -> JSONObject:
    """What the tracker gets: a body, and the visitor's ``User-Agent``.

    :raises Skip: it cannot be told.
    """
    return {
        BODY: tracker.body(record, site_id=site_id),
        USER_AGENT: tracker.user_agent(record),
    }
