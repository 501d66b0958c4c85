"""A destination that remembers instead of sending: for a shop's own tests.

::

    ESPUTNIK_CONNECTOR = {
        "DESTINATIONS": {
            "recording": {"BACKEND": "esputnik_connector.testing.recording.RecordingDestination"}
        },
        …
    }
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from esputnik_connector.destinations.base import (
    Account,
    AccountInfo,
    Delivered,
    Destination,
    Envelope,
    PreparedRequest,
    Receipt,
)
from esputnik_connector.records import Event, Kind, Outcome, Record

KINDS: dict[str, Kind] = {kind.value.capitalize(): kind for kind in Kind}

Answer = Callable[[Sequence[Envelope]], Sequence[Receipt]]


class RecordingDestination(Destination):
    """Every delivery ends up in ``calls``; ``answer`` may be set to reply or raise otherwise.

    Both are shared by all instances, as workers build their own. Call :meth:`reset` between tests.
    """

    batch_sizes: ClassVar[Mapping[Kind, int]] = {
        Kind.CONTACT: 100,
        Kind.ORDER: 100,
        Kind.CART: 100,
        Kind.EVENT: 100,
        Kind.ERASURE: 100,
    }
    calls: ClassVar[list[list[Envelope]]] = []
    resolutions: ClassVar[list[Receipt]] = []
    answer: ClassVar[Answer | None] = None

    def __init__(self, account: Account, options: Mapping[str, Any]) -> None:
        super().__init__(account, options)

    @classmethod
    def reset(cls) -> None:
        cls.calls, cls.resolutions, cls.answer = [], [], None

    @classmethod
    def keys(cls) -> list[str]:
        """Keys of all that was sent, in order."""
        return [envelope.key for call in cls.calls for envelope in call]

    def prepare(self, record: Record, *, last: Delivered | None) -> Envelope:
        payload = json.loads(json.dumps(asdict(record), default=str))
        told: object = record.key if isinstance(record, Event) else payload  # happens once
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        fields = frozenset(name for name, value in payload.items() if value)
        return Envelope(
            kind=KINDS[type(record).__name__],
            key=record.key,
            payload=payload,
            digest=digest,
            fields=fields,
            clears=(last.fields if last else frozenset()) - fields,
            is_replacing=bool(last and last.locators),
        )

    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        self.before_call()
        type(self).calls.append(list(envelopes))
        answer = type(self).answer
        if answer is not None:
            return answer(envelopes)
        return [
            Receipt(kind=envelope.kind, key=envelope.key, outcome=Outcome.DELIVERED)
            for envelope in envelopes
        ]

    def resolve(
        self, session: str, keys: Sequence[str], *, locators: Mapping[str, Mapping[str, str]]
    ) -> Sequence[Receipt]:
        return [receipt for receipt in self.resolutions if receipt.key in keys]

    def verify(self) -> AccountInfo:
        return AccountInfo(organisation="Recording")

    def preview(self, envelope: Envelope) -> PreparedRequest:
        return PreparedRequest(method="POST", url="", headers={}, body=envelope.payload)
