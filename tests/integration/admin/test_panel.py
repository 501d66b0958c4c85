"""What was sent of a record, on the shop's own page of it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse
from django.utils import timezone
from oscar.core.loading import get_class, get_model
from oscar.test import factories

from esputnik_connector.admin import ConnectionAdmin
from esputnik_connector.admin.search.panel import TEMPLATE, show_panels
from esputnik_connector.models import Attempt, Connection, SyncState
from esputnik_connector.shops.oscar.shop_pages import ORDER_WITH_PANEL, offer_panels
from tests.integration.admin.test_lists import root, staff  # noqa: F401
from tests.oscar_rows import OSCAR_WARNINGS

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]

Order = get_model("order", "Order")
Basket = get_model("basket", "Basket")
SENTENCE = "Order № 100002 arrived on"


@pytest.fixture
def main(settings) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": ""}
    return Connection.objects.create(name="main", api_key="a key of many characters")


@pytest.fixture
def order(main):
    user = factories.UserFactory(username="olena", email="olena@example.com")
    made = factories.OrderFactory(
        user=user, number="100002", total_incl_tax=Decimal(20), total_excl_tax=Decimal(20)
    )
    now = timezone.now()
    SyncState.objects.create(
        connection=main, kind="order", key="100002", digest="d", status="CANCELLED",
        delivered_at=now,
    )  # fmt: skip
    return made


def page(client: Client, row) -> str:
    meta = row._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def test_the_pages_of_an_order_a_customer_and_a_basket_say_it(root, order, main):  # noqa: F811
    basket = factories.BasketFactory(owner=order.user)
    assert SENTENCE in page(root, order)
    assert "with the status CANCELLED." in page(root, order)
    assert "/search/order/100002/" in page(root, order)
    assert f"The customer {order.user.pk} is in line" in page(root, order.user)
    assert f"Cart № {basket.pk} " in page(root, basket)


def test_the_dashboard_of_oscar_says_it_too(root, order):  # noqa: F811
    response = root.get(reverse("dashboard:order-detail", kwargs={"number": "100002"}))
    text = response.content.decode()
    assert SENTENCE in text
    assert "Order Details" in text
    assert "/admin/esputnik_connector/search/order/100002/" in text


def test_only_who_may_see_it_is_shown_it(order):
    client = staff("view_order", "view_user")
    assert SENTENCE not in page(client, order)
    user = get_user_model().objects.get(username__startswith="staff")
    user.user_permissions.add(Permission.objects.get(codename="see"))
    assert SENTENCE in page(client, order)


def test_a_partner_of_the_dashboard_is_shown_nothing(order):
    user = factories.UserFactory(username="partner", email="partner@example.com", is_staff=False)
    user.user_permissions.add(Permission.objects.get(codename="dashboard_access"))
    partner = factories.PartnerFactory(users=[user])
    product = factories.ProductFactory()
    factories.OrderLineFactory(order=order, product=product, partner=partner)
    client = Client()
    client.force_login(user)
    response = client.get(reverse("dashboard:order-detail", kwargs={"number": "100002"}))
    assert response.status_code == 200
    assert "esputnik" not in response.content.decode()


def test_a_page_to_add_a_row_has_no_panel(root, main):  # noqa: F811
    response = root.get(reverse("admin:auth_user_add"))
    assert "esputnik-panel" not in response.content.decode()


def queries(client: Client, url: str) -> int:
    """Of our tables."""
    with CaptureQueriesContext(database) as captured:
        assert client.get(url).status_code == 200
    return sum("esputnik_connector" in each["sql"] for each in captured)


def test_lists_ask_nothing_of_ours_and_a_panel_asks_little(root, order, main):  # noqa: F811
    assert queries(root, reverse("admin:order_order_changelist")) == 0
    assert queries(root, reverse("admin:auth_user_changelist")) == 0
    root.get(reverse("dashboard:order-list"))  # for us a page of the shop: storefronts are read
    assert queries(root, reverse("dashboard:order-list")) == 0
    url = reverse("admin:order_order_change", args=[order.pk])
    few = queries(root, url)
    for _time in range(60):
        Attempt.objects.create(connection=main, kind="order", key="100002", outcome="deferred")
    assert queries(root, url) == few <= 11


def test_without_a_connection_the_page_stands(root):  # noqa: F811
    made = factories.OrderFactory(number="7")
    assert "The shop is not connected yet." in page(root, made)


def test_a_lost_encryption_key_does_not_cost_the_page(root, order, settings):  # noqa: F811
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": []}
    assert SENTENCE in page(root, order)


def test_a_shop_that_cannot_be_made_does_not_cost_the_page(root, order, settings):  # noqa: F811
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP": "no.such.Shop"}
    text = page(root, order)
    assert "no.such.Shop" in text
    assert SENTENCE not in text


# --- forked, replaced, unregistered ---------------------------------------------------------------


def site_with(**registered) -> admin.AdminSite:
    site = admin.AdminSite(name="admin")
    site.register(Connection, ConnectionAdmin)
    for model, cls in registered.values():
        site.register(model, cls)
    return site


class OwnOrderAdmin(admin.ModelAdmin):
    """A shop's own class, as a fork would have it."""

    fields = ("number",)


class WithTemplate(admin.ModelAdmin):
    change_form_template = "own.html"


@pytest.fixture
def serve(settings):
    """A project whose admin is that site."""

    def served(site: admin.AdminSite) -> None:
        module = type("Urls", (), {"urlpatterns": [path("admin/", site.urls)]})
        settings.ROOT_URLCONF = module

    return served


def test_a_class_that_replaced_oscars_shows_the_panel(serve, root, order):  # noqa: F811
    serve(site_with(order=(Order, OwnOrderAdmin)))
    assert SENTENCE in page(root, order)


def test_a_class_with_a_template_of_its_own_keeps_it():
    site = site_with(order=(Order, WithTemplate))
    show_panels(site)
    assert site._registry[Order].change_form_template == "own.html"


def test_an_admin_without_the_models_is_served(serve, root, main):  # noqa: F811
    serve(site_with())
    assert root.get(reverse("admin:index")).status_code == 200


def test_a_template_of_the_project_for_the_model_comes_first():
    site = site_with(order=(Order, OwnOrderAdmin))
    show_panels(site)
    show_panels(site)
    names = site._registry[Order].change_form_template
    assert names[0] == "admin/order/order/change_form.html"
    assert names[-1] == TEMPLATE


def test_a_view_of_the_dashboard_with_its_own_template_keeps_it(monkeypatch):
    view = get_class("dashboard.orders.views", "OrderDetailView")
    offer_panels()
    assert view.template_name == ORDER_WITH_PANEL
    monkeypatch.setattr(view, "template_name", "own.html")
    offer_panels()
    assert view.template_name == "own.html"


def test_the_tag_may_stand_in_any_template(order, rf: RequestFactory):
    template = Template("{% load esputnik_panel %}{% esputnik_panel order %}")
    request = rf.get("/")
    request.user = get_user_model().objects.create_superuser("boss", "boss@x.com", "boss")
    request.resolver_match = None
    assert SENTENCE in template.render(Context({"request": request, "order": order}))
    assert template.render(Context({"order": order})).strip() == ""
    assert template.render(Context({"request": request, "order": "no row"})).strip() == ""
