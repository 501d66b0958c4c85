"""A merchant makes a feed, copies its address, reads its problems and decides about a build."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from oscar.core.loading import get_model
from playwright.sync_api import expect

from esputnik_connector.feed.build import Build
from esputnik_connector.models import Feed


@pytest.fixture
def goods(settings, tmp_path, monkeypatch, transactional_db):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr("sandbox_project.shop.stock.picture", lambda goods: goods.sku.encode())
    monkeypatch.setattr("esputnik_connector.admin.feed.views.wake_feed", lambda _pk: None)
    call_command("seed", staff_email="other@example.com", staff_password="x", verbosity=0)
    Feed.objects.all().delete()


def test_a_merchant_runs_a_feed_from_the_admin(goods, merchant, live_server):
    page = merchant
    page.goto(f"{live_server.url}/admin/esputnik_connector/feed/add/")
    page.fill("#id_name", "uk")
    page.select_option("#id_language", "uk")
    page.fill("#id_currency", "UAH")
    page.click("text=Add another Product attribute")
    page.select_option("#id_attributes-0-field", "size")
    page.select_option("#id_attributes-0-attribute", "size")
    page.click("input[name=_continue]")
    expect(page.locator("#esputnik-feed-state")).to_be_visible()
    expect(page.get_by_text("Not built yet")).to_be_visible()
    expect(page.get_by_text("How to post it in eSputnik by hand")).to_be_visible()

    feed = Feed.objects.get()
    page.click("input[value='Build now']")
    expect(page.get_by_text("A worker builds the feed")).to_be_visible()
    Build(feed).run()
    page.reload()
    expect(page.locator("strong", has_text="In order")).to_be_visible()

    address = page.input_value("#esputnik-feed-url")
    assert feed.secret in address
    page.click("text=Copy")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    path = "/esputnik/" + address.split("/esputnik/", 1)[1]
    answer = page.request.get(live_server.url + path)
    assert answer.status == 200
    assert answer.text().count("<item>") == 210

    page.click("a:has-text('210 × no brand')")
    expect(page.locator("#result_list tbody tr").first).to_contain_text("no brand")
    page.locator("#result_list a", has_text="Edit").first.click()
    assert "/dashboard/catalogue/products/" in page.url


def test_a_merchant_decides_about_a_shrunk_build_and_rotates(goods, merchant, live_server):
    page = merchant
    feed = Feed.objects.create(name="uk", language="uk", currency="UAH", brand="Kobzar")
    Build(feed).run()
    get_model("catalogue", "Product").objects.filter(upc__startswith="dress").update(
        is_public=False
    )
    get_model("catalogue", "Product").objects.filter(upc__startswith="shirt").update(
        is_public=False
    )
    Build(Feed.objects.get()).run()
    screen = f"{live_server.url}/admin/esputnik_connector/feed/{feed.pk}/change/"
    page.goto(f"{live_server.url}/admin/esputnik_connector/feed/")
    expect(page.locator("#result_list")).to_contain_text("A build waits for your decision")
    page.goto(screen)
    expect(page.locator("[role=alert]").first).to_contain_text("Only 154 items instead of 210")
    page.click("input[value^='Accept']")
    expect(page.get_by_text("The new build is served")).to_be_visible()
    assert Feed.objects.get().item_count == 154

    page.click("text=Give it a new address")
    expect(page.get_by_text("answers 404 from the moment you confirm")).to_be_visible()
    page.click("input[value='Yes, make a new address']")
    expect(page.get_by_text("The feed has a new address")).to_be_visible()
    assert Feed.objects.get().secret != feed.secret

    page.goto(f"{live_server.url}/admin/esputnik_connector/feedbuild/")
    expect(page.locator("#result_list")).to_contain_text("Only 154 items")
