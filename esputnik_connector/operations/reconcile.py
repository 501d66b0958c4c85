"""One reconciliation from its beginning to its end."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

from esputnik_connector import registry
from esputnik_connector.models import Reconciliation
from esputnik_connector.pipeline.reconcile.compare import Comparer
from esputnik_connector.pipeline.reconcile.limits import Limits
from esputnik_connector.pipeline.reconcile.run import Reconciler, history_before, new_run
from esputnik_connector.records import Kind

from .connection.named import AnyConnection, get_connection


def reconcile(
    connection: AnyConnection,
    kind: Kind,
    *,
    since: datetime | None = None,
    is_dry: bool = False,
    is_unlimited: bool = False,
) -> Reconciliation:
    """Compare all contacts, orders or carts of the shop with what was delivered, to the end, and
    put what differs in line. Sends nothing itself.

    :param since: only what was registered or placed from then on, and of that also what is older
        than the connection and was never delivered.
    :param is_dry: only count. :param is_unlimited: also more than ``RECONCILE_LIMIT``.
    :returns: the run, with ``counts`` by verdict, ``queued`` and ``held``.
    :raises ConfigurationError, DecryptionError: the connection cannot be used.
    """
    run = new_run(get_connection(connection), kind, since=since)
    if not is_dry:
        run.save()
    with closing(registry.destination(run.connection)) as destination:
        comparer = Comparer(
            run.connection, destination, registry.shop(), history_before=history_before(run)
        )
        limits = Limits.none() if is_unlimited else Limits.usual()
        Reconciler(run, comparer, limits=limits, is_dry=is_dry).work()
    return run
