"""The workflows of an account, and which the connector's records may start.

Which event starts a workflow eSputnik does not tell (esputnik-api.md#workflows): only a name or a
tag can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from esputnik_connector.destinations.base import Account, Workflow
from esputnik_connector.destinations.esputnik.answers.lists import objects, readable, text
from esputnik_connector.destinations.esputnik.choices import EVENTS
from esputnik_connector.destinations.esputnik.client import WORKFLOWS_PER_PAGE, EsputnikClient

MOST_PAGES = 20


def read(client: EsputnikClient) -> list[Workflow]:
    """:raises TemporaryError: the answer is of another form."""
    found: list[Workflow] = []
    for page in range(MOST_PAGES):
        body = readable(client.workflows(start=1 + page * WORKFLOWS_PER_PAGE), (list, dict))
        rows = objects(body)
        found += [_workflow(row) for row in rows if text(row.get("name"))]
        if len(rows) < WORKFLOWS_PER_PAGE:
            break
    return found


def _workflow(row: dict[str, Any]) -> Workflow:
    tags = row.get("tags")
    given = tags if isinstance(tags, list) else text(tags).split(",")
    return Workflow(
        name=text(row.get("name")),
        is_active=text(row.get("status")).lower() != "inactive",
        tags=tuple(filter(None, map(text, given))),
    )


def expected(account: Account, event_names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Kind of record, or name of an event → the events that a workflow may listen to."""
    statuses = sorted({status for status in account.statuses.values() if status})
    orders = [f"order{status}" for status in statuses or [account.default_status or ""]]
    if account.order_route == EVENTS:
        orders = ["orderCreated", "orderUpdated", "orderDelivered", "orderCancelled"]
    return {
        "order": orders,
        "cart": ["cartUpdated"],
        **{name: [name] for name in event_names},
    }
