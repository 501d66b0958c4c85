"""An order for ``POST /v1/orders`` (esputnik-api.md#order-object) or as an event
(esputnik-api.md#order-events). Pure.

The money rule, to the cent: ``totalCost == sum(cost * quantity) + shipping (+ adjustment)``.

* ``cost`` is what was paid for one piece: discounts and taxes are inside, so ``discount`` and
  ``taxes`` are for information only. A line that does not divide to whole cents goes out as two
  items of the same ``externalItemId``, a cent apart.
* ``shipping`` includes surcharges.
* ``totalCost`` is always what the customer paid. When the lines say otherwise (a gift card, a
  total of the shop's own) ``additionalInfo.adjustment`` holds the difference, and a note tells.
"""

from __future__ import annotations

from dataclasses import dataclass

from esputnik_connector.destinations.base import Account, Delivered, Envelope
from esputnik_connector.destinations.digest import measured_digest
from esputnik_connector.destinations.esputnik.choices import CURRENCIES
from esputnik_connector.destinations.esputnik.payloads import Texts, notes, present
from esputnik_connector.exceptions import Skip
from esputnik_connector.identity import digits, text
from esputnik_connector.records import JSONObject, JSONValue, Kind, Note, Order, OrderItem, Reason

from .event import EVENT_ROUTES, event_payload
from .money import cents, portions, units

ORDER_FORM = 1  # raise it when an unchanged order gets another digest
DELIVERY_ADDRESS_LIMIT = 500  # five parts in one line


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPayload:
    """An order as eSputnik spells it, and what was mended on the way."""

    body: JSONObject
    notes: tuple[Note, ...]


def order_envelope(order: Order, *, account: Account, last: Delivered | None) -> Envelope:
    """:raises Skip: no customer to attach the order to, or the merchant does not send its status.

    :raises ValueError: the order's moment has no time zone, or an amount is no number.
    """
    built = order_payload(order, account=account)
    payload: JSONObject = {"order": built.body}
    # The same for every route: an order that came as history must not come again as an order.
    order_digest, size = measured_digest({"order": _lasting(built.body)})
    carried = built.notes
    if account.order_route in EVENT_ROUTES:
        payload, left_out = event_payload(order, built.body, account=account, last=last, size=size)
        carried = (*carried, *left_out)
    return Envelope(
        kind=Kind.ORDER,
        key=order.key,
        payload=payload,
        digest=order_digest,
        form=ORDER_FORM,
        is_change=last is not None and last.digest not in ("", order_digest),
        notes=carried,
        status=str(built.body.get("status", "")),
    )


MAPPED = frozenset({"status"})  # the merchant's word for the shop's status, which is there too
OF_THE_CUSTOMER = frozenset({"email", "phone", "firstName", "lastName"})


def _lasting(body: JSONObject) -> JSONObject:
    """What of an order has to change for it to be sent again, with the event that this starts.

    Not how the merchant maps its status. Nor the customer's present e-mail, phone and name, where
    eSputnik knows the customer by their id: these travel with the contact.
    """
    passing = MAPPED | OF_THE_CUSTOMER if body.get("externalCustomerId") else MAPPED
    return {name: value for name, value in body.items() if name not in passing}


def order_payload(order: Order, *, account: Account) -> OrderPayload:
    """The order as ``POST /v1/orders`` takes it (esputnik-api.md#order-object)."""
    buyer = _buyer(order)
    if not any(buyer.values()):
        raise Skip(Reason.NO_CONTACT_DATA)
    if order.placed_at.tzinfo is None:
        raise ValueError(f"order {order.key}: placed_at has no time zone")
    status, is_unmapped = account.mapped_status(order.status)
    currency = order.currency.strip().upper()
    sold = [item for item in order.items if item.quantity > 0]
    total, shipping = cents(order.total), cents(order.shipping + order.surcharges)
    lines = [cents(item.total) for item in sold]
    adjustment = total - shipping - sum(lines)
    texts = Texts()
    body = present(
        {
            "externalOrderId": order.key,
            "totalCost": units(total),
            "status": status,
            "statusDescription": texts.fit(order.status),
            "date": order.placed_at.isoformat(timespec="seconds"),
            "currency": currency,
            **buyer,
            "firstName": texts.name(order.first_name),
            "lastName": texts.name(order.last_name),
            "shipping": _amount(shipping),
            "discount": _amount(cents(order.discount)),
            "taxes": _amount(cents(order.taxes)) if order.taxes is not None else None,
            "deliveryMethod": texts.fit(order.delivery_method),
            "paymentMethod": texts.fit(order.payment_method),
            "deliveryAddress": text(order.address.one_line, limit=DELIVERY_ADDRESS_LIMIT),
            "additionalInfo": _additional_info(adjustment),
            "items": [
                part
                for item, line in zip(sold, lines, strict=True)
                for part in _item_payloads(item, line, texts)
            ],
        }
    )
    mended = notes(
        order.notes,
        (Note.STATUS_UNMAPPED, is_unmapped),
        (Note.CURRENCY_UNUSUAL, currency not in CURRENCIES),
        (Note.ITEM_DROPPED, len(sold) < len(order.items)),
        (Note.TOTAL_DIFFERS, bool(adjustment)),
        (Note.TEXT_CUT, texts.are_cut),
        (Note.NAME_MENDED, texts.are_mended),
    )
    return OrderPayload(body=body, notes=mended)


def _item_payloads(item: OrderItem, total: int, texts: Texts) -> list[JSONObject]:
    """One line as one item, or as two when its total, in cents, does not divide."""
    common: JSONObject = {"externalItemId": item.product_key}
    if name := texts.fit(item.name):
        common["name"] = name
    if category := texts.fit(item.category):
        common["category"] = category
    if item.url:
        common["url"] = item.url
    if item.image_url:
        common["imageUrl"] = item.image_url
    if not total % item.quantity:  # most are of one piece
        return [{**common, "quantity": item.quantity, "cost": units(total // item.quantity)}]
    return [
        {**common, "quantity": quantity, "cost": units(cost)}
        for quantity, cost in portions(total, item.quantity)
    ]


def _buyer(order: Order) -> dict[str, JSONValue]:
    return {
        "externalCustomerId": order.contact_key,
        "email": order.email,
        "phone": digits(order.phone),
    }


def _additional_info(adjustment: int) -> JSONObject | None:
    """Texts alone (esputnik-api.md#order-object)."""
    return {"adjustment": f"{units(adjustment):.2f}"} if adjustment else None


def _amount(amount: int) -> float | None:
    """For information: a zero says nothing and is left out."""
    return units(amount) if amount else None
