"""What is remembered of carts: whose they are, and which of their states were told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from esputnik_connector.fields import EncryptedTextField, reveal
from esputnik_connector.identity import state_guid

from .base import ConnectorManager, ConnectorModel, ConnectorQuerySet
from .connection import Connection

TICK = timedelta(milliseconds=1)  # by which browsers count


class CartSession(ConnectorModel):
    """The e-mail that a guest typed at the check-out gate. Only added; the newest row counts.

    Oscar keeps this address in the shopper's session alone, where a worker cannot read it.
    """

    cart_key = models.CharField(max_length=255, db_index=True)
    email = EncryptedTextField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects: ClassVar = ConnectorManager()

    class Meta:
        default_permissions = ()
        verbose_name = _("cart of a guest")
        verbose_name_plural = _("carts of guests")

    def __str__(self) -> str:
        return self.cart_key


class CartVisitor(ConnectorModel):
    """The visitor who last changed a cart: cookie, browser, page, language, as the request knew
    them. Only added; the newest row counts. Without it the tracker could not be told of a cart."""

    cart_key = models.CharField(max_length=255, db_index=True)
    visitor = EncryptedTextField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects: ClassVar = ConnectorManager()

    class Meta:
        verbose_name = _("visitor of a cart")
        verbose_name_plural = _("visitors of carts")

    def __str__(self) -> str:
        return self.cart_key


class CartStateQuerySet(ConnectorQuerySet["CartState"]):
    def newest(self, connection_id: int, cart_keys: Iterable[str]) -> dict[str, CartState]:
        """Cart → the state that was told last. One query."""
        mine = self.filter(connection_id=connection_id, cart_key__in=list(cart_keys))
        return {state.cart_key: state for state in mine.order_by("pk")}

    def last_of(self, connection_id: int, cart_key: str) -> CartState | None:
        """The state that was told last; ``None`` when none ever was."""
        return self.newest(connection_id, [cart_key]).get(cart_key)

    def last_guid(self, connection_id: int, cart_key: str) -> str:
        """The GUID that a purchase of this cart repeats; ``""`` when no state was ever told."""
        state = self.last_of(connection_id, cart_key)
        return state.guid if state else ""

    def note(
        self,
        connection: Connection,
        cart_key: str,
        digest: str,
        *,
        known: CartState | None,
        seen: CartState | None,
    ) -> CartState:
        """Remember the state that follows ``known``, which a page is about to tell.

        :param digest: equal exactly for equal contents.
        :param seen: the last state when the page began to ask. What others noted since, at the same
            time, keeps its GUID if it is the same state.
        """
        made = CartState.after(known, connection, cart_key, digest, salt=reveal(connection.salt))
        if known is not seen:
            twins = [each for each in self._since(seen, made) if each.digest == digest]
            made.guid = twins[0].guid if twins else made.guid
        self.bulk_create([made])
        return made

    def is_alone(self, made: CartState, *, known: CartState | None) -> bool:
        """Did nobody note another state meanwhile? The same one has the same GUID."""
        return all(each.guid == made.guid for each in self._since(known, made))

    def _since(self, state: CartState | None, of: CartState) -> CartStateQuerySet:
        """States of a cart after this one."""
        mine = self.filter(connection_id=of.connection_id, cart_key=of.cart_key)
        return mine.filter(pk__gt=state.pk if state else 0).order_by("pk")


class CartState(ConnectorModel):
    """One state of a cart that the account is told, and the GUID by which it knows that state.

    Only added; of a cart the newest row counts. The same state told again has the same GUID, and
    the purchase repeats the last one (esputnik-api.md#cart-guid).
    """

    connection = models.ForeignKey(
        Connection,
        models.CASCADE,
        verbose_name=_("connection"),
        related_name="cart_states",
        db_constraint=False,  # as of the outbox: the page's own endpoint writes these too
        db_index=False,
    )
    cart_key = models.CharField(max_length=255)
    guid = models.CharField(max_length=36)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects: ClassVar = CartStateQuerySet.as_manager()

    class Meta:
        verbose_name = _("state of a cart")
        verbose_name_plural = _("states of carts")
        indexes = [models.Index(fields=["connection", "cart_key"], name="esputnik_cart_state")]

    def __str__(self) -> str:
        return self.cart_key

    @classmethod
    def after(
        cls,
        before: CartState | None,
        connection: Connection,
        cart_key: str,
        digest: str,
        *,
        salt: str,
    ) -> CartState:
        """The state that follows, not saved. Two that ask at once get the same. It is younger than
        the one before it, whatever the clocks of two servers say."""
        last = before.guid if before else ""
        guid = state_guid(cart_key, digest=digest, before=last, salt=salt)
        made = cls(connection=connection, cart_key=cart_key, digest=digest, guid=guid)
        if before is not None:
            made.created_at = max(made.created_at, before.created_at + TICK)
        return made
