"""Record → envelope: which translation each kind of record has. Pure."""

from __future__ import annotations

from esputnik_connector.destinations.base import Account, Delivered, Envelope
from esputnik_connector.records import (
    Behaviour,
    Cart,
    Contact,
    Erasure,
    Event,
    Order,
    OrderDeletion,
    Record,
    Subscription,
)

from .behaviour.envelopes import behaviour_envelope
from .contacts.payload import contact_envelope, erasure_envelope
from .contacts.subscription import subscription_envelope
from .events.payload import cart_envelope, event_envelope
from .options import Options
from .orders.deletion import order_deletion_envelope
from .orders.payload import order_envelope


def envelope_of(
    record: Record, *, account: Account, options: Options, last: Delivered | None
) -> Envelope:
    """:raises Skip: there is nothing to send, for a reason."""
    if isinstance(record, Contact):
        return contact_envelope(record, account=account, last=last)
    if isinstance(record, Order):
        return order_envelope(record, account=account, last=last)
    if isinstance(record, OrderDeletion):
        return order_deletion_envelope(record)
    if isinstance(record, Cart):
        return cart_envelope(record, account=account, last=last)
    if isinstance(record, Event):
        return event_envelope(record, event_type=_event_type(record, account, options))
    if isinstance(record, Subscription):
        return subscription_envelope(record)
    if isinstance(record, Behaviour):
        return behaviour_envelope(record, account=account, last=last)
    if isinstance(record, Erasure):
        return erasure_envelope(record, account=account)
    raise TypeError(f"{type(record).__name__} is no record that eSputnik has")


def _event_type(record: Event, account: Account, options: Options) -> str:
    """The ``eventTypeKey``: by the option, else as the type declares, else its name."""
    usual = account.event_keys.get(record.name, record.name)
    return options.event_keys.get(record.name, usual)
