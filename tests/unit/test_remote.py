"""What eSputnik really holds: asked as its document says, and never taken for granted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.exceptions import TemporaryError
from esputnik_connector.records import Erasure, Outcome, Reason
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.unit.samples import ACCOUNT, CONTACT

DELIVERED, DEFERRED = Outcome.DELIVERED, Outcome.DEFERRED
STRICT = {"search_answers": "base", "search_by_id_alone": True}


@pytest.fixture(params=["lists", "objects"])
def fake(request) -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=ACCOUNT.api_key) as server:
        server.configure(import_polls=0, lists_of_one=request.param, **STRICT)
        yield server


@pytest.fixture
def destination(fake) -> Iterator[EsputnikDestination]:
    account = replace(ACCOUNT, api_url=fake.api_url, fields=())
    made = EsputnikDestination(account, {"rate": "10000/second"})
    yield made
    made.close()


def put(fake: FakeEsputnik, **contact: object) -> str:
    """A card of eSputnik's own; its number."""
    answer = requests.post(
        f"{fake.api_url}/v1/contact", json=contact, auth=("user", fake.key), timeout=5
    )
    return str(answer.json()["id"])


def email(value: str) -> list[dict[str, str]]:
    return [{"type": "email", "value": value}]


def erase(destination, **erasure: Any):
    (receipt,) = destination.deliver([destination.prepare(Erasure(**erasure), last=None)])
    return receipt


# Compare with eSputnik


def test_a_contact_that_is_as_it_was_sent_does_not_differ(fake, destination):
    envelope = destination.prepare(replace(CONTACT, attributes={}), last=None)
    put(fake, **envelope.payload["contact"])
    found = destination.look_up(envelope)
    assert found.is_found
    assert found.differing == ()
    assert [one.path for one in fake.requests(method="GET")][-1].startswith("/api/v1/contact/")


def test_what_differs_is_named(fake, destination):
    envelope = destination.prepare(replace(CONTACT, attributes={}), last=None)
    put(fake, **{**envelope.payload["contact"], "languageCode": "en", "firstName": "Olha"})
    assert set(destination.look_up(envelope).differing) == {"firstName", "languageCode"}


def test_a_contact_with_the_address_and_another_id_is_told(fake, destination):
    put(fake, channels=email(CONTACT.email), externalCustomerId="43")
    found = destination.look_up(destination.prepare(CONTACT, last=None))
    assert found.is_found
    assert "externalCustomerId" in found.differing


def test_a_contact_that_is_not_there_is_not_found(destination):
    assert not destination.look_up(destination.prepare(CONTACT, last=None)).is_found


def test_an_answer_that_says_nothing_is_no_absence(fake, destination):
    fake.script(Fault("maintenance", path="/api/v1/contacts", times=None))
    with pytest.raises(TemporaryError, match="does not say"):
        destination.look_up(destination.prepare(CONTACT, last=None))


# Erasure


def test_a_customer_is_erased_and_looked_for_afterwards(fake, destination):
    put(fake, channels=email("ann@example.com"), externalCustomerId="7")
    assert erase(destination, key="7").outcome is DELIVERED
    assert not fake.all_contacts
    assert fake.requests("/api/v1/contacts", method="GET")


def test_whoever_is_still_there_after_their_erasure_is_erased_again(fake, destination):
    """An upload of theirs was worked off in between."""
    put(fake, channels=email("ann@example.com"), externalCustomerId="7")
    fake.script(Fault("status", path="/api/v1/contact", method="DELETE", status=404, times=1))
    receipt = erase(destination, key="7")
    assert (receipt.outcome, receipt.reason) == (DEFERRED, Reason.STILL_THERE)
    assert receipt.is_counted
    assert erase(destination, key="7").outcome is DELIVERED
    assert not fake.all_contacts


def test_a_guest_is_erased_by_the_number_that_their_upload_told(fake, destination):
    number = put(fake, channels=email("ann@example.com"))
    assert erase(destination, key="guest:1", remote_id=number).outcome is DELIVERED
    assert not fake.all_contacts


def test_a_guest_is_erased_by_their_address(fake, destination):
    put(fake, channels=email("ann@example.com"))
    put(fake, channels=email("bee@example.com"))
    assert erase(destination, key="guest:1", emails=("Ann@example.com",)).outcome is DELIVERED
    assert [one["email"] for one in fake.all_contacts] == ["bee@example.com"]


def test_a_customer_who_has_the_guests_address_stays(fake, destination):
    number = put(fake, channels=email("ann@example.com"), externalCustomerId="8")
    receipt = erase(destination, key="guest:1", emails=("ann@example.com",), remote_id=number)
    assert receipt.outcome is DELIVERED
    assert len(fake.all_contacts) == 1


def test_who_is_only_marked_as_deleted_is_not_looked_for(fake):
    account = replace(ACCOUNT, api_url=fake.api_url, erase_mode="deactivate")
    destination = EsputnikDestination(account, {"rate": "10000/second"})
    put(fake, channels=email("ann@example.com"), externalCustomerId="7")
    assert erase(destination, key="7").outcome is DELIVERED
    destination.close()
    assert [one["deleted"] for one in fake.all_contacts] == [True]
