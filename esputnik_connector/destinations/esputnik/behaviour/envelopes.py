"""Behaviour → envelope, by the way that the storefront's merchant chose for its type. Pure."""

from __future__ import annotations

from esputnik_connector.behaviour import Behaviour, BehaviourType, Route
from esputnik_connector.destinations.base import Account, Envelope
from esputnik_connector.destinations.digest import digest
from esputnik_connector.exceptions import Skip
from esputnik_connector.records import JSONObject, Kind, Note, Reason

from . import event, parts, tracker

BODY = "tracked"  # in the payload: what is posted to the tracker
USER_AGENT = "user_agent"
TOLD_ONCE = frozenset({BehaviourType.PURCHASED_ITEMS})  # what is remembered, to be told once only


def behaviour_envelope(record: Behaviour, *, account: Account) -> Envelope:
    """Its digest is of the key: what happened once is told once.

    :raises Skip: the browser tells of it, the merchant wants none, or it cannot be told.
    """
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
    )


def tracked(record: Behaviour, *, site_id: str) -> JSONObject:
    """What the tracker gets: a body, and the visitor's ``User-Agent``.

    :raises Skip: it cannot be told.
    """
    return {
        BODY: tracker.body(record, site_id=site_id),
        USER_AGENT: tracker.user_agent(record),
    }
