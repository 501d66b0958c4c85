"""Who is mailable afterwards: the state of each address, and what changes it."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import Caller, batch, contact, imported, order

MAIL = "ann@shop.example"


def subscribed(call: Caller, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = call("POST", "/v1/contact/subscribe", {"contact": body, **more}).json()
    return answer


@pytest.mark.parametrize("way", ["contact", "contacts", "orders"])
def test_an_ordinary_call_makes_a_person_mailable(
    fake: FakeEsputnik, call: Caller, way: str
) -> None:
    if way == "contact":
        call("POST", "/v1/contact", contact("7", email=MAIL))
    elif way == "contacts":
        imported(call, batch(contact("7", email=MAIL)))
    else:
        call("POST", "/v1/orders", {"orders": [order(email=MAIL)]})

    assert fake.mailable == [MAIL]
    assert (fake.contact("7") or {})["emailState"] == "confirmed"


def test_a_subscription_waits_for_its_confirmation(fake: FakeEsputnik, call: Caller) -> None:
    answer = subscribed(call, contact("7", email=MAIL), formType="customer")

    assert (answer["new"], answer["emailStatus"]) == (True, "NEED_CONFIRMATION")
    assert fake.mailable == []
    assert fake.addresses == {MAIL: "unconfirmed"}
    (event,) = fake.events("subscribeFromApi-customer")
    assert event["params"] == {"ContactId": answer["id"], "EmailAddress": MAIL}
    assert event["starts_workflow"] is True

    fake.put_address(MAIL, "confirmed")  # the click in the mail of the workflow
    assert fake.mailable == [MAIL]


def test_whoever_subscribes_again_raises_the_other_event(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(duplicate_seconds=0)
    subscribed(call, contact("7", email=MAIL))
    again = subscribed(call, contact("7", email=MAIL))

    assert (again["new"], again["emailStatus"]) == (False, "NEED_CONFIRMATION")
    assert [event["type"] for event in fake.events(source="subscribe")] == [
        "subscribeFromApi",
        "subscribeUpdateFromApi",
    ]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("confirmed", "ALREADY_SUBSCRIBED"),
        ("unconfirmed", "NEED_CONFIRMATION"),
        ("unsubscribed", "NEED_CONFIRMATION"),
        ("complained", "NEED_CONFIRMATION"),
        ("blacklisted", "BLACKLISTED"),
    ],
)
def test_a_subscription_tells_the_state_and_changes_none(
    fake: FakeEsputnik, call: Caller, state: str, said: str
) -> None:
    call("POST", "/v1/contact", contact("7", email=MAIL))
    fake.put_address(MAIL, state)

    assert subscribed(call, contact("7", email=MAIL))["emailStatus"] == said
    assert fake.addresses == {MAIL: state}


def test_a_subscription_keeps_known_channels_and_adds_the_missing(
    fake: FakeEsputnik, call: Caller
) -> None:
    call("POST", "/v1/contact", contact("7", sms="380501112233"))
    body = contact("7", email=MAIL, sms="380509998877", firstName="Ann")
    subscribed(call, body)

    held = fake.contact("7") or {}
    assert (held["sms"], held["email"], held["firstName"]) == ("380501112233", MAIL, "Ann")
    assert fake.mailable == []


def test_a_person_without_an_email_has_no_status(call: Caller) -> None:
    assert "emailStatus" not in subscribed(call, contact("7", sms="380501112233"))


@pytest.mark.parametrize("confirms", [False, True])
def test_whether_an_update_confirms_a_waiting_address_is_a_setting(
    fake: FakeEsputnik, call: Caller, confirms: bool
) -> None:
    fake.configure(update_confirms=confirms)
    mails = ["a@b.example", "c@d.example", "e@f.example"]
    for number, mail in enumerate(mails):
        subscribed(call, contact(str(number), email=mail))
    call("POST", "/v1/contact", contact("0", email=mails[0]))
    imported(call, batch(contact("1", email=mails[1])))
    call("POST", "/v1/orders", {"orders": [order(externalCustomerId="2", email=mails[2])]})

    assert fake.mailable == (mails if confirms else [])


def test_who_unsubscribed_stays_so_whatever_is_sent(fake: FakeEsputnik, call: Caller) -> None:
    """Also when the address was listed before its contact existed."""
    call("POST", "/v1/emails/unsubscribed/add", {"emails": ["Ann@shop.example"]})
    call("POST", "/v1/contact", contact("7", email=MAIL))
    call("POST", "/v1/contact", contact("8", email="bob@shop.example"))

    assert fake.mailable == ["bob@shop.example"]
    assert fake.addresses[MAIL] == "unsubscribed"


def test_taking_an_address_off_the_list_makes_it_mailable(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/contact", contact("7", email=MAIL))
    call("POST", "/v1/contact", contact("8", email="bob@shop.example"))
    fake.put_address("bob@shop.example", "blacklisted")
    call("POST", "/v1/emails/unsubscribed/add", {"emails": [MAIL]})
    assert fake.mailable == []

    call("POST", "/v1/emails/unsubscribed/delete", {"emails": [MAIL, "bob@shop.example"]})
    assert fake.mailable == [MAIL]


def test_only_the_main_address_of_a_living_contact_is_mailable(
    fake: FakeEsputnik, call: Caller
) -> None:
    two = [{"type": "email", "value": f"{name}@b.example"} for name in ("main", "other")]
    call("POST", "/v1/contact", {"externalCustomerId": "7", "channels": two})
    call("POST", "/v1/contact", contact("8", email=MAIL))
    call("DELETE", "/v1/contact", params={"externalCustomerId": "8", "erase": "false"})

    assert fake.mailable == ["main@b.example"]


def test_an_erased_address_is_forgotten_unless_it_wants_no_mail(
    fake: FakeEsputnik, call: Caller
) -> None:
    for number, mail in (("7", MAIL), ("8", "bob@shop.example")):
        call("POST", "/v1/contact", contact(number, email=mail))
    call("POST", "/v1/emails/unsubscribed/add", {"emails": [MAIL]})
    for number in ("7", "8"):
        call("DELETE", "/v1/contact", params={"externalCustomerId": number, "erase": "true"})

    assert fake.addresses == {MAIL: "unsubscribed"}


def test_another_process_can_play_the_recipient(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/contact", contact("7", email=MAIL))
    control = f"{fake.url}/_fake/addresses"

    assert requests.post(control, json={MAIL: "complained"}, timeout=5).json() == {
        MAIL: "complained"
    }
    assert requests.get(f"{fake.url}/_fake/state", timeout=5).json()["mailable"] == []
    assert requests.post(control, json={MAIL: "happy"}, timeout=5).status_code == 400
    with pytest.raises(ValueError, match="happy"):
        fake.put_address(MAIL, "happy")
