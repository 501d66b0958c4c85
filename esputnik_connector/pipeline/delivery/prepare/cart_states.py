"""Each state of a cart that is sent has a GUID of its own, and the purchase repeats the last one.

A state that is sent again, because its answer got lost, keeps its GUID; what returns to an older
state is a new one. The row is written before the request leaves (esputnik-api.md#cart-guid).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from esputnik_connector.behaviour import Behaviour, BehaviourType, Route, Visitor
from esputnik_connector.destinations.base import Delivered, Destination, Envelope
from esputnik_connector.exceptions import Skip
from esputnik_connector.fields import reveal
from esputnik_connector.models import CartState, CartVisitor, Connection
from esputnik_connector.pipeline.behaviour.carried import read
from esputnik_connector.pipeline.events.carried import aware_now
from esputnik_connector.records import Cart, Order, Reason, Record

from . import digests

CART = BehaviourType.STATUS_CART


@dataclass
class CartStates:
    """What is known of the carts that concern one batch, and what is to be written of them."""

    connection: Connection
    salt: str
    known: Mapping[str, CartState] = field(default_factory=dict)
    visitors: Mapping[str, Visitor] = field(default_factory=dict)
    made: dict[str, CartState] = field(default_factory=dict)

    @classmethod
    def around(
        cls,
        connection: Connection,
        destination: Destination,
        salt: str,
        records: Iterable[Record],
    ) -> CartStates:
        """Look up a batch: one query where a cart concerns it, two where the tracker is told."""
        records = list(records)
        carts = [record.key for record in records if isinstance(record, Cart)]
        sold = [key for record in records if (key := _sold_cart(record, destination))]
        if not (carts or sold):
            return cls(connection, salt)
        known = CartState.objects.newest(connection.pk, {*carts, *sold})
        is_tracked = carts and destination.account.route_of(CART) is Route.TRACKER
        return cls(connection, salt, known, visitors_of(carts) if is_tracked else {})

    def joined(self, record: Record) -> Record:
        """A purchase with the GUID of the cart that it was."""
        if isinstance(record, Order) and record.cart_key in self.known:
            return replace(record, cart_guid=self.known[record.cart_key].guid)
        if isinstance(record, Behaviour) and not record.guid and record.cart_key in self.known:
            return replace(record, guid=self.known[record.cart_key].guid)
        return record

    def prepare(self, cart: Cart, destination: Destination, last: Delivered | None) -> Envelope:
        """The envelope of a cart, by the route that the storefront has for its states.

        :raises Skip: there is nothing to send, for a reason.
        """
        route = destination.account.route_of(CART)
        if route is Route.OFF:
            raise Skip(Reason.SYNC_OFF)
        if route is Route.BROWSER:
            raise Skip(Reason.BY_BROWSER)
        if cart.is_ordered and route is Route.TRACKER:
            raise Skip(Reason.ORDERED)
        known = self.known.get(cart.key)
        guid = known.guid if known else ""
        envelope = self._spelled(cart, guid, route, destination, last)
        present = digests.keyed(envelope.digest, salt=self.salt, form=envelope.form)
        # An ordered cart has no state of its own: like the purchase, it repeats the last one.
        if cart.is_ordered or (known is not None and known.digest == present):
            return envelope
        made = CartState.after(known, self.connection, cart.key, present, salt=self.salt)
        self.made[cart.key] = made
        return self._spelled(cart, made.guid, route, destination, last)

    def write(self, keys: Iterable[str]) -> None:
        """Remember the states that are about to be sent."""
        CartState.objects.bulk_create([self.made[key] for key in keys if key in self.made])

    def _spelled(
        self,
        cart: Cart,
        guid: str,
        route: Route,
        destination: Destination,
        last: Delivered | None,
    ) -> Envelope:
        if route is not Route.TRACKER:
            return destination.prepare(replace(cart, guid=guid), last=last)
        told = Behaviour(
            type=CART,
            key=cart.key,
            happened_at=aware_now(),
            visitor=replace(
                self.visitors.get(cart.key, Visitor()),
                contact_key=cart.contact_key,
                email=cart.email,
                phone=cart.phone,
            ),
            items=cart.items if cart.is_live else (),
            currency=cart.currency,
            guid=guid,
        )
        return destination.prepare(told, last=last)


def _sold_cart(record: Record, destination: Destination) -> str:
    """The cart that a purchase was made of, where what is sent of it names the cart."""
    if isinstance(record, Order):
        return record.cart_key if destination.names_carts_of_orders else ""
    return record.cart_key if isinstance(record, Behaviour) else ""


def visitors_of(cart_keys: Iterable[str]) -> dict[str, Visitor]:
    """Cart → the visitor who changed it last, for those of whom a request told."""
    rows = CartVisitor.objects.filter(cart_key__in=list(cart_keys)).order_by("pk")
    return {row.cart_key: read(reveal(row.visitor)) for row in rows}
