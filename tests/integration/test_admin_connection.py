"""The screen where a merchant connects the shop, against the fake eSputnik over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from esputnik_connector.destinations.base import AccountInfo
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.exceptions import RejectedError
from esputnik_connector.fields import reveal
from esputnik_connector.models import (
    Attempt,
    Connection,
    FieldMapping,
    OutboxMessage,
    StatusMapping,
    SyncState,
    Tombstone,
)
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from esputnik_connector.testing.recording import RecordingDestination

KEY = "0123456789ABCDEF0123456789ABCDEF"
OTHER_KEY = "FEDCBA9876543210FEDCBA9876543210"
HERE = "this installation"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _settings(settings) -> None:
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
        "ENVIRONMENT": HERE,
        "WAKE": "",
    }


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


def staff(**traits: Any) -> Any:
    return get_user_model().objects.create_user("staff", is_staff=True, **traits)


@pytest.fixture
def merchant(client: Client) -> Client:
    client.force_login(staff(is_superuser=True))
    return client


@pytest.fixture
def stored(fake: FakeEsputnik) -> Connection:
    return Connection.objects.create(
        name="main", api_key=KEY, api_url=fake.api_url, environment=HERE
    )


def form(connection: Connection | None = None, **changes: Any) -> dict[str, Any]:
    """What a browser posts."""
    values: dict[str, Any] = {
        "name": "main",
        "is_enabled": "on",
        "new_key": "",
        "sync_contacts": "on",
        "sync_orders": "on",
        "sync_carts": "on",
        "default_status": "INITIALIZED",
        "destination": "esputnik",
        "api_url": connection.api_url if connection else "https://esputnik.com/api",
        "tracker_url": "https://tracker.esputnik.com/api/v2",
        "order_route": "orders",
        "erase_mode": "erase",
        **rows("field_mappings", []),
        **rows("status_mappings", []),
    }
    return values | changes


def rows(prefix: str, table: list[dict[str, Any]]) -> dict[str, Any]:
    initial = sum("id" in row for row in table)
    posted: dict[str, Any] = {
        f"{prefix}-TOTAL_FORMS": len(table),
        f"{prefix}-INITIAL_FORMS": initial,
        f"{prefix}-MIN_NUM_FORMS": 0,
        f"{prefix}-MAX_NUM_FORMS": 1000,
    }
    for number, row in enumerate(table):
        posted |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return posted


def url(view: str, *arguments: Any) -> str:
    return reverse(f"admin:esputnik_connector_connection_{view}", args=arguments)


def texts(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


# --- pasting a key --------------------------------------------------------------------------------


def test_a_good_key_connects_at_once_and_binds_this_installation(merchant, fake):
    response = merchant.post(
        url("add"), form(new_key=f"  {KEY}\r\n\u200b", api_url=fake.api_url), follow=True
    )

    connection = Connection.objects.get()
    assert "Connected to Fake organisation." in texts(response)
    assert "Connected to Fake organisation" in response.content.decode()
    assert reveal(connection.api_key) == KEY
    assert connection.verified_at is not None
    assert connection.environment == HERE
    assert KEY not in response.content.decode()


def test_a_wrong_key_is_explained_at_the_field_and_nothing_is_saved(merchant, fake):
    response = merchant.post(url("add"), form(new_key=OTHER_KEY, api_url=fake.api_url))

    page = response.content.decode()
    assert response.status_code == 200
    assert "eSputnik refused this key" in page
    assert "not kept in the page" in page
    assert OTHER_KEY not in page
    assert not Connection.objects.exists()


def test_a_wrong_key_leaves_the_good_one_in_its_place(merchant, stored):
    response = merchant.post(
        url("change", stored.pk), form(stored, new_key=OTHER_KEY, name="renamed")
    )

    assert "eSputnik refused this key" in response.content.decode()
    stored.refresh_from_db()
    assert (stored.name, reveal(stored.api_key)) == ("main", KEY)


def test_a_refusal_that_quotes_the_key_does_not_show_it(merchant, fake):
    fake.script(Fault("status", status=401, body={"message": f"bad key {OTHER_KEY}"}))

    response = merchant.post(url("add"), form(new_key=OTHER_KEY, api_url=fake.api_url))

    assert "eSputnik refused this key" in response.content.decode()
    assert OTHER_KEY not in response.content.decode()


@pytest.mark.django_db(transaction=True)
def test_no_request_is_made_inside_a_transaction(merchant, fake, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    seen: list[bool] = []
    verify = EsputnikDestination.verify

    def spy(self: EsputnikDestination) -> AccountInfo:
        seen.append(connections["default"].in_atomic_block)
        return verify(self)

    monkeypatch.setattr(EsputnikDestination, "verify", spy)

    merchant.post(url("add"), form(new_key=KEY, api_url=fake.api_url))
    connection = Connection.objects.get()
    merchant.post(url("change", connection.pk), form(connection, new_key=KEY))
    merchant.post(url("test", connection.pk))

    assert seen == [False, False, False]


def test_an_unreachable_esputnik_does_not_keep_the_key_from_being_saved(merchant, fake):
    fake.script(Fault("status", status=503, times=None))

    response = merchant.post(url("add"), form(new_key=KEY, api_url=fake.api_url), follow=True)

    connection = Connection.objects.get()
    assert "could not be reached" in texts(response)
    assert "Key not checked yet" in response.content.decode()
    assert (reveal(connection.api_key), connection.verified_at) == (KEY, None)


def test_a_new_key_that_could_not_be_checked_is_not_taken_for_the_old_one(merchant, stored, fake):
    stored.accept_key("Old organisation", "1")
    stored.pause("Refused with 401")
    fake.script(Fault("status", status=503, times=None))

    merchant.post(url("change", stored.pk), form(stored, new_key=OTHER_KEY))

    stored.refresh_from_db()
    assert reveal(stored.api_key) == OTHER_KEY
    assert (stored.verified_at, stored.organisation, stored.paused_at) == (None, "", None)


def test_an_address_that_answers_like_something_else_is_told(merchant, fake):
    fake.script(Fault("status", status=404, body="nothing here", times=None))

    response = merchant.post(url("add"), form(new_key=KEY, api_url=fake.api_url))

    assert "does not look like eSputnik" in response.content.decode()
    assert not Connection.objects.exists()


class Picky(RecordingDestination):
    """A destination that refuses the request itself."""

    def verify(self) -> AccountInfo:
        raise RejectedError(f"Refused with 404: {self.account.api_key}", status=404)


def test_an_address_that_refuses_is_explained_at_the_address(merchant, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"picky": {"BACKEND": f"{__name__}.Picky"}},
    }

    response = merchant.post(url("add"), form(new_key=KEY, destination="picky"))

    assert "Refused with 404" in str(response.context["adminform"].form.errors["api_url"])
    assert KEY not in response.content.decode()
    assert not Connection.objects.exists()


def test_an_empty_key_field_keeps_the_key_and_asks_nobody(merchant, stored, fake):
    stored.accept_key("Fake organisation", "1")

    merchant.post(url("change", stored.pk), form(stored, sync_carts=""))

    stored.refresh_from_db()
    assert reveal(stored.api_key) == KEY
    assert stored.sync_carts is False
    assert stored.verified_at is not None
    assert fake.log == []


def test_events_of_products_are_off_until_somebody_ticks_them(merchant, stored):
    page = merchant.get(url("change", stored.pk)).content.decode()
    assert "tell people when a product is back" in page.lower()
    assert "Oscar itself writes to the same people" in page
    assert "in a wish list, at most one a day" in page
    assert (stored.send_back_in_stock, stored.send_price_drop) == (False, False)

    merchant.post(url("change", stored.pk), form(stored, send_back_in_stock="on"))
    stored.refresh_from_db()
    assert (stored.send_back_in_stock, stored.send_price_drop) == (True, False)


def test_a_changed_address_is_checked_with_the_stored_key(merchant, stored, fake):
    with FakeEsputnik(key=OTHER_KEY) as other:
        response = merchant.post(url("change", stored.pk), form(stored, api_url=other.api_url))
        assert len(other.requests("/api/v1/account/info")) == 1

    assert "eSputnik refused this key" in response.content.decode()
    stored.refresh_from_db()
    assert stored.api_url == fake.api_url


def test_a_plain_http_address_is_refused_without_a_request(merchant, fake):
    response = merchant.post(
        url("add"), form(new_key=KEY, api_url="http://esputnik.example.com/api")
    )

    assert "Use https" in response.content.decode()


def test_the_key_is_never_rendered(merchant, stored):
    pages = [
        merchant.get(url("changelist")),
        merchant.get(url("change", stored.pk)),
        merchant.get(url("history", stored.pk)),
        merchant.get(url("delete", stored.pk)),
        merchant.post(url("change", stored.pk), form(stored, new_key=KEY, name="")),
        merchant.post(url("change", stored.pk), form(stored, new_key=KEY), follow=True),
        merchant.post(url("test", stored.pk), follow=True),
    ]

    ciphertext = str(Connection.objects.get().api_key)
    for page in pages:
        assert page.status_code == 200
        assert KEY not in page.content.decode()
        assert ciphertext not in page.content.decode()


def test_the_stored_key_is_shown_by_its_last_four_characters(merchant, stored):
    assert f"•••• {KEY[-4:]}" in merchant.get(url("change", stored.pk)).content.decode()


def test_a_short_key_is_not_given_away_by_its_end(merchant, stored):
    stored.api_key = "abcd"
    stored.save()

    page = merchant.get(url("change", stored.pk)).content.decode()

    assert "••••" in page
    assert "•••• abcd" not in page


# --- a lost encryption key ------------------------------------------------------------------------


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


# --- buttons --------------------------------------------------------------------------------------


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

    assert "Key refused" in merchant.get(url("changelist")).content.decode()
    merchant.post(url("test", stored.pk))

    stored.refresh_from_db()
    assert stored.paused_at is None


@pytest.mark.parametrize("view", ["test", "propose"])
def test_buttons_act_by_post_only(merchant, stored, fake, view):
    assert merchant.get(url(view, stored.pk)).status_code == 405
    assert fake.log == []


@pytest.mark.parametrize("view", ["test", "propose", "bind"])
def test_buttons_need_the_permission_to_change(client, stored, fake, view):
    viewer = staff()
    viewer.user_permissions.add(Permission.objects.get(codename="view_connection"))
    client.force_login(viewer)
    Connection.objects.update(environment="elsewhere")

    assert client.post(url(view, stored.pk)).status_code == 403
    assert fake.log == []
    assert Connection.objects.get().environment == "elsewhere"


@pytest.mark.parametrize("view", ["test", "propose", "bind"])
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

    assert "Key not checked yet" in page
    assert "Test connection" not in page
    assert 'name="new_key"' not in page
    assert client.post(url("change", stored.pk), form(stored, new_key=KEY)).status_code == 403


def test_a_copied_database_sends_only_after_somebody_confirmed(merchant, stored):
    Connection.objects.update(environment="elsewhere")

    assert "Bound to another" in merchant.get(url("changelist")).content.decode()
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


# --- tables ---------------------------------------------------------------------------------------


def test_status_proposals_come_with_a_new_connection(merchant, fake):
    response = merchant.post(url("add"), form(new_key=KEY, api_url=fake.api_url), follow=True)

    mapped = dict(StatusMapping.objects.values_list("shop_status", "status"))
    assert mapped["Delivered"] == "DELIVERED"
    assert mapped["Cancelled"] == "CANCELLED"
    assert "please check them" in texts(response)


def test_the_button_proposes_only_what_nobody_chose(merchant, stored):
    StatusMapping.objects.create(connection=stored, shop_status="New", status="DO_NOT_SEND")

    assert "Propose status mappings" in merchant.get(url("change", stored.pk)).content.decode()
    merchant.post(url("propose", stored.pk))
    again = texts(merchant.post(url("propose", stored.pk), follow=True))

    mapped = dict(stored.status_mappings.values_list("shop_status", "status"))
    assert mapped["New"] == "DO_NOT_SEND"
    assert mapped["Paid"] == "IN_PROGRESS"
    assert "nothing to propose" in again


def test_unmapped_statuses_are_listed_with_their_default(merchant, stored):
    StatusMapping.objects.create(connection=stored, shop_status="Paid", status="IN_PROGRESS")

    page = merchant.get(url("change", stored.pk)).content.decode()

    assert "travel as “INITIALIZED" in page
    assert "<li>Shipped</li>" in page
    assert "<li>Paid</li>" not in page
    assert '<option value="Shipped">' in page


def test_a_status_mapped_twice_is_named(merchant, stored):
    table = [
        {"shop_status": "Paid", "status": "IN_PROGRESS"},
        {"shop_status": "Paid ", "status": "DELIVERED"},
    ]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("status_mappings", table))
    )

    assert "The status “Paid” is mapped twice" in response.content.decode()
    assert not StatusMapping.objects.exists()


def test_a_status_that_is_mapped_already_is_a_form_error(merchant, stored):
    kept = StatusMapping.objects.create(connection=stored, shop_status="Paid", status="IN_PROGRESS")
    table = [
        {"id": kept.pk, "connection": stored.pk, "shop_status": "Paid", "status": "IN_PROGRESS"},
        {"connection": stored.pk, "shop_status": "Paid", "status": "DELIVERED"},
    ]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("status_mappings", table))
    )

    assert "mapped twice" in response.content.decode()
    assert StatusMapping.objects.count() == 1


def test_a_field_id_mapped_twice_is_named(merchant, stored):
    table = [
        {"attribute": "order_count", "field_id": 7},
        {"attribute": "total_spent", "field_id": 7},
    ]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("field_mappings", table))
    )

    assert "The field id 7 is in the table twice" in response.content.decode()


def test_one_field_id_in_two_spellings_is_one_field(merchant, stored):
    table = [
        {"attribute": "order_count", "field_id": "7"},
        {"attribute": "total_spent", "field_id": " 007"},
    ]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("field_mappings", table))
    )

    assert "The field id 7 is in the table twice" in response.content.decode()


@pytest.mark.parametrize("written", ["0", "-1", "1.5", "size", "١٧", "²"])
def test_a_field_id_that_esputnik_cannot_have_is_refused(merchant, stored, written):
    table = [{"attribute": "order_count", "field_id": written}]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("field_mappings", table))
    )

    assert "a whole number above 0" in response.content.decode()
    assert not FieldMapping.objects.exists()


def test_an_empty_address_is_the_destinations_own(merchant, stored):
    page = merchant.get(url("change", stored.pk)).content.decode()
    assert 'placeholder="https://esputnik.com/api"' in page

    merchant.post(url("change", stored.pk), form(stored, tracker_url=""))

    stored.refresh_from_db()
    assert stored.tracker_url == ""


@pytest.mark.parametrize(
    "unknown", [{"default_status": "LOST"}, {"order_route": "pigeon"}, {"erase_mode": "maybe"}]
)
def test_what_the_destination_does_not_have_cannot_be_chosen(merchant, stored, unknown):
    response = merchant.post(url("change", stored.pk), form(stored, **unknown))
    assert set(response.context["adminform"].form.errors) == set(unknown)


def test_a_status_that_the_destination_does_not_have_cannot_be_mapped_to(merchant, stored):
    table = [{"shop_status": "Paid", "status": "LOST"}]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("status_mappings", table))
    )
    assert "LOST is not one of the available choices" in response.content.decode()


def test_a_page_of_a_destination_that_the_settings_lost_still_opens(merchant, stored):
    Connection.objects.update(destination="gone", order_route="events")

    page = merchant.get(url("change", stored.pk)).content.decode()

    assert '<option value="gone" selected>gone</option>' in page
    assert 'value="events"' in page


def test_changed_mappings_say_when_they_take_effect(merchant, stored):
    table = [{"attribute": "order_count", "field_id": 7}]
    response = merchant.post(
        url("change", stored.pk), form(stored, **rows("field_mappings", table)), follow=True
    )

    assert "when they next change" in texts(response)
    assert str(FieldMapping.objects.get()) == "order_count → 7"
    unchanged = merchant.post(
        url("change", stored.pk),
        form(
            stored,
            **rows(
                "field_mappings",
                [{**table[0], "id": FieldMapping.objects.get().pk, "connection": stored.pk}],
            ),
        ),
        follow=True,
    )
    assert "when they next change" not in texts(unchanged)


def test_an_attribute_the_shop_no_longer_has_stays_visible(merchant, stored):
    FieldMapping.objects.create(connection=stored, attribute="shoe_size", field_id=9)

    page = merchant.get(url("change", stored.pk)).content.decode()

    assert "shoe_size — the shop has no such attribute" in page
    assert '<option value="order_count">Number of orders</option>' in page
    assert 'aria-label="Contact attribute"' in page


# --- list and deletion ----------------------------------------------------------------------------


def test_the_list_counts_what_waits_and_what_is_set_aside(merchant, stored):
    for number in range(3):
        OutboxMessage.objects.create(
            connection=stored, kind="order", key=str(number), is_dead=number == 0
        )
    Attempt.objects.create(connection=stored, kind="order", key="9", outcome="delivered")

    listed = merchant.get(url("changelist")).context["cl"].result_list[0]

    assert (listed.pending_count, listed.dead_count) == (2, 1)
    assert listed.delivered_at is not None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"is_enabled": False}, "Off"),
        ({"api_key": ""}, "Not connected"),
        ({"verified_at": timezone.now(), "organisation": "Kobzar"}, "Connected to Kobzar"),
    ],
)
def test_the_state_is_in_words(merchant, stored, changes, words):
    for name, value in changes.items():
        setattr(stored, name, value)
    stored.save()

    assert words in merchant.get(url("changelist")).content.decode()


def test_deleting_a_connection_counts_instead_of_listing(
    merchant, stored, django_assert_max_num_queries
):
    for number in range(40):
        SyncState.objects.create(connection=stored, kind="order", key=f"order-{number}")
    Tombstone.objects.create(connection=stored, fingerprint="f" * 64)

    with django_assert_max_num_queries(20):
        page = merchant.get(url("delete", stored.pk)).content.decode()
    assert "order-1" not in page
    assert "1 deleted customer is forgotten with it" in page

    merchant.post(url("delete", stored.pk), {"post": "yes"})
    assert not Connection.objects.exists()
    assert not SyncState.objects.exists()


def test_the_links_of_the_page_hold_where_numbers_are_grouped(merchant, stored, settings):
    settings.USE_THOUSAND_SEPARATOR = True
    Connection.objects.filter(pk=stored.pk).update(id=12345)

    page = merchant.get(url("change", 12345)).content.decode()

    assert page.count("?connection__id__exact=12345") == 3
    assert "12,345" not in page
