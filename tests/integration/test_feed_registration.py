"""Telling the account where the product feeds are: by command, by button, seen by the doctor."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import pytest
from django.conf import settings as project_settings
from django.core.management import CommandError, call_command

from esputnik_connector.exceptions import BadRequestError, TemporaryError
from esputnik_connector.feed.links import feed_url
from esputnik_connector.models import Connection, Feed
from esputnik_connector.operations.feed_registration import (
    Registration,
    known_feeds,
    register,
    registration_of,
)
from esputnik_connector.operations.health.account import feed_registration
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.feed_page import screen, staff, texts

pytestmark = pytest.mark.django_db

FOREIGN = {"url": "https://shop.example/old/feed.xml", "language": "pl", "default": True}
CONFIG = "/api/v1/products/config"


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik() as server:
        yield server


@pytest.fixture
def account(fake, settings) -> Connection:
    destination = project_settings.ESPUTNIK_CONNECTOR["DESTINATIONS"]["esputnik"]
    settings.ESPUTNIK_CONNECTOR = {
        **project_settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"esputnik": {**destination, "OPTIONS": {"rate": "100000/second"}}},
    }
    return Connection.objects.create(name="main", api_url=fake.api_url, api_key=fake.key)


@pytest.fixture
def feed() -> Feed:
    return Feed.objects.create(name="uk", language="uk", currency="UAH")


def given(fake: FakeEsputnik, *feeds: dict) -> None:
    fake._state.site.configure_feeds(list(feeds), is_replacing=True)


def said(account: Connection) -> str:
    return " ".join(f"{one.level.value}: {one.text}" for one in feed_registration(account))


def test_a_feed_is_added_and_the_feeds_of_others_stay(account, fake, feed):
    given(fake, FOREIGN)
    register(account, [feed])
    mine = {"url": feed_url(feed), "language": "uk", "default": False}
    assert fake.feeds == [FOREIGN, mine]


@pytest.mark.parametrize("is_replaced", [True, False])
def test_a_new_address_takes_the_place_of_the_old_one(account, fake, feed, is_replaced):
    fake.configure(feeds_are_replaced=is_replaced)
    register(account, [feed])
    assert fake.feeds[0]["default"] is True
    feed.rotate()
    assert registration_of(feed, known_feeds(account)) is Registration.OTHER_ADDRESS
    assert "problem: Feed “uk”: registered with another address." in said(account)
    register(account, [feed])
    assert fake.feeds[-1 if not is_replaced else 0]["url"] == feed_url(feed)
    assert registration_of(feed, known_feeds(account)) is Registration.REGISTERED
    if is_replaced:
        assert fake.feeds == [{"url": feed_url(feed), "language": "uk", "default": True}]


def test_registering_again_changes_nothing(account, fake, feed):
    register(account, [feed])
    register(account, [feed])
    assert len([one for one in fake.requests(CONFIG) if one.method == "POST"]) == 1


def test_a_list_that_cannot_be_read_is_not_overwritten(account, fake, feed):
    given(fake, FOREIGN)
    fake.script(Fault("text_ok", path=CONFIG, method="GET"))
    with pytest.raises(TemporaryError):
        register(account, [feed])
    assert fake.feeds == [FOREIGN]


def test_an_account_that_takes_the_list_and_keeps_nothing_is_not_believed(account, fake, feed):
    fake.script(Fault("patch", path=CONFIG, method="GET", body={"feeds": []}, times=None))
    with pytest.raises(TemporaryError, match="1 of its feeds are not in it"):
        register(account, [feed])
    assert known_feeds(account) == []


def test_the_command_registers_a_feed_for_each_language(account, fake, feed):
    Feed.objects.create(name="uk-eur", language="uk", currency="EUR")
    Feed.objects.create(name="en", language="en", currency="UAH")
    out = StringIO()
    call_command("esputnik_feed", "register", stdout=out)
    assert [one["language"] for one in fake.feeds] == ["en", "uk"]
    assert sum(one["default"] for one in fake.feeds) == 1
    assert "uk: registered" in out.getvalue()
    assert "uk-eur: left out, its language has another feed" in out.getvalue()
    assert feed.secret not in out.getvalue()


def test_the_command_says_what_cannot_be_registered(account, fake, feed):
    Feed.objects.filter(pk=feed.pk).update(format="jsonl")
    with pytest.raises(CommandError, match="not in the format"):
        call_command("esputnik_feed", "register", "uk")
    with pytest.raises(CommandError, match="no feed that could be registered"):
        call_command("esputnik_feed", "register")
    with pytest.raises(CommandError, match="Name one connection"):
        call_command("esputnik_feed", "register", "uk", "--connection", "other")


def test_a_feed_that_is_off_is_not_registered(account, fake, feed):
    feed.is_enabled = False
    with pytest.raises(BadRequestError):
        register(account, [feed])
    assert not fake.requests(CONFIG)


def test_the_doctor_says_which_feeds_the_account_reads(account, fake, feed):
    assert "ok: Feed “uk”: not registered." in said(account)
    register(account, [feed])
    assert said(account) == "ok: Feed “uk”: registered."
    fake.script(Fault("status", path=CONFIG, status=503))
    assert "warning: It is not known which product feeds" in said(account)


def test_the_page_registers_by_one_button_and_shows_languages(account, fake, feed, client):
    client.force_login(staff(is_superuser=True))
    assert "main: never asked" in client.get(screen(feed)).content.decode()
    given(fake, FOREIGN)
    answer = client.post(screen(feed, "register"), {"at": account.pk}, follow=True)
    shown = answer.content.decode()
    assert "reads this feed from now on" in texts(answer)
    assert "main: registered" in shown
    assert "shop.example/… (pl, default)" in shown
    feed.rotate()
    page = client.get(screen(feed)).content.decode()
    assert "main: registered with another address" in page
    assert client.get(screen(feed, "register")).status_code == 405


def test_whoever_may_only_look_registers_nothing(account, fake, feed, client):
    client.force_login(staff("view_feed"))
    assert client.post(screen(feed, "register"), {"at": account.pk}).status_code == 403
    assert not fake.requests(CONFIG)
