"""Who asked to be told of a product, and how it stands now. Twelve queries per batch.

Back in stock: Oscar's product alerts. Cheaper: its wish lists, the one other place where somebody
asks. Either app may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone
from oscar.core.loading import get_model

from esputnik_connector.records import Event, EventName
from esputnik_connector.shops.base import Offer, PriceDrop
from esputnik_connector.shops.bulk import Row, aware, field_names, present, rows, values_of
from esputnik_connector.shops.normalise import Normaliser
from esputnik_connector.shops.oscar.catalogue.availability import cheapest_in_stock, offers
from esputnik_connector.shops.oscar.catalogue.cards import NO_CARD, Card, cards
from esputnik_connector.shops.oscar.catalogue.prices import Prices
from esputnik_connector.shops.oscar.customers.contacts import NO_PERSON, people_of
from esputnik_connector.shops.oscar.optional import model_or_none

ALERT_FIELDS = ("status", "email", "date_created", "date_confirmed", "date_closed")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one person asked for, without personal data of a user."""

    key: str
    product_pk: Any
    user_pk: Any
    email: str = ""  # of a guest
    is_wanted: bool = True
    asked_at: datetime | None = None
    happened_at: datetime | None = None
    drop: PriceDrop | None = None  # None: back in stock

    def pick(self, found: Sequence[Offer]) -> Offer:
        """What they are told of: of a price drop the very thing that got cheaper, else the cheapest
        that there is."""
        if self.drop is None:
            return cheapest_in_stock(found) or _missing(str(self.product_pk))
        wanted = self.drop.product_key
        return next((one for one in found if one.product_key == wanted), _missing(wanted))


def events(keys: Sequence[str], prices: Prices) -> dict[str, Event]:
    """Key → event for the requests that exist."""
    asked = [*_alerts(keys), *_wishes(keys)]
    people = people_of({request.user_pk for request in asked} - {None})
    sold = offers((request.product_pk for request in asked), prices.live_quoter()) if asked else {}
    picked = {request.key: request.pick(sold.get(request.product_pk, ())) for request in asked}
    shown = _cards(picked.values())
    return {
        request.key: _event(request, picked[request.key], people.get(request.user_pk), shown)
        for request in asked
    }


def _event(
    request: Request, offer: Offer, person: Mapping[str, str] | None, shown: Mapping[str, Card]
) -> Event:
    normalise, drop = Normaliser(), request.drop
    card = shown.get(offer.product_key, NO_CARD)
    whose = person or {**NO_PERSON, "email": normalise.email(request.email)}
    is_comparable = drop is not None and drop.currency == offer.currency
    return Event(
        key=request.key,
        name=EventName.of(request.key),
        product_key=offer.product_key,
        is_in_stock=offer.is_in_stock,
        price=offer.price,
        price_before=drop.price_before if drop is not None and is_comparable else None,
        currency=offer.currency,
        product_name=normalise.text(card.name),
        url=card.url,
        image_url=card.image_url,
        is_wanted=request.is_wanted,
        asked_at=request.asked_at,
        happened_at=request.happened_at,
        **whose,
        notes=normalise.notes,  # evaluated last: the calls above write it
    )


def _alerts(keys: Sequence[str]) -> Iterator[Request]:
    model = model_or_none("customer", "ProductAlert")
    if model is None:
        return
    names = [*present(model, ALERT_FIELDS), "product_id", "user_id", *_active("user")]
    alerts = model._base_manager.order_by()
    for row in rows(alerts, "pk", alert_pks(keys), ["pk", *names]):
        is_answered = row["status"] == model.CLOSED
        yield Request(
            key=EventName.BACK_IN_STOCK.key(str(row["pk"])),
            product_pk=row["product_id"],
            user_pk=row["user_id"],
            email=row["email"],
            is_wanted=_is_wanted(model, row) and row.get("user__is_active") is not False,
            asked_at=aware(row.get("date_created")),
            happened_at=aware(row.get("date_closed")) if is_answered else None,
        )


def alert_pks(keys: Sequence[str]) -> list[Any]:
    """Primary keys of the alerts among ``keys``; the app of alerts is there."""
    prefix = EventName.BACK_IN_STOCK.key("")
    texts = [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]
    return values_of(get_model("customer", "ProductAlert")._meta.pk, texts)


def _is_wanted(model: Any, row: Row) -> bool:
    """Staff may close an alert that its guest never confirmed."""
    if row["status"] == model.CLOSED:
        return row["user_id"] is not None or row.get("date_confirmed") is not None
    return bool(row["status"] == model.ACTIVE)


def _wishes(keys: Sequence[str]) -> Iterator[Request]:
    model = model_or_none("wishlists", "Line")
    drops = list(_drops(keys))
    if model is None or not drops:
        return
    lines = model._base_manager.exclude(product_id=None).order_by()
    names = ["pk", "product_id", "wishlist__owner_id", *_active("wishlist__owner")]
    pks = values_of(model._meta.pk, [drop.wish for drop in drops])
    found = {str(row["pk"]): row for row in rows(lines, "pk", pks, names)}
    for drop in drops:
        if row := found.get(drop.wish):
            yield Request(
                key=drop.key,
                product_pk=row["product_id"],
                user_pk=row["wishlist__owner_id"],
                is_wanted=row.get("wishlist__owner__is_active") is not False,
                happened_at=timezone.make_aware(datetime.combine(drop.day, time.min)),
                drop=drop,
            )


def _drops(keys: Sequence[str]) -> Iterator[PriceDrop]:
    for key in keys:
        if key.startswith(EventName.PRICE_DROP.key("")):
            try:
                drop = PriceDrop.from_key(key)
            except ValueError:  # somebody typed it; there is no such record
                continue
            if drop.key == key:
                yield drop


def _active(relation: str) -> list[str]:
    """Somebody who was shut out is not written to."""
    has_field = "is_active" in field_names(get_user_model())
    return [f"{relation}__is_active"] if has_field else []


def _cards(picked: Any) -> dict[str, Card]:
    key_field = get_model("catalogue", "Product")._meta.pk
    pks = values_of(key_field, [offer.product_key for offer in picked])
    return {str(pk): card for pk, card in cards(pks).items()} if pks else {}


def _missing(product_key: str) -> Offer:
    return Offer(product_key=product_key, is_in_stock=False)
