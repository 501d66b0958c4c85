"""What a merchant sees and may do when the encryption key was lost."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from esputnik_connector.fields import reveal
from esputnik_connector.models import (
    Connection,
    Tombstone,
)
from tests.connection_page import KEY, form, texts, url

pytestmark = pytest.mark.django_db


def lose_encryption_key(settings) -> None:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]
    }  # fmt: skip


def test_a_lost_encryption_key_is_a_sentence_and_not_an_error(merchant, stored, settings):
    lose_encryption_key(settings)

    listed = merchant.get(url("changelist")).content.decode()
    page = merchant.get(url("change", stored.pk)).content.decode()
    tested = merchant.post(url("test", stored.pk), follow=True)

    assert "cannot be read" in listed
    assert "must be pasted again" in page
    assert "Paste it again" in texts(tested)


def test_pasting_the_key_again_repairs_a_lost_encryption_key(merchant, stored, settings):
    lose_encryption_key(settings)

    response = merchant.post(url("change", stored.pk), form(stored, new_key=KEY), follow=True)

    assert "Connected to" in texts(response)
    stored.refresh_from_db()
    assert reveal(stored.api_key) == KEY
    assert reveal(stored.salt)


def test_a_lost_list_of_deleted_customers_is_not_given_up_silently(merchant, stored, settings):
    Tombstone.objects.create(connection=stored, fingerprint="f" * 64)
    lose_encryption_key(settings)

    response = merchant.post(url("change", stored.pk), form(stored, new_key=KEY))

    assert "deleted customers" in response.content.decode()
    salt = stored.salt
    stored.refresh_from_db()
    assert stored.salt == salt


def test_no_encryption_key_at_all_is_a_form_error(merchant, fake, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": []}

    response = merchant.post(url("add"), form(new_key=KEY, api_url=fake.api_url))

    assert "ENCRYPTION_KEYS" in response.content.decode()
    assert not Connection.objects.exists()
