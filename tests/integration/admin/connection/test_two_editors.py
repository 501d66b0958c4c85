"""Two people edit the settings at the same time: the second one is told, and nothing is undone."""

from __future__ import annotations

from typing import Any

import pytest

from esputnik_connector.admin.settings.version import changed_since, version_of
from esputnik_connector.models import Connection, StatusMapping
from tests.connection_page import form, token_of, url

pytestmark = pytest.mark.django_db


def opened(merchant: Any, stored: Connection) -> str:
    """The token of a page that somebody has just opened."""
    page = merchant.get(url("change", stored.pk)).content.decode()
    return token_of(page)


def test_one_person_alone_saves_as_ever(merchant, stored):
    token = opened(merchant, stored)
    answer = merchant.post(url("change", stored.pk), form(stored, esputnik_version=token))
    assert answer.status_code == 302


def test_the_second_of_two_is_told_what_the_first_changed(merchant, stored):
    first = second = opened(merchant, stored)
    merchant.post(
        url("change", stored.pk), form(stored, esputnik_version=first, erase_mode="deactivate")
    )
    answer = merchant.post(
        url("change", stored.pk), form(stored, esputnik_version=second, sync_carts="")
    )
    page = answer.content.decode()
    assert "Somebody else has changed this while the page was open" in page
    assert "When a customer is deleted" in page
    stored.refresh_from_db()
    assert stored.erase_mode == "deactivate"
    assert stored.sync_carts is True


def test_pressing_save_again_does_not_undo_it_either(merchant, stored):
    second = opened(merchant, stored)
    Connection.objects.update(erase_mode="deactivate")
    for _time in range(2):
        answer = merchant.post(url("change", stored.pk), form(stored, esputnik_version=second))
        assert token_of(answer.content.decode()) == second
    stored.refresh_from_db()
    assert stored.erase_mode == "deactivate"


def test_a_table_that_somebody_else_filled_is_not_this_pages_affair(merchant, stored):
    token = opened(merchant, stored)
    StatusMapping.objects.create(connection=stored, shop_status="Delivered", status="DELIVERED")
    answer = merchant.post(url("change", stored.pk), form(stored, esputnik_version=token))
    assert answer.status_code == 302
    assert stored.status_mappings.get().status == "DELIVERED"


def test_what_a_worker_writes_is_no_change_of_a_person(merchant, stored):
    token = opened(merchant, stored)
    stored.pause("The key was refused")
    answer = merchant.post(url("change", stored.pk), form(stored, esputnik_version=token))
    assert answer.status_code == 302


@pytest.mark.parametrize("token", ["nonsense", "a:b:c"])
def test_a_token_of_another_site_is_refused(merchant, stored, token):
    answer = merchant.post(url("change", stored.pk), form(stored, esputnik_version=token))
    assert "the whole page" in answer.content.decode()


def test_the_token_tells_nobody_a_secret(stored):
    token = version_of(stored)
    assert str(stored.api_key) not in token
    assert changed_since(token, Connection.objects.get()) == []
    stored.api_key = "another key"
    stored.save()
    assert changed_since(token, Connection.objects.get()) == ["API key"]
