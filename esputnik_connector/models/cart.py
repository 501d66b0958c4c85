"""What a guest said about a cart before ordering."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from esputnik_connector.fields import EncryptedTextField

from .base import ConnectorManager, ConnectorModel


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
