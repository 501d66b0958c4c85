"""A connection that is deleted leaves the path of its service worker behind."""

from __future__ import annotations

import pytest

from esputnik_connector.models import Connection, RetiredWorker, Storefront
from esputnik_connector.operations.storefront.worker import RETIREMENT, script_for

pytestmark = pytest.mark.django_db

ADDRESS = "/push/esputnik/sw.js"


def opened(name: str = "main", **values) -> Storefront:
    connection = Connection.objects.create(name=name, api_url="https://esputnik.example/api")
    given = {
        "domain": f"{name}.example", "is_push": True, "push_worker": "/* worker */",
        "push_domain": f"https://{name}.example", **values,
    }  # fmt: skip
    return Storefront.objects.create(connection=connection, **given)


def kept() -> list[str]:
    return sorted(RetiredWorker.objects.values_list("address", flat=True))


def test_the_worker_of_a_deleted_connection_goes_on_being_served_as_one_that_ends_itself():
    opened().connection.delete()
    found = script_for("main.example", ADDRESS)
    assert (found.text, found.scope) == (RETIREMENT, "/")


def test_many_that_are_deleted_at_once_are_all_remembered():
    opened()
    opened("other", push_worker_path="/push/other/")
    Connection.objects.all().delete()
    assert kept() == [ADDRESS, "/push/other/sw.js"]


def test_the_storefront_alone_leaves_it_too():
    Storefront.objects.filter(pk=opened().pk).delete()
    assert kept() == [ADDRESS]


def test_former_places_are_remembered_with_the_last_one():
    opened(retired_workers=["/push/old/sw.js"]).connection.delete()
    assert kept() == [ADDRESS, "/push/old/sw.js"]


def test_a_disconnected_one_leaves_what_it_had():
    opened(push_worker="", push_domain="", retired_workers=[ADDRESS]).connection.delete()
    assert kept() == [ADDRESS]


def test_a_storefront_without_web_push_leaves_nothing():
    opened(is_push=False, push_worker="", push_domain="").connection.delete()
    assert kept() == []
    assert script_for("main.example", ADDRESS) is None


def test_the_same_place_twice_is_remembered_once():
    for _time in range(2):
        opened().connection.delete()
    assert kept() == [ADDRESS]


def test_a_new_storefront_at_the_place_is_served(django_assert_num_queries):
    opened().connection.delete()
    opened()
    with django_assert_num_queries(1):
        assert script_for("main.example", ADDRESS).text == "/* worker */"
    assert script_for("stranger.example", ADDRESS).text == RETIREMENT
