"""What would be sent of one record now, and why, or why not. Sends nothing.

For the command and for the admin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from esputnik_connector import registry
from esputnik_connector.destinations.base import Destination, Envelope, PreparedRequest
from esputnik_connector.event_names import EventName
from esputnik_connector.event_types import event_type, event_types
from esputnik_connector.exceptions import Skip
from esputnik_connector.fresh_reads import fresh_reads
from esputnik_connector.models import Connection, SyncState
from esputnik_connector.models.labels import NOTES, REASONS
from esputnik_connector.pipeline.delivery.prepare.dispatch import Prepared, Result, prepare
from esputnik_connector.pipeline.reconcile.compare import lines_of
from esputnik_connector.records import JSONValue, Kind, Reason
from esputnik_connector.shops.base import ShopAdapter, SupportsFieldOrigins

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

INDEX = re.compile(r"\[\d+\]")


class Standing(str, Enum):
    """How what would be sent stands to what was delivered."""

    NEVER = "never_delivered"
    UNKNOWN = "unknown"
    UNCHANGED = "unchanged"
    CHANGED = "changed"


STANDINGS: dict[Standing, Lazy] = {
    Standing.NEVER: _("never delivered"),
    Standing.UNKNOWN: _("sent, but no answer came: it is not known what arrived"),
    Standing.UNCHANGED: _("unchanged since the last delivery: it would not be sent"),
    Standing.CHANGED: _("changed since the last delivery"),
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """One value of the body, and where it comes from."""

    path: str
    value: JSONValue
    source: str  # "first_name ← user.first_name"; "" for what the connector itself sets


@dataclass(frozen=True, kw_only=True)
class Preview:
    kind: Kind
    key: str
    standing: Standing
    delivered_at: datetime | None = None
    request: PreparedRequest | None = None
    fields: tuple[Field, ...] = ()
    clears: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()  # fields that carry a value now, and carried none
    moved: tuple[str, ...] = ()  # "email", "phone": another one than was delivered
    warnings: tuple[str, ...] = ()
    reason: Reason | None = None  # why it would not be sent
    detail: str = ""
    label: str = ""  # of an event: what its type is called
    waiting: str = ""  # "waiting" or "set_aside", when it has a row in the outbox

    @property
    def why_not(self) -> str:
        """Why it would not be sent, in words; ``""`` if it would."""
        if self.reason is None:
            return ""
        return ": ".join(part for part in (str(REASONS[self.reason]), self.detail) if part)


def preview(connection: Connection, kind: Kind, key: str) -> Preview:
    """:raises ConfigurationError, DecryptionError: the connection cannot be used."""
    state = SyncState.objects.filter(connection=connection, kind=kind.value, key=key).first()
    waiting = lines_of(connection, kind, [key]).get(key, "")
    shop = registry.shop()
    with closing(registry.destination(connection)) as destination, fresh_reads():
        prepared = prepare(connection, destination, shop, kind, [key], with_unchanged=True)
        if prepared.settled:
            return _skipped(kind, key, state, waiting, prepared.settled[0])
        return _shown(destination, shop, prepared, state, waiting)


def _skipped(
    kind: Kind, key: str, state: SyncState | None, waiting: str, result: Result
) -> Preview:
    return Preview(
        kind=kind,
        key=key,
        standing=standing_of(state, ""),
        delivered_at=state.delivered_at if state else None,
        reason=result.receipt.reason,
        detail=result.receipt.detail,
        label=_label(kind, key),
        waiting=waiting,
    )


def _label(kind: Kind, key: str) -> str:
    named = (each for each in event_types() if kind is Kind.EVENT and each.name.is_of(key))
    return next((str(each.label) for each in named), "")


def _shown(
    destination: Destination,
    shop: ShopAdapter,
    prepared: Prepared,
    state: SyncState | None,
    waiting: str,
) -> Preview:
    (envelope,) = prepared.outgoing
    standing = standing_of(prepared.states.get(envelope.key, state), prepared.digests[envelope.key])
    request, reason, detail = None, None, ""
    try:
        request = destination.preview(envelope)
    except Skip as skip:
        reason, detail = skip.reason, skip.detail
    if standing is Standing.UNCHANGED:
        reason = Reason.UNCHANGED
    return Preview(
        kind=envelope.kind,
        key=envelope.key,
        standing=standing,
        delivered_at=state.delivered_at if state else None,
        request=request,
        fields=tuple(_fields(destination, shop, envelope, request)),
        clears=tuple(sorted(envelope.clears)),
        fills=tuple(sorted(envelope.fields - set(state.fields))) if state and state.fields else (),
        moved=_moved(prepared.locators.get(envelope.key, {}), state),
        warnings=tuple(str(NOTES[note]) for note in envelope.notes),
        reason=reason,
        detail=detail,
        label=_label(envelope.kind, envelope.key),
        waiting=waiting,
    )


def _moved(hashes: Mapping[str, str], state: SyncState | None) -> tuple[str, ...]:
    """Names of the locators that differ from those delivered, of which hashes are kept."""
    known = state.locators if state is not None else {}
    return tuple(name for name, now in sorted(hashes.items()) if known.get(name, now) != now)


def standing_of(state: SyncState | None, digest: str) -> Standing:
    """``digest`` is of what would be sent, ``""`` when nothing would be."""
    if state is None or state.is_merely_named:
        return Standing.NEVER
    if not state.digest:
        return Standing.UNKNOWN
    return Standing.UNCHANGED if state.digest == digest else Standing.CHANGED


def _fields(
    destination: Destination,
    shop: ShopAdapter,
    envelope: Envelope,
    request: PreparedRequest | None,
) -> Iterator[Field]:
    if request is None or request.body is None:
        return
    paths = _paths(destination, envelope)
    origins = shop.sources(envelope.kind) if isinstance(shop, SupportsFieldOrigins) else {}
    for path, value in leaves(request.body):
        yield Field(path=path, value=value, source=source_of(path, paths, origins))


def _paths(destination: Destination, envelope: Envelope) -> Mapping[str, str]:
    """Path in the payload → field of the record. Of an event's parameters its type knows."""
    paths = destination.sources(envelope.kind)
    if envelope.kind is not Kind.EVENT:
        return paths
    params = event_type(EventName.of(envelope.key)).params
    declared = {
        f"{path}.{name}": field
        for path, source in paths.items()
        if source == "params"
        for name, field in params.items()
    }
    return {**declared, **paths}


def source_of(path: str, paths: Mapping[str, str], origins: Mapping[str, str]) -> str:
    """Field of the record ← place in the shop, for one path of a body."""
    place = INDEX.sub("[]", path)
    while place not in paths and "." in place:  # what stands inside of what the record holds
        place = place.rpartition(".")[0]
    names = [name for name in paths.get(place, "").split(", ") if name]
    return "; ".join(f"{name} ← {origins[name]}" if name in origins else name for name in names)


def leaves(value: JSONValue, path: str = "") -> Iterator[tuple[str, JSONValue]]:
    """Every value of a body with its path: ``orders[0].items[1].cost``."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value
