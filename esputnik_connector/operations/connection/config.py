"""Connections and product feeds as a JSON document without secrets: to review, to keep beside the
code, and to make one installation like another.

What is in the document is written; what is not in it stays as it is. The key of a connection, the
address of a feed and its password never leave the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.conf import conf
from esputnik_connector.destinations.addresses import origin
from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.models import Connection, Feed

from .config_file import SCHEMA_VERSION, TABLES, fields
from .config_storefront import STOREFRONT, StorefrontImport, not_known
from .statuses import choices, remember
from .statuses import words as words_of

TYPES: tuple[tuple[type[models.Field[Any, Any]], type, str], ...] = (
    (models.BooleanField, bool, "true or false"),
    (models.IntegerField, int, "a whole number"),
    (models.JSONField, list, "a list"),
    (models.CharField, str, "text"),
)


class _Undone(Exception):
    """Rolls a rehearsal back."""


def put(document: object, *, is_dry: bool = False) -> list[str]:
    """Write a document, all of it or, when anything in it is wrong, nothing.

    :param is_dry: write nothing in the end.
    :returns: a line for each thing that changed.
    :raises BadRequestError: a line for each thing that is wrong, with its path in the document.
    """
    changes: list[str] = []
    try:
        with transaction.atomic():
            importer = _Importer()
            before = [(one, words_of(one)) for one in Connection.objects.order_by("pk")]
            importer.document(document)
            if importer.faults:
                raise BadRequestError("\n".join(importer.faults))
            for connection, former in before:
                remember(connection, former)
            changes = importer.changes
            if is_dry:
                raise _Undone
    except _Undone:
        pass
    return changes


class _Importer:
    """Walks over a document, keeping what is wrong and what changed."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.changes: list[str] = []

    def document(self, document: object) -> None:
        if not isinstance(document, Mapping):
            self._wrong("", _("the document must be an object"))
            return
        version = document.get("schema_version")
        if version != SCHEMA_VERSION:
            text = _("is %(found)s; this version of the connector reads %(known)s")
            self._wrong("schema_version", text % {"found": version, "known": SCHEMA_VERSION})
            return
        self._known(document, ("schema_version", "connections", "feeds"), "")
        for place, given in self._rows(document, "connections"):
            self._row(place, given, Connection)
        for place, given in self._rows(document, "feeds"):
            self._row(place, given, Feed)

    def _rows(
        self, document: Mapping[str, Any], name: str
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        rows = document.get(name, [])
        if not isinstance(rows, list):
            self._wrong(name, _("must be a list"))
            return
        seen: set[object] = set()
        for index, row in enumerate(rows):
            place = f"{name}[{index}]"
            if not isinstance(row, Mapping) or not isinstance(row.get("name"), str):
                self._wrong(place, _("must be an object with a name"))
            elif row["name"] in seen:
                self._wrong(f"{place}.name", _("is in the document twice"))
            else:
                seen.add(row["name"])
                yield place, row

    def _row(
        self, place: str, given: Mapping[str, Any], model: type[Connection] | type[Feed]
    ) -> None:
        tables = TABLES[model._meta.model_name or ""]
        before = len(self.faults)
        columns = {one.name: one for one in fields(model)}
        parts = [STOREFRONT] if model is Connection else []
        self._known(given, ("name", *columns, *tables, *parts), place)
        row = model.objects.filter(name=given["name"]).first()
        is_new, row = row is None, row or model(name=given["name"])
        what = f"{model._meta.verbose_name} {row.name}"
        if isinstance(row, Connection):
            self._keep_key_at_home(place, given, row)
        for name in columns.keys() & given.keys():
            if self._fits(f"{place}.{name}", given[name], columns[name]):
                if not is_new and getattr(row, name) != given[name]:
                    self.changes.append(f"{what}: {name}: {getattr(row, name)!r} → {given[name]!r}")
                setattr(row, name, given[name])
        if isinstance(row, Connection):
            self._choices(place, row, given)
        if len(self.faults) > before or not self._is_clean(place, row):
            return
        row.save()
        if is_new:
            self.changes.append(_("%s: new") % what)
        for name, pair in tables.items():
            self._table(f"{place}.{name}", given.get(name), row, what, name, pair)
        if isinstance(row, Connection) and STOREFRONT in given:
            self._storefront(f"{place}.{STOREFRONT}", given[STOREFRONT], row)

    def _storefront(self, place: str, given: object, row: Connection) -> None:
        part = StorefrontImport(row)
        part.put(given)
        self.changes += part.changes
        for path, text in part.faults:
            self._wrong(f"{place}{path}", text)

    def _fits(self, place: str, value: object, field: models.Field[Any, Any]) -> bool:
        for kind, wanted, words in TYPES:
            if isinstance(field, kind):
                is_number = isinstance(value, bool) and wanted is int
                if not isinstance(value, wanted) or is_number:
                    self._wrong(place, _("must be %s") % words)
                    return False
                return True
        return True

    def _is_clean(self, place: str, row: models.Model) -> bool:
        """What the model itself says of the values."""
        try:
            row.full_clean(exclude=["salt"])
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                self._wrong(f"{place}.{name}", " ".join(messages))
            return False
        return True

    def _choices(self, place: str, row: Connection, given: Mapping[str, Any]) -> None:
        """What only the destination knows: its routes, modes, policies and statuses."""
        if row.destination not in conf.DESTINATIONS:
            known = ", ".join(conf.DESTINATIONS)
            self._wrong(f"{place}.destination", _("must be one of: %s") % known)
            return
        backend = registry.destination_class(row.destination)
        statuses = [value for value, _label in choices(backend)]
        offered = {
            "order_route": [one.value for one in backend.order_routes],
            "erase_mode": [one.value for one in backend.erase_modes],
            "consent_policy": [one.value for one in backend.consent_policies],
            "default_status": statuses,
        }
        for name, values in offered.items():
            value = given.get(name)
            if value and values and value not in values:
                self._wrong(f"{place}.{name}", _("must be one of: %s") % ", ".join(values))
        mapped = given.get("status_mappings")
        for shop_status, status in mapped.items() if isinstance(mapped, Mapping) else ():
            if statuses and status not in statuses:
                path = f"{place}.status_mappings[{shop_status!r}]"
                self._wrong(path, _("must be one of: %s") % ", ".join(map(str, statuses)))

    def _keep_key_at_home(self, place: str, given: Mapping[str, Any], row: Connection) -> None:
        """Whoever writes a document must not get to read a stored key by another address."""
        if not row.api_key:
            return
        for name in ("destination", "api_url"):
            stored, chosen = getattr(row, name), given.get(name, getattr(row, name))
            is_same = stored == chosen if name == "destination" else _is_one_host(stored, chosen)
            if not is_same:
                text = _("the stored key is not sent to another address; run esputnik_connect")
                self._wrong(f"{place}.{name}", text)

    def _table(
        self,
        place: str,
        given: object,
        row: Connection | Feed,
        what: str,
        name: str,
        columns: tuple[str, str],
    ) -> None:
        """Make a table of a row equal to the document: add, change, remove."""
        if given is None:
            return
        if not isinstance(given, Mapping) or not all(
            isinstance(one, str) for one in given.values()
        ):
            self._wrong(place, _("must be an object of texts"))
            return
        key, value = columns
        present = {getattr(one, key): one for one in getattr(row, name).all()}
        for gone in sorted(present.keys() - given.keys()):
            self.changes.append(
                _("%(what)s: %(row)s removed") % {"what": what, "row": present[gone]}
            )
            present[gone].delete()
        for each, wanted in given.items():
            entry = present.get(each) or getattr(row, name).model(
                **{getattr(row, name).field.name: row, key: each}
            )
            if entry.pk and getattr(entry, value) == wanted:
                continue
            was = f"{entry} ⇒ " if entry.pk else ""
            setattr(entry, value, wanted)
            if self._is_clean(f"{place}[{each!r}]", entry):
                entry.save()
                self.changes.append(f"{what}: {was}{entry}")

    def _known(self, given: Mapping[str, Any], names: Sequence[str], place: str) -> None:
        for name, text in not_known(given, names):
            self._wrong(f"{place}.{name}".lstrip("."), text)

    def _wrong(self, place: str, text: str) -> None:
        self.faults.append(f"{place}: {text}" if place else text)


def _is_one_host(stored: str, chosen: object) -> bool:
    if not isinstance(chosen, str):
        return True  # its type is said elsewhere
    return stored == chosen or bool(stored and chosen and origin(stored) == origin(chosen))
