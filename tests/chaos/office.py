"""What staff, merchants, developers and other programs of the shop do: through its models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from oscar.core.loading import get_class, get_model
from oscar.test.factories import create_order

from esputnik_connector import tasks
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.records import Kind

from .cast import PASSWORD, Actor, Cast, pick
from .schedule import Step, jump

NOTE_FIELD = 10003  # of the fake's account
STATUSES = ("INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED")
ROUTES = ("orders", "past_events")
FAMILY = 14  # people at once; more than travel one by one


class ChangedMyMindError(Exception):
    """Rolls a transaction back."""


class Office:
    """A method is an operation of the schedule; ``dice`` choose."""

    def __init__(self, cast: Cast, name: str, pass_time: Callable[[float], None]) -> None:
        self.cast = cast
        self.name = name
        self.pass_time = pass_time

    # -- customers

    def sign_up_a_family(self, dice: Sequence[float]) -> None:
        with transaction.atomic():
            for _ in range(1 + int(dice[0] ** 2 * FAMILY)):
                self.sign_up()

    def sign_up(self) -> Any:
        who = self.cast.newcomer(self.name)
        return get_user_model().objects.create_user(
            who.email, who.email, PASSWORD, first_name=self.cast.name(), last_name="Khaos"
        )

    def rename(self, dice: Sequence[float]) -> None:
        user = self._user(self._somebody(dice[0]))
        user.first_name = self.cast.name()
        user.save()

    def rename_silently(self, dice: Sequence[float]) -> None:
        """Behind the signals: only a reconciliation can find it."""
        for die in dice[: 1 + int(dice[0] * 4)]:
            found = get_user_model().objects.filter(email=self._somebody(die).email)
            found.update(first_name=self.cast.name())

    def change_email(self, dice: Sequence[float]) -> None:
        who = self._somebody(dice[0])
        user = self._user(who)
        user.email = who.email = f"moved{self.cast.number()}@example.com"
        user.first_name = self.cast.name()
        user.save()

    def delete_account(self, dice: Sequence[float]) -> None:
        who = self._somebody(dice[0])
        self.cast.forget(who)
        self._user(who).delete()

    def merge_accounts(self, dice: Sequence[float]) -> None:
        """Somebody had two: the orders go to one of them, the other one goes."""
        keeper, other = self._somebody(dice[0]), self._somebody(dice[1])
        if keeper is other:
            return
        self.cast.forget(other)
        with transaction.atomic():
            kept, merged = self._user(keeper), self._user(other)
            get_model("order", "Order").objects.filter(user=merged).update(user=kept)
            merged.delete()

    def roll_back(self, dice: Sequence[float]) -> None:
        try:
            with transaction.atomic():
                self.sign_up()
                raise ChangedMyMindError
        except ChangedMyMindError:
            self.cast.forget(self.cast.of(self.name)[-1])

    # -- orders

    def take_an_order(self, dice: Sequence[float]) -> None:
        self.order(dice, user=self._user(self._somebody(dice[0])))

    def take_a_guests_order(self, dice: Sequence[float]) -> None:
        number = self.cast.number()
        email, phone = f"caller{number}@example.com", f"38063{number:07d}"
        if dice[0] < 0.2 and self.cast.gone:
            email = pick(self.cast.gone, dice[1]).email
        elif dice[0] < 0.5:
            phone = self._somebody(dice[1]).phone
        self.order(dice, guest_email=email, phone=phone)

    def order(
        self, dice: Sequence[float], *, user: Any = None, phone: str = "", **more: Any
    ) -> Any:
        product = pick(get_model("catalogue", "Product").objects.order_by("pk"), dice[2])
        address = get_model("order", "ShippingAddress")(
            first_name=self.cast.name(), last_name="Khaos", line1="вул. Хрещатик, 22",
            line4="Київ", postcode="01001", country_id="UA",
            phone_number=f"+{phone}" if phone else "",
        )  # fmt: skip
        with transaction.atomic():
            address.save()
            basket = get_model("basket", "Basket").objects.create(owner=user)
            basket.strategy = get_class("partner.strategy", "Selector")().strategy()
            basket.add_product(product, quantity=1 + int(dice[3] * 3))
            order = create_order(basket=basket, user=user, shipping_address=address, **more)
        self.cast.orders.append(str(order.number))
        return order

    def change_status(self, dice: Sequence[float]) -> None:
        order, status = self._next_status(dice)
        order.set_status(status)

    def change_status_silently(self, dice: Sequence[float]) -> None:
        order, status = self._next_status(dice)
        type(order).objects.filter(pk=order.pk, status=order.status).update(status=status)

    def _next_status(self, dice: Sequence[float]) -> tuple[Any, str]:
        pipeline = settings.OSCAR_ORDER_STATUS_PIPELINE
        open_ones = [status for status, following in pipeline.items() if following]
        orders = get_model("order", "Order").objects.filter(status__in=open_ones).order_by("-pk")
        order = pick(orders, dice[0] ** 2)  # rather a young one
        return order, pick(pipeline[order.status], dice[1])

    # -- the connector's own doors

    def map_a_status(self, dice: Sequence[float]) -> None:
        mapping = pick(Connection.objects.get().status_mappings.order_by("pk"), dice[0])
        mapping.status = pick(STATUSES, dice[1])
        mapping.save()

    def map_a_field(self, dice: Sequence[float]) -> None:
        mappings = Connection.objects.get().field_mappings
        if not mappings.filter(field_id=NOTE_FIELD).delete()[0]:
            mappings.create(attribute=pick(["order_count", "language"], dice[0]),
                            field_id=NOTE_FIELD)  # fmt: skip

    def import_customers(self, dice: Sequence[float]) -> None:
        """Nobody wakes a worker: the sweep has to find it."""
        control.start(Connection.objects.get(), Kind.CONTACT, newest_first=dice[0] < 0.3)

    def import_orders(self, dice: Sequence[float]) -> None:
        route = pick(ROUTES, dice[0])
        control.start(Connection.objects.get(), Kind.ORDER, route=route, newest_first=dice[1] < 0.3)

    def reconcile(self, dice: Sequence[float]) -> None:
        tasks.reconcile.apply_async((), retry=False)

    def try_again(self, dice: Sequence[float]) -> None:
        """The merchant presses the button for everything that was set aside."""
        OutboxMessage.objects.dead().revive()

    def let_time_pass(self, step: Step) -> None:
        self.pass_time(jump(step))

    def _somebody(self, die: float) -> Actor:
        return pick(self.cast.of(self.name), die)

    def _user(self, who: Actor) -> Any:
        return get_user_model().objects.get(email=who.email)
