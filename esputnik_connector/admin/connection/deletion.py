"""Before a connection is deleted: how much goes with it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from esputnik_connector.models import Attempt, Connection, OutboxMessage, SyncState


class CountedDeletion:
    """Mixed into the connection's admin."""

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """Numbers instead of a list: a connection may have millions of rows."""
        pks = [connection.pk for connection in objs]
        counts: dict[Any, int] = {Connection._meta.verbose_name_plural: len(pks)}
        for model in (OutboxMessage, SyncState, Attempt):
            counts[model._meta.verbose_name_plural] = model._default_manager.filter(
                connection__in=pks
            ).count()
        names: list[Any] = [str(connection) for connection in objs]
        return names, counts, set(), []
