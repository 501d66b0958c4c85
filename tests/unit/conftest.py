"""What the unit tests share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.contracts.wire import problems_of


@pytest.fixture(autouse=True)
def _contract_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A request to eSputnik keeps the contract, also where a test answers it without the fake."""
    broken: list[str] = []
    send = requests.Session.send

    def noted(session: requests.Session, request: Any, **more: Any) -> requests.Response:
        broken.extend(problems_of(request))
        return send(session, request, **more)

    monkeypatch.setattr(requests.Session, "send", noted)
    yield
    assert broken == []
