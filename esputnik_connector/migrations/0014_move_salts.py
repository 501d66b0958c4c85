"""Each connection's salt becomes one that the shop knows, the first of them the shop's own."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def move(apps: Any, editor: Any) -> None:
    """The ciphertext as it is: it need not be opened, and no key need be there."""
    alias = editor.connection.alias
    model = {
        name: apps.get_model("esputnik_connector", name)._base_manager.using(alias)
        for name in ("Connection", "Salt", "Tombstone", "OutboxMessage", "SyncState")
    }
    if not model["Salt"].exists():
        for connection in model["Connection"].exclude(salt="").order_by("pk"):
            model["Salt"].create(value=connection.salt)
    known: set[str] = set()
    for pk, fingerprint in model["Tombstone"].order_by("-is_erasure", "pk").values_list(
        "pk", "fingerprint"
    ):
        if fingerprint in known:
            model["Tombstone"].filter(pk=pk).delete()
        known.add(fingerprint)
    _free_rows_of_the_erased(model)


def _free_rows_of_the_erased(model: dict[str, Any]) -> None:
    """Rows that wait for an upload of which nothing is remembered since its person was deleted."""
    waiting = model["OutboxMessage"].exclude(session="")
    for pk, connection, kind, key, session in waiting.values_list(
        "pk", "connection_id", "kind", "key", "session"
    ):
        mine = {"connection_id": connection, "kind": kind, "key": key, "session": session}
        if not model["SyncState"].filter(**mine).exists():
            model["OutboxMessage"].filter(pk=pk).update(session="")


class Migration(migrations.Migration):

    dependencies = [
        ("esputnik_connector", "0013_one_salt_per_shop"),
    ]

    operations = [
        migrations.RunPython(move, migrations.RunPython.noop),
    ]
