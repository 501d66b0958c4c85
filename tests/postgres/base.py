from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql import base, operations

KEPT = frozenset({"django_content_type", "auth_permission", "django_site"})


class DatabaseOperations(operations.DatabaseOperations):
    def sql_flush(self, style: Any, tables: Sequence[str], **_options: Any) -> list[str]:
        names = [self.quote_name(table) for table in tables if table not in KEPT]
        return ["; ".join(f"DELETE FROM {name}" for name in names)] if names else []


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
