"""Which signal of Django or Oscar means which change.

What happens silently (``update()``, ``bulk_create``, raw SQL) is for reconciliation to find. Not
listened to, because no record holds them: shipping and payment *events*, order notes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Model, signals
from django.dispatch import Signal
from django.utils.functional import LazyObject, empty

from esputnik_connector import identity
from esputnik_connector.event_names import BACK_IN_STOCK
from esputnik_connector.shops.base import Capture
from esputnik_connector.shops.bulk import family
from esputnik_connector.shops.oscar.customers.traces import traces_of
from esputnik_connector.shops.oscar.keys import order_number, order_numbers
from esputnik_connector.shops.oscar.optional import model_or_none
from esputnik_connector.shops.oscar.receiver_errors import log_errors

LOGIN_FIELDS = frozenset({"last_login"})
ANALYTICS_FIELDS = frozenset({"analytics_tracked"})

Receiver = Callable[..., None]


class Receivers:
    """All receivers of one capture.

    Connecting again under the same ``name`` replaces the earlier ones, so nothing reports twice.
    """

    def __init__(self, capture: Capture, *, name: str = "esputnik_connector") -> None:
        self.capture = capture
        self.name = name
        self._mark = f"_{name}_basket_id"

    def connect(self) -> None:
        for signal, sender, uid, receiver in self._connections():
            signal.disconnect(sender=sender, dispatch_uid=uid)
            signal.connect(receiver, sender=sender, dispatch_uid=uid, weak=False)

    def disconnect(self) -> None:
        for signal, sender, uid, _receiver in self._connections():
            signal.disconnect(sender=sender, dispatch_uid=uid)

    def _connections(self) -> Iterable[tuple[Signal, Any, str, Receiver]]:
        for label, model, signal, receive in self._model_table():
            for sender in family(model) if model is not None else ():
                uid = f"{self.name}.{label}.{receive.__name__}"
                is_frequent = signal is signals.post_init  # and cannot fail
                yield signal, sender, uid, receive if is_frequent else log_errors(receive)
        for signal, receive in self._oscar_table():
            yield signal, None, f"{self.name}.{receive.__name__}", log_errors(receive)

    def _model_table(self) -> Iterable[tuple[str, Any, Signal, Receiver]]:
        saved, deleted = signals.post_save, signals.post_delete
        yield from (
            ("user", get_user_model(), saved, self.user_saved),
            ("user", get_user_model(), signals.pre_delete, self.user_deleted),
            ("profile", _profile_model(), saved, self.profile_saved),
            ("address", model_or_none("address", "UserAddress"), saved, self.address_saved),
            ("address", model_or_none("address", "UserAddress"), deleted, self.address_deleted),
            ("order", model_or_none("order", "Order"), saved, self.order_saved),
            ("order", model_or_none("order", "Order"), deleted, self.order_deleted),
            ("line", model_or_none("order", "Line"), saved, self.order_part_saved),
            ("line", model_or_none("order", "Line"), deleted, self.order_part_deleted),
            ("discount", model_or_none("order", "OrderDiscount"), saved, self.order_part_saved),
            ("surcharge", model_or_none("order", "Surcharge"), saved, self.order_part_saved),
            ("source", model_or_none("payment", "Source"), saved, self.order_part_saved),
            ("source", model_or_none("payment", "Source"), deleted, self.order_part_deleted),
            ("shipping", model_or_none("order", "ShippingAddress"), saved, self.shipping_saved),
            ("billing", model_or_none("order", "BillingAddress"), saved, self.billing_saved),
            ("basket", model_or_none("basket", "Basket"), saved, self.basket_saved),
            ("basket", model_or_none("basket", "Basket"), deleted, self.basket_deleted),
            ("basket_line", model_or_none("basket", "Line"), signals.post_init, self.line_loaded),
            ("basket_line", model_or_none("basket", "Line"), saved, self.line_saved),
            ("basket_line", model_or_none("basket", "Line"), deleted, self.line_deleted),
            ("alert", model_or_none("customer", "ProductAlert"), saved, self.alert_saved),
            ("vouchers", _basket_vouchers(), signals.m2m_changed, self.vouchers_changed),
        )

    def _oscar_table(self) -> Iterable[tuple[Signal, Receiver]]:
        from oscar.apps.checkout.signals import start_checkout
        from oscar.apps.order.signals import order_placed, order_status_changed

        return (
            (order_placed, self.order_reported),
            (order_status_changed, self.order_reported),
            (start_checkout, self.checkout_started),
        )

    # Contacts

    def user_saved(self, instance: Any, using: str | None = None, **change: Any) -> None:
        if not (change.get("raw") or _only(LOGIN_FIELDS, change)):
            self.capture.contact_changed(str(instance.pk), using=using)

    def user_deleted(self, instance: Any, using: str | None = None, **_: Any) -> None:
        """Before the row is deleted, for it still tells by what the customer is recognised."""
        found = traces_of(instance, using)
        self.capture.contact_deleted(
            str(instance.pk), locators=found.locators, orders=found.orders, using=using
        )

    def profile_saved(self, instance: Any, using: str | None = None, **change: Any) -> None:
        self._contact_if_known(getattr(instance, "user_id", None), using, change)

    def address_saved(self, instance: Any, using: str | None = None, **change: Any) -> None:
        self._contact_if_known(instance.user_id, using, change)

    def address_deleted(self, instance: Any, using: str | None = None, **change: Any) -> None:
        if not _part_of_deleting(get_user_model(), change):
            self._contact_if_known(instance.user_id, using, change)

    def _contact_if_known(self, pk: Any, using: str | None, change: dict[str, Any]) -> None:
        if pk is not None and not change.get("raw"):
            self.capture.contact_changed(str(pk), using=using)

    # Orders

    def order_saved(self, instance: Any, using: str | None = None, **change: Any) -> None:
        if not (change.get("raw") or _only(ANALYTICS_FIELDS, change)):
            self._order_and_its_contact(instance, using)

    def order_deleted(self, instance: Any, using: str | None = None, **_: Any) -> None:
        self._order_and_its_contact(instance, using)

    def order_reported(self, order: Any, **_: Any) -> None:
        """Oscar's own signals: belt and braces where a fork bypasses ``Order.save()``."""
        self._order_and_its_contact(order, order._state.db)

    def _order_and_its_contact(self, order: Any, using: str | None) -> None:
        self.capture.order_changed(order.number, using=using)
        self._contact_if_known(order.user_id, using, {})

    def order_part_saved(self, instance: Any, using: str | None = None, **change: Any) -> None:
        if not change.get("raw"):
            self._report_orders(order_number(instance, using), using)

    def order_part_deleted(self, instance: Any, using: str | None = None, **change: Any) -> None:
        order = model_or_none("order", "Order")
        if not _part_of_deleting(order, change):  # the order speaks for itself then
            self._report_orders(order_number(instance, using), using)

    def shipping_saved(self, instance: Any, using: str | None = None, **change: Any) -> None:
        if not (change.get("raw") or change.get("created")):
            self._report_orders(order_numbers(using, shipping_address_id=instance.pk), using)

    def billing_saved(self, instance: Any, using: str | None = None, **change: Any) -> None:
        if not (change.get("raw") or change.get("created")):
            self._report_orders(order_numbers(using, billing_address_id=instance.pk), using)

    def _report_orders(self, numbers: Iterable[str], using: str | None) -> None:
        for number in numbers:
            self.capture.order_changed(number, using=using)

    # Carts

    def basket_saved(self, instance: Any, using: str | None = None, **change: Any) -> None:
        if not (change.get("raw") or change.get("created")):  # a new basket is empty
            self.capture.cart_changed(str(instance.pk), using=using)

    def basket_deleted(self, instance: Any, using: str | None = None, **change: Any) -> None:
        if not _part_of_deleting(get_user_model(), change):
            self.capture.cart_changed(str(instance.pk), using=using)

    def line_loaded(self, instance: Any, **_: Any) -> None:
        """Note which basket the row is in, for :meth:`line_saved`.

        Oscar moves a line between baskets (saved for later and back, merged at login) by one save
        that names only the new basket. To ask the database before each save would cost a query
        per quantity change; this costs five microseconds per loaded line and is exact.
        """
        instance.__dict__[self._mark] = instance.__dict__.get("basket_id")

    def line_saved(self, instance: Any, using: str | None = None, **change: Any) -> None:
        if change.get("raw"):
            return
        left = instance.__dict__.get(self._mark)
        instance.__dict__[self._mark] = instance.basket_id
        for pk in dict.fromkeys((left, instance.basket_id)):
            if pk is not None:
                self.capture.cart_changed(str(pk), using=using)

    def line_deleted(self, instance: Any, using: str | None = None, **change: Any) -> None:
        deleted_whole = (get_user_model(), model_or_none("basket", "Basket"))
        if not any(_part_of_deleting(model, change) for model in deleted_whole):
            self.capture.cart_changed(str(instance.basket_id), using=using)

    def vouchers_changed(
        self,
        instance: Any,
        action: str,
        reverse: bool,
        using: str | None = None,
        **change: Any,
    ) -> None:
        if action in ("post_add", "post_remove", "post_clear"):
            baskets = (change.get("pk_set") or ()) if reverse else (instance.pk,)
            for pk in baskets:
                self.capture.cart_changed(str(pk), using=using)

    def checkout_started(self, request: Any, email: str = "", **_: Any) -> None:
        """A guest typed an e-mail. A basket that the request has not loaded yet is left alone:
        to load it may insert a row, and applies all offers."""
        basket: Any = getattr(request, "basket", None)
        if isinstance(basket, LazyObject) and basket.__dict__["_wrapped"] is empty:
            return
        address = identity.email(email)
        if address and getattr(basket, "pk", None) is not None:
            pk, using = str(basket.pk), basket._state.db
            self.capture.cart_identified(pk, email=address, using=using)

    # Events

    def alert_saved(self, instance: Any, using: str | None = None, **change: Any) -> None:
        """Oscar's eager alerts close one in the moment in which its product comes back."""
        if instance.status == instance.CLOSED and not change.get("raw"):
            self.capture.event_happened(BACK_IN_STOCK.key(str(instance.pk)), using=using)


def models() -> list[type[Model]]:
    """Every model whose changes are reported."""
    unheard = Receivers(cast(Capture, None))
    found = (model for _label, model, *_ in unheard._model_table() if model is not None)
    return list(dict.fromkeys(found))


def _only(fields: frozenset[str], change: dict[str, Any]) -> bool:
    """Whether the save wrote nothing but ``fields``."""
    written = change.get("update_fields")
    return written is not None and fields.issuperset(written)


def _part_of_deleting(model: Any, change: dict[str, Any]) -> bool:
    """Whether a row goes because a row of ``model`` goes. ``origin``: an instance or queryset."""
    origin = change.get("origin")
    origin_model = getattr(origin, "model", None) or type(origin)
    return model is not None and issubclass(origin_model, model._meta.concrete_model)


def _profile_model() -> Any:
    label, _, name = (getattr(settings, "AUTH_PROFILE_MODULE", None) or "").partition(".")
    return model_or_none(label, name) if name else None


def _basket_vouchers() -> Any:
    basket = model_or_none("basket", "Basket")
    vouchers = getattr(basket, "vouchers", None)
    return vouchers.through if vouchers is not None else None
