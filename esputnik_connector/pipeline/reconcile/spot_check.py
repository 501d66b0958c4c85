"""Compare some delivered records with what the destination itself holds. Asks; changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from esputnik_connector import registry
from esputnik_connector.destinations.base import Destination
from esputnik_connector.exceptions import Skip
from esputnik_connector.fresh_reads import fresh_reads
from esputnik_connector.models import Connection, SyncState
from esputnik_connector.pipeline.delivery.prepare.dispatch import prepare
from esputnik_connector.records import Kind


@dataclass
class Sample:
    """What became of the comparison. Names records by key and fields by name, never by value."""

    asked: int = 0
    equal: int = 0
    absent: list[str] = field(default_factory=list)
    differing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)  # reason → how many

    def skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


def sample(connection: Connection, kind: Kind, size: int) -> Sample:
    """``size`` delivered records, chosen by chance.

    :raises TemporaryError, CredentialsError: the destination could not be asked.
    """
    delivered = SyncState.objects.filter(connection=connection, kind=kind.value).exclude(digest="")
    keys = list(delivered.order_by("?").values_list("key", flat=True)[:size])
    with closing(registry.destination(connection)) as destination, fresh_reads():
        return _compared(connection, destination, kind, keys)


def _compared(
    connection: Connection, destination: Destination, kind: Kind, keys: Sequence[str]
) -> Sample:
    found = Sample()
    prepared = prepare(connection, destination, registry.shop(), kind, keys, with_unchanged=True)
    for result in prepared.settled:
        reason = result.receipt.reason
        found.skip((reason or result.receipt.outcome).value)
    for envelope in prepared.outgoing:
        try:
            remote = destination.look_up(envelope)
        except Skip as skip:
            found.skip(skip.reason.value)
            continue
        found.asked += 1
        if not remote.is_found:
            found.absent.append(envelope.key)
        elif remote.differing:
            found.differing[envelope.key] = remote.differing
        else:
            found.equal += 1
    return found
