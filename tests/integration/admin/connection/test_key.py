"""Pasting an API key, against the fake eSputnik over real HTTP."""

from __future__ import annotations

import time

import pytest
from django.core.exceptions import ValidationError
from django.db import connections

from esputnik_connector.destinations.base import AccountInfo
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.exceptions import RejectedError
from esputnik_connector.fields import reveal
from esputnik_connector.models import (
    Connection,
)
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from esputnik_connector.testing.recording import RecordingDestination
from tests.connection_page import HERE, KEY, OTHER_KEY, form, texts, url

pytestmark = pytest.mark.django_db


def test_a_good_key_connects_at_once_and_binds_this_installation(merchant, fake):
    response = merchant.post(
        url("add"), form(new_key=f"  {KEY}\r\n\u200b", api_url=fake.api_url), follow=True
    )

    connection = Connection.objects.get()
    assert "Connected to Fake organisation." in texts(response)
    assert "Connected to Fake organisation" in response.content.decode()
    assert reveal(connection.api_key) == KEY
    assert connection.verified_at is not None
    assert connection.environment == HERE
    assert KEY not in response.content.decode()


def test_a_wrong_key_is_explained_at_the_field_and_nothing_is_saved(merchant, fake):
    response = merchant.post(url("add"), form(new_key=OTHER_KEY, api_url=fake.api_url))

    page = response.content.decode()
    assert response.status_code == 200
    assert "eSputnik refused this key" in page
    assert "not kept in the page" in page
    assert OTHER_KEY not in page
    assert not Connection.objects.exists()


def test_a_wrong_key_leaves_the_good_one_in_its_place(merchant, stored):
    response = merchant.post(
        url("change", stored.pk), form(stored, new_key=OTHER_KEY, name="renamed")
    )

    assert "eSputnik refused this key" in response.content.decode()
    stored.refresh_from_db()
    assert (stored.name, reveal(stored.api_key)) == ("main", KEY)


def test_a_refusal_that_quotes_the_key_does_not_show_it(merchant, fake):
    fake.script(Fault("status", status=401, body={"message": f"bad key {OTHER_KEY}"}))

    response = merchant.post(url("add"), form(new_key=OTHER_KEY, api_url=fake.api_url))

    assert "eSputnik refused this key" in response.content.decode()
    assert OTHER_KEY not in response.content.decode()


@pytest.mark.django_db(transaction=True)
def test_no_request_is_made_inside_a_transaction(merchant, fake, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    seen: list[bool] = []
    verify = EsputnikDestination.verify

    def spy(self: EsputnikDestination) -> AccountInfo:
        seen.append(connections["default"].in_atomic_block)
        return verify(self)

    monkeypatch.setattr(EsputnikDestination, "verify", spy)

    merchant.post(url("add"), form(new_key=KEY, api_url=fake.api_url))
    connection = Connection.objects.get()
    merchant.post(url("change", connection.pk), form(connection, new_key=KEY))
    merchant.post(url("test", connection.pk))

    assert seen == [False, False, False]


def test_an_unreachable_esputnik_does_not_keep_the_key_from_being_saved(merchant, fake):
    fake.script(Fault("status", status=503, times=None))

    response = merchant.post(url("add"), form(new_key=KEY, api_url=fake.api_url), follow=True)

    connection = Connection.objects.get()
    assert "could not be reached" in texts(response)
    assert "The key was not checked yet" in response.content.decode()
    assert (reveal(connection.api_key), connection.verified_at) == (KEY, None)


def test_a_new_key_that_could_not_be_checked_is_not_taken_for_the_old_one(merchant, stored, fake):
    stored.accept_key("Old organisation", "1")
    stored.pause("Refused with 401")
    fake.script(Fault("status", status=503, times=None))

    merchant.post(url("change", stored.pk), form(stored, new_key=OTHER_KEY))

    stored.refresh_from_db()
    assert reveal(stored.api_key) == OTHER_KEY
    assert (stored.verified_at, stored.organisation, stored.paused_at) == (None, "", None)


def test_an_address_that_answers_like_something_else_is_told(merchant, fake):
    fake.script(Fault("status", status=404, body="nothing here", times=None))

    response = merchant.post(url("add"), form(new_key=KEY, api_url=fake.api_url))

    assert "does not look like eSputnik" in response.content.decode()
    assert not Connection.objects.exists()


class Picky(RecordingDestination):
    """A destination that refuses the request itself."""

    def verify(self) -> AccountInfo:
        raise RejectedError(f"Refused with 404: {self.account.api_key}", status=404)


def test_an_address_that_refuses_is_explained_at_the_address(merchant, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"picky": {"BACKEND": f"{__name__}.Picky"}},
    }

    response = merchant.post(url("add"), form(new_key=KEY, destination="picky"))

    assert "Refused with 404" in str(response.context["adminform"].form.errors["api_url"])
    assert KEY not in response.content.decode()
    assert not Connection.objects.exists()


def test_an_empty_key_field_keeps_the_key_and_asks_nobody(merchant, stored, fake):
    stored.accept_key("Fake organisation", "1")

    merchant.post(url("change", stored.pk), form(stored, sync_carts=""))

    stored.refresh_from_db()
    assert reveal(stored.api_key) == KEY
    assert stored.sync_carts is False
    assert stored.verified_at is not None
    assert fake.log == []


def test_events_of_products_are_off_until_somebody_ticks_them(merchant, stored):
    page = merchant.get(url("change", stored.pk)).content.decode()
    assert "tell people when a product is back" in page.lower()
    assert "Oscar itself writes to the same people" in page
    assert "in a wish list, at most one a day" in page
    assert (stored.send_back_in_stock, stored.send_price_drop) == (False, False)

    merchant.post(url("change", stored.pk), form(stored, send_back_in_stock="on"))
    stored.refresh_from_db()
    assert (stored.send_back_in_stock, stored.send_price_drop) == (True, False)


def test_a_changed_path_is_checked_with_the_stored_key(merchant, stored):
    former = stored.api_url
    stored.api_key = OTHER_KEY
    stored.save()

    response = merchant.post(url("change", stored.pk), form(stored, api_url=f"{former}/"))

    assert "eSputnik refused this key" in response.content.decode()
    stored.refresh_from_db()
    assert stored.api_url == former


def test_a_plain_http_address_is_refused_without_a_request(merchant, fake):
    response = merchant.post(
        url("add"), form(new_key=KEY, api_url="http://esputnik.example.com/api")
    )

    assert "Use https" in response.content.decode()


def test_the_key_is_never_rendered(merchant, stored):
    pages = [
        merchant.get(url("changelist")),
        merchant.get(url("change", stored.pk)),
        merchant.get(url("history", stored.pk)),
        merchant.get(url("delete", stored.pk)),
        merchant.post(url("change", stored.pk), form(stored, new_key=KEY, name="")),
        merchant.post(url("change", stored.pk), form(stored, new_key=KEY), follow=True),
        merchant.post(url("test", stored.pk), follow=True),
    ]

    ciphertext = str(Connection.objects.get().api_key)
    for page in pages:
        assert page.status_code == 200
        assert KEY not in page.content.decode()
        assert ciphertext not in page.content.decode()


def test_the_stored_key_is_shown_by_its_last_four_characters(merchant, stored):
    assert f"•••• {KEY[-4:]}" in merchant.get(url("change", stored.pk)).content.decode()


def test_a_short_key_is_not_given_away_by_its_end(merchant, stored):
    stored.api_key = "abcd"
    stored.save()

    page = merchant.get(url("change", stored.pk)).content.decode()

    assert "••••" in page
    assert "•••• abcd" not in page


@pytest.mark.parametrize("fault", ["silent", "drip"])
def test_a_slow_esputnik_keeps_a_person_waiting_for_seconds_only(merchant, fake, fault):
    fake.script(Fault(fault, seconds=1, times=None))
    started = time.monotonic()

    response = merchant.post(url("add"), form(new_key=KEY, api_url=fake.api_url), follow=True)

    assert time.monotonic() - started < 8
    assert "could not be reached" in texts(response)
    assert reveal(Connection.objects.get().api_key) == KEY


def test_the_test_button_waits_for_seconds_only(merchant, stored, fake):
    fake.script(Fault("silent", times=None))
    started = time.monotonic()

    response = merchant.post(url("test", stored.pk), follow=True)

    assert time.monotonic() - started < 8
    assert "could not be reached" in texts(response)


def test_an_answer_that_breaks_off_says_nothing_of_the_address(merchant, fake):
    fake.script(Fault("status", status=200, body='{"organisationName": "Fa', times=None))

    response = merchant.post(url("add"), form(new_key=KEY, api_url=fake.api_url), follow=True)

    assert "so the key is not checked" in texts(response)
    assert reveal(Connection.objects.get().api_key) == KEY


def elsewhere(connection: Connection) -> str:
    return connection.api_url.replace("127.0.0.1", "localhost")


def test_the_stored_key_is_sent_to_no_other_host(merchant, stored):
    with FakeEsputnik(key=KEY) as thief:
        response = merchant.post(url("change", stored.pk), form(stored, api_url=thief.api_url))

        assert thief.log == []
    assert "Paste the key again" in response.content.decode()
    stored.refresh_from_db()
    assert thief.api_url != stored.api_url


def test_another_host_is_taken_with_the_key(merchant, stored):
    new = elsewhere(stored)

    merchant.post(url("change", stored.pk), form(stored, api_url=new, new_key=KEY))

    stored.refresh_from_db()
    assert stored.api_url == new


def test_another_destination_takes_the_key_again(merchant, stored, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {
            **settings.ESPUTNIK_CONNECTOR["DESTINATIONS"],
            "picky": {"BACKEND": f"{__name__}.Picky"},
        },
    }

    response = merchant.post(url("change", stored.pk), form(stored, destination="picky"))

    assert "Paste the key again" in response.content.decode()


def test_another_path_at_the_same_host_needs_no_key(merchant, stored):
    new = f"{stored.api_url}/"

    merchant.post(url("change", stored.pk), form(stored, api_url=new))

    stored.refresh_from_db()
    assert stored.api_url == new


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:x@evil.example/api",
        "http://127.0.0.1@evil.example/api",
        "https://user:secret@esputnik.com/api",
        "http://metadata/",
        "http://169.254.169.254/api",
        "http://localhost.evil.example/api",
        "https://",
        "https:///api",
        "https://esputnik.com:port/api",
        "https://esputnik.com\\@evil.example/api",
        "https://esputnik.com/api?x=",
        "ftp://localhost/api",
        "esputnik.com/api",
    ],
)
def test_an_address_that_hides_its_host_or_has_no_tls_is_refused(merchant, address):
    with pytest.raises(ValidationError):
        Connection(name="main", api_url=address).clean_fields()

    response = merchant.post(url("add"), form(new_key=KEY, api_url=address))

    assert response.context["adminform"].form.errors.keys() == {"api_url"}


@pytest.mark.parametrize(
    "address",
    [
        "https://esputnik.com/api",
        "HTTPS://eSputnik.com/api",
        "http://localhost:8001/api",
        "http://127.0.0.1:8001/api",
        "http://127.0.0.9/api",
        "http://[::1]:8001/api",
    ],
)
def test_an_address_with_tls_or_of_this_machine_is_taken(address):
    Connection(name="main", api_url=address, tracker_url=address).clean_fields()


def test_a_host_that_the_developer_names_is_reached_without_tls(settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "PLAIN_HTTP_HOSTS": ["fake"],
    }

    Connection(name="main", api_url="http://fake:8001/api").clean_fields()
