"""Secrets of the shop, by which it recognises whom it deleted without keeping who they were."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.fields import EncryptedTextField, reveal

from .base import ConnectorModel, ConnectorQuerySet


def new_salt() -> str:
    return secrets.token_hex(32)


class SaltQuerySet(ConnectorQuerySet["Salt"]):
    def of_shop(self) -> str:
        """The shop's own salt as it is stored: the first one, made when it is asked for."""
        first = self.order_by("pk").first() or self.create()
        stored: str = first.value
        return stored

    def renew(self) -> str:
        """The shop's salt after the key of the former ones was lost; they are of no use."""
        unreadable = [salt.pk for salt in self.order_by("pk") if not salt.is_readable]
        self.filter(pk__in=unreadable).delete()
        return self.of_shop()

    def remember(self, value: str) -> None:
        """Keep the salt of a connection that goes: its tombstones stay.

        :raises DecryptionError: it cannot be read, so nothing could be recognised by it.
        """
        plain = reveal(value)
        if plain and plain not in (reveal(salt.value) for salt in self.order_by("pk")):
            self.create(value=value)


class Salt(ConnectorModel):
    """The first row is the shop's own, which each new connection takes. Others are of connections
    from the time in which each made its own: what was hashed with them is recognised for ever."""

    value = EncryptedTextField(default=new_salt, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar = SaltQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("salt")
        verbose_name_plural = _("salts")

    def __str__(self) -> str:
        return f"{self.pk}"

    @property
    def is_readable(self) -> bool:
        """Can it be opened with the present keys?"""
        try:
            reveal(self.value)
        except ConnectorError:
            return False
        return True
