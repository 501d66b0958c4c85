"""``dumpdata`` and ``loaddata``: secrets stay readable, and erased people stay erased."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections

from esputnik_connector.exceptions import DecryptionError
from esputnik_connector.fields import EncryptedText, reveal
from esputnik_connector.models import CartSession, Connection, OutboxMessage, Tombstone
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact
from tests.second_database import SECOND, second_database  # noqa: F401  a fixture

LITE = "lite"

pytestmark = [
    pytest.mark.usefixtures("second_database", "sqlite"),
    pytest.mark.django_db(databases=["default", SECOND, LITE]),
]


@pytest.fixture(scope="module")
def sqlite(django_db_setup: None, django_db_blocker) -> Iterator[str]:
    """The connector's tables in a SQLite of its own, known under the alias ``lite``."""
    with django_db_blocker.unblock():
        first = connections.databases["default"]
        connections.databases[LITE] = {
            **first, "ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "OPTIONS": {},
        }  # fmt: skip
        with connections[LITE].schema_editor() as editor:
            for model in apps.get_app_config("esputnik_connector").get_models():
                editor.create_model(model)
    yield LITE
    with django_db_blocker.unblock():
        connections[LITE].close()
    del connections.databases[LITE], connections[LITE]


def move(source: str, target: str, folder: Path, form: str) -> None:
    """Dump one database, empty the other, and load it there."""
    file = folder / f"{source}-{target}.{form}"
    call_command("dumpdata", "esputnik_connector", database=source, output=str(file), format=form)
    assert "the api key" not in file.read_text()
    assert "guest@example.com" not in file.read_text()
    for model in apps.get_app_config("esputnik_connector").get_models():
        model._base_manager.using(target).all()._raw_delete(target)
    call_command("loaddata", str(file), database=target, verbosity=0)


@pytest.mark.parametrize("form", ["json", "jsonl", "xml"])
@pytest.mark.parametrize(
    "way",
    [
        ("default", "default"), ("default", SECOND, "default"), ("default", LITE, "default"),
        (SECOND, LITE, LITE, SECOND),
    ],
    ids="-".join,
)  # fmt: skip
def test_secrets_survive_each_step_of_the_way(plain_shop, tmp_path, way, form):
    first = Connection(name="main", destination="recording", api_key="the api key")
    first.save(using=way[0])
    salt = reveal(first.salt)
    CartSession.objects.using(way[0]).create(cart_key="7", email="guest@example.com")
    Tombstone.objects.using(way[0]).create(connection=first, fingerprint="f" * 64)
    for source, target in pairwise(way):
        move(source, target, tmp_path, form)
        found = Connection.objects.using(target).get()
        assert (reveal(found.api_key), reveal(found.salt)) == ("the api key", salt)
        assert reveal(CartSession.objects.using(target).get().email) == "guest@example.com"
        assert Tombstone.objects.using(target).get().connection == found


@pytest.mark.parametrize("by_way_of", [SECOND, LITE])
def test_an_erased_person_is_recognised_after_a_round_trip(
    plain_shop, recording, connection, tmp_path, by_way_of
):
    plain_shop.people["5"] = Contact(key="5", email="olena@example.com")
    capture.contact_changed("5")
    Relay(connection).run()
    plain_shop.people.clear()
    capture.contact_deleted("5", locators=["olena@example.com"])
    Relay(connection).run()
    assert Tombstone.objects.exists()
    move("default", by_way_of, tmp_path, "json")
    move(by_way_of, "default", tmp_path, "json")
    sent = len(recording.calls)

    plain_shop.people["5"] = Contact(key="5", email="olena@example.com")  # a restore of the shop
    OutboxMessage.objects.create(connection=Connection.objects.get(), kind="contact", key="5")
    outcomes = Relay(Connection.objects.get()).run()

    assert outcomes == {"skipped": 1}
    assert len(recording.calls) == sent
    assert not OutboxMessage.objects.exists()


def test_a_dump_under_other_keys_is_unreadable_and_never_taken_for_the_secret(
    connection, settings, tmp_path
):
    move("default", LITE, tmp_path, "json")
    other = "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb28="
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [other]}
    with pytest.raises(DecryptionError):
        reveal(Connection.objects.using(LITE).get().api_key)


@pytest.mark.parametrize("typed", ["fernet:", "fernet:abc", "gAAAAABk", "fernet:gAAAAABk"])
def test_a_key_that_only_looks_a_little_like_a_stored_one_is_encrypted(connection, typed):
    connection.api_key = typed
    connection.full_clean()
    connection.save()
    stored = Connection.objects.get().api_key
    assert isinstance(stored, EncryptedText)
    assert stored != typed
    assert reveal(stored) == typed
