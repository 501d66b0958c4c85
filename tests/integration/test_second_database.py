"""A shop on several databases: one outbox, and every change is noted in it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.contrib.auth import get_user_model
from django.core.signals import request_finished, request_started
from django.db import connections, transaction

from esputnik_connector import checks
from esputnik_connector.behaviour import Behaviour, BehaviourType
from esputnik_connector.models import CartSession, Connection, OutboxMessage, Storefront
from esputnik_connector.pipeline.capture import capture
from tests.second_database import SECOND, second_database  # noqa: F401  a fixture

pytestmark = [
    pytest.mark.usefixtures("second_database"),
    pytest.mark.django_db(transaction=True, databases=["default", SECOND]),
]


class Rollback(Exception):
    pass


class CustomersElsewhere:
    """The shop keeps its users on the second database."""

    def db_for_write(self, model, **_hints):
        return SECOND if model is get_user_model() else None

    db_for_read = db_for_write


class OurselvesElsewhere:
    """The connector's tables are on the second database."""

    def db_for_write(self, model, **_hints):
        return SECOND if model._meta.app_label == "esputnik_connector" else None

    db_for_read = db_for_write


class OutboxAlone:
    """What must not be torn apart: the outbox here, the connections there."""

    def db_for_write(self, model, **_hints):
        return SECOND if model is OutboxMessage else None


def noted(alias: str = "default") -> list[tuple[str, str]]:
    rows = OutboxMessage.objects.using(alias).order_by("pk")
    return list(rows.values_list("kind", "key"))


def test_a_change_elsewhere_is_noted_in_the_one_outbox_and_after_its_commit(connection):
    with transaction.atomic(using=SECOND):
        capture.contact_changed("5", using=SECOND)
        assert noted() == []
    assert noted() == [("contact", "5")]
    assert noted(SECOND) == []


def test_a_change_outside_of_a_transaction_elsewhere_is_noted_at_once(connection):
    capture.contact_changed("5", using=SECOND)
    assert noted() == [("contact", "5")]


def test_a_change_elsewhere_that_is_rolled_back_is_not_noted(connection):
    with pytest.raises(Rollback), transaction.atomic(using=SECOND):
        capture.contact_changed("5", using=SECOND)
        raise Rollback
    with transaction.atomic(using=SECOND):
        with pytest.raises(Rollback), transaction.atomic(using=SECOND):
            capture.contact_changed("6", using=SECOND)
            raise Rollback
        capture.contact_changed("7", using=SECOND)
    assert noted() == [("contact", "7")]


def test_one_record_is_one_row_in_a_transaction_elsewhere(connection):
    for _ in range(2):
        with transaction.atomic(using=SECOND):
            for _ in range(3):
                capture.contact_changed("5", using=SECOND)
    assert noted() == [("contact", "5")] * 2


def test_a_change_elsewhere_does_not_blind_the_outboxs_own_database(connection):
    capture.forget_connections()
    capture.contact_changed("5", using=SECOND)  # reads the list of connections first
    capture.order_changed("100")
    assert noted() == [("contact", "5"), ("order", "100")]


def test_connections_of_the_other_database_are_nobodys(plain_shop):
    Connection.objects.using(SECOND).create(name="left over", destination="recording")
    capture.forget_connections()
    capture.contact_changed("5", using=SECOND)
    capture.contact_changed("6")
    assert noted() == noted(SECOND) == []


def test_a_deletion_elsewhere_keeps_its_hashes(connection):
    with transaction.atomic(using=SECOND):
        capture.contact_deleted("5", locators=["olena@example.com"], using=SECOND)
    row = OutboxMessage.objects.get()
    assert len(row.payload["fingerprints"]) == 2
    assert "olena" not in str(row.payload)


def test_a_guests_email_goes_where_it_is_read(connection):
    capture.cart_identified("7", email="guest@example.com", using=SECOND)
    assert CartSession.objects.using("default").get().cart_key == "7"
    assert noted() == [("cart", "7")]


def test_with_the_connector_elsewhere_the_shops_changes_are_noted_there(settings, plain_shop):
    settings.DATABASE_ROUTERS = [OurselvesElsewhere()]
    Connection.objects.create(name="main", destination="recording")
    with transaction.atomic():
        capture.order_changed("100")
    with transaction.atomic(using=SECOND):
        capture.order_changed("200", using=SECOND)
    assert noted(SECOND) == [("order", "100"), ("order", "200")]
    assert noted("default") == []


def test_a_view_follows_the_transaction_of_the_request_into_the_outbox_elsewhere(
    settings, plain_shop
):
    settings.DATABASE_ROUTERS = [OurselvesElsewhere()]
    shop = Connection.objects.create(name="main", destination="recording")
    Storefront.objects.create(
        connection=shop, domain="shop.example", routes={"SearchRequest": "tracker"}
    )
    request_started.send(sender=None, environ={})
    for key in ("SearchRequest:kept", "SearchRequest:taken-back"):
        with suppress(Rollback), transaction.atomic(), transaction.atomic(using=SECOND):
            capture.behaviour_recorded(Behaviour(type=BehaviourType.SEARCH_REQUEST, key=key))
            if key.endswith("back"):
                raise Rollback
    assert noted(SECOND) == []
    request_finished.send(sender=None)
    assert noted(SECOND) == [("behaviour", "SearchRequest:kept")]


def test_a_user_that_is_saved_elsewhere_is_noted(settings):
    settings.DATABASE_ROUTERS = [CustomersElsewhere()]
    Connection.objects.create(name="main", api_key="a key")
    user = get_user_model().objects.create_user("olena", "olena@example.com")
    assert user._state.db == SECOND
    assert ("contact", str(user.pk)) in noted()


# --- what the check says --------------------------------------------------------------------------


def test_models_that_share_no_database_with_the_outbox_are_named(settings):
    settings.DATABASE_ROUTERS = [CustomersElsewhere()]
    (message,) = checks.check_databases()
    assert message.id == "esputnik_connector.W004"
    assert "auth.User" in message.msg
    assert "order.Order" not in message.msg
    assert "second" in message.msg


def test_with_the_connector_elsewhere_all_of_the_shop_is_named(settings):
    settings.DATABASE_ROUTERS = [OurselvesElsewhere()]
    (message,) = checks.check_databases()
    assert {"auth.User", "order.Order", "basket.Basket"} <= set(
        message.msg.replace(",", "").split()
    )


def test_tables_of_the_connector_that_are_torn_apart_are_an_error(settings):
    settings.DATABASE_ROUTERS = [OutboxAlone()]
    errors = [each for each in checks.check_databases() if each.id == "esputnik_connector.E005"]
    assert "Connection" in errors[0].msg


def test_one_database_is_nothing_to_speak_of():
    assert set(connections) == {"default", SECOND}
    assert checks.check_databases() == []
