"""Secrets at rest."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from esputnik_connector.exceptions import ConfigurationError, DecryptionError
from esputnik_connector.fields import EncryptedText, decrypt, encrypt, reveal
from esputnik_connector.models import Connection

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def keys(settings):
    def use(*values: str) -> None:
        settings.ESPUTNIK_CONNECTOR = {
            **settings.ESPUTNIK_CONNECTOR,
            "ENCRYPTION_KEYS": list(values),
        }

    return use


def test_the_first_key_encrypts_and_all_decrypt(keys):
    keys(OLD)
    stored = encrypt("secret")
    keys(NEW, OLD)
    assert decrypt(stored) == "secret"
    assert encrypt("secret") != stored


def test_a_lost_key_raises_and_never_returns_the_ciphertext(keys):
    keys(OLD)
    stored = encrypt("secret")
    keys(NEW)
    with pytest.raises(DecryptionError, match="ENCRYPTION_KEYS"):
        decrypt(stored)


def test_a_value_that_was_never_encrypted_is_not_taken_for_a_secret(keys):
    keys(OLD)
    with pytest.raises(DecryptionError):
        reveal(EncryptedText("plain text put there by hand"))


@pytest.mark.parametrize("value", [[], ["too short"]])
def test_missing_or_malformed_keys_are_a_configuration_error(keys, value):
    keys(*value)
    with pytest.raises(ConfigurationError, match="--new-key"):
        encrypt("secret")


def test_an_empty_secret_stays_empty(keys):
    keys()
    assert encrypt("") == ""
    assert decrypt("") == ""


@pytest.mark.django_db
def test_a_stored_key_is_unreadable_in_the_database_and_in_a_repr():
    connection = Connection.objects.create(name="main", api_key="secret")
    stored = Connection.objects.values_list("api_key", flat=True).get()
    assert "secret" not in str(stored)
    assert "secret" not in repr(connection.api_key)
    assert reveal(Connection.objects.get().api_key) == "secret"


@pytest.mark.django_db
def test_saving_again_does_not_encrypt_twice():
    connection = Connection.objects.create(name="main", api_key="secret")
    connection.save()
    Connection.objects.get().save()
    assert reveal(Connection.objects.get().api_key) == "secret"
