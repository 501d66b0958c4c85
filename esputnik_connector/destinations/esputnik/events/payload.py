"""Generate event (esputnik-api.md#event-send): the event of a cart
(esputnik-api.md#cart-updated), and those of one person. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from esputnik_connector.destinations.base import Account, Delivered, Envelope
from esputnik_connector.destinations.digest import digest
from esputnik_connector.destinations.encoding import encoded
from esputnik_connector.destinations.esputnik.orders.money import number
from esputnik_connector.destinations.esputnik.payloads import Texts, notes, present
from esputnik_connector.event_names import EventValue
from esputnik_connector.exceptions import ConfigurationError, Skip
from esputnik_connector.explanations import gettext as _
from esputnik_connector.identity import cart_token, digits
from esputnik_connector.records import (
    Cart,
    CartItem,
    Event,
    JSONObject,
    JSONValue,
    Kind,
    Note,
    Reason,
)

from .identity import EVENT_LIMIT, identifiers, key_value

CART_FORM = 1  # raise it when an unchanged cart gets another digest
PAST_EVENTS_PER_CALL = 500  # documented maximum (esputnik-api.md#past-events)

ADDRESSES = ("https://", "http://")
# Parameters by which eSputnik looks for the contact of an event, whatever their case
# (esputnik-api.md#event-identity).
IDENTIFYING = frozenset(
    {"contactid", "contact_id", "contactkey", "contact_key", "externalcustomerid", "pushtoken"}
    | {"email", "emailaddress", "useremail", "contactemail", "phone", "phonenumber", "sms"}
)


def event(event_type: str, params: JSONObject) -> JSONObject:
    """``keyValue`` is of the person, not of the event; what happened long ago is not taken without
    it (esputnik-api.md#past-events)."""
    return {"eventTypeKey": event_type, "keyValue": key_value(params), "params": params}


def past_event(event_type: str, params: JSONObject, here: datetime) -> JSONObject:
    """An event of long ago, to the minute. ``params`` may hold more.

    :param here: see :func:`shop_time`.
    """
    made = event(event_type, params)
    made["occurred"] = here.isoformat(timespec="minutes")
    return made


def shop_time(moment: datetime) -> datetime:
    """``moment`` in the shop's own time zone, without an offset: the stamps of events have none,
    and the account's zone is most likely the shop's (esputnik-api.md#dates-and-zones)."""
    return moment.astimezone(timezone.get_default_timezone()).replace(tzinfo=None)


def event_size(event_type: str, params: JSONObject) -> int:
    return len(encoded(event(event_type, params)))


def cart_envelope(cart: Cart, *, account: Account, last: Delivered | None) -> Envelope:
    """The whole cart as ``cartUpdated``; an emptied or closed one as an empty list.

    ``last`` without a digest is a try whose answer was lost: eSputnik may hold that cart, so it is
    emptied there too.

    :raises Skip: the customer of the cart is unknown, or it is empty and was never sent.
    """
    identity = _identity(cart)
    if not identity:
        raise Skip(Reason.ANONYMOUS)
    items = [item for item in cart.items if item.quantity > 0] if cart.is_live else []
    if not items and last is None:
        raise Skip(Reason.NEVER_SENT if cart.is_live else Reason.NOT_LIVE)
    texts = Texts()
    params: JSONObject = {
        **identity,
        "products": [product(item, texts) for item in items],
        **present({"currencyCode": cart.currency.strip().upper()}),
        "recycleStateId": cart.guid or cart_token(cart.key, salt=account.salt),
    }
    is_short = event_size("cartUpdated", params) > EVENT_LIMIT
    if is_short:
        params["products"] = [_core(item) for item in items]
    mended = notes(
        cart.notes,
        (Note.ITEM_DROPPED, cart.is_live and len(items) < len(cart.items)),
        (Note.DETAILS_DROPPED, is_short),
        (Note.TEXT_CUT, texts.are_cut and not is_short),
    )
    payload: JSONObject = {"event": event("cartUpdated", params)}
    return Envelope(
        kind=Kind.CART,
        key=cart.key,
        payload=payload,
        digest=_digest_of_state(params, cart, account),
        form=CART_FORM,
        notes=mended,
    )


def _digest_of_state(params: JSONObject, cart: Cart, account: Account) -> str:
    """Of what is in the cart, whatever GUID this state got: a name that is always the same stands
    in its place."""
    same: JSONObject = {**params, "recycleStateId": cart_token(cart.key, salt=account.salt)}
    return digest({"event": event("cartUpdated", same)})


def event_envelope(record: Event, *, event_type: str) -> Envelope:
    """Any event of one person: who it was, and the parameters that came with it.

    Its digest is of the key: it is one event, whatever the parameters are at the next try.

    :raises Skip: there is no customer to tell.
    :raises ConfigurationError: a parameter has a name by which eSputnik finds people.
    """
    identity = _identity(record)
    if not identity:
        raise Skip(Reason.NO_CONTACT_DATA)
    texts = Texts()
    params = {name: _plain(value, texts) for name, value in record.params.items()}
    _check_names(params)
    return Envelope(
        kind=Kind.EVENT,
        key=record.key,
        payload={"event": event(event_type, {**identity, **present(params)})},
        digest=digest({"event": record.key}),
        notes=notes(record.notes, (Note.TEXT_CUT, texts.are_cut)),
    )


def _check_names(params: JSONObject) -> None:
    """A parameter such as “email” would give the event to another person."""
    for name in params:
        if name.lower() in IDENTIFYING:
            text = _("The parameter %(name)r needs another name: eSputnik looks for people by it.")
            raise ConfigurationError(text % {"name": name})


def _plain(value: EventValue, texts: Texts) -> JSONValue:
    """A parameter as JSON: money to the cent, a moment with its offset, a text cut to size. An
    address is not cut: half of one leads nowhere."""
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value if value.startswith(ADDRESSES) else texts.fit(value)
    if isinstance(value, Mapping):
        return {name: _plain(inner, texts) for name, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(inner, texts) for inner in value]
    return value


def _identity(record: Cart | Event) -> JSONObject:
    """:raises Skip: what is known of the person can stand in no event."""
    return identifiers(
        {
            "externalCustomerId": record.contact_key,
            "email": record.email,
            "phone": digits(record.phone),
        }
    )


def product(item: CartItem, texts: Texts) -> JSONObject:
    """A line of the cart with all that is known about it."""
    details: dict[str, JSONValue] = {
        "name": texts.fit(item.name),
        "category": texts.fit(item.category),
        "url": item.url,
        "imageUrl": item.image_url,
    }
    return {**_core(item), **present(details)}


def _core(item: CartItem) -> JSONObject:
    """What a line of the cart must have (esputnik-api.md#cart-updated)."""
    return {
        "productId": item.product_key,
        "quantity": item.quantity,
        "price": number(item.unit_price),
    }
