"""The app inbox: whose token a browser gets, and what it costs when eSputnik is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

from esputnik_connector.models import Connection, Storefront
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "/esputnik/inbox/token"
TOKEN = "/api/v1/auth/contact/token"
SAME = {"HTTP_SEC_FETCH_SITE": "same-origin"}
ESPUTNIK = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik() as server:
        yield server


@pytest.fixture
def storefront(fake, plain_shop, settings) -> Storefront:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"esputnik": {"BACKEND": ESPUTNIK, "OPTIONS": {"rate": "1000/second"}}},
    }
    cache.clear()
    main = Connection.objects.create(name="main", api_key=fake.key, api_url=fake.api_url)
    return Storefront.objects.create(connection=main, domain="testserver", is_inbox=True)


@pytest.fixture
def customer(storefront, fake) -> Client:
    """Logged in, and known to eSputnik."""
    return known_customer(fake, "ada")


def known_customer(fake: FakeEsputnik, name: str) -> Client:

    user = get_user_model().objects.create_user(name, email=f"{name}@example.com")
    body = {
        "externalCustomerId": str(user.pk),
        "channels": [{"type": "email", "value": user.email}],
    }
    requests.post(f"{fake.api_url}/v1/contact", json=body, auth=("x", fake.key), timeout=5)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    client.key = str(user.pk)  # type: ignore[attr-defined]
    return client


def ask(client: Client, body: dict[str, Any] | None = None, **headers: str) -> Any:
    return client.post(ADDRESS, body or {}, **{**SAME, **headers})  # type: ignore[arg-type]


def asked(fake: FakeEsputnik) -> list[Any]:
    return [entry.body for entry in fake.requests(TOKEN)]


def test_a_customer_gets_the_token_of_their_own_messages(customer, fake):
    answer = ask(customer)
    assert answer.status_code == 200
    assert answer.json()["token"].endswith(f".{customer.key}")
    assert asked(fake) == [{"externalCustomerId": customer.key}]
    fake.assert_contract_kept()


def test_the_answer_is_kept_by_no_cache(customer):
    control = ask(customer)["Cache-Control"]
    assert "no-store" in control
    assert "private" in control


def test_nobody_gets_the_token_of_somebody_else(customer, fake):
    eve = known_customer(fake, "eve")
    wish = {
        "externalCustomerId": customer.key,
        "email": "ada@example.com",
        "phone": "+380501112233",
    }
    for body in (wish, {"extid": customer.key}):
        assert ask(eve, body).json()["token"].endswith(f".{eve.key}")
    eve.post(
        f"{ADDRESS}?externalCustomerId={customer.key}",
        wish,
        content_type="application/json",
        **SAME,
    )
    assert {body["externalCustomerId"] for body in asked(fake)} == {eve.key}


def test_who_is_not_logged_in_gets_none(storefront, fake):
    assert ask(Client(), {"externalCustomerId": "1"}).status_code == 403
    assert not asked(fake)


@pytest.mark.parametrize(
    "headers",
    [{"HTTP_SEC_FETCH_SITE": "cross-site"}, {"HTTP_SEC_FETCH_SITE": "none"},
     {"HTTP_SEC_FETCH_SITE": "", "HTTP_ORIGIN": "https://evil.example"},
     {"HTTP_SEC_FETCH_SITE": ""}],
)  # fmt: skip
def test_another_sites_page_gets_none(customer, fake, headers):
    answer = ask(customer, **headers)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer
    assert not asked(fake)


def test_it_is_off_until_the_merchant_switches_it_on(customer, storefront, fake):
    assert not Storefront._meta.get_field("is_inbox").default
    storefront.is_inbox = False
    storefront.save()
    assert ask(customer).status_code == 404
    storefront.delete()
    assert ask(customer).status_code == 404
    assert not asked(fake)


def test_only_a_post_asks(customer, fake):
    assert customer.get(ADDRESS, **SAME).status_code == 405
    assert not asked(fake)


def test_a_customer_whom_esputnik_does_not_know_has_no_messages(storefront, fake):
    client = Client()
    client.force_login(get_user_model().objects.create_user("new"))
    assert ask(client).status_code == 404


def test_a_slow_esputnik_is_waited_for_shortly_and_then_left_alone(customer, fake):
    fake.script(Fault("delay", path=TOKEN, seconds=20, times=None))
    start = time.monotonic()
    answer = ask(customer)
    assert time.monotonic() - start < 4
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    fake.clear_faults()
    start = time.monotonic()
    assert ask(customer).status_code == 503
    assert time.monotonic() - start < 0.5
    assert len(asked(fake)) == 1
    cache.clear()
    assert ask(customer).status_code == 200


@pytest.mark.parametrize(
    "body",
    [{}, [], "token", {"token": ""}, {"token": 5.5}, {"token": "a b"}, {"token": "x" * 5000},
     {"token": "<script>\n"}, {"token": None}],
)  # fmt: skip
def test_an_odd_answer_is_no_token(customer, fake, body):
    fake.script(Fault("status", status=200, body=body, path=TOKEN))
    answer = ask(customer)
    assert answer.status_code == 503
    assert "token" not in answer.json()


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_an_error_of_esputnik_is_no_error_of_the_shop(customer, fake, status, caplog):
    fake.script(Fault("status", status=status, path=TOKEN, times=None))
    assert ask(customer).status_code == 503
    assert fake.key not in caplog.text
    assert "ada@example.com" not in caplog.text


def test_a_paused_connection_is_not_asked(customer, storefront, fake):
    storefront.connection.pause("The key was refused")
    assert ask(customer).status_code == 503
    assert not asked(fake)


def test_the_silence_of_one_account_costs_nobody_elses_inbox(customer, fake, settings):
    settings.ALLOWED_HOSTS = ["*"]
    fake.script(Fault("status", status=500, path=TOKEN, times=None))
    assert ask(customer).status_code == 503
    fake.clear_faults()
    other = Connection.objects.create(name="other", api_key=fake.key, api_url=fake.api_url)
    Storefront.objects.create(connection=other, domain="other.example", is_inbox=True)
    assert ask(customer, HTTP_HOST="other.example").status_code == 200


def test_one_customer_cannot_ask_without_end(customer, fake, monkeypatch):
    monkeypatch.setattr("esputnik_connector.tracking.inbox.PER_CUSTOMER", 2)
    assert [ask(customer).status_code for _time in range(3)] == [200, 200, 429]
    assert ask(known_customer(fake, "eve")).status_code == 200
