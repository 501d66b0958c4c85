"""The buttons of a connection: test, send from here; who may press them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from esputnik_connector.models import (
    Connection,
    SyncState,
)
from esputnik_connector.testing.fake_esputnik import Fault
from tests.connection_page import HERE, KEY, OTHER_KEY, form, staff, texts, url

pytestmark = pytest.mark.django_db


def test_the_test_button_knows_three_answers(merchant, stored, fake):
    accepted = texts(merchant.post(url("test", stored.pk), follow=True))
    fake.configure(key=OTHER_KEY)
    refused = texts(merchant.post(url("test", stored.pk), follow=True))
    stored.refresh_from_db()
    was_paused = stored.paused_at is not None
    fake.script(Fault("close", times=None))
    unreachable = texts(merchant.post(url("test", stored.pk), follow=True))

    assert "Connected to Fake organisation" in accepted
    assert "refused this key" in refused
    assert was_paused
    assert "could not be reached" in unreachable


def test_an_accepted_test_ends_a_pause(merchant, stored):
    stored.pause("Refused with 401")

    assert "the key was refused" in merchant.get(url("changelist")).content.decode()
    merchant.post(url("test", stored.pk))

    stored.refresh_from_db()
    assert stored.paused_at is None


def test_buttons_act_by_post_only(merchant, stored, fake):
    assert merchant.get(url("test", stored.pk)).status_code == 405
    assert fake.log == []


@pytest.mark.parametrize("view", ["test", "bind"])
def test_buttons_need_the_permission_to_change(client, stored, fake, view):
    viewer = staff()
    viewer.user_permissions.add(Permission.objects.get(codename="view_connection"))
    client.force_login(viewer)
    Connection.objects.update(environment="elsewhere")

    assert client.post(url(view, stored.pk)).status_code == 403
    assert fake.log == []
    assert Connection.objects.get().environment == "elsewhere"


@pytest.mark.parametrize("view", ["test", "bind"])
def test_buttons_are_protected_against_forged_requests(stored, view):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff(is_superuser=True))

    assert client.post(url(view, stored.pk)).status_code == 403


def test_a_button_of_a_connection_that_is_gone_leads_back(merchant):
    assert merchant.post(url("test", 999)).status_code == 302


def test_a_viewer_sees_the_state_without_buttons_or_key(client, stored):
    viewer = staff()
    viewer.user_permissions.add(Permission.objects.get(codename="view_connection"))
    client.force_login(viewer)

    page = client.get(url("change", stored.pk)).content.decode()

    assert "The key was not checked yet" in page
    assert "Test connection" not in page
    assert 'name="new_key"' not in page
    assert client.post(url("change", stored.pk), form(stored, new_key=KEY)).status_code == 403


def test_a_copied_database_sends_only_after_somebody_confirmed(merchant, stored):
    Connection.objects.update(environment="elsewhere")

    assert "belongs to another installation" in merchant.get(url("changelist")).content.decode()
    assert url("bind", stored.pk) in merchant.get(url("change", stored.pk)).content.decode()
    question = merchant.get(url("bind", stored.pk)).content.decode()
    stored.refresh_from_db()
    assert "elsewhere" in question
    assert stored.environment == "elsewhere"

    response = merchant.post(url("bind", stored.pk), follow=True)

    stored.refresh_from_db()
    assert stored.environment == HERE
    assert url("bind", stored.pk) not in response.content.decode()


def test_a_new_key_does_not_bind_a_copied_database(merchant, stored):
    Connection.objects.update(environment="elsewhere")

    merchant.post(url("change", stored.pk), form(stored, new_key=KEY))

    stored.refresh_from_db()
    assert stored.environment == "elsewhere"


def test_another_organisation_starts_with_nothing_delivered(merchant, stored):
    stored.accept_key("Another organisation", "another id")
    SyncState.objects.create(connection=stored, kind="order", key="1", digest="d", owner_key="7")

    response = merchant.post(url("change", stored.pk), form(stored, new_key=KEY), follow=True)

    told = texts(response)
    assert "another organisation" in told
    assert "Customers are also sent by the next nightly reconciliation" in told
    assert "orders by a historical import" in told
    state = SyncState.objects.get()
    assert (state.digest, state.owner_key) == ("", "7")


def test_the_same_organisation_keeps_what_was_delivered(merchant, stored):
    merchant.post(url("test", stored.pk))
    SyncState.objects.create(connection=stored, kind="order", key="1", digest="d")

    merchant.post(url("change", stored.pk), form(stored, new_key=KEY))

    assert SyncState.objects.get().digest == "d"


def test_a_connection_without_a_key_has_nothing_to_test(merchant, stored, fake):
    Connection.objects.update(api_key="")
    assert "There is no key yet" in texts(merchant.post(url("test", stored.pk), follow=True))
    assert fake.log == []


def test_a_connection_that_sends_from_here_needs_no_confirmation(merchant, stored):
    assert "sends already" in texts(merchant.get(url("bind", stored.pk), follow=True))


def test_the_page_before_binding_names_both_installations(merchant, stored):
    Connection.objects.update(environment="the old server")
    page = merchant.get(url("bind", stored.pk)).content.decode()
    assert "belongs to the installation “the old server”" in page
    assert f"only if this installation (“{HERE}”) is the real shop now" in page
    assert "Yes, send from this installation" in page
