"""Every destination of ours keeps the contract that is shipped for those of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from esputnik_connector.destinations.base import Account, Destination, Envelope, Receipt
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.exceptions import CredentialsError, RejectedError, TemporaryError
from esputnik_connector.records import Outcome
from esputnik_connector.testing.destination_contract import DestinationContract
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault, Settings
from esputnik_connector.testing.recording import RecordingDestination


@pytest.fixture(scope="module")
def server() -> Iterator[FakeEsputnik]:
    settings = Settings(segmentation=True)
    with FakeEsputnik(key=DestinationContract.api_key, settings=settings) as running:
        yield running


class TestEsputnik(DestinationContract):
    options: ClassVar[Mapping[str, Any]] = {"rate": "10000/second"}
    backend = EsputnikDestination

    @pytest.fixture(autouse=True)
    def fake(self, server: FakeEsputnik) -> None:
        server.reset()
        self.server = server

    def destination(self) -> Destination:
        return EsputnikDestination(self.account(self.server.api_url), self.options)

    def requests(self) -> int:
        return len(self.server.log)

    def refuse(self, key: str) -> None:
        self.server.script(Fault("refuse_batch", ids=[key], text=self.indiscreet))

    def refuse_key(self) -> None:
        self._answer(401)

    def be_busy(self, seconds: int) -> None:
        self._answer(503, {"Retry-After": str(seconds)})

    def _answer(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        self.server.script(
            Fault(
                "status",
                status=status,
                body={"message": self.indiscreet},
                headers=headers or {},
                times=None,
            )
        )


class TestEsputnikByImport(TestEsputnik):
    """Many contacts go as one asynchronous import."""

    options: ClassVar[Mapping[str, Any]] = {"rate": "10000/second", "bulk_from": 2}


class TestEsputnikByEvents(TestEsputnik):
    """Orders as events, each of them a request of its own."""

    order_route: ClassVar[str] = "events"

    def account(self, api_url: str) -> Account:
        return replace(super().account(api_url), order_route=self.order_route)


class TestEsputnikHistory(TestEsputnikByEvents):
    """Orders of years ago, as dated events."""

    order_route: ClassVar[str] = "past_events"


class TestRecording(DestinationContract):
    backend = RecordingDestination

    @pytest.fixture(autouse=True)
    def empty(self) -> Iterator[None]:
        RecordingDestination.reset()
        yield
        RecordingDestination.reset()

    def destination(self) -> Destination:
        return RecordingDestination(self.account(""), {})

    def requests(self) -> int:
        return len(RecordingDestination.calls)

    def refuse(self, key: str) -> None:
        def answer(envelopes: list[Envelope]) -> list[Receipt]:
            if key in {envelope.key for envelope in envelopes}:
                raise RejectedError("Refused", status=400)
            return [
                Receipt(kind=envelope.kind, key=envelope.key, outcome=Outcome.DELIVERED)
                for envelope in envelopes
            ]

        RecordingDestination.answer = answer

    def refuse_key(self) -> None:
        RecordingDestination.error = CredentialsError("Refused", status=401)

    def be_busy(self, seconds: int) -> None:
        RecordingDestination.error = TemporaryError("Busy", status=503, retry_after=seconds)
