"""A storefront: whose host it is, what its pages carry, and which way behaviour travels."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from esputnik_connector.behaviour import ALLOWED_ROUTES, DEFAULT_ROUTES, BehaviourType, Route
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.models.storefront import FormsChoice

pytestmark = pytest.mark.django_db


@pytest.fixture
def storefront(connection: Connection) -> Storefront:
    return Storefront.objects.create(connection=connection, domain="shop.example", script="<s>")


@pytest.mark.parametrize(
    "host", ["shop.example", "SHOP.example", "www.shop.example", "shop.example:8000"]
)
def test_a_domain_is_found_by_its_hosts(storefront, host):
    assert Storefront.objects.for_host(host) == storefront


@pytest.mark.parametrize(
    "host", ["", "other.example", "myshop.example", "example", "shop.example.org"]
)
def test_another_host_has_no_storefront(storefront, host):
    assert Storefront.objects.for_host(host) is None


def test_a_domain_with_a_port_is_that_port_alone(connection):
    mine = Storefront.objects.create(connection=connection, domain="127.0.0.1:8000")
    assert Storefront.objects.for_host("127.0.0.1:8000") == mine
    assert Storefront.objects.for_host("127.0.0.1:8001") is None
    assert Storefront.objects.for_host("127.0.0.1") is None


def test_the_longest_domain_counts(storefront):
    other = Connection.objects.create(name="b2b", destination="recording", api_key="b")
    narrow = Storefront.objects.create(connection=other, domain="b2b.shop.example")
    assert Storefront.objects.for_host("b2b.shop.example") == narrow
    assert Storefront.objects.for_host("www.shop.example") == storefront


def test_pages_cost_one_query_and_then_none(storefront, django_assert_num_queries, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CONNECTIONS_TTL": 600}
    Storefront.objects.forget()
    with django_assert_num_queries(3):  # the read, in a savepoint
        Storefront.objects.for_host("shop.example")
    with django_assert_num_queries(0):
        found = Storefront.objects.for_host("shop.example")
        assert found.connection.name == "main"
        assert Storefront.objects.for_host("other.example") is None


def test_a_saved_storefront_is_read_again(storefront):
    Storefront.objects.for_host("shop.example")
    storefront.script = "<t>"
    storefront.save()
    assert Storefront.objects.for_host("shop.example").script == "<t>"


def test_a_connection_that_is_switched_off_has_no_pages(storefront):
    assert Storefront.objects.for_host("shop.example") is not None
    storefront.connection.is_enabled = False
    storefront.connection.save()
    assert Storefront.objects.for_host("shop.example") is None


def test_a_disconnected_storefront_is_on_no_page_and_frees_its_domain(storefront):
    storefront.disconnected_at = timezone.now()
    storefront.save()
    assert Storefront.objects.for_host("shop.example") is None
    assert storefront.page_script == storefront.page_push_script == ""
    other = Connection.objects.create(name="next", destination="recording", api_key="b")
    Storefront.objects.create(connection=other, domain="shop.example")


def test_two_connections_cannot_have_one_domain(storefront):
    other = Connection.objects.create(name="next", destination="recording", api_key="b")
    with pytest.raises(IntegrityError), transaction.atomic():
        Storefront.objects.create(connection=other, domain="shop.example")


def test_what_a_page_carries_follows_the_switches(storefront):
    storefront.push_script = "<script>p</script>"
    assert (storefront.page_script, storefront.page_push_script) == ("<s>", "")
    storefront.is_push, storefront.is_tracking = True, False
    assert storefront.page_script == ""
    assert storefront.page_push_script == "<script>p</script>"
    storefront.push_script = "p()"
    assert storefront.page_push_script == "<script>p()</script>"


def test_a_route_that_nobody_chose_is_the_usual_one(storefront):
    routes = {each: storefront.route_of(each) for each in BehaviourType}
    assert routes == dict(DEFAULT_ROUTES)


def test_a_chosen_route_counts_when_it_is_possible(storefront):
    storefront.routes = {"ProductPage": "tracker", "MainPage": "event", "SearchRequest": "by fax"}
    assert storefront.route_of(BehaviourType.PRODUCT_PAGE) is Route.TRACKER
    assert storefront.route_of(BehaviourType.MAIN_PAGE) is Route.BROWSER
    assert storefront.route_of(BehaviourType.SEARCH_REQUEST) is Route.BROWSER


@pytest.mark.parametrize("ended", [{"is_tracking": False}, {"disconnected_at": timezone.now()}])
def test_without_tracking_only_the_cart_sync_is_left(storefront, ended):
    storefront.routes = {"StatusCart": "browser", "ProductPage": "tracker"}
    for name, value in ended.items():
        setattr(storefront, name, value)
    routes = {each: storefront.route_of(each) for each in BehaviourType}
    assert routes.pop(BehaviourType.STATUS_CART) is Route.EVENT
    assert set(routes.values()) == {Route.OFF}


def test_what_is_due_is_connected_and_free(storefront):
    now = timezone.now()
    assert list(Storefront.objects.due(now)) == [storefront]
    lease = storefront.lease("one", seconds=60)
    assert list(Storefront.objects.due(now)) == []
    lease.release(due_at=now + timedelta(hours=1))
    assert list(Storefront.objects.due(now)) == []


# -- whose forms -----------------------------------------------------------------------------------


def routed(storefront: Storefront, route: Route) -> None:
    storefront.routes = {
        each.value: (route if route in ALLOWED_ROUTES[each] else Route.OFF).value
        for each in BehaviourType
    }


@pytest.mark.parametrize("forms", FormsChoice.values)
def test_the_script_is_there_while_visits_are_told_from_the_browser(storefront, forms):
    storefront.forms = forms
    assert storefront.page_script == "<s>"
    assert storefront.has_unwanted_widgets is (forms == "shop")


def test_without_use_for_it_the_script_and_its_widgets_stay_away(storefront):
    routed(storefront, Route.TRACKER)
    assert storefront.page_script == "<s>"
    storefront.forms = FormsChoice.SHOP
    assert storefront.page_script == ""
    assert not storefront.has_unwanted_widgets
    storefront.is_inbox = True
    assert storefront.page_script == "<s>"
