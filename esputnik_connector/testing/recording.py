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

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import ClassVar

from esputnik_connector.destinations.base import (
    AccountInfo,
    Delivered,
    Destination,
    Envelope,
    PreparedRequest,
    Receipt,
)
from esputnik_connector.destinations.digest import digest
from esputnik_connector.destinations.esputnik import choices
from esputnik_connector.exceptions import DestinationError
from esputnik_connector.records import Behaviour, Event, Kind, Outcome, Record

GUIDS = ("guid", "cart_guid")  # of one state of a cart: they are new each time
KINDS: dict[str, Kind] = {
    **{kind.value.capitalize(): kind for kind in Kind},
    "Subscription": Kind.SUBSCRIPTION,
    "OrderDeletion": Kind.ORDER,
}

Answer = Callable[[Sequence[Envelope]], Sequence[Receipt]]


class RecordingDestination(Destination):
    """Every delivery ends up in ``calls``; ``answer`` may be set to reply or raise otherwise.

    ``error`` is raised by every ``deliver`` and ``verify`` while it is set: a key that is refused,
    a platform that is down. All three are shared by all instances, as workers build their own.
    Call :meth:`reset` between tests.

    A merchant may choose here what there is to choose for eSputnik, so that connections of a
    project work with it as they are.
    """

    label = "Recording"
    statuses = choices.STATUSES
    status_hints = choices.STATUS_HINTS
    default_status = "INITIALIZED"
    order_routes = choices.ORDER_ROUTES
    history_routes = choices.HISTORY_ROUTES
    erase_modes = choices.ERASE_MODES
    default_api_url = "https://recording.invalid"
    batch_sizes: Mapping[Kind, int] = dict.fromkeys(Kind, 100)
    supports_uploads = True
    supports_order_deletion = True
    calls: ClassVar[list[list[Envelope]]] = []
    resolutions: ClassVar[list[Receipt]] = []
    answer: ClassVar[Answer | None] = None
    error: ClassVar[DestinationError | None] = None

    @classmethod
    def reset(cls) -> None:
        cls.calls, cls.resolutions = [], []
        cls.answer, cls.error = None, None

    @classmethod
    def keys(cls) -> list[str]:
        """Keys of all that was sent, in order."""
        return [envelope.key for call in cls.calls for envelope in call]

    def prepare(self, record: Record, *, last: Delivered | None) -> Envelope:
        payload = json.loads(json.dumps(asdict(record), default=str))
        happens_once = isinstance(record, (Event, Behaviour))
        state = {name: value for name, value in payload.items() if name not in GUIDS}
        told = record.key if happens_once else state
        fields = frozenset(name for name, value in payload.items() if value)
        return Envelope(
            kind=KINDS[type(record).__name__],
            key=record.key,
            payload=payload,
            digest=digest(told),
            fields=fields,
            clears=(last.fields if last else frozenset()) - fields,
            is_replacing=bool(last and last.locators),
        )

    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        self.before_call()
        self._fail()
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
        self._fail()
        return AccountInfo(organisation="Recording")

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error

    def preview(self, envelope: Envelope) -> PreparedRequest:
        return PreparedRequest(method="POST", url="", headers={}, body=envelope.payload)
