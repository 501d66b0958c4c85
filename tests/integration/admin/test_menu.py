"""The menu of five, on whatever site of the admin a shop has."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path, reverse

from esputnik_connector.admin import ConnectionAdmin, pages
from esputnik_connector.models import Connection
from sandbox_project.urls import urlpatterns as shop_urls

pytestmark = pytest.mark.django_db


def staff(*permissions: str, **traits: Any) -> Client:
    user = get_user_model().objects.create_user("somebody", is_staff=True, **traits)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def root() -> Client:
    return staff(is_superuser=True)


def listed(client: Client) -> list[str]:
    """What the admin's index lists under the connector."""
    apps = client.get(reverse("admin:index")).context["app_list"]
    mine = [app for app in apps if app["app_label"] == "esputnik_connector"]
    return [row["object_name"] for app in mine for row in app["models"]]


def test_the_index_of_the_admin_lists_pages_of_the_day_and_no_tables(root: Client) -> None:
    names = listed(root)
    assert names[0] == "overview"
    day = ["overview", "search", "problems", "import", "feeds", "settings"]
    assert names == day
    assert not {"lanes", "bans", "attempts", "Lane", "Tombstone", "SyncState"} & set(names)


def test_the_apps_own_address_is_the_overview(root: Client) -> None:
    answer = root.get(reverse("admin:app_list", args=["esputnik_connector"]))
    assert answer["Location"] == reverse("admin:esputnik_connector_overview")


def test_every_entry_of_the_menu_opens(root: Client) -> None:
    page = root.get(reverse("admin:esputnik_connector_overview"))
    groups = (pages.Group.MENU, pages.Group.SETTINGS, pages.Group.ENGINEERS)
    entries = [entry for group in groups for entry in pages.menu(page.wsgi_request, group)]
    assert len(entries) >= 10
    for entry in entries:
        is_behind = entry.page.group is pages.Group.SETTINGS and entry.page.name != "settings"
        assert is_behind or f'href="{entry.url}"' in page.content.decode()
        assert root.get(entry.url).status_code == 200, entry.url


def test_the_entry_of_the_page_that_is_open_is_marked(root: Client) -> None:
    url = reverse("admin:esputnik_connector_overview")
    _before, menu = root.get(url).content.decode().split('<nav class="esputnik-menu"')
    assert re.findall(r'href="([^"]*)" aria-current="page"', menu) == [url]


def test_the_gear_opens_the_other_pages_of_the_settings(root: Client) -> None:
    overview = root.get(reverse("admin:esputnik_connector_overview")).content.decode()
    assert overview.count('class="esputnik-gear"') == 1
    assert "esputnik-settings" not in overview
    connections = root.get(reverse("admin:esputnik_connector_connection_changelist"))
    shown = connections.content.decode().split('class="esputnik-settings"')[1].split("</ul>")[0]
    others = pages.menu(connections.wsgi_request, pages.Group.SETTINGS)
    assert len(others) > 1
    assert all(f'href="{entry.url}"' in shown for entry in others)


def test_people_see_the_entries_that_they_may_open() -> None:
    client = staff("view_feed")
    assert listed(client) == ["feeds"]
    assert client.get(reverse("admin:esputnik_connector_overview")).status_code == 403


def test_who_may_open_nothing_of_ours_gets_no_menu() -> None:
    assert listed(staff("view_group")) == []


def test_engineers_entries_are_for_those_who_may_see_the_tables() -> None:
    client = staff("view_connection", "view_lane")
    page = client.get(reverse("admin:esputnik_connector_overview")).content.decode()
    assert reverse("admin:esputnik_connector_lane_changelist") in page
    assert reverse("admin:esputnik_connector_tombstone_changelist") not in page


class ShopsOwnSite(admin.AdminSite):
    """A shop that put its own things into its admin."""

    site_header = "Our shop"

    def get_urls(self) -> list[Any]:
        return [path("ours/", lambda request: HttpResponse("ours")), *super().get_urls()]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        return [{**app, "name": f"{app['name']}!"} for app in apps]


own_site = ShopsOwnSite(name="ours")
own_site.register(Connection, ConnectionAdmin)
urlpatterns = [path("ours/", own_site.urls), *shop_urls]


@override_settings(ROOT_URLCONF=__name__)
def test_a_site_of_the_shops_own_has_the_pages_and_keeps_its_own(root: Client) -> None:
    assert root.get("/ours/ours/").content == b"ours"
    apps = root.get("/ours/").context["app_list"]
    assert [app["name"][-1] for app in apps] == ["!"]
    page = root.get("/ours/esputnik_connector/", follow=True)
    assert page.redirect_chain == [("/ours/esputnik_connector/overview/", 302)]
    assert "Our shop" in page.content.decode()
    assert 'href="/ours/esputnik_connector/overview/"' in page.content.decode()


@override_settings(ROOT_URLCONF=__name__)
def test_a_site_without_a_table_leaves_its_entry_out(root: Client) -> None:
    """The shop's own site has the connections alone: an entry that leads nowhere is no entry."""
    page = root.get("/ours/esputnik_connector/overview/").content.decode()
    assert "/ours/esputnik_connector/feed/" not in page
    assert "/ours/esputnik_connector/connection/" in page


def test_a_page_of_another_room_is_served_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def greet(request: HttpRequest, context: dict[str, Any], name: str) -> HttpResponse:
        context = {**context, "findings": [], "title": f"Hello, {name}"}
        return TemplateResponse(request, "admin/esputnik_connector/overview.html", context)

    added = pages.Page(
        name="greeting",
        title="Greeting",
        permission="esputnik_connector.view_lane",
        path="greet/<str:name>/",
        view=greet,
    )
    monkeypatch.setattr(pages, "_pages", {"greeting": added})
    site = ShopsOwnSite(name="admin")
    pages.attach(site)
    pages.attach(site)  # a second admin class of ours changes nothing
    patterns = [each for each in site.get_urls() if each.name == "esputnik_connector_greeting"]
    assert [str(each.pattern) for each in patterns] == ["esputnik_connector/greet/<str:name>/"]
    request = RequestFactory().get("/admin/esputnik_connector/greet/Olena/")
    request.user = get_user_model().objects.create_superuser("root")
    answer = patterns[0].callback(request, name="Olena")
    assert answer.context_data["title"] == "Hello, Olena"
    assert answer.context_data["has_permission"] is True
