"""An etag: the version of a record's rows, the digest that was delivered, and the settings, in one
hash. While it fits, the record need not be built again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import blake2b

from django.conf import settings
from django.db import connections, router

from esputnik_connector import __version__
from esputnik_connector.conf import conf
from esputnik_connector.destinations.base import Destination
from esputnik_connector.models import Connection, SyncState
from esputnik_connector.records import Kind

BYTES = 16

# One column of thousands of rows. The ORM would write all columns of each, which is a sixth of a
# night that writes every etag. Locked in the order in which deliveries are written. The column of
# ``SyncState.etag`` is called seal.
UPDATE = f"""
    UPDATE {SyncState._meta.db_table} AS state SET seal = new.seal
    FROM unnest(%s::text[], %s::text[]) AS new (key, seal), (
        SELECT id, key FROM {SyncState._meta.db_table}
        WHERE connection_id = %s AND kind = %s AND key = ANY(%s::text[])
        ORDER BY key FOR UPDATE
    ) AS mine
    WHERE state.id = mine.id AND new.key = mine.key
"""  # noqa: S608  a name of ours, no value


def etag(version: str, digest: str, settings_digest: str) -> str:
    return _hash(f"{version} {digest} {settings_digest}")


def settings_of(destination: Destination) -> str:
    """What besides the shop's rows that a payload depends on: a change outdates all etags."""
    account = asdict(destination.account)
    told = {
        name: account[name]
        for name in ("order_route", "consent_policy", "fields", "default_status")
    }
    told["known_fields"] = sorted(account["known_fields"].items())
    told["statuses"] = sorted(account["statuses"].items())
    chosen = (conf.SHOP, conf.SHOP_URL, conf.RECORD_HOOK, conf.DESTINATIONS)
    region = getattr(settings, "PHONENUMBER_DEFAULT_REGION", None)
    place = (settings.LANGUAGE_CODE, settings.TIME_ZONE, settings.USE_TZ, region)
    return _hash(repr((__version__, told, chosen, place)))


def write(connection: Connection, kind: Kind, etags: Mapping[str, str]) -> None:
    """Only on states that are still there: a customer may have been erased a moment ago."""
    if not etags:
        return
    database = connections[router.db_for_write(SyncState)]
    if database.vendor == "postgresql":
        keys = list(etags)
        with database.cursor() as cursor:
            cursor.execute(UPDATE, [keys, [*etags.values()], connection.pk, kind.value, keys])
        return
    mine = SyncState.objects.filter(connection=connection, kind=kind.value, key__in=list(etags))
    there = mine.select_for_update().values_list("key", flat=True)
    SyncState.objects.upsert(
        [
            {"connection_id": connection.pk, "kind": kind.value, "key": key, "etag": etags[key]}
            for key in there
        ],
        ["etag"],
    )


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=BYTES).hexdigest()
