"""What the destination is known to hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, ClassVar

from django.db import connections, models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from esputnik_connector.records import Kind

from .backfill import Backfill
from .base import ConnectorManager, ConnectorModel, ConnectorQuerySet
from .connection import Connection
from .labels import KINDS, choices

NO_UPLOAD: Mapping[str, Any] = {
    "session": "",
    "session_digest": "",
    "session_since": None,
    "poll_at": None,
    "backfill_id": None,
}  # what stands in a state's columns when no upload works on the record


class SyncStateQuerySet(ConnectorQuerySet["SyncState"]):
    def uploading(self) -> SyncStateQuerySet:
        """Those that an upload of the destination still works on."""
        return self.filter(session__gt="")  # not exclude(): this one is a range of the index

    def upsert(
        self,
        rows: Sequence[Mapping[str, Any]],
        fields: Sequence[str],
        *,
        shared: Mapping[str, Any] | None = None,
    ) -> None:
        """Add states; of those that exist already, write ``fields`` only. One statement.

        :param rows: the values of each state by attribute, such as ``connection_id``; all of the
            same attributes. What is left out has its default.
        :param fields: attributes too.
        :param shared: what is the same in all of them; never the key.
        """
        if not rows:
            return
        self._for_write = True  # where a router sends reads elsewhere
        shared = shared or {}
        database = connections[self.db]
        if database.vendor == "postgresql":
            self._upsert_as_json(rows, fields, shared)
            return
        has_target = database.features.supports_update_conflicts_with_target
        self.bulk_create(
            [SyncState(**shared, **row) for row in sorted(rows, key=itemgetter("key"))],
            update_conflicts=True,
            update_fields=list(fields),
            unique_fields=["connection", "kind", "key"] if has_target else None,
        )

    def _upsert_as_json(
        self,
        rows: Sequence[Mapping[str, Any]],
        fields: Sequence[str],
        common: Mapping[str, Any],
    ) -> None:
        """``bulk_create`` for PostgreSQL, at a quarter of its time.

        The rows travel as one parameter instead of one per row and column, and what is the same
        in all of them travels once.
        """
        database, table = connections[self.db], self.model._meta
        quote = database.ops.quote_name
        known = {one.attname: one for one in table.concrete_fields if not one.primary_key}
        alike = {name for name in rows[0] if _is_same(rows, name)}
        given = (
            [{name: row[name] for name in row if name not in alike} for row in rows]
            if alike
            else rows
        )
        shared = {
            name: common[name] if name in common else rows[0].get(name, field.get_default())
            for name, field in known.items()
            if name not in given[0]
        }
        columns = {name: quote(str(field.column)) for name, field in known.items()}

        def names(row: Mapping[str, Any]) -> str:
            return ", ".join(columns[name] for name in row)

        def values(row: Mapping[str, Any]) -> str:
            return ", ".join(map(quote, row))

        def shape(row: Mapping[str, Any]) -> str:
            return ", ".join(f"{quote(name)} {known[name].db_type(database)}" for name in row)

        changes = ", ".join(f"{columns[name]} = EXCLUDED.{columns[name]}" for name in fields)
        sql = (  # nothing in it comes from outside
            f"INSERT INTO {quote(table.db_table)} ({names(given[0])}, {names(shared)})"  # noqa: S608
            f" SELECT {values(given[0])}, {values(shared)}"
            f" FROM json_to_recordset(%s::json) AS given({shape(given[0])}),"
            f" json_to_record(%s::json) AS shared({shape(shared)})"
            " ORDER BY key"  # in one order always: two such statements must not lock each other out
            f" ON CONFLICT (connection_id, kind, key) DO UPDATE SET {changes}"
        )
        with database.cursor() as cursor:
            cursor.execute(
                sql, [json.dumps(part, default=datetime.isoformat) for part in (given, shared)]
            )

    def end_upload(
        self,
        session: Mapping[str, Any],
        stored: Mapping[str, str],
        failed: Sequence[str] = (),
        *,
        now: datetime,
    ) -> set[str]:
        """Write that an upload is over for these records; returns the keys of those for which it
        was still open. Part of a transaction of the caller.

        :param session: names the upload: ``connection_id``, ``kind`` and ``session``.
        :param stored: key → the destination's number, ``""`` where it told none.
        :param failed: keys of those that it did not store.
        """
        if not (stored or failed):
            return set()
        self._for_write = True
        numbers = {**stored, **dict.fromkeys(failed)}
        if connections[self.db].vendor == "postgresql":
            return self._end_as_json(session, numbers, now)
        mine = self.filter(**session, key__in=list(numbers))
        ended = set(mine.select_for_update().values_list("key", flat=True))
        mine.filter(key__in=list(stored)).update(digest=F("session_digest"), delivered_at=now)
        who = {name: session[name] for name in ("connection_id", "kind")}
        told = [{**who, "key": key, "remote_id": stored[key]} for key in ended if stored.get(key)]
        self.upsert(told, ["remote_id"])
        mine.update(**NO_UPLOAD)
        return ended

    def _end_as_json(
        self, session: Mapping[str, Any], numbers: Mapping[str, str | None], now: datetime
    ) -> set[str]:
        """One statement, that reads nothing of a record: a quarter of the time of the others.

        :param numbers: key → number, ``None`` where the destination did not store the record.
        """
        table, known = connections[self.db].ops.quote_name(self.model._meta.db_table), NO_UPLOAD
        is_stored = "told.value IS NOT NULL"
        changes = {
            "digest": f"CASE WHEN {is_stored} THEN held.session_digest ELSE held.digest END",
            "delivered_at": f"CASE WHEN {is_stored} THEN %s ELSE held.delivered_at END",
            "remote_id": "COALESCE(NULLIF(told.value, ''), held.remote_id)",
            **dict.fromkeys(known, "%s"),
        }
        sql = (  # nothing in it comes from outside
            f"UPDATE {table} AS held SET "  # noqa: S608
            + ", ".join(f"{name} = {value}" for name, value in changes.items())
            + " FROM json_each_text(%s::json) AS told"
            # By key: through its index on sessions, an upload would be walked for each of its keys.
            " WHERE held.connection_id = %s AND held.kind = %s AND held.session || '' = %s"
            " AND held.key = told.key RETURNING held.key"
        )
        whose = [session[name] for name in ("connection_id", "kind", "session")]
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [now, *known.values(), json.dumps(numbers), *whose])
            return {key for (key,) in cursor.fetchall()}


def _is_same(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Never the key: of one row alone, it is what differs."""
    first = rows[0].get(name)
    return name != "key" and all(row.get(name) == first for row in rows)


class SyncState(ConnectorModel):
    """The last delivery of one record.

    ``digest`` is of the payload that the destination accepted, empty before the first time. While
    an upload runs, ``session`` names it and ``session_digest`` is what it will have delivered.
    Locators are kept as salted hashes only. ``etag`` is written by a reconciliation that found the
    record unchanged: while it still fits, the record need not be built again.
    """

    connection = models.ForeignKey(
        Connection,
        models.CASCADE,
        verbose_name=_("connection"),
        related_name="sync_states",
        db_index=False,
    )  # its column leads the unique constraint below; one index less to keep up for each record
    kind = models.CharField(_("kind"), max_length=10, choices=choices(KINDS))
    key = models.CharField(_("key"), max_length=255)
    owner_key = models.CharField(_("customer"), max_length=255, blank=True, default="")
    digest = models.CharField(max_length=64, blank=True, default="")
    fields = models.JSONField(default=list)
    locators = models.JSONField(default=dict)
    remote_id = models.CharField(_("id at the destination"), max_length=100, blank=True, default="")
    # Of an order: the destination's own word for its status, as it was told last. NULL is what a
    # process of the former version writes while a new one is deployed.
    status = models.CharField(  # noqa: DJ001
        _("status"), max_length=30, null=True, blank=True, default=""
    )
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    session = models.CharField(_("upload session"), max_length=100, blank=True, default="")
    session_digest = models.CharField(max_length=64, blank=True, default="")
    session_since = models.DateTimeField(null=True)
    poll_at = models.DateTimeField(null=True)
    # The historical import that waits for this session.
    backfill = models.ForeignKey(
        Backfill,
        models.SET_NULL,
        null=True,
        editable=False,
        db_index=False,
        db_constraint=False,
        related_name="uploads",
    )
    etag = models.CharField(max_length=32, blank=True, default="", editable=False, db_column="seal")

    objects: ClassVar = SyncStateQuerySet.as_manager()

    class Meta:
        default_permissions = ("view", "change")
        verbose_name = _("delivered record")
        verbose_name_plural = _("delivered records")
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind", "key"], name="esputnik_sync_state_once"
            )
        ]
        indexes = [
            models.Index(  # few are in an upload; MySQL ignores the condition, at some cost
                fields=["connection", "kind", "session"],
                name="esputnik_sync_session",
                condition=Q(session__gt=""),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"

    @property
    def is_merely_named(self) -> bool:
        """An order told this customer's address, and nothing of themselves was sent yet."""
        is_sent = bool(self.digest or self.delivered_at or self.fields or self.session)
        return self.kind == Kind.CONTACT.value and not is_sent


class KnownAddress(ConnectorModel):
    """A salted hash of an address that was introduced to the destination as unconfirmed.

    From then on the person's records go the ordinary way, which leaves the address as it is there.
    It is forgotten with the person, and with the account.
    """

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="known_addresses"
    )
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(_("introduced"), default=timezone.now)

    objects: ClassVar = ConnectorManager()

    class Meta:
        default_permissions = ()
        verbose_name = _("known address")
        verbose_name_plural = _("known addresses")
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "fingerprint"], name="esputnik_address_once"
            )
        ]

    def __str__(self) -> str:
        return self.fingerprint[:12]
