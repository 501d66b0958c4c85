"""Add rows inside of a shopper's request: with little work, and in one round trip where it can be.

To add a row takes no instance, no signal and no query: the statement is composed once, and a row
costs the values that it has. A savepoint keeps what fails from the shop's
transaction; its two statements travel along with the row where the driver puts values into the text
by itself, as psycopg does unless the project asks for ``server_side_binding``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from django.db import DatabaseError, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

SAVEPOINT = "esputnik_note"
IN_ERROR = 3  # of a PostgreSQL transaction, in the words of libpq and so of either driver


def _itself(value: Any) -> Any:
    return value


# Fields whose values psycopg writes as they are; others have their own way.
TAKEN: Mapping[type[models.Field[Any, Any]], Callable[[Any], Any]] = {
    models.CharField: str,
    models.DateTimeField: _itself,
    models.ForeignKey: _itself,
}


class Statement(NamedTuple):
    text: str
    values: list[Any]


class Insert:
    """``INSERT`` of rows that give some columns, in this order; all others have their default.

    :raises ValueError: a column that is not given has a value of its own for each row, as a moment
        has: rows of hours would get that of the first one.
    """

    def __init__(self, model: type[models.Model], *given: str) -> None:
        for field in model._meta.concrete_fields:
            if field.attname not in given and _differs_by_row(field):
                raise ValueError(f"{model._meta.label}.{field.attname} must be given by each row")
        self._model = model
        self._given = given
        self._composed: dict[str, _Composed] = {}

    def of(self, alias: str, *rows: Sequence[Any]) -> Statement:
        """The statement that adds these rows to that database.

        :raises ConfigurationError: a column is encrypted, and there is no key.
        """
        database = connections[alias]
        if alias not in self._composed:
            self._composed[alias] = self._compose(database)
        text, row_text, prepared, defaults = self._composed[alias]
        values: list[Any] = []
        for row in rows:
            values += [prepare(value) for prepare, value in zip(prepared, row, strict=True)]
            values += defaults
        return Statement(text + ", ".join([row_text] * len(rows)), values)

    def _compose(self, database: BaseDatabaseWrapper) -> _Composed:
        columns = {one.attname: one for one in self._model._meta.concrete_fields}
        fields = [columns.pop(name) for name in self._given]
        others = [one for one in columns.values() if not one.primary_key]
        quoted = database.ops.quote_name
        names = ", ".join(quoted(str(one.column)) for one in (*fields, *others))
        defaults = [one.get_db_prep_save(one.get_default(), database) for one in others]
        places = ["%s"] * len(fields)
        if database.vendor == "postgresql":  # the driver would write them anew for each row
            places += [_written(value, database) for value in defaults]
            defaults = []
        else:
            places += ["%s"] * len(others)
        return _Composed(
            f"INSERT INTO {quoted(self._model._meta.db_table)} ({names}) VALUES ",  # noqa: S608  names of the model
            "(" + ", ".join(places) + ")",
            [_preparation(field, database) for field in fields],
            defaults,
        )


def _written(value: Any, database: BaseDatabaseWrapper) -> str:
    """A value as SQL, within a text that has values still to be put in."""
    written: str = database.ops.compose_sql("%s", [value])  # type: ignore[attr-defined]
    return written.replace("%", "%%")


def _preparation(field: Any, database: BaseDatabaseWrapper) -> Callable[[Any], Any]:
    """What makes of a value what the driver takes: on PostgreSQL most of them are that already."""
    if database.vendor == "postgresql" and type(field) in TAKEN:
        return TAKEN[type(field)]
    return partial(field.get_db_prep_save, connection=database)


def _differs_by_row(field: Any) -> bool:
    is_moment = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return is_moment or (field.has_default() and callable(field.default))


class _Composed(NamedTuple):
    text: str
    row_text: str
    prepared: list[Callable[[Any], Any]]  # of each column that is given
    defaults: list[Any]


def execute_together(alias: str, *statements: Statement) -> None:
    """Execute all of these or none. What fails leaves the transaction around it as it was.

    A transaction that the project begins and commits by hand must be in ``atomic()`` here.

    :raises Exception: what the database or its driver raised.
    """
    database = connections[alias]
    is_open = database.in_atomic_block
    with database.cursor() as cursor:
        if len(statements) == 1 and not is_open:
            cursor.execute(*statements[0])
            return
        if takes_several(database, cursor):
            _execute_at_once(database, cursor, statements, is_open=is_open)
            return
    with transaction.atomic(using=alias), database.cursor() as cursor:
        for statement in statements:
            cursor.execute(*statement)


def takes_several(database: BaseDatabaseWrapper, cursor: Any) -> bool:
    """May one text hold several statements? Where values travel beside the text, PostgreSQL refuses
    it, and the transaction is lost before there is a savepoint: so the cursor itself is asked."""
    if database.vendor != "postgresql":
        return False
    driver: Any = database.Database  # type: ignore[attr-defined]
    kind = getattr(driver, "ClientCursor", None) or driver.extensions.cursor  # psycopg, psycopg2
    return isinstance(cursor.cursor, kind)


def _execute_at_once(
    database: BaseDatabaseWrapper, cursor: Any, statements: Sequence[Statement], *, is_open: bool
) -> None:
    """One round trip. Outside of a transaction, PostgreSQL makes one of such a text by itself."""
    texts = [statement.text for statement in statements]
    values = [value for statement in statements for value in statement.values]
    if not is_open:
        cursor.execute("; ".join(texts), values)
        return
    within = (f"SAVEPOINT {SAVEPOINT}", *texts, f"RELEASE SAVEPOINT {SAVEPOINT}")
    try:
        cursor.execute("; ".join(within), values)
    except BaseException:
        _undo(database, cursor)
        raise


def _undo(database: BaseDatabaseWrapper, cursor: Any) -> None:
    """Go back to where the savepoint was made. What the driver refused never came to that."""
    if database.connection.info.transaction_status != IN_ERROR:
        return
    with suppress(DatabaseError):  # the shop's own was lost before, and it is for the shop to see
        cursor.execute(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}; RELEASE SAVEPOINT {SAVEPOINT}")
