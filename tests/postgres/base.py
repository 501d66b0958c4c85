from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql import base, creation, operations

KEPT = frozenset({"django_content_type", "auth_permission", "django_site"})


class DatabaseOperations(operations.DatabaseOperations):
    def sql_flush(self, style: Any, tables: Sequence[str], **_options: Any) -> list[str]:
        names = [self.quote_name(table) for table in tables if table not in KEPT]
        return ["; ".join(f"DELETE FROM {name}" for name in names)] if names else []


class DatabaseCreation(creation.DatabaseCreation):
    def _destroy_test_db(self, test_database_name: str, verbosity: int) -> None:
        """And the sessions that threads and killed workers have left behind."""
        name = self.connection.ops.quote_name(test_database_name)
        with self._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
    creation_class = DatabaseCreation
