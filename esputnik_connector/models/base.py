"""What all models of the connector share: their rows are read where they are written."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.db import models, router

Row = TypeVar("Row", bound=models.Model)


class ConnectorQuerySet(models.QuerySet[Row]):
    """Reads from the database that is written to, whatever the project's routers say of reads.

    On a replica that lags, a row that was settled is there still, and would be sent again.
    """

    _db: str | None
    _hints: dict[str, Any]

    @property
    def db(self) -> str:
        return self._db or router.db_for_write(self.model, **self._hints)


class ConnectorManager(models.Manager[Row]):
    """For models that have no queryset of their own."""

    _hints: dict[str, Any]

    def get_queryset(self) -> ConnectorQuerySet[Row]:
        return ConnectorQuerySet(self.model, using=self._db, hints=self._hints)


class ConnectorModel(models.Model):
    """Base of all models of the connector. Its manager is also the one by which a row is refreshed
    and a foreign key is followed."""

    objects: ClassVar[models.Manager[Any]] = ConnectorManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
