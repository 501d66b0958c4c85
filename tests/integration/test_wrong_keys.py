"""Keys that are there, and are not those that it was stored with."""

from __future__ import annotations

import io

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError

from esputnik_connector import checks
from esputnik_connector.models import Connection, Feed
from esputnik_connector.operations.connection.rotate_keys import rotate

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(plain_shop, settings) -> str:
    """A connection, stored with the present key, which is returned."""
    Connection.objects.create(name="main", destination="recording", api_key="a key")
    key: str = settings.ESPUTNIK_CONNECTOR["ENCRYPTION_KEYS"][0]
    return key


@pytest.fixture
def keys(settings):
    def use(*written: str) -> None:
        settings.ESPUTNIK_CONNECTOR = {
            **settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": list(written)
        }  # fmt: skip

    return use


def check(*arguments: str) -> None:
    call_command("check", *arguments, stdout=io.StringIO(), stderr=io.StringIO())


def test_the_check_refuses_keys_that_open_nothing_and_names_what(stored, keys):
    keys(Fernet.generate_key().decode())
    with pytest.raises(SystemCheckError, match=r"E007.*main: API key, main: salt, salt \d+ of"):
        check("--database", "default")


def test_migrate_refuses_them_too(stored, keys):
    keys(Fernet.generate_key().decode())
    with pytest.raises((SystemCheckError, CommandError), match="E007"):
        call_command("migrate", "--plan", stdout=io.StringIO(), skip_checks=False)


def test_the_right_key_among_others_is_enough(stored, keys):
    keys(Fernet.generate_key().decode(), stored)
    check("--database", "default")


def test_a_check_that_asks_no_database_asks_none(stored, keys, django_assert_num_queries):
    keys(Fernet.generate_key().decode())
    with django_assert_num_queries(0):
        assert checks.check_stored_secrets() == []


def test_the_doctor_says_it(stored, keys):
    keys(Fernet.generate_key().decode())
    output = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("esputnik_doctor", "--offline", stdout=output, no_color=True)
    assert "ENCRYPTION_KEYS do not open what is stored" in output.getvalue()


def test_a_rotation_takes_the_passwords_of_feeds_along(stored, keys):
    Feed.objects.create(
        name="uk", language="uk", currency="UAH", auth_user="u", auth_password="secret"
    )
    new = Fernet.generate_key().decode()
    keys(new, stored)
    assert rotate().unreadable == []
    keys(new)
    assert Feed.objects.get().auth_password
    from esputnik_connector.fields import reveal

    assert reveal(Feed.objects.get().auth_password) == "secret"
