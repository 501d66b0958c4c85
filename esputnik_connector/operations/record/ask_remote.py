"""Ask the destination what it really holds of one record. Changes nothing."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from esputnik_connector import registry
from esputnik_connector.destinations.deadline import patience
from esputnik_connector.exceptions import Skip
from esputnik_connector.fresh_reads import fresh_reads
from esputnik_connector.models import Connection
from esputnik_connector.models.reconcile import Verdict
from esputnik_connector.pipeline.delivery.prepare.dispatch import prepare
from esputnik_connector.records import Kind, Reason

PATIENCE = 2.5  # seconds for a request; two are the rule, and a person waits for the page


@dataclass(frozen=True, kw_only=True)
class RemoteAnswer:
    """What is there, beside what the shop has. Names fields, never values."""

    verdict: Verdict | None = None  # EQUAL, ALTERED or ABSENT
    differing: tuple[str, ...] = ()
    reason: Reason | None = None  # why it could not be compared
    detail: str = ""


def ask_remote(connection: Connection, kind: Kind, key: str) -> RemoteAnswer:
    """Two to four requests, within :data:`PATIENCE`. Not within a transaction: it waits for HTTP.

    :raises DestinationError: it could not be asked now.
    :raises ConfigurationError, DecryptionError: the connection cannot be used.
    """
    with closing(registry.destination(connection)) as destination:
        if not destination.supports_look_up:
            return RemoteAnswer(reason=Reason.NOT_SUPPORTED)
        with fresh_reads():
            shop = registry.shop()
            prepared = prepare(connection, destination, shop, kind, [key], with_unchanged=True)
        for result in prepared.settled:
            return RemoteAnswer(reason=result.receipt.reason, detail=result.receipt.detail)
        (envelope,) = prepared.outgoing
        try:
            with patience(PATIENCE):
                remote = destination.look_up(envelope)
        except Skip as skip:
            return RemoteAnswer(reason=skip.reason, detail=skip.detail)
    if not remote.is_found:
        return RemoteAnswer(verdict=Verdict.ABSENT)
    verdict = Verdict.ALTERED if remote.differing else Verdict.EQUAL
    return RemoteAnswer(verdict=verdict, differing=tuple(remote.differing))
