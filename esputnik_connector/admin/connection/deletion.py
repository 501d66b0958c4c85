"""Before a connection is deleted: how much goes with it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from esputnik_connector.admin.counted_lists import count_up_to
from esputnik_connector.models import Attempt, Connection, OutboxMessage, SyncState
from esputnik_connector.operations.health.backlog import count_text


class CountedDeletion:
    """Mixed into the connection's admin."""

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        """Numbers instead of a list, “10,000+” where there are more: a connection may have millions
        of rows."""
        pks = [connection.pk for connection in objs]
        counts: dict[Any, Any] = {Connection._meta.verbose_name_plural: len(pks)}
        for model in (OutboxMessage, SyncState, Attempt):
            found = model._default_manager.filter(connection__in=pks)
            counts[model._meta.verbose_name_plural] = count_text(count_up_to(found))
        names: list[Any] = [str(connection) for connection in objs]
        return names, counts, set(), []
