"""What customers do, each step through the pages of the shop."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox_project.shopper import Recipient, Shopper

from .cast import PASSWORD, Actor, Cast, pick

FEW = 3  # from so few customers on, a visitor registers rather than waits


class Visitor:
    """One stream of customers. A method is an operation of the schedule; ``dice`` choose."""

    def __init__(self, cast: Cast, name: str, products: Sequence[str]) -> None:
        self.cast = cast
        self.name = name
        self.products = products

    def register(self, dice: Sequence[float]) -> None:
        who = self.cast.newcomer(self.name, with_browser=True)
        self._browser(who).register()
        who.is_logged_in = True
        if dice[0] < 0.7:
            self._rename(who)

    def introduce_oneself(self, dice: Sequence[float]) -> None:
        self._rename(self._somebody(dice[0]))

    def add_address(self, dice: Sequence[float]) -> None:
        who = self._somebody(dice[0])
        self._at_home(who).add_address(who.recipient(self.cast.name()))

    def fill_basket(self, dice: Sequence[float]) -> None:
        self._add(self._at_home(self._somebody(dice[0])), dice)

    def change_quantity(self, dice: Sequence[float]) -> None:
        """Only ever upwards, so that a fuller cart is a newer one."""
        shopper = self._at_home(self._somebody(dice[0]))
        self._add(shopper, dice)
        self._add(shopper, dice[::-1])

    def buy(self, dice: Sequence[float]) -> None:
        who = self._somebody(dice[0])
        shopper = self._at_home(who)
        self._add(shopper, dice)
        self._check_out(shopper, who.recipient(self.cast.name()))

    def buy_as_guest(self, dice: Sequence[float]) -> None:
        """A stranger, or somebody who was deleted and comes back without an account; sometimes
        with the phone of a customer."""
        number = self.cast.number()
        email, phone = f"guest{number}@example.com", f"38067{number:07d}"
        if dice[0] < 0.25 and self.cast.gone:
            email = pick(self.cast.gone, dice[1]).email
        elif dice[0] < 0.5 and (others := self.cast.of(self.name)):
            phone = pick(others, dice[1]).phone
        guest = Shopper(self.cast.shop_url, email=email, password="")
        self._add(guest, dice)
        recipient = Recipient(first_name=self.cast.name(), last_name="Khaos", phone=f"+{phone}")
        self._check_out(guest, recipient)

    def merge_baskets(self, dice: Sequence[float]) -> None:
        """Fill a basket as nobody, log in, and find both together."""
        who = self._somebody(dice[0])
        self._add(self._at_home(who), dice)
        shopper = Shopper(self.cast.shop_url, email=who.email, password=PASSWORD)
        self._add(shopper, dice[::-1])
        shopper.log_in()
        shopper.look_around("basket/")
        who.shopper, who.is_logged_in = shopper, True

    def leave_for_good(self, dice: Sequence[float]) -> None:
        who = self._somebody(dice[0])
        shopper = self._at_home(who)
        self.cast.forget(who)
        shopper.delete_account()

    def _somebody(self, die: float) -> Actor:
        mine = [who for who in self.cast.of(self.name) if who.is_logged_in]
        if len(mine) < FEW:
            self.register((0.0,))
            mine = [who for who in self.cast.of(self.name) if who.is_logged_in]
        return pick(mine, die)

    def _browser(self, who: Actor) -> Shopper:
        assert who.shopper is not None
        return who.shopper

    def _at_home(self, who: Actor) -> Shopper:
        """Their browser, logged in: Redis and the web server may have forgotten them."""
        shopper = self._browser(who)
        if not who.is_logged_in:
            shopper.log_in()
            who.is_logged_in = True
        return shopper

    def _rename(self, who: Actor) -> None:
        self._at_home(who).rename(first_name=self.cast.name(), last_name="Khaos")

    def _check_out(self, shopper: Shopper, recipient: Recipient) -> None:
        self.cast.orders.append(shopper.check_out(delivery="collect", recipient=recipient))

    def _add(self, shopper: Shopper, dice: Sequence[float]) -> None:
        shopper.add_to_basket(pick(self.products, dice[2]), quantity=1 + int(dice[3] * 3))
