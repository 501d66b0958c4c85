"""Where browsers may hold a service worker of a storefront that is gone."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.signals import pre_delete
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .base import ConnectorManager, ConnectorModel
from .storefront import Storefront


class RetiredWorker(ConnectorModel):
    """Path at which browsers may hold a worker of a storefront whose row is gone. It goes on being
    served one that takes itself out: a visitor may come back after years."""

    address = models.CharField(max_length=310, unique=True)
    retired_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = ConnectorManager()

    class Meta:
        default_permissions = ()
        verbose_name = _("retired service worker")
        verbose_name_plural = _("retired service workers")

    def __str__(self) -> str:
        return self.address


def keep_workers(*, instance: Storefront, using: str, **_: object) -> None:
    """A storefront is deleted, alone or with its connection: remember where its workers were."""
    had_worker = bool(instance.push_worker or instance.push_domain)
    live = [instance.push_address] if had_worker else []
    addresses = dict.fromkeys([*instance.retired_workers, *live])
    RetiredWorker.objects.using(using).bulk_create(
        [RetiredWorker(address=address) for address in addresses], ignore_conflicts=True
    )


pre_delete.connect(
    keep_workers, sender=Storefront, dispatch_uid="esputnik_connector.retired_workers"
)
