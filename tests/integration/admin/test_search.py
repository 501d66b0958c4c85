"""Support answers “did it arrive, and why not?”: the box, the answer, and what may be done."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation
from oscar.test import factories

from esputnik_connector.models import (
    Attempt,
    Backfill,
    Connection,
    OutboxMessage,
    SyncState,
    Tombstone,
)
from esputnik_connector.operations.prune import prune
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.integration.admin.test_lists import root, staff, texts  # noqa: F401
from tests.oscar_rows import OSCAR_WARNINGS

pytestmark = [pytest.mark.django_db(transaction=True), *OSCAR_WARNINGS]

KEY = "0123456789ABCDEF0123456789ABCDEF"
BOX = "admin:esputnik_connector_search"


@pytest.fixture
def fake():
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def main(fake, settings) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0, "WAKE": "", "RATE_LIMIT_STORAGE": "",
    }  # fmt: skip
    return Connection.objects.create(name="main", api_key=KEY, api_url=fake.api_url)


@pytest.fixture
def olena(main):
    return factories.UserFactory(
        username="olena", email="olena@example.com", first_name="Олена", last_name="Шевченко"
    )


@pytest.fixture
def order(olena):
    product = factories.ProductFactory()
    made = factories.OrderFactory(
        user=olena, number="100002", total_incl_tax=Decimal("20.00"), currency="UAH",
        total_excl_tax=Decimal("20.00"), status="Cancelled",
    )  # fmt: skip
    factories.OrderLineFactory(order=made, product=product)
    made.save()
    return made


def relay() -> None:
    """Send all, and ask about what was uploaded, as workers do in a minute or so."""
    for _round in range(3):
        SyncState.objects.exclude(session="").update(poll_at=timezone.now())
        Relay(Connection.objects.get()).run()


def ask(client: Client, what: str) -> Any:
    return client.post(reverse(BOX), {"what": what})


def answer(client: Client, kind: str, key: str) -> str:
    response = client.get(reverse("admin:esputnik_connector_record", args=[kind, key]))
    assert response.status_code == 200
    return response.content.decode()


def act(client: Client, name: str, *place: Any, **values: Any) -> Any:
    url = reverse(f"admin:esputnik_connector_{name}", args=place)
    return client.post(url, values, follow=True)


def member(group: str) -> Client:
    call_command("esputnik_groups", verbosity=0)
    user = get_user_model().objects.create_user(group, f"{len(group)}@x.com", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


# --- finding --------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["100002", "#100002", "№ 100002", "Замовлення № 100002"])
def test_an_order_is_opened_by_its_number_however_it_is_written(root, order, what):  # noqa: F811
    response = ask(root, what)
    assert response.status_code == 302
    assert response.url.endswith("/search/order/100002/")


@pytest.mark.parametrize("what", ["olena@example.com", "OLENA@example.com ", "Шевченко", "олена ш"])
def test_a_customer_is_opened_by_e_mail_or_name(root, olena, what):  # noqa: F811
    assert ask(root, what).url.endswith(f"/search/contact/{olena.pk}/")


def test_several_matches_are_a_list_to_choose_from(root, olena):  # noqa: F811
    factories.UserFactory(username="o2", email="o2@x.com", first_name="Олена", last_name="Бойко")
    page = ask(root, "Олена").content.decode()
    assert "2 records found" in page
    assert "Олена Шевченко" in page
    assert "Олена Бойко" in page


@pytest.mark.parametrize("what", ["%", "_", "<script>alert(1)</script>", "'; DROP TABLE x; --"])
def test_odd_texts_find_nothing_and_say_what_was_searched(root, order, what):  # noqa: F811
    page = ask(root, what).content.decode()
    assert "Nothing was found" in page
    assert "as a number or key" in page
    assert "<script>alert" not in page


def test_an_empty_box_and_ten_kilobytes_are_answered_in_words(root, order):  # noqa: F811
    assert "Write a number" in ask(root, "  ").content.decode()
    assert "longer than 200 characters" in ask(root, "x" * 10_000).content.decode()
    assert "Write a number" in ask(root, "\x00").content.decode()


def test_what_is_typed_is_in_no_address(root, olena):  # noqa: F811
    page = root.get(reverse(BOX)).content.decode()
    assert 'method="post"' in page
    assert "olena" not in ask(root, "olena@example.com").url


# --- the answer -----------------------------------------------------------------------------------


def test_an_order_that_arrived_is_told_with_its_status(root, main, order):  # noqa: F811
    main.status_mappings.create(shop_status="Cancelled", status="CANCELLED")
    relay()
    page = answer(root, "order", "100002")
    assert "Order № 100002 arrived on" in page
    assert "with the status CANCELLED." in page
    assert "Sent, and the answer says that it arrived" in page
    assert "A change was noted in the shop" in page
    assert "unchanged since the last delivery" in page


def test_it_is_told_in_the_same_words_after_the_retention(root, main, order):  # noqa: F811
    main.status_mappings.create(shop_status="Cancelled", status="CANCELLED")
    relay()
    later = timezone.now() - timedelta(days=400)
    Attempt.objects.update(created_at=later)
    prune()
    assert not Attempt.objects.exists()
    page = answer(root, "order", "100002")
    assert "Order № 100002 arrived on" in page
    assert "with the status CANCELLED." in page


def test_what_an_import_delivered_is_told_as_imported(root, main, order):  # noqa: F811
    OutboxMessage.objects.all().delete()
    now = timezone.now()
    Backfill.objects.create(
        connection=main, kind="order", started_at=now - timedelta(hours=1), finished_at=now,
        is_open=None,
    )  # fmt: skip
    SyncState.objects.create(
        connection=main, kind="order", key="100002", digest="d", status="DELIVERED",
        delivered_at=now - timedelta(minutes=5),
    )  # fmt: skip
    page = answer(root, "order", "100002")
    assert "Order № 100002 arrived by a historical import on" in page
    assert "with the status DELIVERED." in page


def test_the_deletion_of_the_customer_is_told_of_the_order(root, main, order, olena):  # noqa: F811
    relay()
    key = olena.pk
    olena.delete()
    relay()
    page = answer(root, "order", "100002")
    assert "Order № 100002 arrived on" in page
    assert "Later the customer was deleted, so changes are not sent any more." in page
    assert "The deletion was carried out at the destination" in page
    gone = answer(root, "contact", str(key))
    assert "and is never sent again." in gone
    assert ask(root, str(key)).url.endswith(f"/search/contact/{key}/")


def test_a_refusal_is_told_with_the_destinations_words(root, main, order):  # noqa: F811
    OutboxMessage.objects.filter(kind="order").update(
        is_dead=True, reason="refused", detail="status is unknown"
    )
    page = answer(root, "order", "100002")
    assert "Order № 100002 was refused: status is unknown." in page
    assert "It is not tried again by itself." in page


def test_what_waits_says_for_what(root, main, order):  # noqa: F811
    main.pause("Refused with 401: the key is disabled")
    page = answer(root, "order", "100002")
    assert "Order № 100002 is in line and was not sent yet." in page
    assert "Sending is paused: Refused with 401: the key is disabled." in page


def test_a_record_that_nobody_knows_is_said_to_be_unknown(root, main):  # noqa: F811
    page = answer(root, "order", "no-such")
    assert "The shop has no such record" in page
    url = reverse("admin:esputnik_connector_record", args=["erasure", "1"])
    assert root.get(url).status_code == 404


def test_a_guest_is_answered_too(root, main):  # noqa: F811
    made = factories.OrderFactory(
        user=None, guest_email="taras@example.com", number="200001", currency="UAH",
        total_incl_tax=Decimal("5.00"), total_excl_tax=Decimal("5.00"),
    )  # fmt: skip
    made.save()
    page = ask(root, "taras@example.com").content.decode()
    assert "Order № 200001" in page
    assert "taras@example.com" in page
    assert "Order № 200001" in answer(root, "contact", "guest:200001")


def test_html_of_names_and_of_refusals_is_only_text(root, main, olena):  # noqa: F811
    get_user_model().objects.filter(pk=olena.pk).update(first_name="<b>Олена</b>")
    OutboxMessage.objects.filter(kind="contact").update(is_dead=True, detail="<img src=x>")
    page = answer(root, "contact", str(olena.pk))
    assert "<b>Олена" not in page
    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page


def test_the_preview_masks_the_person(root, main, order, olena):  # noqa: F811
    page = answer(root, "contact", str(olena.pk))
    assert "What would be sent" in page
    fields = page.split("esputnik-fields")[1].split("</table>")[0]
    assert "Шевченко" not in fields
    assert "olena@" not in fields
    assert "•••@example.com" in fields
    of_the_order = answer(root, "order", "100002").split("esputnik-fields")[1]
    assert "olena@" not in of_the_order.split("</table>")[0]


def test_what_changed_since_the_last_delivery_is_named(root, main, olena):  # noqa: F811
    relay()
    olena.email = "new@example.com"
    olena.save()
    page = answer(root, "contact", str(olena.pk))
    assert "another one now: the e-mail" in page
    assert "changed since the last delivery" in page


def test_the_answer_can_be_read_in_both_languages(root, main, order, olena):  # noqa: F811
    relay()
    for language in ("en", "uk"):
        with translation.override(language):
            for kind, key in (("order", "100002"), ("contact", str(olena.pk))):
                answer(root, kind, key)


# --- what may be done -----------------------------------------------------------------------------


def test_send_now_tries_again_what_was_set_aside(root, main, order):  # noqa: F811
    OutboxMessage.objects.filter(kind="order").update(is_dead=True, reason="refused")
    response = act(root, "send_now", main.pk, "order", "100002")
    assert "set aside, and is in line again" in texts(response)
    assert not OutboxMessage.objects.filter(kind="order", is_dead=True).exists()
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.change_message) == ("Order № 100002", "Sent now")


def test_send_now_puts_in_line_what_is_not(root, main, order):  # noqa: F811
    relay()
    act(root, "send_now", main.pk, "order", "100002")
    row = OutboxMessage.objects.get(kind="order")
    assert not row.is_forced
    assert "told once" in texts(act(root, "send_now", main.pk, "event", "back_in_stock:7"))


def test_send_again_asks_for_the_route_and_then_sends(root, main, order):  # noqa: F811
    relay()
    page = act(root, "send_unchanged", main.pk, "order", "100002").content.decode()
    assert f'name="route_{main.pk}"' in page
    assert not OutboxMessage.objects.filter(kind="order").exists()
    values = {"agreed": "yes", f"route_{main.pk}": "past_events"}
    act(root, "send_unchanged", main.pk, "order", "100002", **values)
    row = OutboxMessage.objects.get(kind="order")
    assert (row.is_forced, row.route) == (True, "past_events")


def test_compare_asks_what_is_really_there(root, main, olena, fake):  # noqa: F811
    relay()
    said = texts(act(root, "compare", main.pk, "contact", str(olena.pk)))
    assert "eSputnik: there as the shop has it." in said
    get_user_model().objects.filter(pk=olena.pk).update(first_name="Ольга")
    said = texts(act(root, "compare", main.pk, "contact", str(olena.pk)))
    assert "Fields that differ: firstName." in said


def test_compare_says_what_cannot_be_asked(root, main, order, fake):  # noqa: F811
    said = texts(act(root, "compare", main.pk, "order", "100002"))
    assert "tells what it holds of customers alone" in said
    fake.configure(key="another-key-that-is-not-ours")
    said = texts(act(root, "compare", main.pk, "contact", str(order.user_id)))
    assert "could not be asked" in said


def test_an_erasure_wants_the_e_mail_typed(root, main, olena, fake):  # noqa: F811
    relay()
    key = str(olena.pk)
    assert fake.contact(key) is not None
    page = act(root, "erase", key).content.decode()
    assert "Nothing of this person is sent again" in page
    assert not Tombstone.objects.exists()

    assert "nothing was erased" in texts(act(root, "erase", key, typed="somebody@x.com"))
    assert not Tombstone.objects.exists()

    assert "never sent again" in texts(act(root, "erase", key, typed="Olena@example.com"))
    assert Tombstone.objects.exists()
    relay()
    assert fake.contact(key) is None
    olena.first_name = "Ольга"
    olena.save()
    relay()
    assert fake.contact(key) is None
    page = answer(root, "contact", key)
    assert "and is never sent again." in page
    assert LogEntry.objects.get().change_message == "Erased at the destinations"


def test_what_is_held_is_a_file_with_both_sides(root, main, order, olena, fake):  # noqa: F811
    relay()
    response = act(root, "holdings", str(olena.pk))
    held = json.loads(response.content)
    assert "attachment" in response["Content-Disposition"]
    assert held["shop"]["contact"]["email"] == "olena@example.com"
    assert held["shop"]["orders"] == ["100002"]
    assert {row["kind"] for row in held["connector"]["delivered"]} == {"contact", "order"}
    (there,) = held["destinations"]
    assert there["contacts"][0]["externalCustomerId"] == str(olena.pk)
    assert LogEntry.objects.get().change_message == "Exported what is held"


def test_what_is_held_is_told_although_the_destination_is_silent(root, main, olena, fake):  # noqa: F811
    fake.configure(key="another-key-that-is-not-ours")
    held = json.loads(act(root, "holdings", str(olena.pk)).content)
    assert held["shop"]["contact"]["first_name"] == "Олена"
    assert held["destinations"][0]["problem"]


# --- who may --------------------------------------------------------------------------------------


def test_a_member_of_the_staff_without_the_right_sees_nothing(main, order):
    nobody = staff("view_user")
    assert ask(nobody, "100002").status_code == 403
    url = reverse("admin:esputnik_connector_record", args=["order", "100002"])
    assert nobody.get(url).status_code == 403
    assert Client().get(url).status_code == 302


def test_each_right_opens_its_actions_and_no_other(main, order, olena):
    viewer, operator, eraser = map(
        member, ("eSputnik: see", "eSputnik: operate", "eSputnik: erase")
    )
    key = str(olena.pk)
    assert "Send now" not in answer(viewer, "order", "100002")
    assert "Erase at" not in answer(operator, "contact", key)
    assert "Erase at" in answer(eraser, "contact", key)
    assert act(viewer, "send_now", main.pk, "order", "100002").status_code == 403
    assert act(viewer, "holdings", key).status_code == 403
    assert act(operator, "erase", key, typed="olena@example.com").status_code == 403
    assert not Tombstone.objects.exists()
    assert act(operator, "send_now", main.pk, "order", "100002").status_code == 200


def test_an_action_is_done_by_a_form_alone(main, order):
    client = Client(enforce_csrf_checks=True)
    user = get_user_model().objects.create_superuser("boss", "boss@x.com", "boss")
    client.force_login(user)
    for name, place in (
        ("send_now", (main.pk, "order", "100002")),
        ("send_unchanged", (main.pk, "order", "100002")),
        ("compare", (main.pk, "order", "100002")),
        ("holdings", (str(order.user_id),)),
    ):
        url = reverse(f"admin:esputnik_connector_{name}", args=place)
        assert client.get(url).status_code == 405
        assert client.post(url).status_code == 403


# --- its cost -------------------------------------------------------------------------------------


def cost(client: Client, kind: str, key: str) -> int:
    with CaptureQueriesContext(database) as captured:
        answer(client, kind, key)
    return len(captured)


def test_an_answer_takes_as_many_queries_after_a_hundred_tries(root, main, order):  # noqa: F811
    relay()
    few = cost(root, "order", "100002")
    for _time in range(100):
        Attempt.objects.create(connection=main, kind="order", key="100002", outcome="deferred")
    assert cost(root, "order", "100002") == few
    assert few < 60
