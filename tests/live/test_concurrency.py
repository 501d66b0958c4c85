"""Two relays and many writers at once: the final state is equal, and nothing older overwrote it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest
from django.conf import settings as project_settings
from django.contrib.auth import get_user_model
from django.db import close_old_connections
from django.db import connection as database

from esputnik_connector.models import Lane, OutboxMessage
from esputnik_connector.pipeline.delivery.relay import Relay

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "sqlite" in project_settings.DATABASES["default"]["ENGINE"],
        reason="SQLite has one writer at a time: there is nothing to race",
    ),
]

PEOPLE = 12
WRITERS = 6
CHANGES = 25  # of each writer


@pytest.fixture
def quick(settings, live):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "WAKE": "",
        "DESTINATIONS": {
            "esputnik": {
                **project_settings.ESPUTNIK_CONNECTOR["DESTINATIONS"]["esputnik"],
                "OPTIONS": {"rate": "2000/second"},
            }
        },
    }
    return live


def in_threads(*jobs: Callable[[], None]) -> None:
    errors: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # shown by the test's own thread
            errors.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def name_of(number: int) -> str:
    """A name as eSputnik takes them, without digits; greater numbers sort later."""
    return "V" + f"{number:05}".translate(str.maketrans("0123456789", "abcdefghij"))


def test_two_relays_and_many_writers_end_in_the_same_state(quick, fake):
    people = [
        get_user_model().objects.create_user(f"buyer{n}", f"buyer{n}@example.com")
        for n in range(PEOPLE)
    ]
    tick = iter(range(1, 10_000))
    lock = threading.Lock()
    left = [WRITERS]

    def write() -> None:
        for _ in range(CHANGES):
            person = random.choice(people)
            with lock:  # so that a greater number is always the newer truth
                get_user_model().objects.get(pk=person.pk)
                person.first_name = name_of(next(tick))
                person.save()
        left[0] -= 1

    def relay() -> None:
        while left[0] or OutboxMessage.objects.filter(is_dead=False).exists():
            close_old_connections()
            quick_connection = type(quick).objects.get(pk=quick.pk)
            Relay(quick_connection).run(seconds=1)
            Lane.objects.filter(paused_until__isnull=False).update(paused_until=None)

    in_threads(*[write] * WRITERS, relay, relay)

    shop = dict(get_user_model().objects.values_list("pk", "first_name"))
    assert {int(key): held["firstName"] for key, held in fake.contacts.items()} == shop
    assert fake.violations == []
    for person in people:
        sent = [
            contact["firstName"]
            for entry in fake.requests(path="/api/v1/contact", method="POST")
            for contact in entry.body.get("contacts", [entry.body])
            if contact["externalCustomerId"] == str(person.pk) and "firstName" in contact
        ]
        assert sent == sorted(sent), "an older state went out after a newer one"
