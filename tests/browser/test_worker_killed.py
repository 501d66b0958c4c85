"""A real worker is killed: the verdict, both badges and a mail say so within the stated time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.core import mail
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from oscar.test import factories
from playwright.sync_api import Page, expect

from esputnik_connector.models import Connection
from esputnik_connector.pipeline.broker import publisher
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.live.conftest import database_url
from tests.live.parts import Worker

pytestmark = pytest.mark.slow

LATE = 10  # seconds; five minutes where nobody sets ALERT_AFTER_SECONDS
STATED = 2 * LATE  # docs/howto/monitor.md: late after that time, and looked for as often
LOADING = 10  # seconds for a page of a busy machine


@pytest.fixture
def connection(fake: FakeEsputnik, transactional_db: None, settings: Any) -> Connection:
    publisher.begin_anew()
    settings.LANGUAGE_CODE = "uk"
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "ENVIRONMENT": "",  # named by its address, as the worker is
        "ALERT_EMAILS": ["olena@shop.example"],
        "ALERT_AFTER_SECONDS": LATE,
    }
    connection = Connection.objects.create(
        name="main", api_key=fake.key, api_url=fake.api_url, consent_policy="confirmed"
    )
    connection.accept_key("Kobzar", "1")
    connection.bind()
    return connection


@pytest.fixture
def worker(connection: Connection, tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(
        database_url=database_url(), broker_url=project_settings.REDIS_URL,
        log=tmp_path / "worker.log",
    )  # fmt: skip
    worker.start()
    yield worker
    worker.kill()


@pytest.fixture
def seen(merchant: Page, live_server: Any) -> Callable[[str], Page]:
    """A page of the shop's staff, in Ukrainian."""
    merchant.context.add_cookies(
        [{"name": "django_language", "value": "uk", "url": live_server.url}]
    )

    def look(view: str = "admin:esputnik_connector_overview") -> Page:
        with translation.override("uk"):
            merchant.goto(f"{live_server.url}{reverse(view)}")
        return merchant

    return look


def uk(text: str) -> str:
    with translation.override("uk"):
        return gettext(text)


def level(page: Page) -> str:
    return str(page.locator(".esputnik-verdict").first.get_attribute("class"))


def within(seconds: float, is_so: Callable[[], bool]) -> float:
    """Seconds until it is so."""
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() - started < seconds, f"not so after {seconds} seconds"
        time.sleep(0.5)
    return time.monotonic() - started


def test_a_killed_worker_is_told_of_within_the_stated_time(connection, worker, seen, fake):
    olena = factories.UserFactory(email="olena@example.com")
    factories.create_order(number="100001", user=olena)
    within(90, lambda: "100001" in fake.orders)
    within(30, lambda: uk("Everything is being sent.") in seen().inner_text(".esputnik-verdict"))
    assert mail.outbox == []

    worker.kill()
    factories.create_order(number="100002", user=olena)
    took = within(STATED + LOADING, lambda: bool(seen() and mail.outbox))

    assert took > LATE / 2  # it was not told of while it was well
    (letter,) = mail.outbox
    assert letter.to == ["olena@shop.example"]
    assert "sweep_late" in letter.body
    assert "esputnik-is-problem" in level(seen())
    gone = uk("The sending service on the server has not run for %(time)s.").partition("%")[0]
    assert gone in seen().inner_text(".esputnik-verdict")
    for view in ("admin:index", "dashboard:index"):
        expect(seen(view).locator(".esputnik-badge.esputnik-is-problem")).to_contain_text(gone)
    assert len(mail.outbox) == 1
    assert "100002" not in fake.orders

    worker.start()
    within(90, lambda: "100002" in fake.orders)
    within(STATED + LOADING, lambda: bool(seen()) and len(mail.outbox) == 2)
    assert uk("eSputnik: all is well again") in mail.outbox[-1].subject
    assert "esputnik-is-problem" not in level(seen())
