"""What many tests share. Servers are started by tests/settings.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings as project_settings
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.sites.management import create_default_site
from django.contrib.sites.models import Site
from django.db import connection as database
from django.db.models.signals import post_migrate, post_save
from django.utils import translation
from hypothesis import settings as hypothesis_settings
from oscar.apps.customer.alerts.receivers import send_product_alerts
from oscar.core.loading import get_model

from esputnik_connector.models import Connection, Storefront
from esputnik_connector.pipeline.after_answer import forget_request
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.wake import forget_wakes
from esputnik_connector.testing.recording import RecordingDestination
from sandbox_project.celery import app as celery_app
from tests.clock import Clock
from tests.memory_shop import MemoryShop

# How long an example takes is the machine's doing, never a failure.
hypothesis_settings.register_profile("esputnik", deadline=None)
hypothesis_settings.load_profile("esputnik")


# What waits most and takes longest first: the many short ones then fill the gaps to the end.
FIRST = ("live", "browser", "integration")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """``pytest -n``: files are handed out in the order below, not by their numbers of tests."""
    config.option.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests, none is left with the longest file at the end."""
    if hasattr(config, "workerinput"):
        ranks = ranks_of([item.path for item in items])
        items.sort(key=lambda item: ranks[item.path])


def ranks_of(paths: Iterable[Path]) -> dict[Path, tuple[int, float]]:
    """Which file comes before which: those of real processes and of the browser by turns, so that
    some wait while others work, then what has a database, then the rest."""
    rooms: dict[str, list[Path]] = {}
    for path in dict.fromkeys(paths):
        room = next((name for name in FIRST if name in path.parts), "")
        rooms.setdefault(room, []).append(path)
    order = {"live": 0, "browser": 0, "integration": 1, "": 2}
    return {
        path: (order[room], place / len(files))
        for room, files in rooms.items()
        for place, path in enumerate(files)
    }


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """The rows that ``migrate`` makes stay (see tests/postgres): do not make them again."""
    keep_rows_of_migrate()


def keep_rows_of_migrate() -> None:
    if database.vendor == "postgresql":
        post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
        post_migrate.disconnect(create_contenttypes)
        post_migrate.disconnect(create_default_site, sender=apps.get_app_config("sites"))


@pytest.fixture(autouse=True)
def _fresh_capture() -> Iterator[None]:
    """Connections and storefronts of one test are unknown to the next, and so is whom it woke.

    The test client tells of no request's end when an answer that is a stream is not read.
    """
    capture.forget_connections()
    Storefront.objects.forget()
    Site.objects.clear_cache()
    forget_wakes()
    forget_request()
    yield
    capture.forget_connections()
    Storefront.objects.forget()
    keep_rows_of_migrate()  # a test with other INSTALLED_APPS has made all apps ready again


@pytest.fixture(autouse=True)
def _own_celery_app() -> Iterator[None]:
    """Whoever makes a Celery application makes it the one that every thread publishes by."""
    yield
    celery_app.set_current()
    celery_app.set_default()


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """What a request of one test was answered in is not the language of the next."""
    translation.deactivate()
    yield
    translation.deactivate()


@pytest.fixture
def plain_shop(settings) -> Iterator[type[MemoryShop]]:
    """The pipeline between a shop that is not Oscar and a destination that only remembers."""
    settings.ESPUTNIK_CONNECTOR = {
        **project_settings.ESPUTNIK_CONNECTOR,
        "SHOP": "tests.memory_shop.MemoryShop",
        "DESTINATIONS": {
            "recording": {"BACKEND": "esputnik_connector.testing.recording.RecordingDestination"}
        },
        "DEBOUNCE_SECONDS": 0,
        "WAKE": "",
    }
    MemoryShop.reset()
    RecordingDestination.reset()
    yield MemoryShop
    MemoryShop.reset()
    RecordingDestination.reset()


@pytest.fixture
def recording(plain_shop: type[MemoryShop]) -> type[RecordingDestination]:
    return RecordingDestination


@pytest.fixture
def connection(plain_shop: type[MemoryShop], db: None) -> Connection:
    """A connection to the destination that only remembers."""
    return Connection.objects.create(name="main", destination="recording", api_key="a key")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def eager() -> Iterator[None]:
    """``OSCAR_EAGER_ALERTS``, which Oscar reads once when it starts."""
    stock_record = get_model("partner", "StockRecord")
    post_save.connect(send_product_alerts, sender=stock_record, dispatch_uid="eager")
    yield
    post_save.disconnect(sender=stock_record, dispatch_uid="eager")
