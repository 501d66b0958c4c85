"""By what eSputnik finds a person: the same whether one contact goes or a thousand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests

from esputnik_connector.destinations.base import Delivered
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.identity import fingerprint
from esputnik_connector.records import Contact, Outcome, Person
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.unit.samples import ACCOUNT

KNOWN = Delivered(digest="before", fields=frozenset({"email"}))
PHONE = "+380501112233"


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=ACCOUNT.api_key) as server:
        server.configure(import_polls=0)
        yield server


@pytest.fixture(params=[1, 1000], ids=["bulk", "single"])
def destination(request, fake) -> Iterator[EsputnikDestination]:
    options = {"rate": "10000/second", "bulk_from": request.param}
    made = EsputnikDestination(replace(ACCOUNT, api_url=fake.api_url, fields=()), options)
    yield made
    made.close()


def send(destination: EsputnikDestination, *people: Contact, last=None) -> list[Outcome]:
    """Deliver and ask what came of it, as a worker does."""
    envelopes = [destination.prepare(one, last=last) for one in people]
    receipts = list(destination.deliver(envelopes))
    waiting = {one.session for one in receipts if one.outcome is Outcome.ACCEPTED}
    locators = {
        one.key: {
            name: fingerprint(value, salt=ACCOUNT.salt)
            for name, value in (("email", one.email), ("phone", one.phone))
            if value
        }
        for one in people
    }
    ends = {one.key: one for one in receipts}
    for session in waiting:
        keys = [one.key for one in receipts if one.session == session]
        ends |= {one.key: one for one in destination.resolve(session, keys, locators=locators)}
    return [ends[one.key].outcome for one in people]


def seed(fake: FakeEsputnik, **contact: object) -> int:
    """A card that was there before; its number."""
    channels = [
        {"type": kind, "value": contact.pop(kind)} for kind in ("email", "sms") if kind in contact
    ]
    request = requests.post(
        f"{fake.api_url}/v1/contact",
        json={"channels": channels, **contact},
        auth=("user", fake.key),
        timeout=5,
    )
    return int(request.json()["id"])


def test_a_subscriber_who_becomes_a_customer_stays_one_person(fake, destination):
    number = seed(fake, email="ann@example.com", firstName="Ann")
    person = Contact(key="7", email="ann@example.com", phone=PHONE, last_name="Bee")
    assert send(destination, person) == [Outcome.DELIVERED]
    assert [one["id"] for one in fake.all_contacts] == [number]
    assert fake.all_contacts[0]["externalCustomerId"] == "7"
    assert fake.all_contacts[0]["sms"] == PHONE[1:]


def test_a_customer_without_an_address_is_found_by_phone(fake, destination):
    number = seed(fake, sms=PHONE[1:])
    assert send(destination, Contact(key="7", phone=PHONE, last_name="Bee")) == [Outcome.DELIVERED]
    assert [(one["id"], one["externalCustomerId"]) for one in fake.all_contacts] == [(number, "7")]


def test_a_customer_who_is_known_is_found_by_id_and_gets_the_new_address(fake, destination):
    send(destination, Contact(key="7", email="old@example.com"))
    replacing = replace(KNOWN, locators=frozenset({"email"}))
    send(destination, Contact(key="7", email="new@example.com"), last=replacing)
    assert [one["email"] for one in fake.all_contacts] == ["new@example.com"]


def test_a_guest_overwrites_nobody_who_has_the_same_phone(fake, destination):
    seed(fake, email="ann@example.com", sms=PHONE[1:], firstName="Ann", externalCustomerId="7")
    guest = Contact(
        key="guest:1", email="bee@example.com", phone=PHONE, first_name="Bee", is_guest=True
    )
    assert send(destination, guest) == [Outcome.DELIVERED]
    assert sorted((one["email"], one["firstName"]) for one in fake.all_contacts) == [
        ("ann@example.com", "Ann"),
        ("bee@example.com", "Bee"),
    ]


def test_a_new_customer_overwrites_no_guest_who_has_the_same_phone(fake, destination):
    seed(fake, email="ann@example.com", sms=PHONE[1:], firstName="Ann")
    send(destination, Contact(key="7", email="bee@example.com", phone=PHONE, first_name="Bee"))
    assert sorted((one["email"], one["firstName"]) for one in fake.all_contacts) == [
        ("ann@example.com", "Ann"),
        ("bee@example.com", "Bee"),
    ]


def delete(fake: FakeEsputnik, key: str) -> None:
    requests.delete(
        f"{fake.api_url}/v1/contact",
        params={"externalCustomerId": key, "erase": "false"},
        auth=("user", fake.key),
        timeout=5,
    )


@pytest.mark.parametrize("last", [None, KNOWN], ids=["first", "later"])
def test_a_contact_that_was_deleted_there_comes_back(fake, destination, last):
    seed(fake, email="ann@example.com", externalCustomerId="7")
    delete(fake, "7")
    person = Contact(key="7", email="ann@example.com", first_name="Ann")
    assert send(destination, person, last=last) == [Outcome.DELIVERED]
    assert [one["restored"] for one in fake.all_contacts] == [True]


@pytest.mark.parametrize("bulk_from", [1, 1000])
@pytest.mark.parametrize("last", [None, KNOWN], ids=["first", "later"])
def test_or_is_left_alone_where_the_project_says_so(fake, bulk_from, last):
    seed(fake, email="ann@example.com", externalCustomerId="7")
    delete(fake, "7")
    options = {"rate": "10000/second", "bulk_from": bulk_from, "restore_deleted": False}
    destination = EsputnikDestination(replace(ACCOUNT, api_url=fake.api_url), options)
    person = Contact(key="7", email="ann@example.com", first_name="Ann")
    assert send(destination, person, last=last) == [Outcome.DEFERRED]
    destination.close()
    assert [one["deleted"] for one in fake.all_contacts] == [True]


def test_the_language_is_told_of_customers_alone(fake, destination):
    """Of others eSputnik does not keep it."""
    person = Contact(key="7", email="ann@example.com", language="uk")
    guest = Contact(key="guest:1", email="bee@example.com", language="uk", is_guest=True)
    told = [destination.prepare(one, last=None).payload["contact"] for one in (person, guest)]
    assert [one.get("languageCode") for one in told] == ["uk", None]


def test_a_guests_card_keeps_the_language_that_it_had(destination):
    guest = Contact(key="guest:1", email="bee@example.com", language="uk", is_guest=True)
    last = replace(KNOWN, fields=frozenset({"email", "languageCode"}))
    assert destination.prepare(guest, last=last).clears == frozenset()


@pytest.mark.parametrize("is_guest", [True, False])
def test_whoever_is_introduced_without_consent_overwrites_nobody_either(
    fake, destination, is_guest
):
    """``POST /v1/contact/subscribe`` looks by phone too."""
    seed(fake, email="ann@example.com", sms=PHONE[1:], firstName="Ann")
    person = Contact(
        key="7", email="bee@example.com", phone=PHONE, first_name="Bee", is_guest=is_guest
    )
    envelope = destination.prepare(person, last=None)
    who = Person(contact_key="" if is_guest else "7", email=person.email, phone=PHONE)
    (receipt,) = destination.deliver([replace(envelope, introduces=who)])
    assert receipt.outcome is Outcome.ACCEPTED
    destination.resolve(receipt.session, ["7"], locators={})
    assert sorted((one["email"], one["firstName"]) for one in fake.all_contacts) == [
        ("ann@example.com", "Ann"),
        ("bee@example.com", "Bee"),
    ]
    assert fake.addresses["bee@example.com"] == "unconfirmed"


# -- two people with one address -------------------------------------------------------------------


@pytest.fixture
def uploading(fake) -> Iterator[EsputnikDestination]:
    """Every contact goes by an upload."""
    options = {"rate": "10000/second", "bulk_from": 1}
    made = EsputnikDestination(replace(ACCOUNT, api_url=fake.api_url, fields=()), options)
    yield made
    made.close()


@pytest.mark.parametrize("lost", ["7", "8"])
@pytest.mark.parametrize(
    "address", [{"email": "Both@example.com", "phone": PHONE}, {"phone": PHONE}], ids=str
)
def test_of_two_customers_with_one_address_neither_speaks_for_the_other(
    fake, uploading, lost, address
):
    """The result of an upload names them by the address: the row of whoever was stored must not
    count for whoever was not."""
    fake.script(Fault("import_skip", ids=[lost], times=None))
    people = [Contact(key=key, first_name="Ann", **address) for key in ("7", "8")]

    outcomes = dict(zip(("7", "8"), send(uploading, *people), strict=True))

    assert outcomes.pop(lost) == Outcome.DEFERRED
    assert [*outcomes.values()] == [Outcome.DELIVERED]


def test_people_with_addresses_of_their_own_share_an_upload(fake, uploading):
    send(uploading, *(Contact(key=str(n), email=f"{n}@example.com") for n in range(20)))
    assert len(fake.requests("/api/v1/contacts", "POST")) == 1
