"""Every shape in which eSputnik may answer of domains and tokens is read, in one place each."""

from __future__ import annotations

import pytest

from esputnik_connector.destinations.esputnik.answers.domains import entries_of, spellings
from esputnik_connector.destinations.esputnik.inbox import token_in, token_of
from esputnik_connector.destinations.responses import Answer
from esputnik_connector.destinations.site import host_of
from esputnik_connector.exceptions import CredentialsError, RejectedError, TemporaryError

SHOP = "shop.example"
WORKER = {"domain": SHOP, "serviceWorkerName": "sw.js"}
TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.x-y_z"


@pytest.mark.parametrize(
    "body",
    [
        [WORKER],
        WORKER,
        {"domains": [WORKER]},
        {"domains": WORKER},
        {"data": {"domains": [WORKER]}},
        {"success": [WORKER], "errors": []},
        {"errors": [], "total": 1, "domains": [WORKER]},
        {"result": {"items": [WORKER]}},
        {SHOP: {"serviceWorkerName": "sw.js"}},
        {"domains": {SHOP: {"serviceWorkerName": "sw.js"}}},
        [{"host": SHOP, "serviceWorkerName": "sw.js"}],
        [{"name": SHOP, "serviceWorkerName": "sw.js"}],
        [[WORKER]],
    ],
)
def test_a_domain_is_found_with_what_is_said_of_it(body):
    (found,) = entries_of(body)
    assert (found["domain"], found["serviceWorkerName"]) == (SHOP, "sw.js")


@pytest.mark.parametrize(
    "body", [[SHOP], SHOP, {"domains": [SHOP]}, {"domains": SHOP} | {"domain": SHOP}, [f" {SHOP} "]]
)
def test_a_bare_name_is_a_domain(body):
    assert [one["domain"] for one in entries_of(body)] == [SHOP]


def test_several_keep_their_order():
    both = [f"https://{SHOP}", {"domain": "other.example"}]
    assert [one["domain"] for one in entries_of(both)] == [f"https://{SHOP}", "other.example"]


@pytest.mark.parametrize(
    "body",
    [
        None, [], {}, "", "OK", 7, True, [None, 7, True, {}], {"errors": []}, {"domains": []},
        {"domains": None}, {"message": "nothing here"}, "<html><body>Sign in.</body></html>",
        {"data": {"data": {"data": {"data": [SHOP]}}}}, {"domain": ""}, [["OK"]],
    ],
)  # fmt: skip
def test_what_names_no_domain_is_none(body):
    assert entries_of(body) == []


@pytest.mark.parametrize(
    "written",
    [
        SHOP, f"https://{SHOP}", f"http://{SHOP}/", f"//{SHOP}", f"https://{SHOP}/push/",
        f"{SHOP}.", " HTTPS://Shop.Example ", f"{SHOP}/",
    ],
)  # fmt: skip
def test_a_domain_is_the_same_however_it_is_spelt(written):
    assert host_of(written) == SHOP


@pytest.mark.parametrize("written", ["", "  ", "http://[", "two words", "<html>", "https://"])
def test_what_is_no_host_is_none(written):
    assert host_of(written) == ""


def test_a_port_belongs_to_the_host():
    assert host_of("http://localhost:8000/") == "localhost:8000"


@pytest.mark.parametrize(
    ("written", "tried"),
    [
        (f"https://{SHOP}", (f"https://{SHOP}", SHOP)),
        (SHOP, (SHOP, f"https://{SHOP}")),
        (f"http://{SHOP}", (f"http://{SHOP}", f"https://{SHOP}", SHOP)),
    ],
)
def test_first_it_is_asked_for_as_it_was_registered(written, tried):
    assert spellings(written) == tried


@pytest.mark.parametrize(
    "body",
    [
        {"token": TOKEN},
        {"accessToken": TOKEN},
        {"access_token": TOKEN, "expires": 3600},
        {"data": {"token": TOKEN}},
        {"result": {"token": TOKEN}, "status": "OK"},
        {"success": TOKEN},
        TOKEN,
    ],
)
def test_a_token_is_found(body):
    assert token_in(body) == TOKEN


@pytest.mark.parametrize(
    "body",
    [
        None, [], {}, "", "OK", {"result": "OK"}, {"token": ""}, {"token": 7}, {"token": None},
        {"token": "<script>"}, {"token": "x" * 4097}, "<html><body>Sign in here, please", [TOKEN],
        {"success": True},
    ],
)  # fmt: skip
def test_what_is_no_token_is_none(body):
    assert token_in(body) == ""


class Client:
    """Takes the id under one name alone."""

    def __init__(self, takes: str, error: Exception | None = None) -> None:
        self.takes, self.error, self.asked = takes, error, []

    def contact_token(self, key: str, *, name: str) -> Answer:
        self.asked.append(name)
        if name != self.takes:
            raise self.error or RejectedError("Unrecognized field", status=400)
        return Answer(status=200, body={"token": f"{TOKEN}{key}"})


@pytest.mark.parametrize(
    ("takes", "asked"),
    [("externalCustomerId", ["externalCustomerId"]), ("extid", ["externalCustomerId", "extid"])],
)
def test_the_id_is_asked_by_under_either_name(takes, asked):
    client = Client(takes)
    assert token_of(client, "7") == f"{TOKEN}7"
    assert client.asked == asked


def test_who_takes_neither_is_quoted_with_the_first_refusal():
    client = Client("nothing")
    with pytest.raises(RejectedError, match="Unrecognized field"):
        token_of(client, "7")
    assert client.asked == ["externalCustomerId", "extid"]


@pytest.mark.parametrize(
    "error",
    [
        RejectedError("not found", status=404),
        CredentialsError("no", status=401),
        TemporaryError("away"),
    ],
)
def test_another_answer_is_no_reason_to_ask_again(error):
    client = Client("extid", error)
    with pytest.raises(type(error)):
        token_of(client, "7")
    assert client.asked == ["externalCustomerId"]
