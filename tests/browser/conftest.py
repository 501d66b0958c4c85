"""A real Chromium for tests of screens: Debian's, since Playwright's own download is not to be had.

Everything in this folder gets the marker ``browser``. Take ``live_server`` (pytest-django) and
``merchant``: a page of the browser, signed in to the admin. ``fake`` is an eSputnik of one's own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Page

from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Settings

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HERE = Path(__file__).parent
NO_CHROMIUM = "NO CHROMIUM: the screens were not walked. Install chromium, or set CHROMIUM."
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--no-first-run",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            for warning in ("DeprecationWarning", "ResourceWarning"):  # Oscar's, Playwright's
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{warning}"))


def chromium() -> str:
    """Path of a browser, ``""`` if there is none."""
    given = os.environ.get("CHROMIUM", "")
    return given or next(filter(None, map(shutil.which, NAMES)), "")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if not chromium():
        pytest.skip(NO_CHROMIUM)
    return {**browser_type_launch_args, "executable_path": chromium(), "args": ARGUMENTS}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say it loudly: a run without a browser has not looked at the screens."""
    if not chromium():
        terminalreporter.write_sep("!", NO_CHROMIUM, red=True, bold=True)


@pytest.fixture(scope="session", autouse=True)
def _sync_database_beside_playwright() -> Iterator[None]:
    """Playwright runs an event loop in this thread; Django would refuse to use its database."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {
            "esputnik": {
                "BACKEND": (
                    "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"
                ),
                "OPTIONS": {"rate": "100/second"},
            }
        },
        "RATE_LIMIT_STORAGE": "",
        "ENVIRONMENT": "the browser's shop",
        "WAKE": "",
    }


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(
        key="a-key-of-the-fake-esputnik", settings=Settings(segmentation=True)
    ) as server:
        yield server


@pytest.fixture
def merchant(
    page: Page, live_server: Any, transactional_db: None, client: Client, settings: Any
) -> Iterator[Page]:
    """A page signed in as a superuser. An error in a page's script fails the test."""
    client.force_login(
        get_user_model().objects.create_superuser("merchant", "merchant@example.com", "merchant")
    )
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
    )
    mistakes: list[str] = []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    yield page
    assert mistakes == []
