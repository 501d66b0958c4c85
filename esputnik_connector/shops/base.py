"""The plug towards the shop: what the connector asks of it, and what it may report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from esputnik_connector.records import Cart, Contact, Order


class Capture(Protocol):
    """What an adapter may report. Each call is one guarded insert and never raises.

    ``using`` is the database alias of the change, so that the note commits or rolls back with it.
    """

    def contact_changed(self, key: str, *, using: str | None = None) -> None: ...

    def contact_deleted(
        self, key: str, *, locators: Iterable[str] = (), using: str | None = None
    ) -> None:
        """The person was deleted. ``locators`` (e-mail, E.164 phone) are kept as salted hashes."""

    def order_changed(self, key: str, *, using: str | None = None) -> None: ...

    def cart_changed(self, key: str, *, using: str | None = None) -> None: ...

    def cart_identified(self, key: str, *, email: str, using: str | None = None) -> None:
        """A guest said who they are: the cart can be sent from now on."""


class ShopAdapter(ABC):
    """Read-only access to a shop. One subclass per shop system; a project may subclass further.

    The three reading methods are bulk and take a constant number of queries whatever the keys hold.
    A key that is missing in the answer is no longer in the shop.
    """

    @abstractmethod
    def connect(self, capture: Capture) -> None:
        """Start reporting changes. Called once, when Django is ready."""

    @abstractmethod
    def contacts(self, keys: Sequence[str]) -> Mapping[str, Contact]: ...

    @abstractmethod
    def orders(self, keys: Sequence[str]) -> Mapping[str, Order]: ...

    @abstractmethod
    def carts(self, keys: Sequence[str]) -> Mapping[str, Cart]:
        """Present contents; an anonymous cart has neither ``contact_key`` nor ``email``."""

    @abstractmethod
    def statuses(self) -> list[str]:
        """Every order status the shop knows: of its pipeline and of the orders that exist."""

    @abstractmethod
    def attributes(self) -> Mapping[str, str]:
        """Names of the contact attributes a field mapping may use → their (translated) labels."""
