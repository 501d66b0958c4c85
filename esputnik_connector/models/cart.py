"""What is remembered of carts: whose they are, and which of their states were told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from esputnik_connector.fields import EncryptedTextField, reveal
from esputnik_connector.identity import state_guid

from .base import ConnectorManager, ConnectorModel, ConnectorQuerySet
from .connection import Connection


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

    def last_guid(self, connection_id: int, cart_key: str) -> str:
        """The GUID that a purchase of this cart repeats; ``""`` when no state was ever told."""
        state = self.newest(connection_id, [cart_key]).get(cart_key)
        return state.guid if state else ""

    def guid_of(self, connection: Connection, cart_key: str, digest: str) -> str:
        """The GUID of a state that a page is about to tell: the last one if that was the same
        state, else a new one, which is remembered.

        :param digest: equal exactly for equal contents.
        """
        known = self.newest(connection.pk, [cart_key]).get(cart_key)
        if known is not None and known.digest == digest:
            return known.guid
        made = CartState.after(known, connection, cart_key, digest, salt=reveal(connection.salt))
        self.bulk_create([made])
        return made.guid


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
        """The state that follows, not saved. Two that ask at once get the same."""
        last = before.guid if before else ""
        guid = state_guid(cart_key, digest=digest, before=last, salt=salt)
        return cls(connection=connection, cart_key=cart_key, digest=digest, guid=guid)
