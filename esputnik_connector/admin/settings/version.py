"""A form carries what it was made of, so that the second of two people who save it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.signing import BadSignature, dumps, loads
from django.db import connections, router
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.models import Connection, FieldMapping, StatusMapping

NAME = "esputnik_version"  # of the hidden input
SALT = "esputnik_connector.version"
PRINT = 12  # signs of a hash: enough to notice a change
TABLES: dict[type[FieldMapping] | type[StatusMapping], Any] = {
    FieldMapping: gettext_lazy("the table of fields"),
    StatusMapping: gettext_lazy("the table of statuses"),
}

# What each page beside the connection's own shows: tables and columns, as they are named here.
FIELDS = ("FieldMapping",)
STATUSES = ("StatusMapping", "default_status")


def version_of(connection: Connection, parts: Sequence[str] = ()) -> str:
    """For the hidden input. It tells nobody what the settings are.

    :param parts: what the page shows; all columns of the connection if left out.
    """
    return dumps(_prints(connection, parts), salt=SALT, compress=True)


def changed_since(token: str, connection: Connection, parts: Sequence[str] = ()) -> list[str]:
    """What somebody else has changed since the form was shown, as a person calls it.

    :param connection: as it is stored now.
    :param parts: as in :func:`version_of`.
    :param token: ``""`` of a page from before there was one: it is not looked at.
    """
    if not token:
        return []
    try:
        former: dict[str, str] = loads(token, salt=SALT)
    except BadSignature:
        return [_("the whole page")]
    present = _prints(connection, parts)
    labels = _labels()
    return [labels[name] for name in present if former.get(name) != present[name]]


def changed_meanwhile(request: HttpRequest, shown: Connection | None) -> list[str]:
    """The same of a form that is being sent. Asked again inside of Django's transaction, where
    nobody else can save meanwhile."""
    if request.method != "POST" or shown is None:
        return []
    stored = hold(shown.pk)
    return changed_since(request.POST.get(NAME, ""), stored) if stored else []


def conflict_text(changed: list[str]) -> str:
    """Told instead of saving."""
    text = _(
        "Somebody else has changed this while the page was open: %(what)s. Nothing of yours was "
        "saved. Load the page again, and enter your changes once more."
    )
    return text % {"what": ", ".join(changed)}


def hold(pk: int) -> Connection | None:
    """The connection as it is now; nobody else saves it until the transaction ends. ``None`` if it
    is gone.

    Rows that only point at it are written meanwhile, where the database can tell that apart: an
    import that begins would wait for this transaction, and this one may wait for the import.
    """
    rows = Connection.objects.filter(pk=pk)
    database = connections[router.db_for_write(Connection)]
    if database.in_atomic_block:
        is_weak = database.features.has_select_for_no_key_update
        rows = rows.using(database.alias).select_for_update(no_key=is_weak)
    return rows.first()


def _prints(connection: Connection, parts: Sequence[str]) -> dict[str, str]:
    columns = [each for each in _columns() if not parts or each.name in parts]
    found = {field.name: _print(getattr(connection, field.attname)) for field in columns}
    for table in TABLES:
        if table.__name__ in parts:
            rows = table.objects.filter(connection=connection).order_by("pk")
            names = [one.attname for one in table._meta.concrete_fields]
            found[table.__name__] = _print(list(rows.values_list(*names)))
    return found


def _labels() -> dict[str, str]:
    named = {field.name: capfirst(str(field.verbose_name)) for field in _columns()}
    return named | {table.__name__: str(label) for table, label in TABLES.items()}


def _columns() -> list[Any]:
    """What a person sets. What a worker writes changes all the time."""
    own = Connection._meta.concrete_fields
    return [field for field in own if field.editable and not field.primary_key]


def _print(value: object) -> str:
    return salted_hmac(SALT, stored_text(value), algorithm="sha256").hexdigest()[:PRINT]


def stored_text(value: object) -> str:
    """A stored secret as it is stored: its ``repr`` hides it."""
    return str(value) if isinstance(value, str) else repr(value)
