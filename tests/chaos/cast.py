"""Who takes part: customers with their browsers, and numbers that never repeat."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from string import ascii_lowercase
from typing import TypeVar

from sandbox_project.shopper import Recipient, Shopper

PASSWORD = "Sonechko-2026"
Thing = TypeVar("Thing")


@dataclass
class Actor:
    """A customer as the driver knows them; whether the shop does is for the judge to see."""

    email: str
    phone: str
    shopper: Shopper | None = None  # of those who use the pages
    is_logged_in: bool = False

    def recipient(self, name: str) -> Recipient:
        return Recipient(first_name=name, last_name="Khaos", phone=f"+{self.phone}")


@dataclass
class Cast:
    """Everybody who was ever there, by whoever drives them."""

    shop_url: str
    actors: dict[str, list[Actor]] = field(default_factory=dict)
    gone: list[Actor] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)  # numbers
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def number(self) -> int:
        with self._lock:
            return next(self._numbers)

    def name(self) -> str:
        """A first name that nobody ever had: letters only, as eSputnik wants them."""
        return "V" + in_letters(self.number())

    def newcomer(self, actor: str, *, with_browser: bool = False) -> Actor:
        number = self.number()
        who = Actor(email=f"person{number}@example.com", phone=f"38050{number:07d}")
        if with_browser:
            who.shopper = Shopper(self.shop_url, email=who.email, password=PASSWORD)
        with self._lock:
            self.actors.setdefault(actor, []).append(who)
        return who

    def of(self, *actors: str) -> list[Actor]:
        with self._lock:
            return [who for actor in actors for who in self.actors.get(actor, [])]

    def forget(self, who: Actor) -> None:
        with self._lock:
            for mine in self.actors.values():
                if who in mine:
                    mine.remove(who)
            self.gone.append(who)


def in_letters(number: int) -> str:
    """Four letters; a greater number is a later word."""
    letters = ""
    for _ in range(4):
        number, rest = divmod(number, len(ascii_lowercase))
        letters = ascii_lowercase[rest] + letters
    return letters


def pick(things: Sequence[Thing], die: float) -> Thing:
    """The thing that a number between 0 and 1 means now.

    :raises LookupError: there is none.
    """
    if not things:
        raise LookupError("nobody is there yet")
    return things[min(int(die * len(things)), len(things) - 1)]
