"""Who gets in, where the paths lead, and what is no JSON."""

from __future__ import annotations

import pytest
import requests

from esputnik_connector.testing.fake_esputnik import BrokenContractError, FakeEsputnik, Fault
from tests.contracts.wire import Caller, contact, order


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


def test_unknown_paths_and_methods_are_told_apart(fake: FakeEsputnik, call: Caller) -> None:
    assert call("GET", "/v1/nothing").status_code == 404
    assert call("PATCH", "/v1/contact", {}).status_code == 405
    assert call("GET", "/v1/orders").status_code == 405
    assert call("GET", "/v1/contact/seven").status_code == 404
    assert call("GET", "/v1/group/1/contacts").status_code == 501

    assert [violation.message for violation in fake.take_violations()] == [
        "No such path: /api/v1/nothing",
        "Method PATCH is not allowed",
        "Method GET is not allowed",
        "path parameter 'id': 'seven' is not an integer",
    ]


def test_only_json_is_taken(fake: FakeEsputnik, call: Caller) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert call("POST", "/v1/contact", data="a=b", headers=form).status_code == 415
    json_type = {"Content-Type": "application/json; charset=UTF-8"}
    for text in (b"{", b"", b'{"orders": NaN}', b'"\xff"'):
        assert call("POST", "/v1/orders", data=text, headers=json_type).status_code == 400
    messages = [violation.message for violation in fake.take_violations()]
    assert messages == ["Send application/json; charset=UTF-8", *["The body is not JSON"] * 4]


def test_whatever_is_answered_a_request_is_held_against_the_contract(
    fake: FakeEsputnik, call: Caller
) -> None:
    """A scripted failure, a wrong key or a lost connection hides no mistake of the caller."""
    wrong = {"orders": [order(deliveryCost=1)]}
    fake.script(Fault("status", status=503), Fault("text_ok"))
    for _ in range(2):
        call("POST", "/v1/orders", wrong)
    fake.script(Fault("close"))
    with pytest.raises(requests.ConnectionError):
        call("POST", "/v1/orders", wrong, headers={"Connection": "close"})
    fake.configure(key="another")
    assert call("POST", "/v1/orders", wrong).status_code == 401

    assert ["deliveryCost" in one.message for one in fake.take_violations()] == [True] * 4
    assert [len(entry.violations) for entry in fake.log] == [1] * 4


def test_leaving_the_fake_fails_when_the_contract_was_broken() -> None:
    with (
        pytest.raises(BrokenContractError, match="GET /api/v1/nothing: No such path"),
        FakeEsputnik() as fake,
    ):
        requests.get(f"{fake.api_url}/v1/nothing", auth=("", fake.key), timeout=5)


def test_a_violation_that_was_expected_fails_nothing() -> None:
    with FakeEsputnik() as fake:
        requests.get(f"{fake.api_url}/v1/nothing", auth=("", fake.key), timeout=5)
        (violation,) = fake.take_violations()
    assert violation.path == "/api/v1/nothing"


def test_an_error_of_the_test_itself_is_not_covered_up() -> None:
    with pytest.raises(ZeroDivisionError), FakeEsputnik() as fake:
        requests.get(f"{fake.api_url}/v1/nothing", auth=("", fake.key), timeout=5)
        raise ZeroDivisionError


def test_outside_of_the_api_there_is_nothing_to_break(fake: FakeEsputnik) -> None:
    assert requests.get(f"{fake.url}/favicon.ico", timeout=5).status_code == 401
