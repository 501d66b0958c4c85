"""A fake eSputnik, and a caller. A broken contract fails the test that broke it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import Caller


@pytest.fixture(scope="module")
def server() -> Iterator[FakeEsputnik]:
    with FakeEsputnik() as running:
        yield running


@pytest.fixture
def fake(server: FakeEsputnik) -> Iterator[FakeEsputnik]:
    server.reset()
    yield server
    server.assert_contract_kept()


@pytest.fixture
def call(fake: FakeEsputnik) -> Iterator[Caller]:
    caller = Caller(fake)
    with caller.session:
        yield caller
