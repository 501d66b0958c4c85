"""Who gets in, where the paths lead, and what is no JSON."""

from __future__ import annotations

import pytest
import requests

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import Caller, contact


def test_any_user_name_goes_with_the_key(fake: FakeEsputnik) -> None:
    for user in ("", "user"):
        answer = requests.get(f"{fake.api_url}/v1/account/info", auth=(user, fake.key), timeout=5)
        assert answer.status_code == 200
        assert answer.json()["organisationName"] == "Fake organisation"


@pytest.mark.parametrize("auth", [None, ("user", "wrong"), ("fake-key", "")])
def test_a_wrong_key_is_a_401_in_json(fake: FakeEsputnik, auth: tuple[str, str] | None) -> None:
    answer = requests.get(f"{fake.api_url}/v1/account/info", auth=auth, timeout=5)

    assert answer.status_code == 401
    assert answer.json()["status"] == 401
    assert fake.log[0].authorized is (None if auth is None else False)


def test_a_revoked_key_stops_working(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(key="another")

    assert call("GET", "/v1/account/info").status_code == 401


def test_the_log_keeps_no_key(fake: FakeEsputnik, call: Caller) -> None:
    call("GET", "/v1/account/info")

    (entry,) = fake.requests("/api/v1/account", method="get")
    assert entry.authorized is True
    assert "authorization" not in {name.lower() for name in entry.headers}
    assert entry.status == 200


def test_one_session_is_one_connection(fake: FakeEsputnik, call: Caller) -> None:
    call("GET", "/v1/account/info")
    call("POST", "/v1/contact", contact("7", email="ann@shop.example"))

    assert len({entry.connection for entry in fake.log}) == 1


def test_unknown_paths_and_methods_are_told_apart(call: Caller) -> None:
    assert call("GET", "/v1/nothing").status_code == 404
    assert call("PATCH", "/v1/contact", {}).status_code == 405
    assert call("GET", "/v1/orders").status_code == 405
    assert call("GET", "/v1/group/1/contacts").status_code == 501


def test_only_json_is_taken(fake: FakeEsputnik, call: Caller) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert call("POST", "/v1/contact", data="a=b", headers=form).status_code == 415
    json_type = {"Content-Type": "application/json; charset=UTF-8"}
    for text in (b"{", b"", b'{"orders": NaN}', b'"\xff"'):
        assert call("POST", "/v1/orders", data=text, headers=json_type).status_code == 400
    messages = [violation.message for violation in fake.violations]
    assert messages == ["Send application/json; charset=UTF-8", *["The body is not JSON"] * 4]
