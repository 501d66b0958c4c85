"""Who asked to be told of a product, and how it stands now. Twelve queries per batch.

Back in stock: Oscar's product alerts. Cheaper: its wish lists, the one other place where a customer
asks. Either app may be missing. Each type has a reader in :data:`READERS`, from keys to requests;
:func:`events_of` adds people, offers and pictures for all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone
from oscar.core.loading import get_model

from esputnik_connector.event_names import BACK_IN_STOCK, PRICE_DROP, EventName
from esputnik_connector.records import Event
from esputnik_connector.shops.base import Offer, PriceDrop
from esputnik_connector.shops.bulk import Row, aware, field_names, present, rows, values_of
from esputnik_connector.shops.normalise import Cleaner
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
    product_key: str = ""  # the very unit that it is about; "": the cheapest there is
    price_before: Decimal | None = None
    currency: str = ""  # of that price
    is_wanted: bool = True
    asked_at: datetime | None = None
    happened_at: datetime | None = None

    def pick(self, found: Sequence[Offer]) -> Offer:
        """What the person is told of."""
        if not self.product_key:
            return cheapest_in_stock(found) or _missing(str(self.product_pk))
        wanted = (offer for offer in found if offer.product_key == self.product_key)
        return next(wanted, _missing(self.product_key))


def events(keys: Sequence[str], prices: Prices) -> dict[str, Event]:
    """Key → event for the requests that exist."""
    return events_of((request for read in READERS for request in read(keys)), prices)


def events_of(requests: Iterable[Request], prices: Prices) -> dict[str, Event]:
    """Key → event, with the person and the product as they are now. Ten queries.

    :param prices: of the adapter: ``shop.prices``.
    """
    asked = list(requests)
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
    clean = Cleaner()
    card = shown.get(offer.product_key, NO_CARD)
    whose = person or {**NO_PERSON, "email": clean.email(request.email)}
    return Event(
        key=request.key,
        name=EventName.of(request.key),
        product_key=offer.product_key,
        is_in_stock=offer.is_in_stock,
        price=offer.price,
        price_before=request.price_before if request.currency == offer.currency else None,
        currency=offer.currency,
        product_name=clean.text(card.name),
        url=card.url,
        image_url=card.image_url,
        is_wanted=request.is_wanted,
        asked_at=request.asked_at,
        happened_at=request.happened_at,
        contact_key=whose["contact_key"],
        email=whose["email"],
        phone=whose["phone"],
        notes=clean.notes,  # evaluated last: the calls above write it
    )


def alerts(keys: Sequence[str]) -> Iterator[Request]:
    model = model_or_none("customer", "ProductAlert")
    if model is None:
        return
    names = [*present(model, ALERT_FIELDS), "product_id", "user_id", *_active("user")]
    found = model._base_manager.order_by()
    for row in rows(found, "pk", alert_pks(keys), ["pk", *names]):
        is_answered = row["status"] == model.CLOSED
        yield Request(
            key=BACK_IN_STOCK.key(str(row["pk"])),
            product_pk=row["product_id"],
            user_pk=row["user_id"],
            email=row["email"],
            is_wanted=_is_wanted(model, row) and row.get("user__is_active") is not False,
            asked_at=aware(row.get("date_created")),
            happened_at=aware(row.get("date_closed")) if is_answered else None,
        )


def alert_pks(keys: Sequence[str]) -> list[Any]:
    """Primary keys of the alerts among ``keys``; the app of alerts is there."""
    texts = [BACK_IN_STOCK.rest(key) for key in keys if BACK_IN_STOCK.is_of(key)]
    return values_of(get_model("customer", "ProductAlert")._meta.pk, texts)


def _is_wanted(model: Any, row: Row) -> bool:
    """Staff may close an alert that its guest never confirmed."""
    if row["status"] == model.CLOSED:
        return row["user_id"] is not None or row.get("date_confirmed") is not None
    return bool(row["status"] == model.ACTIVE)


def wishes(keys: Sequence[str]) -> Iterator[Request]:
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
                product_key=drop.product_key,
                price_before=drop.price_before,
                currency=drop.currency,
            )


def _drops(keys: Sequence[str]) -> Iterator[PriceDrop]:
    for key in keys:
        if PRICE_DROP.is_of(key):
            try:
                drop = PriceDrop.from_key(key)
            except ValueError:  # a person typed it; there is no such record
                continue
            if drop.key == key:
                yield drop


READERS: tuple[Callable[[Sequence[str]], Iterator[Request]], ...] = (alerts, wishes)


def _active(relation: str) -> list[str]:
    """A customer whose account is closed is not written to."""
    has_field = "is_active" in field_names(get_user_model())
    return [f"{relation}__is_active"] if has_field else []


def _cards(picked: Any) -> dict[str, Card]:
    key_field = get_model("catalogue", "Product")._meta.pk
    pks = values_of(key_field, [offer.product_key for offer in picked])
    return {str(pk): card for pk, card in cards(pks).items()} if pks else {}


def _missing(product_key: str) -> Offer:
    return Offer(product_key=product_key, is_in_stock=False)
