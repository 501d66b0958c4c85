"""Answers that no document knows: each can be told, once or for ever, for one endpoint."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from esputnik_connector.testing.fake_esputnik import HALF_EMOJI, NUL, FakeEsputnik, Fault
from tests.contracts.wire import Caller, batch, contact, imported, order

ORDERS = "/api/v1/orders"


@pytest.mark.parametrize(
    ("kind", "text", "media_type"),
    [
        ("empty", "", ""),
        ("text_ok", "OK", "text/plain"),
        ("maintenance", '{"result": "maintenance"}', "application/json"),
        ("html_ok", "<html>", "text/html"),
    ],
)
@pytest.mark.parametrize(("when", "kept"), [("before", set()), ("after", {"100"})])
def test_a_200_that_says_nothing_may_or_may_not_have_done_its_work(
    fake: FakeEsputnik,
    call: Caller,
    kind: Any,
    text: str,
    media_type: str,
    when: Any,
    kept: set[str],
) -> None:
    fake.script(Fault(kind, path=ORDERS, when=when))
    answer = call("POST", "/v1/orders", {"orders": [order()]})

    assert (answer.status_code, answer.text.startswith(text)) == (200, True)
    assert answer.headers.get("Content-Type", "").startswith(media_type)
    assert set(fake.orders) == kept
    assert call("POST", "/v1/orders", {"orders": [order()]}).json() == {"failedOrders": []}


def test_an_oddity_may_last_for_ever_at_one_endpoint(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("maintenance", path="/api/v1/contacts", times=None))
    body = batch(contact("7", email="a@b.example"))

    answers = [call("POST", "/v1/contacts", body).json() for _ in range(3)]
    assert answers == [{"result": "maintenance"}] * 3
    assert call("POST", "/v1/orders", {"orders": [order()]}).json() == {"failedOrders": []}
    assert fake.state["sessions"] == []


def test_the_words_of_a_duplicate_may_stand_beside_refusals(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.script(Fault("duplicated_words"), Fault("refuse", ids=["100"]))
    answer = call("POST", "/v1/orders", {"orders": [order("99"), order("100")]})

    assert answer.status_code == 200
    assert "Duplicated request" in answer.text
    assert answer.json()["failedOrders"][0]["order"]["externalOrderId"] == "100"
    assert set(fake.orders) == {"99"}


def test_the_words_of_a_duplicate_may_be_the_error_of_one_record(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.script(Fault("refuse", ids=["100"], text="Duplicated request"))
    answer = call("POST", "/v1/orders", {"orders": [order("99"), order("100")]})

    assert answer.json()["failedOrders"][0]["error"] == "Duplicated request"


@pytest.mark.parametrize(("kind", "junk"), [("half_emoji", HALF_EMOJI), ("nul", NUL)])
def test_texts_of_an_answer_may_be_unstorable(
    fake: FakeEsputnik, call: Caller, kind: Any, junk: str
) -> None:
    fake.script(Fault(kind), Fault("refuse", ids=["100"], text="bad date"))
    answer = call("POST", "/v1/orders", {"orders": [order("99"), order("100")]})

    assert json.dumps(junk)[1:-1] in answer.text  # as an escape: the bytes are sound
    (failed,) = answer.json()["failedOrders"]
    assert failed["error"] == f"bad date{junk}"
    assert set(fake.orders) == {"99"}


@pytest.mark.parametrize(("kind", "junk"), [("half_emoji", HALF_EMOJI), ("nul", NUL)])
def test_only_named_fields_may_be_unstorable(
    fake: FakeEsputnik, call: Caller, kind: Any, junk: str
) -> None:
    fake.script(Fault(kind, names=["error"]), Fault("refuse", ids=["100"], text="bad date"))
    (failed,) = call("POST", "/v1/orders", {"orders": [order()]}).json()["failedOrders"]

    assert failed == {"order": order(), "error": f"bad date{junk}"}


def test_an_answer_without_texts_gets_one(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("nul"))
    answer = call("POST", "/v1/contact", contact("7", email="a@b.example")).json()

    assert answer == {"id": 1001, "message": f"words{NUL}"}


def test_the_state_of_an_import_stays_readable_beside_unstorable_words(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.script(
        Fault("import_error", text="File is broken"),
        Fault("half_emoji", path="/api/v1/importstatus", times=None),
    )
    status = imported(call, batch(contact("7", email="a@b.example")))

    assert (status["status"], status["description"]) == ("ERROR", f"File is broken{HALF_EMOJI}")


@pytest.mark.parametrize("status", [401, 503])
@pytest.mark.parametrize("junk", [HALF_EMOJI, NUL])
@pytest.mark.parametrize("is_json", [True, False])
def test_a_refusal_may_hold_unstorable_text(
    fake: FakeEsputnik, call: Caller, status: int, junk: str, is_json: bool
) -> None:
    words = f"no{junk}"
    fake.script(Fault("status", status=status, body={"message": words} if is_json else words))
    answer = call("GET", "/v1/account/info")

    assert answer.status_code == status
    if is_json:
        assert answer.json()["message"] == words
    else:
        assert answer.content == words.encode(errors="surrogatepass")


def test_another_process_can_script_unstorable_text(fake: FakeEsputnik, call: Caller) -> None:
    fault = {"kind": "status", "status": 503, "body": {"message": "no \ud83d"}}
    said = requests.post(f"{fake.url}/_fake/faults", json=fault, timeout=5)

    assert said.json()[0]["body"]["message"] == "no \ud83d"
    assert call("GET", "/v1/account/info").json()["message"] == "no \ud83d"
    assert requests.get(f"{fake.url}/", timeout=5).status_code == 200


def test_identifiers_may_be_longer_than_any_column(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(*[Fault("long_ids")] * 2)
    one = call("POST", "/v1/contact", contact("7", email="a@b.example")).json()
    many = call("POST", "/v1/contacts", batch(contact("8", email="c@d.example"))).json()

    assert len(str(one["id"])) == len(many["asyncSessionId"]) == 150
    fake.script(Fault("long_ids", times=None))
    path = f"/v1/importstatus/{many['asyncSessionId']}"
    polls = [call("GET", path).json() for _ in range(3)]
    assert polls[-1]["status"] == "FINISHED"
    assert len(str(polls[-1]["mapping"][0]["contactId"])) == 150


def test_a_session_can_be_asked_for_by_the_name_that_was_told(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.script(Fault("nul"))
    told = call("POST", "/v1/contacts", batch(contact("7", email="a@b.example"))).json()

    assert told["asyncSessionId"].endswith(NUL)
    assert call("GET", f"/v1/importstatus/{told['asyncSessionId'][:-1]}%00").status_code == 200


@pytest.mark.parametrize("kind", ["orders", "contacts"])
def test_a_refusal_may_name_nobody(fake: FakeEsputnik, call: Caller, kind: str) -> None:
    fake.script(Fault("refuse_nameless", ids=["7", "100"], text="closed period"))
    if kind == "orders":
        answer = call("POST", "/v1/orders", {"orders": [order("99"), order("100")]}).json()
        assert answer == {"failedOrders": [{"error": "closed period"}]}
        assert set(fake.orders) == {"99"}
    else:
        people = (contact("7", email="a@b.example"), contact("8", email="c@d.example"))
        answer = call("POST", "/v1/contacts", batch(*people)).json()
        assert answer["failedContacts"] == {"error": "closed period"}


def test_any_field_of_an_answer_can_be_changed(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("patch", path="/api/v1/importstatus", times=None, body={"mapping": []}))
    status = imported(call, batch(contact("7", email="a@b.example")))

    assert (status["status"], status["mapping"]) == ("FINISHED", [])
    with pytest.raises(ValueError, match="needs a body"):
        Fault("patch")


def test_a_request_may_be_taken_without_an_answer(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("silent", times=2))
    for number in ("1", "2"):
        with pytest.raises(requests.ReadTimeout):
            call("POST", "/v1/orders", {"orders": [order(number)]}, timeout=0.1)

    assert set(fake.orders) == {"1", "2"}
    assert [entry.status for entry in fake.log] == [None, None]


def test_an_import_that_failed_is_told_for_the_import_alone(
    fake: FakeEsputnik, call: Caller
) -> None:
    """A fault of imports waits for one, whatever else is asked before."""
    fake.script(Fault("import_error", text="no"))
    call("GET", "/v1/account/info")
    call("POST", "/v1/contact", contact("7", email="a@b.example"))

    assert imported(call, batch(contact("7", email="a@b.example")))["status"] == "ERROR"
