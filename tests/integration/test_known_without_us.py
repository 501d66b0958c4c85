"""Customers whom eSputnik knows before it confirmed them to us: by an order, by an upload whose
answer was lost. It finds them by their id then, and keeps the field that an upload searches by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from decimal import Decimal

import pytest
import requests

from esputnik_connector.models import Connection, OutboxMessage, SyncState
from esputnik_connector.operations.record.preview import Standing, preview
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Kind, Order
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault, Settings

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "a-key-of-the-fake-esputnik"
CONTACTS = "/api/v1/contact"  # and contacts
OLD, NEW = "old@example.com", "new@example.com"


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY, settings=Settings(import_polls=0)) as server:
        yield server


@pytest.fixture
def connection(plain_shop, settings, fake) -> Connection:
    backend = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"esputnik": {"BACKEND": backend, "OPTIONS": {"rate": "10000/second"}}},
    }
    return Connection.objects.create(
        name="main",
        destination="esputnik",
        api_key=KEY,
        api_url=fake.api_url,
        consent_policy="confirmed",
    )


@pytest.fixture
def work_off(connection, clock) -> Callable[[], None]:
    """Hours pass until nothing waits any more."""

    def work_off() -> None:
        for _ in range(6):
            Relay(Connection.objects.get(), clock=clock).run()
            clock.forward(hours=1)
        assert not OutboxMessage.objects.exists()

    return work_off


@pytest.fixture
def says(plain_shop) -> Callable[..., None]:
    """The customer has this address from now on, and one of everything else."""

    def say(email: str, **values: str) -> None:
        person = {"key": "1", "email": email, "phone": "380501112233", "first_name": "Olena"}
        plain_shop.people["1"] = Contact(**{**person, **values})
        capture.contact_changed("1")

    return say


@pytest.fixture
def buys(plain_shop) -> Callable[..., None]:
    def buy(**values: str) -> None:
        person = {"contact_key": "1", "email": OLD, "phone": "380501112233", **values}
        plain_shop.purchases["100"] = Order(
            key="100",
            placed_at=datetime.now(timezone.utc),
            status="New",
            currency="UAH",
            total=Decimal(10),
            **person,
        )
        capture.order_changed("100")

    return buy


def relay_once(clock) -> None:
    Relay(Connection.objects.get(), clock=clock).run()


@pytest.mark.parametrize("answer", ["with an answer", "without one"])
def test_whom_an_order_made_known_gets_the_address_of_later(
    connection, fake, says, buys, work_off, clock, answer
):
    fake.script(Fault("status", status=408, path=CONTACTS))
    if answer == "without one":
        fake.script(Fault("reset", when="after", path="/api/v1/orders"))
    says(OLD)
    buys()
    relay_once(clock)
    assert fake.contact("1")["email"] == OLD, "the order came first, and made the contact"
    says(NEW)
    work_off()
    assert fake.contact("1")["email"] == NEW


def test_an_upload_without_an_answer_does_not_keep_the_address_it_brought(
    connection, fake, says, work_off, clock
):
    fake.script(Fault("reset", when="after", path=CONTACTS, times=1))
    says(OLD)
    relay_once(clock)
    assert fake.contact("1")["email"] == OLD, "it was taken, and nobody was told"
    says(NEW)
    work_off()
    assert fake.contact("1")["email"] == NEW


def test_a_subscriber_who_bought_before_they_were_introduced_stays_one_person(
    connection, fake, says, buys, work_off, clock
):
    """Only another address is a reason to look for the id alone, which finds no subscriber."""
    fake.script(
        Fault("status", status=408, path=CONTACTS), Fault("reset", path="/api/v1/orders", times=1)
    )
    says(OLD)
    buys(phone="380509998877")
    relay_once(clock)
    assert fake.all_contacts == [], "neither was taken"
    subscribe(fake, OLD)
    work_off()
    (only,) = fake.all_contacts
    assert (only["email"], only["externalCustomerId"]) == (OLD, "1")


def subscribe(fake: FakeEsputnik, email: str) -> None:
    """Somebody leaves their address in a form of eSputnik's own."""
    body = {"channels": [{"type": "email", "value": email}]}
    with requests.Session() as session:
        session.trust_env = False
        url = f"{fake.api_url}/v1/contact"
        session.post(url, json=body, auth=("user", KEY), timeout=5).raise_for_status()


def test_a_customer_who_is_known_here_is_left_alone_by_their_orders(
    connection, fake, says, buys, work_off
):
    says(NEW)
    work_off()
    before = SyncState.objects.filter(kind=Kind.CONTACT.value).values().get()
    buys()
    work_off()
    assert SyncState.objects.filter(kind=Kind.CONTACT.value).values().get() == before


def test_whom_only_an_order_named_was_never_sent(connection, buys, says, clock, admin_client):
    buys()
    relay_once(clock)
    OutboxMessage.objects.all().delete()
    says(OLD)
    assert preview(connection, Kind.CONTACT, "1").standing is Standing.NEVER
    page = admin_client.get("/admin/esputnik_connector/syncstate/?kind__exact=contact")
    assert "named by an order, not sent yet" in page.content.decode()
